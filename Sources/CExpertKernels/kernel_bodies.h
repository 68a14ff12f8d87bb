/* The kernels over a vocabulary of vectors, included once by each set.
 *
 * The set defines EK_TARGET (the function attribute), `vec` (W floats, one or more registers), PARTS = 16 / W vectors for
 * the 16 lanes, and
 *   set1 load store load_some store_some plus minus times over fused larger smaller   (larger(a, b) is a > b ? a : b)
 *   widen(dtype, from), widen_some(dtype, from, count)   elements as floats; beyond `count` zeros
 *   times_power(p, shifted)   p * 2^n, n in the last bits of shifted - EK_EXP_MAGIC, in two halves
 *   reduce4(sums, out)        four sums of PARTS vectors each, every one added in the tree order
 * and the shape of its register tiles: GEMV_ROWS x GEMV_PARTS for one token, TILE_ROWS x up to TILE_TOKENS for more. */

#define EK_INLINE static inline __attribute__((always_inline)) EK_TARGET
#define EK_KERNEL static EK_TARGET
#define EK_UNROLL _Pragma("clang loop unroll(full)")
#define TILE_ROWS 4
/* Floats of x that stay near while a block of rows passes (512 KiB: a part of the second-level cache). */
#define TOKEN_BLOCK_FLOATS 131072

/* Floats of part `part` in a last group of `tail` < 16 terms. */
EK_INLINE size_t tail_of_part(size_t tail, size_t part) {
  const size_t before = part * W;
  return tail <= before ? 0 : tail - before < W ? tail - before : W;
}

