/* AVX2 with FMA and F16C: the 16 lanes are two registers. */
#include "arithmetic.h"
#pragma STDC FP_CONTRACT OFF
#if defined(__x86_64__)
#include <immintrin.h>

#define EK_TARGET __attribute__((target("avx2,fma,f16c")))
#define VECTOR static inline __attribute__((always_inline)) EK_TARGET
#define W 8
#define PARTS 2
#define GEMV_FLIGHT 2
#define GEMV_PARTS 2
#define TILE_TOKENS 3
#define EACH_TILE(make, type, dtype) make(type, dtype, 1) make(type, dtype, 2) make(type, dtype, 3)

typedef __m256 vec;

VECTOR vec set1(float value) { return _mm256_set1_ps(value); }
VECTOR vec load(const float *from) { return _mm256_loadu_ps(from); }
VECTOR void store(float *to, vec value) { _mm256_storeu_ps(to, value); }

VECTOR __m256i first(size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

VECTOR vec load_some(const float *from, size_t count) { return _mm256_maskload_ps(from, first(count)); }
VECTOR void store_some(float *to, vec value, size_t count) { _mm256_maskstore_ps(to, first(count), value); }
VECTOR vec plus(vec a, vec b) { return _mm256_add_ps(a, b); }
VECTOR vec minus(vec a, vec b) { return _mm256_sub_ps(a, b); }
VECTOR vec times(vec a, vec b) { return _mm256_mul_ps(a, b); }
VECTOR vec over(vec a, vec b) { return _mm256_div_ps(a, b); }
VECTOR vec fused(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
VECTOR vec larger(vec a, vec b) { return _mm256_max_ps(a, b); }
VECTOR vec smaller(vec a, vec b) { return _mm256_min_ps(a, b); }

VECTOR vec widen_halves(ek_dtype dtype, __m128i halves) {
  if (dtype == EK_F16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

VECTOR vec widen(ek_dtype dtype, const void *from) {
  if (dtype == EK_F32) return load(from);
  return widen_halves(dtype, _mm_loadu_si128(from));
}

VECTOR vec widen_some(ek_dtype dtype, const void *from, size_t count) {
  if (dtype == EK_F32) return load_some(from, count);
  uint16_t near[W] = {0};
  memcpy(near, from, count * sizeof near[0]);
  return widen_halves(dtype, _mm_loadu_si128((const __m128i *)near));
}

VECTOR vec power(__m256i n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

VECTOR vec times_power(vec p, vec shifted) {
  const __m256i magic = _mm256_castps_si256(set1(EK_EXP_MAGIC));
  const __m256i n = _mm256_sub_epi32(_mm256_castps_si256(shifted), magic), half = _mm256_srai_epi32(n, 1);
  return times(times(p, power(half)), power(_mm256_sub_epi32(n, half)));
}

/* Two steps of the tree for two sums: four lanes of a, then four of b. */
VECTOR vec quarter(const vec *a, const vec *b) {
  const vec sa = plus(a[0], a[1]), sb = plus(b[0], b[1]);
  return plus(_mm256_permute2f128_ps(sa, sb, 0x20), _mm256_permute2f128_ps(sa, sb, 0x31));
}

VECTOR void reduce4(const vec *sums, float *out) {
  const vec ac = quarter(sums, sums + 2 * PARTS), bd = quarter(sums + PARTS, sums + 3 * PARTS);
  vec v = plus(_mm256_shuffle_ps(ac, bd, _MM_SHUFFLE(1, 0, 1, 0)), _mm256_shuffle_ps(ac, bd, _MM_SHUFFLE(3, 2, 3, 2)));
  v = plus(v, _mm256_movehdup_ps(v));
  const __m128 low = _mm256_castps256_ps128(v), high = _mm256_extractf128_ps(v, 1);
  _mm_storeu_ps(out, _mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
}

#include "kernel_bodies.h"

const ek_kernels ek_avx2_kernels = EK_TABLE(EK_AVX2);
#endif
