/* The kernels for any processor, and which ones run. */
#define KERNELS cch_kernels_portable
#define KERNELS_NAME "portable"
#include "kernels_body.h"

static const struct cch_kernels *chosen; /* atomic; NULL: not yet */

static bool runs_here(const struct cch_kernels *kernels)
{
#if GEO_CCH_HAS_VECTORS
    __builtin_cpu_init();
    if (kernels == &cch_kernels_avx512) return __builtin_cpu_supports("avx512f");
    if (kernels == &cch_kernels_avx2) return __builtin_cpu_supports("avx2");
#endif
    return kernels == &cch_kernels_portable;
}

static const struct cch_kernels *const KINDS[] = {
#if GEO_CCH_HAS_VECTORS
    &cch_kernels_avx512, &cch_kernels_avx2,
#endif
    &cch_kernels_portable, /* the last always runs */
};

const struct cch_kernels *cch_kernels(void)
{
    const struct cch_kernels *known = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (known) return known;
    for (unsigned kind = 0; !known; kind++)
        if (runs_here(KINDS[kind])) known = KINDS[kind];
    __atomic_store_n(&chosen, known, __ATOMIC_RELAXED);
    return known;
}

const char *cch_kernels_name(void)
{
    return cch_kernels()->name;
}

bool cch_kernels_force(const char *name)
{
    const struct cch_kernels *forced = NULL;
    for (unsigned kind = 0; name && kind < sizeof KINDS / sizeof *KINDS; kind++)
        if (strcmp(KINDS[kind]->name, name) == 0 && runs_here(KINDS[kind])) forced = KINDS[kind];
    if (!name || forced) __atomic_store_n(&chosen, forced, __ATOMIC_RELAXED);
    return !name || forced;
}
