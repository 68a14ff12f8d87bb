/* Which sets of kernels this processor runs, and their names. */
#include "arithmetic.h"

const ek_kernels *ek_for(ek_isa isa) {
  switch (isa) {
    case EK_REFERENCE: return &ek_reference_kernels;
    default: return NULL;
  }
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
