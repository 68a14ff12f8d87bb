/* The arithmetic of the model: one definition, several instruction sets, the same bits from each.
 *
 * THE CANONICAL ORDER. Every dot product of length n is taken in 16 lanes: lane l holds the terms k with
 * k mod 16 = l in rising k, each added by one fused multiply-add starting from +0; then the lanes are added in a tree
 * (l + l+8, then l + l+4, l + l+2, l + l+1). A missing tail counts as zeros. Sums of squares (norms) and sums of
 * exponentials (softmax) use the same lanes and tree. So a result depends neither on the instruction set (AVX-512,
 * AVX2+FMA, NEON, and the scalar reference agree to the last bit) nor on how many tokens, threads or rows are worked
 * on at once. The reference implementation (ek_reference) is the definition; the others are compared with it for
 * EQUALITY. The BASELINE path (processors without fused multiply-add) multiplies and adds in two roundings: its results
 * differ in the last bits, and ek_arithmetic() says so, because nodes that are to agree must compare that name.
 *
 * All matrices are row-major. Pointers to floats need no alignment; products of many tokens are up to a third faster
 * when rows of x begin at multiples of 64 bytes. No function allocates, locks or fails; sizes of zero do nothing. Weight
 * elements are bf16, f16 or f32; arithmetic is f32 throughout. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { EK_BF16 = 0, EK_F16 = 1, EK_F32 = 2 } ek_dtype;
typedef enum { EK_REFERENCE = 0, EK_BASELINE = 1, EK_AVX2 = 2, EK_AVX512 = 3, EK_NEON = 4 } ek_isa;

/* One set of kernels. */
typedef struct ek_kernels {
  ek_isa isa;
  /* y[t*ldy + r] = sum_k w[r*cols + k] * x[t*ldx + k] for r < rows, t < tokens. w has `cols` elements a row, contiguous.
   * One token is a GEMV that streams w once; many tokens are a GEMM that converts each weight once per register tile.
   * `scratch` is at least ek_matmul_scratch(cols) floats, private to the calling thread. */
  void (*matmul)(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows, size_t cols,
                 size_t tokens, float *scratch);
  /* out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i]; out may be x. */
  void (*rmsnorm)(const float *x, ek_dtype dtype, const void *weight, float epsilon, float *out, size_t n);
  /* x[i] = exp(x[i]) within 2 units in the last place, subnormal results included; in place. What silu_mul and softmax
   * are made of. */
  void (*exponential)(float *x, size_t n);
  /* out[i] = silu(gate[i]) * up[i], silu(g) = g / (1 + exp(-g)); out may be gate or up. */
  void (*silu_mul)(const float *gate, const float *up, float *out, size_t n);
  /* x[i] = exp(x[i] - max x) / sum; in place. */
  void (*softmax)(float *x, size_t n);
  /* out[d] = sum_j p[j] * v[j*ldv + d] for d < width: one fused multiply-add a term, rising j, from +0. */
  void (*weighted_sum)(const float *p, const float *v, size_t ldv, float *out, size_t count, size_t width);
  /* Rotary embedding, halves layout: (a, b) = (x[i], x[i + n/2]) -> (a*cos[i] - b*sin[i], b*cos[i] + a*sin[i]),
   * i < n/2, as fma(a, cos, -(b*sin)) and fma(b, cos, a*sin); in place. */
  void (*rope)(float *x, const float *cosine, const float *sine, size_t n);
  /* y[i] += x[i] */
  void (*add)(float *y, const float *x, size_t n);
  /* sum[i] += (double)weight * (double)f[i], each term first rounded to a multiple of 2^-32, which makes the additions
   * exact, and so independent of their order, while |sum| < 2^20 (docs/adr/0002). */
  void (*accumulate)(double *sum, float weight, const float *f, size_t n);
  /* y[i] += (float)sum[i] */
  void (*settle)(float *y, const double *sum, size_t n);
  /* sum[i] += other[i] */
  void (*merge)(double *sum, const double *other, size_t n);
  void (*to_f32)(ek_dtype dtype, const void *from, float *to, size_t n);
  /* Round to nearest even; NaN stays NaN. */
  void (*to_bf16)(const float *from, uint16_t *to, size_t n);
} ek_kernels;

/* The best set that this processor runs; chosen once. The environment is never read. */
const ek_kernels *ek_best(void);
/* The set for an instruction set, or NULL when this processor or build lacks it. EK_REFERENCE is always there. */
const ek_kernels *ek_for(ek_isa isa);
/* "fma16" for every path but BASELINE, "muladd16" for that. */
const char *ek_arithmetic(const ek_kernels *kernels);
/* "reference", "baseline", "avx2", "avx512", "neon". */
const char *ek_isa_name(ek_isa isa);
size_t ek_matmul_scratch(size_t cols);

/* A team of threads that work on one thing at a time: the caller and `threads - 1` helpers, which spin briefly
 * for work and then sleep on a futex. ek_team_run calls fn(context, index, threads) once for every index below threads,
 * index 0 on the caller, and returns when all have returned. An index whose helper has not begun when the caller is done
 * is worked by the caller: fn must not wait for another index. Only one thread may call ek_team_run at a time. No
 * allocation. */
typedef struct ek_team ek_team;
typedef void (*ek_work)(void *context, size_t index, size_t threads);
/* NULL when threads cannot be made. threads >= 1. */
ek_team *ek_team_make(size_t threads);
void ek_team_run(ek_team *team, ek_work fn, void *context);
size_t ek_team_threads(const ek_team *team);
void ek_team_destroy(ek_team *team);
/* Claims the next index of a shared counter: how members divide work. The counter starts at 0 and is reset by the
 * caller between runs. */
static inline size_t ek_claim(size_t *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }
