/* The kernels over a vocabulary of vectors, included once by each set.
 *
 * The set defines EK_TARGET (the function attribute), `vec` (W floats, one or more registers), PARTS = 16 / W vectors
 * for the 16 lanes, and set1 load store load_some store_some plus minus times over fused larger smaller   (larger(a, b)
 * is a > b ? a : b) widen(dtype, from), widen_some(dtype, from, count)   elements as floats; beyond `count` zeros
 *   times_power(p, shifted)   p * 2^n, n in the last bits of shifted - EK_EXP_MAGIC, in two halves
 *   reduce4(sums, out)        four sums of PARTS vectors each, every one added in the tree order
 * and the shape of its register tiles: TILE_ROWS rows times up to TILE_TOKENS tokens, one part at a time
 * (EACH_TILE(make, type, dtype) makes each); for one token GEMV_FLIGHT rows at a time, GEMV_PARTS parts. */

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

/* Where a product reads weights: `rows` rows from w on, `stride` elements apart. With every step of 16 columns of four
 * rows FETCH_BYTES from `ahead` on are asked for, and `ahead` moves by `pace` (0 keeps asking for what is there). */
typedef struct stream {
  const char *w;
  size_t stride, rows;
  const char *ahead;
  size_t pace;
} stream;

#define FETCH_BYTES 128 /* 16 columns of four rows of two-byte weights */

/* Asks for cache lines; an address beyond the weights does no harm. Into the second level: they come in the order of
 * addresses, which rouses the processor's own prefetching, and leave the first one alone. */
EK_INLINE void fetch(const char *from, size_t bytes) {
  EK_UNROLL for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
}

/* The same pointer, but the compiler cannot know that what it points to could stay in registers. */
EK_INLINE vec *unknown(vec *memory) {
  __asm__("" : "+r"(memory));
  return memory;
}

/* Adds the terms of columns k ..< k + 16, `parts` parts from `part` on, to sums[(t * TILE_ROWS + r) * PARTS + part],
 * for `flight` rows from `first` on. All counts are constants where this is inlined, so that the sums live in
 * registers. */
EK_INLINE void tile_step(ek_dtype dtype, const char *const *w, const float *x, size_t ldx, size_t k, vec *sums,
                         size_t tokens, size_t first_row, size_t flight, size_t part, size_t parts) {
  EK_UNROLL for (size_t p = part; p < part + parts; p++) {
    vec xs[TILE_TOKENS];
    EK_UNROLL for (size_t t = 0; t < tokens; t++) xs[t] = load(x + t * ldx + k + p * W);
    EK_UNROLL for (size_t r = first_row; r < first_row + flight; r++) {
      const vec weight = widen(dtype, ek_at(dtype, w[r], k + p * W));
      EK_UNROLL for (size_t t = 0; t < tokens; t++) {
        vec *sum = &sums[(t * TILE_ROWS + r) * PARTS + p];
        *sum = fused(weight, xs[t], *sum);
      }
    }
  }
}

/* Adds the last columns, fewer than 16, to sums that lie in memory. Apart and plain: it is rare, and it must not take
 * registers from the loop. */
static __attribute__((noinline)) EK_TARGET void add_remainder(ek_dtype dtype, const char *const *row, const float *x,
                                                              size_t ldx, size_t cols, vec *sums, size_t tokens) {
  const size_t whole = cols / EK_LANES * EK_LANES;
  for (size_t i = 0; i < TILE_ROWS * tokens; i++) {
    const float *xs = x + i / TILE_ROWS * ldx;
    for (size_t p = 0; p < PARTS; p++) {
      const size_t at = whole + p * W, count = tail_of_part(cols - whole, p);
      const vec weight = widen_some(dtype, ek_at(dtype, row[i % TILE_ROWS], at), count);
      sums[i * PARTS + p] = fused(weight, load_some(xs + at, count), sums[i * PARTS + p]);
    }
  }
}

/* Four rows (of which the first from.rows exist) times `tokens` rows of x, the sums of `parts` parts and `flight` rows
 * in one pass over the columns. */
