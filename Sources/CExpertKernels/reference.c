/* The definition of the arithmetic: scalar, slow and plain. Every other set is compared with this one bit by bit. */
#include "arithmetic.h"
#pragma STDC FP_CONTRACT OFF

/* The 16 partial sums of the canonical order. */
typedef struct lanes {
  float lane[EK_LANES];
} lanes;

static float tree(lanes sum) {
  for (size_t half = EK_LANES / 2; half > 0; half /= 2) {
    for (size_t l = 0; l < half; l++) sum.lane[l] = sum.lane[l] + sum.lane[l + half];
  }
  return sum.lane[0];
}

/* a[k] * b[k] added to lane k mod 16. */
static void add_product(lanes *sum, size_t k, float a, float b) {
  sum->lane[k % EK_LANES] = __builtin_fmaf(a, b, sum->lane[k % EK_LANES]);
}

static float dot(ek_dtype dtype, const void *w, const float *x, size_t n) {
  lanes sum = {{0}};
  for (size_t k = 0; k < n; k++) add_product(&sum, k, ek_element(dtype, w, k), x[k]);
  for (size_t k = n; k < ek_padded(n); k++) add_product(&sum, k, 0, 0);
  return tree(sum);
}

static void matmul(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                   size_t cols, size_t tokens, float *scratch) {
  (void)scratch;
  for (size_t t = 0; t < tokens; t++) {
    for (size_t r = 0; r < rows; r++) y[t * ldy + r] = dot(dtype, ek_at(dtype, w, r * cols), x + t * ldx, cols);
  }
}

static void rmsnorm(const float *x, ek_dtype dtype, const void *weight, float epsilon, float *out, size_t n) {
  const float mean = dot(EK_F32, x, x, n) / (float)n;
  const float scale = 1.0f / __builtin_sqrtf(mean + epsilon);
  for (size_t i = 0; i < n; i++) out[i] = x[i] * scale * ek_element(dtype, weight, i);
}

/* 2^n for -127 < n < 128. */
static float power_of_two(int32_t n) { return ek_float((uint32_t)(n + 127) << 23); }

static float exp_of(float x) {
  if (x != x) return x;
  if (x > EK_EXP_HIGH) x = EK_EXP_HIGH;
  if (x < EK_EXP_LOW) x = EK_EXP_LOW;
  const float shifted = __builtin_fmaf(x, EK_EXP_LOG2E, EK_EXP_MAGIC);
  const float n = shifted - EK_EXP_MAGIC;
  float r = __builtin_fmaf(n, -EK_EXP_LN2_HIGH, x);
  r = __builtin_fmaf(n, -EK_EXP_LN2_LOW, r);
  float p = EK_EXP_C7;
  p = __builtin_fmaf(p, r, EK_EXP_C6);
  p = __builtin_fmaf(p, r, EK_EXP_C5);
  p = __builtin_fmaf(p, r, EK_EXP_C4);
  p = __builtin_fmaf(p, r, EK_EXP_C3);
  p = __builtin_fmaf(p, r, EK_EXP_C2);
  p = __builtin_fmaf(p, r, 1.0f);
  p = __builtin_fmaf(p, r, 1.0f);
  const int32_t whole = (int32_t)(ek_bits(shifted) - ek_bits(EK_EXP_MAGIC)), half = whole >> 1;
  return p * power_of_two(half) * power_of_two(whole - half);
}

static void exponential(float *x, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = exp_of(x[i]);
}

static void silu_mul(const float *gate, const float *up, float *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = gate[i] / (1.0f + exp_of(-gate[i])) * up[i];
}

static void softmax(float *x, size_t n) {
  float greatest = -__builtin_inff();
  for (size_t i = 0; i < n; i++) greatest = x[i] > greatest ? x[i] : greatest;
  lanes sum = {{0}};
  for (size_t i = 0; i < n; i++) {
    x[i] = exp_of(x[i] - greatest);
    add_product(&sum, i, x[i], 1);
  }
  const float total = tree(sum);
  for (size_t i = 0; i < n; i++) x[i] = x[i] / total;
}

static void weighted_sum(const float *p, const float *v, size_t ldv, float *out, size_t count, size_t width) {
  for (size_t d = 0; d < width; d++) {
    float sum = 0;
    for (size_t j = 0; j < count; j++) sum = __builtin_fmaf(p[j], v[j * ldv + d], sum);
    out[d] = sum;
  }
}

static void rope(float *x, const float *cosine, const float *sine, size_t n) {
  for (size_t i = 0; i < n / 2; i++) {
    const float a = x[i], b = x[i + n / 2];
    x[i] = __builtin_fmaf(a, cosine[i], -(b * sine[i]));
    x[i + n / 2] = __builtin_fmaf(b, cosine[i], a * sine[i]);
  }
}

static void add(float *y, const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void accumulate(double *sum, float weight, const float *f, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double term = (double)weight * (double)f[i];
    sum[i] += (term + EK_GRID) - EK_GRID;
  }
}

static void settle(float *y, const double *sum, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += (float)sum[i];
}

static void merge(double *sum, const double *other, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += other[i];
}

static void to_f32(ek_dtype dtype, const void *from, float *to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = ek_element(dtype, from, i);
}

static void to_bf16(const float *from, uint16_t *to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = ek_round_bf16(from[i]);
}

const ek_kernels ek_reference_kernels = {
    .isa = EK_REFERENCE,
    .matmul = matmul,
    .rmsnorm = rmsnorm,
    .exponential = exponential,
    .silu_mul = silu_mul,
    .softmax = softmax,
    .weighted_sum = weighted_sum,
    .rope = rope,
    .add = add,
    .accumulate = accumulate,
    .settle = settle,
    .merge = merge,
    .to_f32 = to_f32,
    .to_bf16 = to_bf16,
};
