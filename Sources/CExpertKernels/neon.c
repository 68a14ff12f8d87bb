/* NEON on AArch64: the 16 lanes are two pairs of registers. */
#include "arithmetic.h"
#pragma STDC FP_CONTRACT OFF
#if defined(__aarch64__)
#include <arm_neon.h>

#define EK_TARGET
#define VECTOR static inline __attribute__((always_inline))
#define W 8
#define PARTS 2
#define GEMV_FLIGHT 4
#define GEMV_PARTS 2
#define TILE_TOKENS 2
#define EACH_TILE(make, type, dtype) make(type, dtype, 1) make(type, dtype, 2)

typedef struct vec {
  float32x4_t a, b;
} vec;

VECTOR vec pair(float32x4_t a, float32x4_t b) { return (vec){a, b}; }
VECTOR vec set1(float value) { return pair(vdupq_n_f32(value), vdupq_n_f32(value)); }
VECTOR vec load(const float *from) { return pair(vld1q_f32(from), vld1q_f32(from + 4)); }

VECTOR void store(float *to, vec value) {
  vst1q_f32(to, value.a);
  vst1q_f32(to + 4, value.b);
}

VECTOR vec load_some(const float *from, size_t count) {
  float near[W] = {0};
  memcpy(near, from, count * sizeof near[0]);
  return load(near);
}

VECTOR void store_some(float *to, vec value, size_t count) {
  float near[W];
  store(near, value);
  memcpy(to, near, count * sizeof near[0]);
}

VECTOR vec plus(vec x, vec y) { return pair(vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)); }
VECTOR vec minus(vec x, vec y) { return pair(vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)); }
VECTOR vec times(vec x, vec y) { return pair(vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)); }
VECTOR vec over(vec x, vec y) { return pair(vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)); }
VECTOR vec fused(vec x, vec y, vec z) { return pair(vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)); }

VECTOR float32x4_t choose(uint32x4_t mask, float32x4_t yes, float32x4_t no) { return vbslq_f32(mask, yes, no); }
VECTOR vec larger(vec x, vec y) {
  return pair(choose(vcgtq_f32(x.a, y.a), x.a, y.a), choose(vcgtq_f32(x.b, y.b), x.b, y.b));
}
VECTOR vec smaller(vec x, vec y) {
  return pair(choose(vcltq_f32(x.a, y.a), x.a, y.a), choose(vcltq_f32(x.b, y.b), x.b, y.b));
}

VECTOR vec widen_halves(ek_dtype dtype, uint16x8_t halves) {
  const uint16x4_t low = vget_low_u16(halves), high = vget_high_u16(halves);
  if (dtype == EK_F16) return pair(vcvt_f32_f16(vreinterpret_f16_u16(low)), vcvt_f32_f16(vreinterpret_f16_u16(high)));
  return pair(vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(low), 16)),
              vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(high), 16)));
}

VECTOR vec widen(ek_dtype dtype, const void *from) {
  if (dtype == EK_F32) return load(from);
  return widen_halves(dtype, vld1q_u16(from));
}

VECTOR vec widen_some(ek_dtype dtype, const void *from, size_t count) {
  if (dtype == EK_F32) return load_some(from, count);
  uint16_t near[W] = {0};
  memcpy(near, from, count * sizeof near[0]);
  return widen(dtype, near);
}

VECTOR float32x4_t power(int32x4_t n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23)); }

VECTOR float32x4_t times_power_of(float32x4_t p, float32x4_t shifted) {
  const int32x4_t magic = vreinterpretq_s32_f32(vdupq_n_f32(EK_EXP_MAGIC));
  const int32x4_t n = vsubq_s32(vreinterpretq_s32_f32(shifted), magic), half = vshrq_n_s32(n, 1);
  return vmulq_f32(vmulq_f32(p, power(half)), power(vsubq_s32(n, half)));
}

VECTOR vec times_power(vec p, vec shifted) {
  return pair(times_power_of(p.a, shifted.a), times_power_of(p.b, shifted.b));
}

/* Two steps of the tree: four lanes of one sum. */
VECTOR float32x4_t quarter(const vec *sum) {
  const vec eight = plus(sum[0], sum[1]);
  return vaddq_f32(eight.a, eight.b);
}

/* l + l+2 for two sums: lanes 0, 1 of each. */
VECTOR float32x4_t eighth(float32x4_t a, float32x4_t b) {
  return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}

VECTOR void reduce4(const vec *sums, float *out) {
  const float32x4_t ab = eighth(quarter(sums), quarter(sums + PARTS));
  const float32x4_t cd = eighth(quarter(sums + 2 * PARTS), quarter(sums + 3 * PARTS));
  vst1q_f32(out, vpaddq_f32(ab, cd));
}

#include "kernel_bodies.h"

const ek_kernels ek_neon_kernels = EK_TABLE(EK_NEON);
#endif