/* The tree over one sum; rare, so written plainly. */
EK_INLINE float reduce(const vec *parts) {
  float lane[EK_LANES];
  EK_UNROLL for (size_t p = 0; p < PARTS; p++) store(lane + p * W, parts[p]);
  EK_UNROLL for (size_t half = EK_LANES / 2; half > 0; half /= 2) {
    EK_UNROLL for (size_t l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
  }
  return lane[0];
}

/* ---- products ---- */

/* Adds the terms k ... of `parts` parts from `part` on to sums[(t * rows + r) * PARTS + part]. All counts are constants
 * where this is inlined, so that the sums live in registers. `count` is 16, or fewer in the last step. */
EK_INLINE void tile_step(ek_dtype dtype, const char *const *w, const float *x, size_t ldx, size_t k, size_t tail, vec *sums,
                         size_t rows, size_t tokens, size_t part, size_t parts) {
  EK_UNROLL for (size_t p = part; p < part + parts; p++) {
    const size_t at = k + p * W, count = tail ? tail_of_part(tail, p) : W;
    vec xs[TILE_TOKENS];
    EK_UNROLL for (size_t t = 0; t < tokens; t++) {
      const float *from = x + t * ldx + at;
      xs[t] = tail ? load_some(from, count) : load(from);
    }
    EK_UNROLL for (size_t r = 0; r < rows; r++) {
      const void *from = ek_at(dtype, w[r], at);
      const vec weight = tail ? widen_some(dtype, from, count) : widen(dtype, from);
      EK_UNROLL for (size_t t = 0; t < tokens; t++) {
        vec *sum = &sums[(t * rows + r) * PARTS + p];
        *sum = fused(weight, xs[t], *sum);
      }
    }
  }
}

/* `rows` rows of w (a constant, a multiple of 4; the last ones may repeat) times `tokens` rows of x; `valid` rows go to y.
 * `parts` parts at a time are summed in one pass over the columns. */
EK_INLINE void tile(ek_dtype dtype, const void *w, size_t stride, const float *x, size_t ldx, float *y, size_t ldy,
                    size_t cols, size_t rows, size_t valid, size_t tokens, size_t parts) {
  const char *row[GEMV_ROWS > TILE_ROWS ? GEMV_ROWS : TILE_ROWS];
  EK_UNROLL for (size_t r = 0; r < rows; r++) row[r] = ek_at(dtype, w, (r < valid ? r : valid - 1) * stride);
  vec sums[(GEMV_ROWS > TILE_ROWS * TILE_TOKENS ? GEMV_ROWS : TILE_ROWS * TILE_TOKENS) * PARTS];
  const size_t whole = cols / EK_LANES * EK_LANES, tail = cols - whole;
  EK_UNROLL for (size_t part = 0; part < PARTS; part += parts) {
    EK_UNROLL for (size_t i = 0; i < rows * tokens; i++) {
      EK_UNROLL for (size_t p = part; p < part + parts; p++) sums[i * PARTS + p] = set1(0);
    }
    for (size_t k = 0; k < whole; k += EK_LANES) tile_step(dtype, row, x, ldx, k, 0, sums, rows, tokens, part, parts);
    if (tail) tile_step(dtype, row, x, ldx, whole, tail, sums, rows, tokens, part, parts);
  }
  EK_UNROLL for (size_t t = 0; t < tokens; t++) {
    EK_UNROLL for (size_t r = 0; r < rows; r += 4) {
      const vec *four = &sums[(t * rows + r) * PARTS];
      float *out = y + t * ldy + r, some[4];
      if (r + 4 <= valid) {
        reduce4(four, out);
      } else {
        reduce4(four, some);
        for (size_t i = 0; r + i < valid; i++) out[i] = some[i];
      }
    }
  }
}

/* One token: w passes once, GEMV_ROWS rows in flight. */
EK_INLINE void gemv(ek_dtype dtype, const void *w, const float *x, float *y, size_t rows, size_t cols) {
  size_t r = 0;
  for (; r + GEMV_ROWS <= rows; r += GEMV_ROWS) {
    tile(dtype, ek_at(dtype, w, r * cols), cols, x, 0, y + r, 0, cols, GEMV_ROWS, GEMV_ROWS, 1, GEMV_PARTS);
  }
  for (; r < rows; r += TILE_ROWS) {
    const size_t valid = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    tile(dtype, ek_at(dtype, w, r * cols), cols, x, 0, y + r, 0, cols, TILE_ROWS, valid, 1, GEMV_PARTS);
  }
}

/* Up to TILE_ROWS rows times up to TILE_TOKENS tokens. */
EK_INLINE void small_product(ek_dtype dtype, const void *w, size_t stride, const float *x, size_t ldx, float *y, size_t ldy,
                             size_t cols, size_t valid, size_t tokens) {
#define EK_TILE(count) tile(dtype, w, stride, x, ldx, y, ldy, cols, TILE_ROWS, valid, count, 1)
  switch (tokens) {
    case 1: EK_TILE(1); break;
    case 2: EK_TILE(2); break;
#if TILE_TOKENS > 2
    case 3: EK_TILE(3); break;
#endif
#if TILE_TOKENS > 3
    case 4: EK_TILE(4); break;
    case 5: EK_TILE(5); break;
    case 6: EK_TILE(6); break;
#endif
    default: break;
  }
#undef EK_TILE
}

/* `rows` rows, all near, times `tokens` tokens in groups of about equal size, each of which stays near for all rows. */
EK_INLINE void row_block(ek_dtype dtype, const void *w, size_t stride, const float *x, size_t ldx, float *y, size_t ldy,
                         size_t rows, size_t cols, size_t tokens) {
  size_t groups = (tokens + TILE_TOKENS - 1) / TILE_TOKENS;
  for (size_t t = 0; t < tokens; groups--) {
    const size_t group = (tokens - t + groups - 1) / groups;
    for (size_t r = 0; r < rows; r += TILE_ROWS) {
      const size_t valid = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
      small_product(dtype, ek_at(dtype, w, r * stride), stride, x + t * ldx, ldx, y + t * ldy + r, ldy, cols, valid, group);
    }
    t += group;
  }
}

/* Few tokens: w passes once, four rows at a time, converted in registers. */
EK_INLINE void few_tokens(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                          size_t cols, size_t tokens) {
  for (size_t r = 0; r < rows; r += TILE_ROWS) {
    const size_t block = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
    row_block(dtype, ek_at(dtype, w, r * cols), cols, x, ldx, y + r, ldy, block, cols, tokens);
  }
}

EK_INLINE void widen_row(ek_dtype dtype, const void *from, float *to, size_t n) {
  size_t i = 0;
  for (; i + W <= n; i += W) store(to + i, widen(dtype, ek_at(dtype, from, i)));
  if (i < n) store_some(to + i, widen_some(dtype, ek_at(dtype, from, i), n - i), n - i);
}

EK_KERNEL void to_f32(ek_dtype dtype, const void *from, float *to, size_t n) {
  switch (dtype) {
    case EK_BF16: widen_row(EK_BF16, from, to, n); break;
    case EK_F16: widen_row(EK_F16, from, to, n); break;
    case EK_F32: widen_row(EK_F32, from, to, n); break;
  }
}

/* Many tokens: x in blocks that stay near, w in blocks of rows that are converted once for each block of x. */
EK_KERNEL void many_tokens(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                           size_t cols, size_t tokens, float *scratch) {
  const size_t width = ek_padded(cols), fit = TOKEN_BLOCK_FLOATS / (width + 1), whole = fit < TILE_TOKENS ? TILE_TOKENS : fit;
  for (size_t t = 0; t < tokens; t += whole) {
    const size_t count = tokens - t < whole ? tokens - t : whole;
    for (size_t r = 0; r < rows; r += EK_BLOCK_ROWS) {
      const size_t block = rows - r < EK_BLOCK_ROWS ? rows - r : EK_BLOCK_ROWS;
      const void *from = ek_at(dtype, w, r * cols);
      const float *near = from;
      if (dtype != EK_F32) {
        for (size_t i = 0; i < block; i++) to_f32(dtype, ek_at(dtype, from, i * cols), scratch + i * width, cols);
        near = scratch;
      }
      row_block(EK_F32, near, dtype == EK_F32 ? cols : width, x + t * ldx, ldx, y + t * ldy + r, ldy, block, cols, count);
    }
  }
}

EK_INLINE void matmul_of(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                         size_t cols, size_t tokens, float *scratch) {
  if (tokens == 1) {
    gemv(dtype, w, x, y, rows, cols);
  } else if (tokens <= 2 * TILE_TOKENS) {
    few_tokens(dtype, w, x, ldx, y, ldy, rows, cols, tokens);
  } else {
    many_tokens(dtype, w, x, ldx, y, ldy, rows, cols, tokens, scratch);
  }
}

EK_KERNEL void matmul(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                      size_t cols, size_t tokens, float *scratch) {
  switch (dtype) {
    case EK_BF16: matmul_of(EK_BF16, w, x, ldx, y, ldy, rows, cols, tokens, scratch); break;
    case EK_F16: matmul_of(EK_F16, w, x, ldx, y, ldy, rows, cols, tokens, scratch); break;
    case EK_F32: matmul_of(EK_F32, w, x, ldx, y, ldy, rows, cols, tokens, scratch); break;
  }
}

/* out[d ..< d + count * W] of a weighted sum. */
EK_INLINE void weighted_columns(const float *p, const float *v, size_t ldv, float *out, size_t terms, size_t count) {
  vec sums[8];
  EK_UNROLL for (size_t i = 0; i < count; i++) sums[i] = set1(0);
  for (size_t j = 0; j < terms; j++) {
    const vec weight = set1(p[j]);
    EK_UNROLL for (size_t i = 0; i < count; i++) sums[i] = fused(weight, load(v + j * ldv + i * W), sums[i]);
  }
  EK_UNROLL for (size_t i = 0; i < count; i++) store(out + i * W, sums[i]);
}

EK_KERNEL void weighted_sum(const float *p, const float *v, size_t ldv, float *out, size_t count, size_t width) {
  size_t d = 0;
  for (; d + 8 * W <= width; d += 8 * W) weighted_columns(p, v + d, ldv, out + d, count, 8);
  for (; d + 4 * W <= width; d += 4 * W) weighted_columns(p, v + d, ldv, out + d, count, 4);
  for (; d + W <= width; d += W) weighted_columns(p, v + d, ldv, out + d, count, 1);
  if (d == width) return;
  vec sum = set1(0);
  for (size_t j = 0; j < count; j++) sum = fused(set1(p[j]), load_some(v + j * ldv + d, width - d), sum);
  store_some(out + d, sum, width - d);
}

/* ---- exp, softmax, SiLU ---- */

EK_INLINE vec exp_of(vec x) {
  x = smaller(set1(EK_EXP_HIGH), x); /* a NaN is the second operand and stays */
  x = larger(set1(EK_EXP_LOW), x);
  const vec shifted = fused(x, set1(EK_EXP_LOG2E), set1(EK_EXP_MAGIC));
  const vec n = minus(shifted, set1(EK_EXP_MAGIC));
  vec r = fused(n, set1(-EK_EXP_LN2_HIGH), x);
  r = fused(n, set1(-EK_EXP_LN2_LOW), r);
  vec p = set1(EK_EXP_C7);
  p = fused(p, r, set1(EK_EXP_C6));
  p = fused(p, r, set1(EK_EXP_C5));
  p = fused(p, r, set1(EK_EXP_C4));
  p = fused(p, r, set1(EK_EXP_C3));
  p = fused(p, r, set1(EK_EXP_C2));
  p = fused(p, r, set1(1));
  p = fused(p, r, set1(1));
  return times_power(p, shifted);
}

EK_KERNEL void exponential(float *x, size_t n) {
  size_t i = 0;
  for (; i + W <= n; i += W) store(x + i, exp_of(load(x + i)));
  if (i < n) store_some(x + i, exp_of(load_some(x + i, n - i)), n - i);
}

EK_INLINE float greatest_of(const float *x, size_t n) {
  vec most = set1(-__builtin_inff());
  size_t i = 0;
  for (; i + W <= n; i += W) most = larger(load(x + i), most);
  float lane[W], greatest = -__builtin_inff();
  store(lane, most);
  for (size_t l = 0; l < W; l++) greatest = lane[l] > greatest ? lane[l] : greatest;
  for (; i < n; i++) greatest = x[i] > greatest ? x[i] : greatest;
  return greatest;
}

EK_KERNEL void softmax(float *x, size_t n) {
  const vec greatest = set1(greatest_of(x, n));
  vec sums[PARTS];
  EK_UNROLL for (size_t p = 0; p < PARTS; p++) sums[p] = set1(0);
  const size_t whole = n / EK_LANES * EK_LANES;
  for (size_t i = 0; i < whole; i += EK_LANES) {
    EK_UNROLL for (size_t p = 0; p < PARTS; p++) {
      const vec e = exp_of(minus(load(x + i + p * W), greatest));
      store(x + i + p * W, e);
      sums[p] = plus(sums[p], e);
    }
  }
  for (size_t p = 0; p < PARTS && whole < n; p++) {
    const size_t count = tail_of_part(n - whole, p);
    float *at = x + whole + p * W;
    store_some(at, exp_of(minus(load_some(at, count), greatest)), count);
    sums[p] = plus(sums[p], load_some(at, count)); /* read again: zeros beyond the end */
  }
  const vec total = set1(reduce(sums));
  size_t i = 0;
  for (; i + W <= n; i += W) store(x + i, over(load(x + i), total));
  if (i < n) store_some(x + i, over(load_some(x + i, n - i), total), n - i);
}

EK_INLINE vec silu_product(vec gate, vec up) {
  const vec e = exp_of(minus(set1(-0.0f), gate)); /* -0 - g is -g for every g */
  return times(over(gate, plus(set1(1), e)), up);
}

EK_KERNEL void silu_mul(const float *gate, const float *up, float *out, size_t n) {
  size_t i = 0;
  for (; i + W <= n; i += W) store(out + i, silu_product(load(gate + i), load(up + i)));
  if (i < n) store_some(out + i, silu_product(load_some(gate + i, n - i), load_some(up + i, n - i)), n - i);
}

/* ---- norms, rotation ---- */

EK_INLINE float sum_of_squares(const float *x, size_t n) {
  vec sums[PARTS];
  EK_UNROLL for (size_t p = 0; p < PARTS; p++) sums[p] = set1(0);
  const size_t whole = n / EK_LANES * EK_LANES;
  for (size_t i = 0; i < whole; i += EK_LANES) {
    EK_UNROLL for (size_t p = 0; p < PARTS; p++) {
      const vec value = load(x + i + p * W);
      sums[p] = fused(value, value, sums[p]);
    }
  }
  for (size_t p = 0; p < PARTS && whole < n; p++) {
    const vec value = load_some(x + whole + p * W, tail_of_part(n - whole, p));
    sums[p] = fused(value, value, sums[p]);
  }
  return reduce(sums);
}

EK_INLINE void scale_by(const float *x, float factor, ek_dtype dtype, const void *weight, float *out, size_t n) {
  const vec scale = set1(factor);
  size_t i = 0;
  for (; i + W <= n; i += W) store(out + i, times(times(load(x + i), scale), widen(dtype, ek_at(dtype, weight, i))));
  if (i == n) return;
  const vec last = times(load_some(x + i, n - i), scale);
  store_some(out + i, times(last, widen_some(dtype, ek_at(dtype, weight, i), n - i)), n - i);
}

EK_KERNEL void rmsnorm(const float *x, ek_dtype dtype, const void *weight, float epsilon, float *out, size_t n) {
  const float scale = 1.0f / __builtin_sqrtf(sum_of_squares(x, n) / (float)n + epsilon);
  switch (dtype) {
    case EK_BF16: scale_by(x, scale, EK_BF16, weight, out, n); break;
    case EK_F16: scale_by(x, scale, EK_F16, weight, out, n); break;
    case EK_F32: scale_by(x, scale, EK_F32, weight, out, n); break;
  }
}

EK_KERNEL void rope(float *x, const float *cosine, const float *sine, size_t n) {
  const size_t half = n / 2;
  const vec zero = set1(-0.0f);
  for (size_t i = 0; i < half; i += W) {
    const size_t count = half - i < W ? half - i : W;
    const vec a = load_some(x + i, count), b = load_some(x + half + i, count);
    const vec c = load_some(cosine + i, count), s = load_some(sine + i, count);
    store_some(x + i, fused(a, c, minus(zero, times(b, s))), count);
    store_some(x + half + i, fused(b, c, times(a, s)), count);
  }
}

/* ---- element by element: the compiler's own vectors ---- */

EK_KERNEL void add_to(float *restrict y, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

EK_KERNEL void accumulate(double *restrict sum, float weight, const float *restrict f, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double term = (double)weight * (double)f[i];
    sum[i] += (term + EK_GRID) - EK_GRID;
  }
}

EK_KERNEL void settle(float *restrict y, const double *restrict sum, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += (float)sum[i];
}

EK_KERNEL void merge(double *restrict sum, const double *restrict other, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += other[i];
}

EK_KERNEL void to_bf16(const float *restrict from, uint16_t *restrict to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = ek_round_bf16(from[i]);
}

#define EK_TABLE(set)                                                                                               \
  {.isa = (set), .matmul = matmul, .rmsnorm = rmsnorm, .exponential = exponential, .silu_mul = silu_mul,            \
   .softmax = softmax, .weighted_sum = weighted_sum, .rope = rope, .add = add_to, .accumulate = accumulate,         \
   .settle = settle, .merge = merge, .to_f32 = to_f32, .to_bf16 = to_bf16}