EK_INLINE void tile(ek_dtype dtype, stream from, const float *x, size_t ldx, float *y, size_t ldy, size_t cols,
                    size_t tokens, size_t parts, size_t flight) {
  const char *row[TILE_ROWS];
  EK_UNROLL for (size_t r = 0; r < TILE_ROWS; r++) {
    row[r] = ek_at(dtype, from.w, (r < from.rows ? r : from.rows - 1) * from.stride);
  }
  const size_t whole = cols / EK_LANES * EK_LANES, count = TILE_ROWS * tokens * PARTS;
  vec sums[TILE_ROWS * TILE_TOKENS * PARTS], space[TILE_ROWS * TILE_TOKENS * PARTS], *memory = unknown(space);
  EK_UNROLL for (size_t part = 0; part < PARTS; part += parts) {
    EK_UNROLL for (size_t i = 0; i < count; i++) sums[i] = set1(0);
    EK_UNROLL for (size_t r = 0; r < TILE_ROWS; r += flight) {
      for (size_t k = 0; k < whole; k += EK_LANES) {
        if (part == 0) {
          fetch(from.ahead, FETCH_BYTES * flight / TILE_ROWS);
          from.ahead += from.pace;
        }
        tile_step(dtype, row, x, ldx, k, sums, tokens, r, flight, part, parts);
      }
    }
    /* The sums of a finished part wait in memory and leave the registers to the next one. */
    EK_UNROLL for (size_t i = part; i < count && parts < PARTS; i += PARTS) {
      EK_UNROLL for (size_t p = 0; p < parts; p++) memory[i + p] = sums[i + p];
    }
  }
  EK_UNROLL for (size_t i = 0; i < count && parts < PARTS; i++) sums[i] = memory[i];
  if (whole < cols) {
    vec stored[TILE_ROWS * TILE_TOKENS * PARTS]; /* a copy, so that `sums` itself has no address */
    EK_UNROLL for (size_t i = 0; i < count; i++) stored[i] = sums[i];
    add_remainder(dtype, row, x, ldx, cols, stored, tokens);
    EK_UNROLL for (size_t i = 0; i < count; i++) sums[i] = stored[i];
  }
  EK_UNROLL for (size_t t = 0; t < tokens; t++) {
    const vec *four = &sums[t * TILE_ROWS * PARTS];
    float some[TILE_ROWS];
    if (from.rows >= TILE_ROWS) {
      reduce4(four, y + t * ldy);
    } else {
      reduce4(four, some);
      for (size_t r = 0; r < from.rows; r++) y[t * ldy + r] = some[r];
    }
  }
}

/* All rows of `from`, four at a time. */
EK_INLINE void tiles_of(ek_dtype dtype, stream from, const float *x, size_t ldx, float *y, size_t ldy, size_t cols,
                        size_t tokens, size_t parts, size_t flight) {
  const size_t steps = cols / EK_LANES * (TILE_ROWS / flight);
  for (;;) {
    tile(dtype, from, x, ldx, y, ldy, cols, tokens, parts, flight);
    if (from.rows <= TILE_ROWS) return;
    from.rows -= TILE_ROWS;
    from.w = ek_at(dtype, from.w, TILE_ROWS * from.stride);
    from.ahead += steps * from.pace;
    y += TILE_ROWS;
  }
}

/* One function a type and number of tokens: apart, so that each has the registers to itself. from.rows > 0. */
typedef void (*tile_function)(stream from, const float *x, size_t ldx, float *y, size_t ldy, size_t cols);
#define MAKE_TILE(type, dtype, tokens)                                                                            \
  static __attribute__((noinline)) EK_TARGET void tile_##type##_##tokens(stream from, const float *x, size_t ldx, \
                                                                         float *y, size_t ldy, size_t cols) {     \
    tiles_of(dtype, from, x, ldx, y, ldy, cols, tokens, 1, TILE_ROWS);                                            \
  }
#define NAME_TILE(type, dtype, tokens) tile_##type##_##tokens,
EACH_TILE(MAKE_TILE, bf16, EK_BF16)
EACH_TILE(MAKE_TILE, f16, EK_F16)
EACH_TILE(MAKE_TILE, f32, EK_F32)
/* [type][tokens - 1] */
static const tile_function tiles[3][TILE_TOKENS] = {
    [EK_BF16] = {EACH_TILE(NAME_TILE, bf16, EK_BF16)},
    [EK_F16] = {EACH_TILE(NAME_TILE, f16, EK_F16)},
    [EK_F32] = {EACH_TILE(NAME_TILE, f32, EK_F32)},
};

/* One token: w passes once, four rows a tile, GEMV_FLIGHT of them at a time: few enough for memory to be read almost in
 * the order of addresses. As far ahead are the rows in flight, or what memory needs to answer. */
EK_INLINE void gemv(ek_dtype dtype, const void *w, const float *x, float *y, size_t rows, size_t cols) {
  const size_t pace = GEMV_FLIGHT * EK_LANES * ek_size(dtype), block = GEMV_FLIGHT * cols * ek_size(dtype);
  const char *ahead = (const char *)w + (block > 3072 ? block : 3072);
  tiles_of(dtype, (stream){w, cols, rows, ahead, pace}, x, 0, y, 0, cols, 1, GEMV_PARTS, GEMV_FLIGHT);
}

