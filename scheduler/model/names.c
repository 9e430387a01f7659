/* The words of the model, as they are stored, logged and told. It must not know who reads them. A number outside its enum is "?". */
#include "model/model.h"

#include <assert.h>
#include <string.h>

static const char *name_of(const char *const *names, size_t count, size_t at)
{
    return at < count && names[at] ? names[at] : "?";
}

static const char *const PHASES[] = {
    [ORDER_RECEIVED] = "RECEIVED",           [ORDER_REFUSED] = "REFUSED",
    [ORDER_ADJUDICATED] = "ADJUDICATED",     [ORDER_APPROVED] = "APPROVED",
    [ORDER_READY] = "READY",                 [ORDER_ASSIGNED] = "ASSIGNED",
    [ORDER_ACCEPTED] = "ACCEPTED",           [ORDER_PICKED_UP] = "PICKED_UP",
    [ORDER_KIT_PICKED_UP] = "KIT_PICKED_UP", [ORDER_ARRIVED] = "ARRIVED",
    [ORDER_DELIVERED] = "DELIVERED",         [ORDER_COLLECTED] = "COLLECTED",
    [ORDER_SEALED] = "SEALED",               [ORDER_LAB_ACCEPTED] = "LAB_ACCEPTED",
    [ORDER_REPORTED] = "REPORTED",           [ORDER_SPECIMEN_REJECTED] = "SPECIMEN_REJECTED",
    [ORDER_CANCELLED] = "CANCELLED",         [ORDER_FAILED] = "FAILED",
    [ORDER_RETURNING] = "RETURNING",         [ORDER_RETURNED] = "RETURNED",
};
static_assert(COUNT_OF(PHASES) == ORDER_PHASE_COUNT, "every phase has a name");

const char *order_phase_name(enum order_phase phase)
{
    return name_of(PHASES, COUNT_OF(PHASES), (size_t)phase);
}

bool order_phase_from_name(const char *name, enum order_phase *out)
{
    for (size_t i = 0; i < COUNT_OF(PHASES); i++) {
        if (strcmp(PHASES[i], name) != 0) continue;
        *out = (enum order_phase)i;
        return true;
    }
    return false;
}

const char *benefit_name(enum benefit benefit)
{
    static const char *const names[] = {[BENEFIT_MEDICINE] = "MEDICINE", [BENEFIT_TEST] = "TEST", [BENEFIT_CHECKUP] = "CHECKUP"};
    return name_of(names, COUNT_OF(names), (size_t)benefit);
}

const char *claim_state_name(enum claim_state state)
{
    static const char *const names[] = {
        [CLAIM_REFUSED] = "REFUSED", [CLAIM_HELD] = "HELD", [CLAIM_POSTED] = "POSTED", [CLAIM_VOIDED] = "VOIDED", [CLAIM_REVERSED] = "REVERSED"};
    return name_of(names, COUNT_OF(names), (size_t)state);
}

const char *command_kind_name(enum command_kind kind)
{
    static const char *const names[] = {
        [COMMAND_NONE] = "NONE",
        [COMMAND_SUBMIT_PRESCRIPTION] = "SUBMIT_PRESCRIPTION",
        [COMMAND_SUBMIT_TEST] = "SUBMIT_TEST",
        [COMMAND_ORDER_ACCEPTED] = "ORDER_ACCEPTED",
        [COMMAND_APPROVE] = "APPROVE",
        [COMMAND_READY] = "READY",
        [COMMAND_CANCEL] = "CANCEL",
        [COMMAND_SHIFT_START] = "SHIFT_START",
        [COMMAND_SHIFT_END] = "SHIFT_END",
        [COMMAND_POSITION] = "POSITION",
        [COMMAND_ANSWER] = "ANSWER",
        [COMMAND_STOP_EVENT] = "STOP_EVENT",
        [COMMAND_REASSIGN] = "REASSIGN",
        [COMMAND_PIN] = "PIN",
        [COMMAND_HOLD] = "HOLD",
        [COMMAND_PLAN_READY] = "PLAN_READY",
        [COMMAND_PRIORITIZE] = "PRIORITIZE",
        [COMMAND_ACKNOWLEDGE] = "ACKNOWLEDGE",
    };
    static_assert(COUNT_OF(names) == COMMAND_KIND_COUNT, "every command has a name");
    return name_of(names, COUNT_OF(names), (size_t)kind);
}

