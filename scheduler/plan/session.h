/* Private to plan: a plan that is kept running, and how its parts take it up, fill it and improve it. */
#ifndef PLAN_SESSION_H
#define PLAN_SESSION_H

#include "near.h"

struct plan_session {
    struct work work;
};

/* The courier's running route into work->tours, without what may not stay. */
void work_take_courier(struct work *work, uint32_t courier);
/* Take a task out of its route, unless the courier is committed to its first stop. The others' rides may become too long (they are picked up earlier,
 * and wait): who doesn't undo it must mend. */
void work_remove(struct work *work, uint32_t task);
/* Most urgent first, then soonest due. */
void sort_by_urgency(const struct plan_problem *problem, uint32_t *tasks, uint32_t count);

#endif
