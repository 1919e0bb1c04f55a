/* The rules of the autotuner; see pool_tune.h. */
#include "storage/pool_tune.h"

#include <stdio.h>

enum {
	HOT_SECONDS = 3, /* before a lane is added */
	COLD_SECONDS = 60, /* before one is taken away */
	TRIAL_SECONDS = 5,
	REST_FIRST = 60,
	REST_LAST = 960,
	WAIT_HOT_US = 1000,
};

static const double busy_hot = 0.85, busy_cold = 0.25, pressure_hot = 1.0;
/* What makes a trial pay. */
static const double more_calls = 1.05, less_wait = 0.8;

static bool
is_hot(const struct tune_sample *sample)
{
	return sample->busy >= busy_hot && sample->pressure >= pressure_hot &&
		sample->wait_p95_us >= WAIT_HOT_US;
}

/* One lane less would still be mostly idle. */
static bool
is_cold(const struct tune_sample *sample)
{
	return sample->size > 1 &&
		sample->busy * sample->size / (sample->size - 1) < busy_cold;
}

static bool
is_short_of_connections(const struct tune_sample *sample)
{
	return sample->free_connections >= 0 &&
		sample->free_connections < sample->reserve / 2;
}

static void
forget_trial(struct tune *tune)
{
	tune->trial_from = tune->trial_seconds = 0;
	tune->hot = tune->cold = 0;
}

/* Ends the trial when it is time; the size that it leaves. */
static int
judge_trial(struct tune *tune, const struct tune_sample *sample, char *reason)
{
	int from = tune->trial_from;

	if (++tune->trial_seconds < TRIAL_SECONDS)
		return sample->size;
	forget_trial(tune);
	if (sample->calls_per_second >= tune->trial_calls * more_calls ||
		(double)sample->wait_p95_us <=
			(double)tune->trial_wait_us * less_wait) {
		tune->next_rest = REST_FIRST;
		return sample->size;
	}
	if (tune->next_rest == 0)
		tune->next_rest = REST_FIRST;
	tune->rest = tune->next_rest;
	if (tune->next_rest < REST_LAST)
		tune->next_rest *= 2;
	snprintf(reason, TUNE_REASON_SIZE,
		"no gain: %.0f calls/s before and %.0f after, wait p95 %.1f ms "
		"before and %.1f ms after; no further trial for %d s",
		tune->trial_calls, sample->calls_per_second,
		(double)tune->trial_wait_us / 1e3,
		(double)sample->wait_p95_us / 1e3, tune->rest);
	return from < sample->least ? sample->least : from;
}

/* What keeps the class from growing, or NULL. */
static const char *
find_limit(const struct tune_sample *sample)
{
	if (sample->size >= sample->most)
		return "the maximum set with POOL RESIZE";
	if (sample->size >= sample->ceiling)
		return "this machine's cores and memory";
	if (sample->free_connections < 0)
		return "an unknown number of free connections";
	if (sample->free_connections - sample->cost < sample->reserve)
		return "max_connections";
	return NULL;
}

static int
grow(struct tune *tune, const struct tune_sample *sample, char *reason)
{
	const char *limit = find_limit(sample);

	tune->hot = 0;
	if (limit != NULL) {
		if (!tune->held)
			snprintf(reason, TUNE_REASON_SIZE,
				"held back by %s: wait p95 %.1f ms, pressure "
				"%.1f, busy %.0f %%",
				limit, (double)sample->wait_p95_us / 1e3,
				sample->pressure, sample->busy * 100);
		tune->held = true;
		return sample->size;
	}
	tune->held = false;
	tune->trial_from = sample->size;
	tune->trial_seconds = 0;
	tune->trial_calls = sample->calls_per_second;
	tune->trial_wait_us = sample->wait_p95_us;
	snprintf(reason, TUNE_REASON_SIZE,
		"calls wait: p95 %.1f ms, pressure %.1f, lanes busy %.0f %% "
		"for %d s; %d connections are free",
		(double)sample->wait_p95_us / 1e3, sample->pressure,
		sample->busy * 100, HOT_SECONDS, sample->free_connections);
	return sample->size + 1;
}

static int
shrink(struct tune *tune, const struct tune_sample *sample, char *reason,
	const char *why)
{
	forget_trial(tune);
	snprintf(reason, TUNE_REASON_SIZE,
		"%s: lanes busy %.0f %%, %d connections are free", why,
		sample->busy * 100, sample->free_connections);
	return sample->size - 1;
}

int
tune_decide(struct tune *tune, const struct tune_sample *sample,
	char reason[static TUNE_REASON_SIZE])
{
	reason[0] = '\0';
	if (tune->rest > 0)
		tune->rest--;
	/* Somebody else changed the size. */
	if (tune->trial_from > 0 && sample->size != tune->trial_from + 1)
		forget_trial(tune);
	if (sample->size > sample->least && is_short_of_connections(sample))
		return shrink(tune, sample, reason,
			"the database runs short of connections");
	if (tune->trial_from > 0)
		return judge_trial(tune, sample, reason);
	tune->hot = is_hot(sample) ? tune->hot + 1 : 0;
	tune->cold = is_cold(sample) ? tune->cold + 1 : 0;
	if (tune->hot == 0)
		tune->held = false;
	if (tune->hot >= HOT_SECONDS && tune->rest == 0)
		return grow(tune, sample, reason);
	if (tune->cold >= COLD_SECONDS && sample->size > sample->least)
		return shrink(tune, sample, reason, "mostly idle for a minute");
	return sample->size;
}
