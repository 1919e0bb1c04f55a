/* Times to live as commands take them: EX, PX, EXAT, PXAT, EXPIRE….
 *
 * Relative times stay relative until the statement runs: expiry goes by the
 * database's clock. */
#ifndef COMMANDS_EXPIRY_H
#define COMMANDS_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct request;

enum expiry_kind {
	EXPIRY_NONE,
	EXPIRY_IN_MS, /* from now */
	EXPIRY_AT_MS, /* since 1970 */
};

struct expiry {
	enum expiry_kind kind;
	int64_t ms;
};

enum expiry_unit { EXPIRY_SECONDS, EXPIRY_MILLISECONDS };

/* Checks a number by Redis' rules: what does not fit into 64 bits as
 * milliseconds since 1970 is refused, and so is what is not positive, unless
 * `any_sign`.  `now_ms` need not be exact. */
bool expiry_make(struct expiry *expiry, enum expiry_kind kind,
	enum expiry_unit unit, bool any_sign, int64_t number, int64_t now_ms);

/* Reads argv[index].  On failure it has replied and finished the request. */
bool expiry_read(struct request *request, int index, enum expiry_kind kind,
	enum expiry_unit unit, bool any_sign, struct expiry *expiry);

/* The kind and unit that `EX`, `PX`, `EXAT` or `PXAT` at argv[index] asks for;
 * false when it is none of them. */
bool expiry_read_option(const struct request *request, int index,
	enum expiry_kind *kind, enum expiry_unit *unit);

/* Binds two int8: the time to live and the absolute time, NULL where not
 * given. */
void expiry_bind(struct call *call, struct expiry expiry);

#endif
