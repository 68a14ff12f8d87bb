/* Which sets of kernels this processor runs, and their names. */
#include "arithmetic.h"
#include <stdbool.h>

#if defined(__x86_64__)
static const ek_kernels *ek_for_x86(ek_isa isa) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (isa == EK_AVX2 && avx2) return &ek_avx2_kernels;
  if (isa == EK_AVX512 && avx512) return &ek_avx512_kernels;
  return NULL;
}
#endif

const ek_kernels *ek_for(ek_isa isa) {
  if (isa == EK_REFERENCE) return &ek_reference_kernels;
  if (isa == EK_BASELINE) return &ek_baseline_kernels;
#if defined(__x86_64__)
  return ek_for_x86(isa);
#elif defined(__aarch64__)
  return isa == EK_NEON ? &ek_neon_kernels : NULL; /* part of the architecture */
#else
  return NULL;
#endif
}

const ek_kernels *ek_best(void) {
  static const ek_isa order[] = {EK_AVX512, EK_AVX2, EK_NEON, EK_BASELINE};
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
    const ek_kernels *kernels = ek_for(order[i]);
    if (kernels) return kernels;
  }
  return &ek_reference_kernels;
}

const char *ek_arithmetic(const ek_kernels *kernels) { return kernels->isa == EK_BASELINE ? "muladd16" : "fma16"; }

const char *ek_isa_name(ek_isa isa) {
  switch (isa) {
    case EK_REFERENCE: return "reference";
    case EK_BASELINE: return "baseline";
    case EK_AVX2: return "avx2";
    case EK_AVX512: return "avx512";
    case EK_NEON: return "neon";
  }
  return "unknown";
}

size_t ek_matmul_scratch(size_t cols) { return EK_BLOCK_ROWS * ek_padded(cols); }
