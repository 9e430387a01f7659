/* The rules in order of execution: what people read (claims_rules) and what runs (claims_rule_function) are one table each, held together
 * by the rule's number. The two rules without a function are the caller's to decide (1, 19). */
#include "rules.h"

#include <assert.h>
#include <string.h>

static const struct claims_rule RULES[] = {
    {1, CLAIMS_EFFECT_ANSWER, "repeated request", "The same key with the same request gets the first answer; with another request it is a conflict.",
     "同一幂等键且请求相同,返回首次结果;请求不同则冲突。"},
    {2, CLAIMS_EFFECT_REFUSE, "member and age", "The member is known and was of insurable age when the insurance began.",
     "被保险人存在,且投保时年龄在计划范围内。"},
    {3, CLAIMS_EFFECT_REFUSE, "policy in force", "A policy is in force at the time of service.", "服务时保单有效。"},
    {4, CLAIMS_EFFECT_REFUSE, "waiting period", "The waiting period is over; accidents and renewals have none.", "已过等待期;意外及续保无等待期。"},
    {5, CLAIMS_EFFECT_REFUSE, "provider", "The provider is contracted and the prescriber allowed; a pharmacist approves before dispensing.",
     "机构已签约、处方医师有资格;调配前须药师审方。"},
    {6, CLAIMS_EFFECT_REFUSE, "prescription", "The prescription is within its days, was not used before and has no more drugs than allowed.",
     "处方在有效期内、未使用过、药品种数不超限。"},
    {7, CLAIMS_EFFECT_REFUSE, "not for delivery", "Nothing prohibited for online sale, controlled, or injected (except hypoglycaemics) is delivered.",
     "禁止网络销售药品、特殊管理药品及注射剂(降糖药除外)不予配送。"},
    {8, CLAIMS_EFFECT_LINE, "formulary", "The product is on the formulary of the service day with a valid approval number; else the member pays the line.",
     "药品在服务日目录内且批准文号有效;否则该行自费。"},
    {9, CLAIMS_EFFECT_LINE, "restriction", "Age, sex and indication fit the product; else the member pays the line.", "年龄、性别、适应症符合限制;否则该行自费。"},
    {10, CLAIMS_EFFECT_LINE, "days' supply", "Days' supply and quantity are within the limits; what is over is cut back or refused.",
     "用药天数与数量不超限;超出部分核减或拒绝。"},
    {11, CLAIMS_EFFECT_REFUSE, "early refill", "Enough of the earlier supply of this product has been used, or an override says why not.",
     "前次药量已用到规定比例,或有豁免代码。"},
    {12, CLAIMS_EFFECT_REFUSE, "duplicate therapy", "No other medicine of the same ATC level 4 overlaps in days, or an override says why.",
     "无同一ATC四级重叠用药,或有豁免代码。"},
    {13, CLAIMS_EFFECT_REFUSE, "test repeat", "The test's shortest interval since the last one has passed.", "距上次同项检测已满最短间隔。"},
    {14, CLAIMS_EFFECT_AMOUNT, "price ceiling", "Eligible is the charge up to the ceiling price; the excess is the member's.", "按支付标准封顶;超出部分自付。"},
    {15, CLAIMS_EFFECT_AMOUNT, "other coverage", "Other insurance pays first; the plan pays on the remainder.", "其他保险先付,本计划就余额给付。"},
    {16, CLAIMS_EFFECT_AMOUNT, "deductible", "The deductible left, per claim and then per year, is taken off.", "扣除剩余免赔额(先单次,后年度)。"},
    {17, CLAIMS_EFFECT_AMOUNT, "rate", "The plan pays its rate of what remains, rounded half up once.", "按给付比例计算,整单一次四舍五入到分。"},
    {18, CLAIMS_EFFECT_AMOUNT, "caps", "Per-claim cap, annual cap and count limit; at the edge the plan pays a part.", "单次限额、年度限额与次数限制;边缘处部分给付。"},
    {19, CLAIMS_EFFECT_LEDGER, "hold", "The benefit is held in the ledger until delivery.", "给付金额在账内冻结至送达。"},
};

static const claims_rule_apply APPLY[RULE_COUNT] = {
    [2] = rule_member,    [3] = rule_policy,          [4] = rule_waiting,      [5] = rule_provider, [6] = rule_prescription,
    [7] = rule_prohibited, [8] = rule_formulary,      [9] = rule_restriction,  [10] = rule_quantity, [11] = rule_refill,
    [12] = rule_duplicate, [13] = rule_repeat_test,
    [14] = rule_ceiling,  [15] = rule_other_coverage, [16] = rule_deductible,  [17] = rule_rate,    [18] = rule_caps,
};

static_assert(COUNT_OF(RULES) == RULE_COUNT - 1, "a row for each rule number");

static const struct claims_override OVERRIDES[] = {
    {"LONG", 10, "a chronic condition under control: a long supply", "慢病稳定,长处方"},
    {"TRAVEL", 11, "the member will be away before the supply ends", "外出提前配药"},
    {"LOST", 11, "the earlier supply was lost or spoilt", "药品遗失或损坏"},
    {"DOSE", 11, "the dose was raised", "剂量增加"},
    {"SWITCH", 12, "this therapy takes the place of the other", "换药替代"},
    {"COMBINE", 12, "both are meant to be taken together", "联合用药"},
};

const struct claims_override *claims_overrides(size_t *count)
{
    *count = COUNT_OF(OVERRIDES);
    return OVERRIDES;
}

static const struct claims_override *override_find(const char *code, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(OVERRIDES); i++)
        if (strlen(OVERRIDES[i].code) == length && memcmp(OVERRIDES[i].code, code, length) == 0) return &OVERRIDES[i];
    return NULL;
}

bool claims_override_lifts(const char *codes, uint32_t rule)
{
    while (*codes) {
        size_t length = strcspn(codes, "+");
        const struct claims_override *found = override_find(codes, length);
        if (found && found->rule == rule) return true;
        codes += length;
        codes += *codes == '+';
    }
    return false;
}

bool claims_override_known(const char *codes)
{
    while (*codes) {
        size_t length = strcspn(codes, "+");
        if (!override_find(codes, length)) return false;
        codes += length;
        if (*codes == '\0') return true;
        if (*++codes == '\0') return false; /* "LONG+" */
    }
    return true;
}

const struct claims_rule *claims_rules(size_t *count)
{
    *count = COUNT_OF(RULES);
    return RULES;
}

claims_rule_apply claims_rule_function(uint32_t number)
{
    ASSERT(number >= 1);
    ASSERT(number < RULE_COUNT);
    ASSERT(RULES[number - 1].number == number);
    return APPLY[number];
}
