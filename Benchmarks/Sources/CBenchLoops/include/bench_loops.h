/* What a machine can do at best: reading memory, and multiplying and adding in registers. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Reads `bytes` (a multiple of 512) from `from` and returns something that depends on all of them. */
uint64_t bench_read(const void *from, size_t bytes);

typedef enum { BENCH_SSE = 0, BENCH_AVX2 = 1, BENCH_AVX512 = 2 } bench_peak;
/* Does rounds * 384 (SSE: multiplications and additions; else fused ones) floating-point operations a lane in twelve
 * independent chains, and returns how many operations that was in all: 0 when this processor or build lacks the set. */
double bench_multiply_add(bench_peak set, size_t rounds);
