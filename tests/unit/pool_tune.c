/* When the autotuner adds a lane, takes it back, and leaves things alone. */
#include "storage/pool_tune.h"

#include <criterion/criterion.h>
#include <string.h>

static struct tune tune;
static char reason[TUNE_REASON_SIZE];

static void
start(void)
{
	memset(&tune, 0, sizeof(tune));
}

TestSuite(pool_tune, .init = start);

static struct tune_sample
hot_sample(int size)
{
	return (struct tune_sample){ .size = size,
		.least = 1,
		.most = 8,
		.ceiling = 8,
		.free_connections = 50,
		.reserve = 10,
		.cost = 1,
		.calls_per_second = 1000,
		.busy = 0.99,
		.pressure = 3,
		.wait_p95_us = 20000 };
}

static struct tune_sample
idle_sample(int size)
{
	struct tune_sample sample = hot_sample(size);

	sample.busy = 0.01;
	sample.pressure = 0;
	sample.calls_per_second = 10;
	sample.wait_p95_us = 50;
	return sample;
}

/* The size after so many seconds alike, and its first reason in `reason`. */
static int
run(struct tune_sample sample, int seconds)
{
	char first[TUNE_REASON_SIZE] = "";
	int size = sample.size;

	for (int i = 0; i < seconds && size == sample.size; i++) {
		size = tune_decide(&tune, &sample, reason);
		if (first[0] == '\0')
			strcpy(first, reason);
	}
	strcpy(reason, first);
	return size;
}

Test(pool_tune, one_hot_second_is_no_reason)
{
	cr_expect_eq(run(hot_sample(2), 2), 2);
	cr_expect_eq(run(idle_sample(2), 1), 2);
	cr_expect_eq(run(hot_sample(2), 2), 2);
}

Test(pool_tune, calls_that_wait_get_a_lane)
{
	cr_expect_eq(run(hot_sample(2), 3), 3);
	cr_expect(strstr(reason, "calls wait") != NULL, "%s", reason);
}

Test(pool_tune, a_busy_lane_without_waits_is_none)
{
	struct tune_sample sample = hot_sample(2);

	sample.pressure = 0.5;
	cr_expect_eq(run(sample, 100), 2);
}

Test(pool_tune, a_lane_that_helps_stays)
{
	struct tune_sample better = hot_sample(3);

	cr_assert_eq(run(hot_sample(2), 3), 3);
	better.calls_per_second = 1400;
	better.pressure = 0.5;
	cr_expect_eq(run(better, 30), 3);
}

Test(pool_tune, a_lane_that_does_not_help_is_taken_back)
{
	cr_assert_eq(run(hot_sample(2), 3), 3);
	cr_expect_eq(run(hot_sample(3), 5), 2);
	cr_expect(strstr(reason, "no gain") != NULL, "%s", reason);
	/* And it is not tried again at once; the second time it takes
	 * longer. */
	cr_expect_eq(run(hot_sample(2), 55), 2);
	cr_expect_eq(run(hot_sample(2), 20), 3);
	cr_expect_eq(run(hot_sample(3), 5), 2);
	cr_expect_eq(run(hot_sample(2), 110), 2);
	cr_expect_eq(run(hot_sample(2), 20), 3);
}

Test(pool_tune, limits_are_named_once)
{
	struct tune_sample sample = hot_sample(8);

	cr_expect_eq(run(sample, 10), 8);
	cr_expect(strstr(reason, "POOL RESIZE") != NULL, "%s", reason);
	cr_expect_eq(run(sample, 10), 8);
	cr_expect_str_eq(reason, "");
	start();
	sample = hot_sample(4);
	sample.ceiling = 4;
	cr_expect_eq(run(sample, 10), 4);
	cr_expect(strstr(reason, "cores") != NULL, "%s", reason);
	start();
	sample = hot_sample(4);
	sample.free_connections = 10;
	cr_expect_eq(run(sample, 10), 4);
	cr_expect(strstr(reason, "max_connections") != NULL, "%s", reason);
	start();
	sample.free_connections = -1;
	cr_expect_eq(run(sample, 10), 4);
	cr_expect(strstr(reason, "unknown") != NULL, "%s", reason);
}

Test(pool_tune, idle_lanes_go_one_a_minute)
{
	cr_expect_eq(run(idle_sample(4), 59), 4);
	cr_expect_eq(run(idle_sample(4), 1), 3);
	cr_expect_eq(run(idle_sample(3), 60), 2);
	cr_expect_eq(run(idle_sample(2), 60), 1);
	cr_expect_eq(run(idle_sample(1), 600), 1);
}

Test(pool_tune, the_minimum_is_kept)
{
	struct tune_sample sample = idle_sample(3);

	sample.least = 3;
	cr_expect_eq(run(sample, 600), 3);
}

Test(pool_tune, connections_are_given_back_when_they_run_short)
{
	struct tune_sample sample = hot_sample(4);

	sample.free_connections = 3;
	cr_expect_eq(run(sample, 1), 3);
	cr_expect(strstr(reason, "short") != NULL, "%s", reason);
}

Test(pool_tune, somebody_else_may_change_the_size)
{
	cr_assert_eq(run(hot_sample(2), 3), 3);
	cr_expect_eq(run(idle_sample(6), 10), 6);
}
