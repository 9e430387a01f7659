/* The kernels for any processor, and which ones run. */
#define KERNELS cch_kernels_portable
#define KERNELS_NAME "portable"
#include "kernels_body.h"

static int forced;             /* atomic: tests run both kinds */

const struct cch_kernels *cch_kernels(void)
{
#if GEO_CCH_HAS_AVX2
    static int has_avx2;       /* atomic: 0 unknown, 1 no, 2 yes */
    int known = __atomic_load_n(&has_avx2, __ATOMIC_RELAXED);
    if (known == 0) {
        __builtin_cpu_init();
        known = __builtin_cpu_supports("avx2") ? 2 : 1;
        __atomic_store_n(&has_avx2, known, __ATOMIC_RELAXED);
    }
    if (known == 2 && !__atomic_load_n(&forced, __ATOMIC_RELAXED)) return &cch_kernels_avx2;
#endif
    return &cch_kernels_portable;
}

const char *cch_kernels_name(void)
{
    return cch_kernels()->name;
}

void cch_kernels_force_portable(bool force)
{
    __atomic_store_n(&forced, force, __ATOMIC_RELAXED);
}
