/* Any processor: vectors in the compiler's notation (SSE2 on x86-64), products rounded before they are added. The order
 * of the lanes is the same; the last bits are not, and ek_arithmetic() says so. */
#include "arithmetic.h"
#pragma STDC FP_CONTRACT OFF

#define EK_TARGET
#define VECTOR static inline __attribute__((always_inline))
#define W 4
#define PARTS 4
#define GEMV_FLIGHT 4
#define GEMV_PARTS 2
#define TILE_TOKENS 3
#define EACH_TILE(make, type, dtype) make(type, dtype, 1) make(type, dtype, 2) make(type, dtype, 3)

typedef float vec __attribute__((vector_size(16)));
typedef int32_t ints __attribute__((vector_size(16)));
typedef uint32_t bits __attribute__((vector_size(16)));

VECTOR vec set1(float value) { return (vec){value, value, value, value}; }

VECTOR vec load(const float *from) {
  vec value;
  memcpy(&value, from, sizeof value);
  return value;
}

VECTOR void store(float *to, vec value) { memcpy(to, &value, sizeof value); }

VECTOR vec load_some(const float *from, size_t count) {
  vec value = {0};
  memcpy(&value, from, count * sizeof(float));
  return value;
}

VECTOR void store_some(float *to, vec value, size_t count) { memcpy(to, &value, count * sizeof(float)); }
VECTOR vec plus(vec a, vec b) { return a + b; }
VECTOR vec minus(vec a, vec b) { return a - b; }
VECTOR vec times(vec a, vec b) { return a * b; }
VECTOR vec over(vec a, vec b) { return a / b; }
VECTOR vec fused(vec a, vec b, vec c) { return a * b + c; }
VECTOR vec choose(ints mask, vec yes, vec no) { return (vec)((mask & (ints)yes) | (~mask & (ints)no)); }
VECTOR vec larger(vec a, vec b) { return choose(a > b, a, b); }
VECTOR vec smaller(vec a, vec b) { return choose(a < b, a, b); }

VECTOR vec widen_some(ek_dtype dtype, const void *from, size_t count) {
  if (dtype == EK_F32) return load_some(from, count);
  float near[W] = {0};
  for (size_t i = 0; i < count; i++) near[i] = ek_element(dtype, from, i);
  return load(near);
}

VECTOR vec widen(ek_dtype dtype, const void *from) {
  if (dtype != EK_BF16) return widen_some(dtype, from, W);
  typedef uint16_t halves __attribute__((vector_size(8)));
  halves four;
  memcpy(&four, from, sizeof four);
  return (vec)(__builtin_convertvector(four, bits) << 16);
}

VECTOR vec power(ints n) { return (vec)((n + 127) << 23); }

VECTOR vec times_power(vec p, vec shifted) {
  const ints n = (ints)((bits)shifted - (bits)set1(EK_EXP_MAGIC)), half = n >> 1;
  return p * power(half) * power(n - half);
}

VECTOR void reduce4(const vec *sums, float *out) {
  for (size_t i = 0; i < 4; i++) {
    const vec *sum = sums + i * PARTS, four = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    out[i] = (four[0] + four[2]) + (four[1] + four[3]);
  }
}

#include "kernel_bodies.h"

const ek_kernels ek_baseline_kernels = EK_TABLE(EK_BASELINE);
