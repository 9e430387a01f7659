/* Private to sim: sparse matching of rows (bundles) with columns (couriers): as many rows as can be, then least cost. Successive shortest augmenting
 * paths with potentials (Jonker & Volgenant 1987 on sparse rows). One thread. */
#ifndef SIM_MATCH_H
#define SIM_MATCH_H

#include "base/base.h"

enum { MATCH_NONE = UINT32_MAX };

struct match;
must_use struct match *match_new(uint32_t rows, uint32_t columns);
void match_free(struct match *match);
/* A pair that may be matched; rows in ascending order, a pair at most once. Costs are not negative and below 2^40. */
void match_add(struct match *match, uint32_t row, uint32_t column, int64_t cost);
void match_solve(struct match *match);
/* The row's column; MATCH_NONE: left out. */
uint32_t match_of(const struct match *match, uint32_t row);

#endif
