/* Private to plan: how a running route is taken up. */
#ifndef PLAN_SOLVE_H
#define PLAN_SOLVE_H

#include "tour.h"

/* The courier's running route into work->tours, without what may not stay. */
void work_take_courier(struct work *work, uint32_t courier);

#endif
