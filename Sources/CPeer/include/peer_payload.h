/* Hidden states and sums between memory and wire: loops that the compiler makes vectors of, for several instruction sets
 * (chosen when the program starts). `wire` needs no alignment. Rounding is to nearest, ties to even. The definitions in
 * slow and obvious form are Bfloat16 and SumGrid in SiftCluster; tests compare them for equality. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* NaN stays NaN. */
void pp_bf16_from_f32(const float *from, void *wire, size_t count);
void pp_f32_from_bf16(const void *wire, float *to, size_t count);
/* Returns 0 when a value is NaN or not zero but below the least normal f32: those are not rounded right. */
int pp_bf16_from_f64(const double *from, void *wire, size_t count);
/* Rounded to multiples of 2^-32. Returns 0 when one is not finite or not below 2^20. */
int pp_sums_from_bf16(const void *wire, double *to, size_t count);
/* Returns 0 when one is not finite, not below 2^19, or not a multiple of 2^-32. */
int pp_sums_hold(const double *sums, size_t count);
