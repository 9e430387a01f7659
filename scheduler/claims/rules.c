/* The rules in order of execution: what people read (claims_rules) and what runs (claims_rule_function) are one table each, held together
 * by the rule's number. A rule without a function is one that the caller decides (1, 19) or that has only its place yet (11, 12). */
#include "rules.h"

#include <assert.h>

static const struct claims_rule RULES[] = {
    {1, CLAIMS_EFFECT_ANSWER, true, "repeated request", "The same key with the same request gets the first answer; with another request it is a conflict.",
     "同一幂等键且请求相同,返回首次结果;请求不同则冲突。"},
    {2, CLAIMS_EFFECT_REFUSE, true, "member and age", "The member is known and was of insurable age when the insurance began.",
     "被保险人存在,且投保时年龄在计划范围内。"},
    {3, CLAIMS_EFFECT_REFUSE, true, "policy in force", "A policy is in force at the time of service.", "服务时保单有效。"},
    {4, CLAIMS_EFFECT_REFUSE, true, "waiting period", "The waiting period is over; accidents and renewals have none.", "已过等待期;意外及续保无等待期。"},
    {5, CLAIMS_EFFECT_REFUSE, true, "provider", "The provider is contracted and the prescriber allowed; a pharmacist approves before dispensing.",
     "机构已签约、处方医师有资格;调配前须药师审方。"},
    {6, CLAIMS_EFFECT_REFUSE, true, "prescription", "The prescription is within its days, was not used before and has no more drugs than allowed.",
     "处方在有效期内、未使用过、药品种数不超限。"},
    {7, CLAIMS_EFFECT_REFUSE, true, "not for delivery", "Nothing prohibited for online sale, controlled, or injected (except hypoglycaemics) is delivered.",
     "禁止网络销售药品、特殊管理药品及注射剂(降糖药除外)不予配送。"},
    {8, CLAIMS_EFFECT_LINE, true, "formulary", "The product is on the formulary of the service day with a valid approval number; else the member pays the line.",
     "药品在服务日目录内且批准文号有效;否则该行自费。"},
    {9, CLAIMS_EFFECT_LINE, true, "restriction", "Age, sex and indication fit the product; else the member pays the line.", "年龄、性别、适应症符合限制;否则该行自费。"},
    {10, CLAIMS_EFFECT_LINE, true, "days' supply", "Days' supply and quantity are within the limits; what is over is cut back or refused.",
     "用药天数与数量不超限;超出部分核减或拒绝。"},
    {11, CLAIMS_EFFECT_REFUSE, false, "early refill", "Enough of the earlier supply has been used.", "前次药量已用到规定比例。"},
    {12, CLAIMS_EFFECT_REFUSE, false, "duplicate therapy", "No overlapping medicine of the same ATC level 4.", "无同一ATC四级重复用药。"},
    {13, CLAIMS_EFFECT_REFUSE, true, "test repeat", "The test's shortest interval since the last one has passed.", "距上次同项检测已满最短间隔。"},
    {14, CLAIMS_EFFECT_AMOUNT, true, "price ceiling", "Eligible is the charge up to the ceiling price; the excess is the member's.", "按支付标准封顶;超出部分自付。"},
    {15, CLAIMS_EFFECT_AMOUNT, true, "other coverage", "Other insurance pays first; the plan pays on the remainder.", "其他保险先付,本计划就余额给付。"},
    {16, CLAIMS_EFFECT_AMOUNT, true, "deductible", "The deductible left, per claim and then per year, is taken off.", "扣除剩余免赔额(先单次,后年度)。"},
    {17, CLAIMS_EFFECT_AMOUNT, true, "rate", "The plan pays its rate of what remains, rounded half up once.", "按给付比例计算,整单一次四舍五入到分。"},
    {18, CLAIMS_EFFECT_AMOUNT, true, "caps", "Per-claim cap, annual cap and count limit; at the edge the plan pays a part.", "单次限额、年度限额与次数限制;边缘处部分给付。"},
    {19, CLAIMS_EFFECT_LEDGER, true, "hold", "The benefit is held in the ledger until delivery.", "给付金额在账内冻结至送达。"},
};

static const claims_rule_apply APPLY[RULE_COUNT] = {
    [2] = rule_member,    [3] = rule_policy,          [4] = rule_waiting,      [5] = rule_provider, [6] = rule_prescription,
    [7] = rule_prohibited, [8] = rule_formulary,      [9] = rule_restriction,  [10] = rule_quantity, [13] = rule_repeat_test,
    [14] = rule_ceiling,  [15] = rule_other_coverage, [16] = rule_deductible,  [17] = rule_rate,    [18] = rule_caps,
};

static_assert(COUNT_OF(RULES) == RULE_COUNT - 1, "a row for each rule number");

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
