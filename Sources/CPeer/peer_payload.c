/* See the header. memcpy is how C says "unaligned"; every compiler makes a plain load or store of it. */
#include "peer_payload.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/* 1.5 * 2^20: added to a number below 2^19 it leaves a last place of 2^-32. */
static const double MAGIC = 0x1.8p20;

CLONES void pp_bf16_from_f32(const float *from, void *wire, size_t count) {
  uint16_t *out = wire;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, from + i, 4);
    uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40;
    uint16_t half = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
    memcpy((char *)out + 2 * i, &half, 2);
  }
}

CLONES void pp_f32_from_bf16(const void *wire, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, (const char *)wire + 2 * i, 2);
    uint32_t bits = (uint32_t)half << 16;
    memcpy(to + i, &bits, 4);
  }
}

CLONES int pp_bf16_from_f64(const double *from, void *wire, size_t count) {
  uint64_t special = 0;
  for (size_t i = 0; i < count; i++) {
    /* The eight leading bits are rounded in the f64 itself, which is an f32 exactly then. */
    uint64_t bits;
    memcpy(&bits, from + i, 8);
    special |= !(from[i] == 0 || fabs(from[i]) >= 0x1p-126);
    bits = (bits + 0xFFFFFFFFFFF + (bits >> 45 & 1)) & ~(uint64_t)0x1FFFFFFFFFFF;
    double rounded;
    memcpy(&rounded, &bits, 8);
    float single = (float)rounded;
    uint32_t word;
    memcpy(&word, &single, 4);
    uint16_t half = (uint16_t)(word >> 16);
    memcpy((char *)wire + 2 * i, &half, 2);
  }
  return special == 0;
}

CLONES int pp_sums_from_bf16(const void *wire, double *to, size_t count) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, (const char *)wire + 2 * i, 2);
    uint32_t bits = (uint32_t)half << 16;
    float single;
    memcpy(&single, &bits, 4);
    double sum = single;
    wrong |= !(fabs(sum) < 0x1p20);
    /* From 2^19 on a bf16 has no bits below 1. */
    to[i] = fabs(sum) < 0x1p19 ? (sum + MAGIC) - MAGIC : sum;
  }
  return wrong == 0;
}

CLONES int pp_sums_hold(const double *sums, size_t count) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < count; i++) {
    wrong |= !(fabs(sums[i]) < 0x1p19);
    wrong |= (sums[i] + MAGIC) - MAGIC != sums[i];
  }
  return wrong == 0;
}
