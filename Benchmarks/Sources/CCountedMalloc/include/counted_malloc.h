/* malloc and its kin in front of the C library's, with a count: linked into a program they serve all of it. */
#pragma once
#include <stdint.h>

/* Allocations (malloc, calloc, realloc, aligned ones) of all threads since the program began. */
uint64_t counted_allocations(void);
