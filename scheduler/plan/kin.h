/* Private to plan: which open tasks lie near each other, so that they are taken out together. */
#ifndef PLAN_KIN_H
#define PLAN_KIN_H

#include "tour.h"

enum { KIN_MAX = 24 };

struct kin;
/* Of these tasks, which must outlive it. Without places in the plane it is NULL. */
struct kin *kin_new(const struct plan_problem *problem, const uint32_t *tasks, uint32_t count);
void kin_free(struct kin *kin); /* NULL is fine */
/* The task and those nearest to it, nearest first; returns how many, at most KIN_MAX. */
uint32_t kin_of(const struct kin *kin, uint32_t task, uint32_t out[KIN_MAX]);

#endif
