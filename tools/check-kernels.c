/* Runs every set of kernels of this processor on seeded inputs, compares it with the reference bit by bit, and prints a
 * checksum per kernel of the reference: the same seeds must print the same lines on every architecture.
 * Built and run by tools/check-neon; exit status 1 when a set differs. */
#include "expert_kernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 80000 };

static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 128, 255, 256, 257};
static const size_t counts[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 25};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t state;
static float weights32[MOST], x[MOST], z[MOST], mine[MOST], theirs[MOST], scratch[16 * 1024];
static uint16_t weights16[MOST];
static double sums[MOST], other[MOST];

/* SplitMix64: https://prng.di.unimi.it/splitmix64.c is in the public domain. */
static uint64_t random64(void) {
  uint64_t v = state += 0x9e3779b97f4a7c15u;
  v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
  v = (v ^ v >> 27) * 0x94d049bb133111ebu;
  return v ^ v >> 31;
}

/* Mostly between -4 and 4; some zeros, subnormal and large values. */
static float random_float(void) {
  const uint64_t v = random64();
  const float plain = ((float)(v >> 40) / 16777216.0f - 0.5f) * 8;
  switch (v & 63) {
    case 0: return 0.0f;
    case 1: return -0.0f;
    case 2: return plain * 0x1p-130f;
    case 3: return plain * 64;
    default: return plain;
  }
}

static uint16_t half_bits(ek_dtype dtype) {
  if (dtype == EK_F16) return (uint16_t)(random64() & 0xbfff); /* every exponent but the greatest */
  const float value = random_float();
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return (uint16_t)(bits >> 16);
}

static const void *fill(ek_dtype dtype, size_t n) {
  for (size_t i = 0; i < n; i++) {
    weights32[i] = random_float();
    weights16[i] = half_bits(dtype);
  }
  return dtype == EK_F32 ? (const void *)weights32 : weights16;
}

static void fill_floats(float *to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = random_float();
}

static uint64_t checksum(uint64_t sum, const void *data, size_t bytes) { /* FNV-1a */
  for (size_t i = 0; i < bytes; i++) sum = (sum ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
  return sum;
}

/* Runs kernel `which` on inputs made from (which, dtype, n, rows, tokens) and leaves its output in `out`: its bytes. */
static size_t run(const ek_kernels *set, int which, ek_dtype dtype, size_t n, size_t rows, size_t tokens, float *out) {
  state = (uint64_t)which << 40 ^ (uint64_t)dtype << 36 ^ n << 20 ^ rows << 10 ^ tokens;
  memset(out, 0x55, MOST * sizeof(float));
  memset(sums, 0, sizeof sums);
  fill_floats(x, n * (tokens ? tokens : 1));
  fill_floats(z, n);
  const void *w = fill(dtype, n * (rows ? rows : 1));
  switch (which) {
    case 0: set->matmul(dtype, w, x, n, out, rows + 3, rows, n, tokens, scratch); return tokens * (rows + 3) * 4;
    case 1: set->rmsnorm(x, dtype, w, 1e-6f, out, n); return n * 4;
    case 2: set->silu_mul(x, z, out, n); return n * 4;
    case 3:
      memcpy(out, x, n * 4);
      set->softmax(out, n);
      return n * 4;
    case 4: set->weighted_sum(z, weights32, n, out, rows < n ? rows : n, n); return n * 4;
    case 5:
      memcpy(out, x, n * 4);
      set->rope(out, z, weights32, n / 2 * 2);
      return n * 4;
    case 6:
      memcpy(out, x, n * 4);
      set->add(out, z, n);
      return n * 4;
    case 7:
      memcpy(out, x, n * 4);
      set->to_f32(dtype, w, out, n);
      return n * 4;
    case 8: set->to_bf16(x, (uint16_t *)out, n); return n * 2;
    case 9:
      set->accumulate(sums, 0.37f, x, n);
      set->accumulate(sums, -0.11f, z, n);
      for (size_t i = 0; i < n; i++) other[i] = x[i];
      set->merge(sums, other, n);
      memcpy(out, z, n * 4);
      set->settle(out, sums, n);
      return n * 4;
    case 10:
      memcpy(out, x, n * 4);
      set->exponential(out, n);
      return n * 4;
    default: return 0;
  }
}

static const char *const names[] = {"matmul", "rmsnorm", "silu_mul", "softmax",    "weighted_sum", "rope",
                                    "add",    "to_f32",  "to_bf16",  "accumulate", "exponential"};

static int failures;

static uint64_t check(const ek_kernels *set, int which, ek_dtype dtype, size_t n, size_t rows, size_t tokens,
                      uint64_t sum) {
  const size_t bytes = run(&*ek_for(EK_REFERENCE), which, dtype, n, rows, tokens, theirs);
  if (set) {
    run(set, which, dtype, n, rows, tokens, mine);
    if (memcmp(mine, theirs, sizeof mine) != 0 && failures++ < 20) {
      printf("%s %s differs: dtype %d, n %zu, rows %zu, tokens %zu\n", ek_isa_name(set->isa), names[which], dtype, n,
             rows, tokens);
    }
  }
  return checksum(sum, theirs, bytes);
}

/* Every size and dtype of one kernel; NULL computes the checksum alone. */
static uint64_t sweep(const ek_kernels *set, int which) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (int dtype = EK_BF16; dtype <= EK_F32; dtype++) {
    for (size_t i = 0; i < COUNT(sizes); i++) {
      for (size_t j = 0; j < (which == 0 || which == 4 ? COUNT(counts) : 1); j++) {
        for (size_t k = 0; k < (which == 0 ? COUNT(counts) : 1); k++) {
          sum = check(set, which, (ek_dtype)dtype, sizes[i], counts[j], counts[k], sum);
        }
      }
    }
  }
  return sum;
}

int main(void) {
  for (size_t which = 0; which < COUNT(names); which++) {
    for (int isa = EK_AVX2; isa <= EK_NEON; isa++) {
      if (ek_for((ek_isa)isa)) sweep(ek_for((ek_isa)isa), (int)which);
    }
    printf("%-14s %016llx\n", names[which], (unsigned long long)sweep(NULL, (int)which));
  }
  fprintf(stderr, "best set: %s, %s\n", ek_isa_name(ek_best()->isa),
          failures ? "DIFFERENCES" : "equal to the reference");
  return failures != 0;
}