#define MAKE_GEMV(type, dtype)                                                                                      \
  static __attribute__((noinline)) EK_TARGET void gemv_##type(const void *w, const float *x, float *y, size_t rows, \
                                                              size_t cols) {                                        \
    gemv(dtype, w, x, y, rows, cols);                                                                               \
  }
MAKE_GEMV(bf16, EK_BF16)
MAKE_GEMV(f16, EK_F16)
MAKE_GEMV(f32, EK_F32)

/* All rows of `from`, which are near, times all tokens in groups of about equal size, each of which stays near for all
 * rows. What lies ahead is fetched while the first group is worked on. */
EK_KERNEL void row_block(ek_dtype dtype, stream from, const float *x, size_t ldx, float *y, size_t ldy, size_t cols,
                         size_t tokens) {
  size_t groups = (tokens + TILE_TOKENS - 1) / TILE_TOKENS;
  for (size_t t = 0; t < tokens; groups--) {
    const size_t group = (tokens - t + groups - 1) / groups;
    tiles[dtype][group - 1](from, x + t * ldx, ldx, y + t * ldy, ldy, cols);
    t += group;
    from.pace = 0;
    from.ahead = (const char *)x;
  }
}

/* Few tokens: w passes once, four rows at a time, converted in registers. */
EK_KERNEL void few_tokens(ek_dtype dtype, const char *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                          size_t cols, size_t tokens) {
  const size_t bytes = TILE_ROWS * cols * ek_size(dtype);
  for (size_t r = 0; r < rows; r += TILE_ROWS, w += bytes) {
    const stream weights = {w, cols, rows - r < TILE_ROWS ? rows - r : TILE_ROWS, w + bytes, FETCH_BYTES};
    row_block(dtype, weights, x, ldx, y + r, ldy, cols, tokens);
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
EK_KERNEL void many_tokens(ek_dtype dtype, const char *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                           size_t cols, size_t tokens, float *scratch) {
  const size_t width = ek_padded(cols), fit = TOKEN_BLOCK_FLOATS / (width + 1);
  const size_t whole = fit < TILE_TOKENS ? TILE_TOKENS : fit;
  for (size_t t = 0; t < tokens; t += whole) {
    const size_t count = tokens - t < whole ? tokens - t : whole;
    for (size_t r = 0; r < rows; r += EK_BLOCK_ROWS) {
      const char *from = ek_at(dtype, w, r * cols), *next = ek_at(dtype, from, EK_BLOCK_ROWS * cols);
      stream weights = {from, cols, rows - r < EK_BLOCK_ROWS ? rows - r : EK_BLOCK_ROWS, next, FETCH_BYTES};
      if (dtype != EK_F32) {
        for (size_t i = 0; i < weights.rows; i++)
          to_f32(dtype, ek_at(dtype, from, i * cols), scratch + i * width, cols);
        weights.w = (const char *)scratch;
        weights.stride = width;
      }
      row_block(EK_F32, weights, x + t * ldx, ldx, y + t * ldy + r, ldy, cols, count);
    }
  }
}

EK_KERNEL void matmul(ek_dtype dtype, const void *w, const float *x, size_t ldx, float *y, size_t ldy, size_t rows,
                      size_t cols, size_t tokens, float *scratch) {
  if (rows == 0) return;
  if (tokens > 2 * TILE_TOKENS) {
    many_tokens(dtype, w, x, ldx, y, ldy, rows, cols, tokens, scratch);
  } else if (tokens > 1) {
    few_tokens(dtype, w, x, ldx, y, ldy, rows, cols, tokens);
  } else if (tokens == 1) {
    switch (dtype) {
      case EK_BF16: gemv_bf16(w, x, y, rows, cols); break;
      case EK_F16: gemv_f16(w, x, y, rows, cols); break;
      case EK_F32: gemv_f32(w, x, y, rows, cols); break;
    }
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

#define EK_TABLE(set)            \
  {.isa = (set),                 \
   .matmul = matmul,             \
   .rmsnorm = rmsnorm,           \
   .exponential = exponential,   \
   .silu_mul = silu_mul,         \
   .softmax = softmax,           \
   .weighted_sum = weighted_sum, \
   .rope = rope,                 \
   .add = add_to,                \
   .accumulate = accumulate,     \
   .settle = settle,             \
   .merge = merge,               \
   .to_f32 = to_f32,             \
   .to_bf16 = to_bf16}
