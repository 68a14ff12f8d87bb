/* AVX-512 (F, BW, VL, DQ): the 16 lanes are one register. */
#include "arithmetic.h"
#pragma STDC FP_CONTRACT OFF
#if defined(__x86_64__)
#include <immintrin.h>

#define EK_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))
#define VECTOR static inline __attribute__((always_inline)) EK_TARGET
#define W 16
#define PARTS 1
#define GEMV_FLIGHT 2
#define GEMV_PARTS 1
#define TILE_TOKENS 6
#define EACH_TILE(make, type, dtype)                                                                       \
  make(type, dtype, 1) make(type, dtype, 2) make(type, dtype, 3) make(type, dtype, 4) make(type, dtype, 5) \
      make(type, dtype, 6)

typedef __m512 vec;

VECTOR __mmask16 first(size_t count) { return (__mmask16)((1u << count) - 1); }
VECTOR vec set1(float value) { return _mm512_set1_ps(value); }
VECTOR vec load(const float *from) { return _mm512_loadu_ps(from); }
VECTOR void store(float *to, vec value) { _mm512_storeu_ps(to, value); }
VECTOR vec load_some(const float *from, size_t count) { return _mm512_maskz_loadu_ps(first(count), from); }
VECTOR void store_some(float *to, vec value, size_t count) { _mm512_mask_storeu_ps(to, first(count), value); }
VECTOR vec plus(vec a, vec b) { return _mm512_add_ps(a, b); }
VECTOR vec minus(vec a, vec b) { return _mm512_sub_ps(a, b); }
VECTOR vec times(vec a, vec b) { return _mm512_mul_ps(a, b); }
VECTOR vec over(vec a, vec b) { return _mm512_div_ps(a, b); }
VECTOR vec fused(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
VECTOR vec larger(vec a, vec b) { return _mm512_max_ps(a, b); }
VECTOR vec smaller(vec a, vec b) { return _mm512_min_ps(a, b); }

VECTOR vec widen_halves(ek_dtype dtype, __m256i halves) {
  if (dtype == EK_F16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

VECTOR vec widen(ek_dtype dtype, const void *from) {
  if (dtype == EK_F32) return load(from);
  return widen_halves(dtype, _mm256_loadu_si256(from));
}

VECTOR vec widen_some(ek_dtype dtype, const void *from, size_t count) {
  if (dtype == EK_F32) return load_some(from, count);
  return widen_halves(dtype, _mm256_maskz_loadu_epi16(first(count), from));
}

VECTOR vec power(__m512i n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
}

VECTOR vec times_power(vec p, vec shifted) {
  const __m512i magic = _mm512_castps_si512(set1(EK_EXP_MAGIC));
  const __m512i n = _mm512_sub_epi32(_mm512_castps_si512(shifted), magic), half = _mm512_srai_epi32(n, 1);
  return times(times(p, power(half)), power(_mm512_sub_epi32(n, half)));
}

/* The first step of the tree for two sums: eight lanes of a, then eight of b. */
VECTOR vec halve(vec a, vec b) {
  return plus(_mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(1, 0, 1, 0)), _mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
}

VECTOR void reduce4(const vec *sums, float *out) {
  const vec ab = halve(sums[0], sums[1]), cd = halve(sums[2], sums[3]);
  vec v = plus(_mm512_shuffle_f32x4(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)),
               _mm512_shuffle_f32x4(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
  v = plus(v, _mm512_permute_ps(v, _MM_SHUFFLE(1, 0, 3, 2)));
  v = plus(v, _mm512_permute_ps(v, _MM_SHUFFLE(2, 3, 0, 1)));
  const __m512i leaders = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(leaders, v)));
}

#include "kernel_bodies.h"

const ek_kernels ek_avx512_kernels = EK_TABLE(EK_AVX512);
#endif
