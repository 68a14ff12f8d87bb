/* What every set of kernels shares: lane count, the constants of exp, the grid of the exact sums, the tables. */
#pragma once
#include "expert_kernels.h"
#include <string.h>

/* No compiler may fuse a multiplication and an addition that are written apart: each set says itself where it fuses. */
#pragma STDC FP_CONTRACT OFF

#define EK_LANES 16
/* Rows that a matrix product converts to f32 at a time (the scratch of ek_matmul_scratch). */
#define EK_BLOCK_ROWS 16

static inline size_t ek_padded(size_t n) { return (n + EK_LANES - 1) / EK_LANES * EK_LANES; }

/* exp(x): x is clamped to [EXP_LOW, EXP_HIGH], n = round(x / ln 2) falls out of the last bits of x * (1/ln 2) +
 * EXP_MAGIC, r = x - n ln 2 in two parts (the high one has nine bits, so n * high is exact even unfused), exp(r) is its
 * Taylor polynomial of degree 7 (|r| <= 0.347, truncation below 2^-27), and 2^n is multiplied in two halves so that
 * results in the subnormal range are rounded once. */
#define EK_EXP_LOW (-104.0f) /* exp is below half of the least subnormal: 0 */
#define EK_EXP_HIGH 89.0f    /* exp is above the greatest float: infinity */
#define EK_EXP_LOG2E 0x1.715476p+0f
#define EK_EXP_MAGIC 0x1.8p+23f
#define EK_EXP_LN2_HIGH 0x1.63p-1f
#define EK_EXP_LN2_LOW (-0x1.bd0106p-13f)
#define EK_EXP_C2 0x1p-1f
#define EK_EXP_C3 (1.0f / 6.0f)
#define EK_EXP_C4 (1.0f / 24.0f)
#define EK_EXP_C5 (1.0f / 120.0f)
#define EK_EXP_C6 (1.0f / 720.0f)
#define EK_EXP_C7 (1.0f / 5040.0f)

/* Adding and taking away this double leaves a multiple of 2^-32 (1.5 * 2^(52 - 32): one bit of it is worth 2^-32). */
#define EK_GRID 0x1.8p+20

static inline uint32_t ek_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float ek_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float ek_from_bf16(uint16_t value) { return ek_float((uint32_t)value << 16); }

/* Exact: every half is a float. */
static inline float ek_from_f16(uint16_t value) {
  const uint32_t sign = (uint32_t)(value & 0x8000u) << 16, exponent = (value >> 10) & 31u, fraction = value & 0x3ffu;
  if (exponent == 31) return ek_float(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return ek_float(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = (float)fraction * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

static inline float ek_element(ek_dtype dtype, const void *from, size_t index) {
  switch (dtype) {
    case EK_BF16: return ek_from_bf16(((const uint16_t *)from)[index]);
    case EK_F16: return ek_from_f16(((const uint16_t *)from)[index]);
    case EK_F32: return ((const float *)from)[index];
  }
  return 0;
}

static inline uint16_t ek_round_bf16(float value) {
  const uint32_t bits = ek_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* Bytes of one element. */
static inline size_t ek_size(ek_dtype dtype) { return dtype == EK_F32 ? 4 : 2; }

/* Pointer to the element `index`. */
static inline const void *ek_at(ek_dtype dtype, const void *from, size_t index) {
  return (const char *)from + index * ek_size(dtype);
}

extern const ek_kernels ek_reference_kernels, ek_baseline_kernels;
#if defined(__x86_64__)
extern const ek_kernels ek_avx2_kernels, ek_avx512_kernels;
#elif defined(__aarch64__)
extern const ek_kernels ek_neon_kernels;
#endif
