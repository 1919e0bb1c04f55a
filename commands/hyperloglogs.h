/* What the files of the HyperLogLog family share. */
#ifndef COMMANDS_HYPERLOGLOGS_H
#define COMMANDS_HYPERLOGLOGS_H

#include "commands/sketch.h"
#include "storage/base/bytes.h"

#include <stdbool.h>

struct request;
struct result;

#define ERROR_NO_SKETCH "WRONGTYPE Key is not a valid HyperLogLog string value."
#define ERROR_CORRUPT_SKETCH "INVALIDOBJ Corrupted HLL object detected"

/* Columns of string_get_version. */
enum { SKETCH_TYPE = 1, SKETCH_VALUE, SKETCH_ID, SKETCH_VERSION };

/* Sends string_get_version for the key argv[index]. */
void hyperloglogs_read(struct request *request, int index,
	void (*done)(void *arg, const struct result *result));

/* The sketch in a row of string_get_version; false when the key holds none,
 * and it has replied and finished. */
bool hyperloglogs_take(struct request *request, const struct result *result,
	int row, struct bytes *value);

/* Stores `sketch`, which it takes over, at argv[index] if the only row of
 * `result` (or that there is none) still tells what is there.  Of done's
 * result, no row means that it does not. */
void hyperloglogs_replace(struct request *request, int index,
	const struct result *result, struct sketch *sketch,
	void (*done)(void *arg, const struct result *result));

/* hyperloglogs_debug.c */
void cmd_pfdebug(struct request *request);
void cmd_pfselftest(struct request *request);

#endif
