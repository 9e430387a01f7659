/* The life of an order as a table: which phase may follow which, for which kind. It must not know why somebody asks. */
#include "model/model.h"

#include <assert.h>

static_assert(ORDER_PHASE_COUNT <= 32, "a set of phases is one word");

/* What every kind shares. A courier's no, a dispatcher or a breakdown brings an order back to READY. FAILED is the end unless
 * goods are in the box: then RETURNING follows in the same decision. */
static const uint32_t SHARED[ORDER_PHASE_COUNT] = {
    [ORDER_RECEIVED] = BIT(ORDER_ADJUDICATED) | BIT(ORDER_REFUSED) | BIT(ORDER_CANCELLED),
    [ORDER_ADJUDICATED] = BIT(ORDER_APPROVED) | BIT(ORDER_READY) | BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED),
    [ORDER_APPROVED] = BIT(ORDER_READY) | BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED),
    [ORDER_READY] = BIT(ORDER_ASSIGNED) | BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED),
    [ORDER_ASSIGNED] = BIT(ORDER_ACCEPTED) | BIT(ORDER_READY) | BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED),
    [ORDER_ACCEPTED] = BIT(ORDER_READY) | BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED),
};

/* Prescriptions and returns: goods are carried from one place to another. */
static const uint32_t GOODS[ORDER_PHASE_COUNT] = {
    [ORDER_ACCEPTED] = BIT(ORDER_PICKED_UP),
    [ORDER_PICKED_UP] = BIT(ORDER_ARRIVED) | BIT(ORDER_FAILED),
    [ORDER_ARRIVED] = BIT(ORDER_DELIVERED) | BIT(ORDER_FAILED),
    [ORDER_FAILED] = BIT(ORDER_RETURNING),
    [ORDER_RETURNING] = BIT(ORDER_RETURNED),
};

/* Home tests: a kit goes out (or is in the box already), a specimen goes to the laboratory. */
static const uint32_t TEST[ORDER_PHASE_COUNT] = {
    [ORDER_ACCEPTED] = BIT(ORDER_KIT_PICKED_UP) | BIT(ORDER_ARRIVED),
    [ORDER_KIT_PICKED_UP] = BIT(ORDER_ARRIVED) | BIT(ORDER_FAILED),
    [ORDER_ARRIVED] = BIT(ORDER_COLLECTED) | BIT(ORDER_FAILED),
    [ORDER_COLLECTED] = BIT(ORDER_SEALED) | BIT(ORDER_FAILED),
    [ORDER_SEALED] = BIT(ORDER_LAB_ACCEPTED) | BIT(ORDER_SPECIMEN_REJECTED) | BIT(ORDER_FAILED),
    [ORDER_LAB_ACCEPTED] = BIT(ORDER_REPORTED),
};

static uint32_t next_of(enum order_kind kind, enum order_phase from)
{
    switch (kind) {
    case ORDER_KIND_PRESCRIPTION:
    case ORDER_KIND_RETURN: return SHARED[from] | GOODS[from];
    case ORDER_KIND_TEST: return SHARED[from] | TEST[from];
    }
    return 0; /* no such kind: nothing may happen to it */
}

bool order_may_advance(enum order_kind kind, enum order_phase from, enum order_phase to)
{
    if ((unsigned)from >= ORDER_PHASE_COUNT || (unsigned)to >= ORDER_PHASE_COUNT) return false;
    return (next_of(kind, from) & BIT(to)) != 0;
}

bool order_phase_is_terminal(enum order_phase phase)
{
    const uint32_t ends = BIT(ORDER_REFUSED) | BIT(ORDER_DELIVERED) | BIT(ORDER_REPORTED) | BIT(ORDER_SPECIMEN_REJECTED) |
                          BIT(ORDER_CANCELLED) | BIT(ORDER_FAILED) | BIT(ORDER_RETURNED);
    return (unsigned)phase < ORDER_PHASE_COUNT && (ends & BIT(phase)) != 0;
}

bool order_phase_is_on_board(enum order_phase phase)
{
    const uint32_t carried = BIT(ORDER_PICKED_UP) | BIT(ORDER_KIT_PICKED_UP) | BIT(ORDER_ARRIVED) | BIT(ORDER_COLLECTED) |
                             BIT(ORDER_SEALED) | BIT(ORDER_RETURNING);
    return (unsigned)phase < ORDER_PHASE_COUNT && (carried & BIT(phase)) != 0;
}

void order_phase_print(struct buffer *out)
{
    buffer_printf(out, "stateDiagram-v2\n    [*] --> RECEIVED\n");
    for (unsigned from = 0; from < ORDER_PHASE_COUNT; from++) {
        for (unsigned to = 0; to < ORDER_PHASE_COUNT; to++) {
            const char *label = NULL;
            if (SHARED[from] & BIT(to)) label = "";
            else if ((GOODS[from] & BIT(to)) && (TEST[from] & BIT(to))) label = "";
            else if (GOODS[from] & BIT(to)) label = ": goods";
            else if (TEST[from] & BIT(to)) label = ": test";
            if (!label) continue;
            buffer_printf(out, "    %s --> %s%s%s\n", order_phase_name((enum order_phase)from), order_phase_name((enum order_phase)to),
                          *label ? " " : "", label);
        }
        if (order_phase_is_terminal((enum order_phase)from)) buffer_printf(out, "    %s --> [*]\n", order_phase_name((enum order_phase)from));
    }
}
