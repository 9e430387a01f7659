/* The kernels for processors with AVX-512: this file alone is compiled with -mavx512f. */
#define KERNELS cch_kernels_avx512
#define KERNELS_NAME "avx512"
#include "kernels_body.h"