const char *stop_event_name(enum stop_event event)
{
    static const char *const names[] = {
        [STOP_EVENT_ARRIVED] = "ARRIVED",
        [STOP_EVENT_PICKED_UP] = "PICKED_UP",
        [STOP_EVENT_DELIVERED] = "DELIVERED",
        [STOP_EVENT_COLLECTED] = "COLLECTED",
        [STOP_EVENT_SEALED] = "SEALED",
        [STOP_EVENT_TEMPERATURE] = "TEMPERATURE",
        [STOP_EVENT_LAB_ACCEPTED] = "LAB_ACCEPTED",
        [STOP_EVENT_LAB_REJECTED] = "LAB_REJECTED",
        [STOP_EVENT_REPORTED] = "REPORTED",
        [STOP_EVENT_FAILED] = "FAILED",
        [STOP_EVENT_RETURNED] = "RETURNED",
    };
    static_assert(COUNT_OF(names) == STOP_EVENT_COUNT, "every stop event has a name");
    return name_of(names, COUNT_OF(names), (size_t)event);
}

const char *fail_reason_name(enum fail_reason reason)
{
    static const char *const names[] = {
        [FAIL_NONE] = "NONE",
        [FAIL_ABSENT] = "ABSENT",
        [FAIL_ADDRESS] = "ADDRESS",
        [FAIL_REFUSED] = "REFUSED",
        [FAIL_BROKEN_SEAL] = "BROKEN_SEAL",
        [FAIL_TEMPERATURE] = "TEMPERATURE",
        [FAIL_NOT_READY] = "NOT_READY",
        [FAIL_COURIER] = "COURIER",
        [FAIL_OTHER] = "OTHER",
    };
    static_assert(COUNT_OF(names) == FAIL_REASON_COUNT, "every reason has a name");
    return name_of(names, COUNT_OF(names), (size_t)reason);
}

const char *unplanned_reason_name(enum unplanned_reason reason)
{
    static const char *const names[] = {
        [UNPLANNED_NONE] = "NONE",
        [UNPLANNED_NO_COURIER] = "NO_COURIER",
        [UNPLANNED_NO_SKILL] = "NO_SKILL",
        [UNPLANNED_CAPACITY] = "CAPACITY",
        [UNPLANNED_SHIFT_END] = "SHIFT_END",
        [UNPLANNED_LAB_CLOSED] = "LAB_CLOSED",
        [UNPLANNED_STABILITY] = "STABILITY",
        [UNPLANNED_UNREACHABLE] = "UNREACHABLE",
        [UNPLANNED_HELD] = "HELD",
        [UNPLANNED_ROUTE_LENGTH] = "ROUTE_LENGTH",
        [UNPLANNED_BREAK] = "BREAK",
    };
    static_assert(COUNT_OF(names) == UNPLANNED_REASON_COUNT, "every reason has a name");
    return name_of(names, COUNT_OF(names), (size_t)reason);
}

