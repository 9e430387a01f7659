/* The kernels for processors with AVX2: this file alone is compiled with -mavx2. */
#define KERNELS cch_kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels_body.h"
