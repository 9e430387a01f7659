/* Inside settle: places where a test kills the process, to see that a rerun mends everything. In a build without MEDDISPATCH_FAILPOINTS they are nothing at
 * all; release builds of the program never define it. MEDDISPATCH_FAIL=name[:n] kills at the n-th passing (from 1). */
#ifndef SETTLE_FAILPOINT_H
#define SETTLE_FAILPOINT_H

#ifdef MEDDISPATCH_FAILPOINTS
void failpoint(const char *name);
#else
static inline void failpoint(const char *name)
{
    (void)name;
}
#endif

#endif
