/* PFDEBUG and PFSELFTEST: the inside of HyperLogLogs. */
#include "commands/hyperloglogs.h"

#include "commands/counters.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- PFDEBUG --------------------------------------------------------- */

static void debug_read(void *arg, const struct result *result);

static void
reply_registers(struct request *request, const struct sketch *sketch)
{
	uint8_t ranks[SKETCH_REGISTERS] = { 0 };

	/* It is dense, so it can be merged. */
	(void)sketch_merge(ranks, sketch_bytes(sketch));
	reply_array(&request->reply, SKETCH_REGISTERS);
	for (int i = 0; i < SKETCH_REGISTERS; i++)
		reply_integer(&request->reply, ranks[i]);
	request_finish(request);
}

/* What GETREG and TODENSE answer, with the sketch as it is now. */
static void
reply_dense(
	struct request *request, const struct sketch *sketch, bool converted)
{
	if (request_is_word(request, 1, "GETREG"))
		reply_registers(request, sketch);
	else
		request_reply_integer(request, converted);
}

static void
dense_written(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		hyperloglogs_read(request, 2, debug_read);
		return;
	}
	counter_add(request->counters->writes, 1);
	reply_dense(request, request->state, true);
}

/* GETREG, too, leaves the value dense. */
static void
make_dense(struct request *request, const struct result *result,
	struct bytes value)
{
	struct sketch *sketch = request_allocate(request, sizeof(*sketch));

	sketch_copy(sketch, value);
	request->state = sketch;
	if (!sketch_make_dense(sketch)) {
		sketch_release(sketch);
		request_reply_error(request, ERROR_CORRUPT_SKETCH);
	} else if (sketch_is_dense(value)) {
		reply_dense(request, sketch, false);
		sketch_release(sketch);
	} else {
		hyperloglogs_replace(request, 2, result, sketch, dense_written);
	}
}

static void
reply_runs(struct request *request, struct bytes value)
{
	char *text;

	if (sketch_is_dense(value)) {
		request_reply_error(request, "ERR HLL encoding is not sparse");
		return;
	}
	text = sketch_describe_runs(value);
	request_take_block(request, text);
	request_reply_bulk(request, bytes_of(text));
}

static void
debug_read(void *arg, const struct result *result)
{
	struct request *request = arg;
	struct bytes name = request->argv[1], value;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		request_reply_error(
			request, "ERR The specified key does not exist");
		return;
	}
	if (!hyperloglogs_take(request, result, 0, &value))
		return;
	if (request_is_word(request, 1, "GETREG") ||
		request_is_word(request, 1, "TODENSE")) {
		make_dense(request, result, value);
	} else if (request_is_word(request, 1, "DECODE")) {
		reply_runs(request, value);
	} else if (request_is_word(request, 1, "ENCODING")) {
		reply_simple(&request->reply,
			sketch_is_dense(value) ? "dense" : "sparse");
		request_finish(request);
	} else {
		request_reply_errorf(request,
			"ERR Unknown PFDEBUG subcommand '%.*s'",
			(int)(name.size < 128 ? name.size : 128), name.data);
	}
}

void
cmd_pfdebug(struct request *request)
{
	hyperloglogs_read(request, 2, debug_read);
}

/* --- PFSELFTEST ------------------------------------------------------ */

enum {
	REGISTER_ROUNDS = 8,
	ELEMENTS = 1000000, /* a tenth of a second */
};

static uint64_t
next_random(uint64_t *state)
{
	/* Knuth's MMIX generator; its high bits are the good ones. */
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 32;
}

/* Whether registers keep what they are given, and leave others alone. */
static bool
registers_hold(uint64_t *random)
{
	uint8_t given[SKETCH_REGISTERS], read[SKETCH_REGISTERS] = { 0 };
	struct sketch sketch;

	sketch_init(&sketch);
	(void)sketch_make_dense(&sketch);
	for (int i = 0; i < SKETCH_REGISTERS; i++) {
		given[i] = next_random(random) & 63;
		(void)sketch_add(&sketch,
			(struct sketch_mark){ (uint16_t)i, given[i] }, 0);
	}
	(void)sketch_merge(read, sketch_bytes(&sketch));
	sketch_release(&sketch);
	return memcmp(given, read, sizeof(given)) == 0;
}

/* An error text about the two sketches that got `added` elements, or NULL. */
static const char *
judge_estimates(const struct sketch *dense, const struct sketch *sparse,
	uint64_t added, size_t sparse_max)
{
	static const double standard_error = 1.04 / 128;
	double most = ceil(standard_error * 6 * (double)added), wrong;
	uint64_t by_dense, by_sparse;

	if (added < sparse_max / 2 && sketch_is_dense(sketch_bytes(sparse)))
		return "TESTFAILED sparse encoding not used";
	if (!sketch_estimate(sketch_bytes(dense), &by_dense) ||
		!sketch_estimate(sketch_bytes(sparse), &by_sparse) ||
		by_dense != by_sparse)
		return "TESTFAILED dense/sparse disagree";
	wrong = fabs((double)by_dense - (double)added);
	return wrong > most ? "TESTFAILED Too big error." : NULL;
}

static const char *
test_estimates(uint64_t *random, size_t sparse_max)
{
	const char *error = NULL;
	struct sketch dense, sparse;
	uint64_t seed = next_random(random) << 32 | next_random(random);
	uint64_t checkpoint = 1;

	sketch_init(&sparse);
	sketch_init(&dense);
	(void)sketch_make_dense(&dense);
	for (uint64_t i = 1; i <= ELEMENTS && error == NULL; i++) {
		uint64_t element = i ^ seed;
		struct sketch_mark mark = sketch_hash((struct bytes){
			(const char *)&element, sizeof(element) });

		(void)sketch_add(&dense, mark, sparse_max);
		(void)sketch_add(&sparse, mark, sparse_max);
		if (i == checkpoint) {
			error = judge_estimates(&dense, &sparse, i, sparse_max);
			checkpoint *= 10;
		}
	}
	sketch_release(&sparse);
	sketch_release(&dense);
	return error;
}

void
cmd_pfselftest(struct request *request)
{
	uint64_t random = (uint64_t)request->started_us;
	const char *error = NULL;

	for (int i = 0; i < REGISTER_ROUNDS && error == NULL; i++)
		if (!registers_hold(&random))
			error = "TESTFAILED a register holds another value";
	if (error == NULL)
		error = test_estimates(&random,
			(size_t)settings_get(request->server->settings,
				hll_sparse_max_bytes));
	if (error != NULL)
		request_reply_error(request, error);
	else
		request_reply_ok(request);
}
