/* Loops at the limits of the machine, for the ratios of the kernel benchmark. */
#include "bench_loops.h"

typedef uint64_t words __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) uint64_t read_all(const words *from, size_t count) {
  words a = {0}, b = {0}, c = {0}, d = {0};
  for (size_t i = 0; i + 8 <= count; i += 8) {
    a ^= from[i] ^ from[i + 4];
    b ^= from[i + 1] ^ from[i + 5];
    c ^= from[i + 2] ^ from[i + 6];
    d ^= from[i + 3] ^ from[i + 7];
  }
  a ^= b ^ c ^ d;
  return a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7];
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static uint64_t read_512(const void *from, size_t count) {
  return read_all(from, count);
}

__attribute__((target("avx2"))) static uint64_t read_256(const void *from, size_t count) { return read_all(from, count); }

uint64_t bench_read(const void *from, size_t bytes) {
  if (__builtin_cpu_supports("avx512f")) return read_512(from, bytes / 64);
  if (__builtin_cpu_supports("avx2")) return read_256(from, bytes / 64);
  return read_all(from, bytes / 64);
}

#define CHAINS 12
#define UNROLL _Pragma("clang loop unroll(full)")
#define MAKE_PEAK(name, targets, vec, set1, step)                                     \
  __attribute__((target(targets))) static float name(size_t rounds) {                 \
    vec chain[CHAINS];                                                                \
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = set1((float)i);                \
    const vec half = set1(0.5f), one = set1(1.0f);                                    \
    for (size_t round = 0; round < rounds * 16; round++) {                            \
      UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = step(chain[i], half, one);   \
    }                                                                                 \
    float sum = 0;                                                                    \
    UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i][0];                       \
    return sum;                                                                       \
  }

#define SSE_STEP(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
MAKE_PEAK(peak_sse, "sse2", __m128, _mm_set1_ps, SSE_STEP)
MAKE_PEAK(peak_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps)
MAKE_PEAK(peak_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps)

double bench_multiply_add(bench_peak set, size_t rounds) {
  static volatile float sink;
  const double operations = (double)rounds * 16 * CHAINS * 2;
  switch (set) {
    case BENCH_SSE: sink = peak_sse(rounds); return operations * 4;
    case BENCH_AVX2:
      if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
      sink = peak_avx2(rounds);
      return operations * 8;
    case BENCH_AVX512:
      if (!__builtin_cpu_supports("avx512f")) return 0;
      sink = peak_avx512(rounds);
      return operations * 16;
  }
  return 0;
}
#else
uint64_t bench_read(const void *from, size_t bytes) { return read_all(from, bytes / 64); }
double bench_multiply_add(bench_peak set, size_t rounds) {
  (void)set, (void)rounds;
  return 0;
}
#endif
