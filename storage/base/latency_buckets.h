/* The buckets of latency histograms: microseconds by power of two, with four
 * steps each; bucket 0 is 0 to 1. */
#ifndef STORAGE_BASE_LATENCY_BUCKETS_H
#define STORAGE_BASE_LATENCY_BUCKETS_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 128 };

/* The bucket of a duration, and the upper bound of a bucket. */
static inline int
latency_bucket(uint64_t microseconds)
{
	int power;

	if (microseconds < 4)
		return (int)microseconds;
	power = 63 - __builtin_clzll(microseconds);
	power = (power - 1) * 4 + (int)(microseconds >> (power - 2) & 3);
	return power < LATENCY_BUCKETS ? power : LATENCY_BUCKETS - 1;
}

static inline uint64_t
latency_bucket_end(int bucket)
{
	if (bucket < 4)
		return (uint64_t)bucket;
	return ((uint64_t)(4 + (bucket & 3) + 1) << (bucket / 4 - 1)) - 1;
}

#endif