const char *fact_kind_name(enum fact_kind kind)
{
    static const char *const names[] = {
        [FACT_NONE] = "NONE",
        [FACT_ORDER_ENTERED] = "ORDER_ENTERED",
        [FACT_ORDER_APPROVED] = "ORDER_APPROVED",
        [FACT_ORDER_READY] = "ORDER_READY",
        [FACT_ORDER_UNPLANNED] = "ORDER_UNPLANNED",
        [FACT_ROUTE_PLANNED] = "ROUTE_PLANNED",
        [FACT_ORDER_ASSIGNED] = "ORDER_ASSIGNED",
        [FACT_ORDER_DECLINED] = "ORDER_DECLINED",
        [FACT_ORDER_TAKEN] = "ORDER_TAKEN",
        [FACT_ORDER_UNASSIGNED] = "ORDER_UNASSIGNED",
        [FACT_STOP_ARRIVED] = "STOP_ARRIVED",
        [FACT_ORDER_PICKED_UP] = "ORDER_PICKED_UP",
        [FACT_ORDER_DELIVERED] = "ORDER_DELIVERED",
        [FACT_SPECIMEN_COLLECTED] = "SPECIMEN_COLLECTED",
        [FACT_SPECIMEN_SEALED] = "SPECIMEN_SEALED",
        [FACT_SPECIMEN_LAB_ACCEPTED] = "SPECIMEN_LAB_ACCEPTED",
        [FACT_SPECIMEN_LAB_REJECTED] = "SPECIMEN_LAB_REJECTED",
        [FACT_SPECIMEN_REPORTED] = "SPECIMEN_REPORTED",
        [FACT_TEMPERATURE_READ] = "TEMPERATURE_READ",
        [FACT_ORDER_CANCELLED] = "ORDER_CANCELLED",
        [FACT_ORDER_FAILED] = "ORDER_FAILED",
        [FACT_ORDER_RETURNING] = "ORDER_RETURNING",
        [FACT_ORDER_RETURNED] = "ORDER_RETURNED",
        [FACT_ORDER_PINNED] = "ORDER_PINNED",
        [FACT_ORDER_HELD] = "ORDER_HELD",
        [FACT_PROMISE_MISSED] = "PROMISE_MISSED",
        [FACT_ALERT_RAISED] = "ALERT_RAISED",
        [FACT_SHIFT_STARTED] = "SHIFT_STARTED",
        [FACT_SHIFT_ENDED] = "SHIFT_ENDED",
        [FACT_ORDER_PRIORITIZED] = "ORDER_PRIORITIZED",
        [FACT_ALERT_SEEN] = "ALERT_SEEN",
    };
    static_assert(COUNT_OF(names) == FACT_KIND_COUNT, "every fact has a name");
    return name_of(names, COUNT_OF(names), (size_t)kind);
}

const char *alert_kind_name(enum alert_kind kind)
{
    static const char *const names[] = {
        [ALERT_APPROVAL_LATE] = "APPROVAL_LATE", [ALERT_READY_LATE] = "READY_LATE",         [ALERT_PROMISE_AT_RISK] = "PROMISE_AT_RISK",
        [ALERT_TEMPERATURE] = "TEMPERATURE",     [ALERT_COURIER_SILENT] = "COURIER_SILENT",
    };
    static_assert(COUNT_OF(names) == ALERT_KIND_COUNT, "every alert has a name");
    return name_of(names, COUNT_OF(names), (size_t)kind);
}

static const char *const ROLES[] = {
    [ROLE_NONE] = "none", [ROLE_PHARMACY] = "pharmacy", [ROLE_LAB] = "lab", [ROLE_COURIER] = "courier", [ROLE_LOGISTICS] = "logistics", [ROLE_CLINIC] = "clinic",
    [ROLE_DISPATCHER] = "dispatcher", [ROLE_SETTLEMENT] = "settlement", [ROLE_ADMIN] = "admin", [ROLE_AUDITOR] = "auditor",
};
static_assert(COUNT_OF(ROLES) == ROLE_COUNT, "every role has a name");

const char *role_name(enum role role)
{
    return name_of(ROLES, COUNT_OF(ROLES), (size_t)role);
}

bool role_from_name(const char *name, enum role *out)
{
    for (size_t i = ROLE_NONE + 1; i < COUNT_OF(ROLES); i++) {
        if (strcmp(ROLES[i], name) != 0) continue;
        *out = (enum role)i;
        return true;
    }
    return false;
}
