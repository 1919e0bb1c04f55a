/* Reading times to live; see expiry.h.
 *
 * Rules: redis 7.0.15 t_string.c (getExpireMillisecondsOrReply) and expire.c
 * (expireGenericCommand). */
#include "commands/expiry.h"

#include "commands/request.h"
#include "commands/server.h"
#include "commands/table.h"
#include "storage/base/clock.h"
#include "storage/call.h"

#include <stdint.h>

/* The database's clock may be this far ahead of ours without an overflow in
 * SQL. */
enum { CLOCKS_APART_MS = 1000000000 };

bool
expiry_make(struct expiry *expiry, enum expiry_kind kind, enum expiry_unit unit,
	bool any_sign, int64_t number, int64_t now_ms)
{
	if (number <= 0 && !any_sign)
		return false;
	if (unit == EXPIRY_SECONDS &&
		__builtin_mul_overflow(number, 1000, &number))
		return false;
	if (kind == EXPIRY_IN_MS &&
		number > INT64_MAX - now_ms - CLOCKS_APART_MS)
		return false;
	*expiry = (struct expiry){ kind, number };
	return true;
}

bool
expiry_read(struct request *request, int index, enum expiry_kind kind,
	enum expiry_unit unit, bool any_sign, struct expiry *expiry)
{
	int64_t number;

	if (!request_read_int64(request, index, &number))
		return false;
	if (expiry_make(expiry, kind, unit, any_sign, number,
		    clock_wall_us() / 1000))
		return true;
	request_reply_errorf(request, "ERR invalid expire time in '%s' command",
		command_table_full_name(
			request->server->commands, request->command));
	return false;
}

bool
expiry_read_option(const struct request *request, int index,
	enum expiry_kind *kind, enum expiry_unit *unit)
{
	static const struct {
		const char *word;
		enum expiry_kind kind;
		enum expiry_unit unit;
	} options[] = {
		{ "EX", EXPIRY_IN_MS, EXPIRY_SECONDS },
		{ "PX", EXPIRY_IN_MS, EXPIRY_MILLISECONDS },
		{ "EXAT", EXPIRY_AT_MS, EXPIRY_SECONDS },
		{ "PXAT", EXPIRY_AT_MS, EXPIRY_MILLISECONDS },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!request_is_word(request, index, options[i].word))
			continue;
		*kind = options[i].kind;
		*unit = options[i].unit;
		return true;
	}
	return false;
}

void
expiry_bind(struct call *call, struct expiry expiry)
{
	call_bind_optional_int64(call, expiry.kind == EXPIRY_IN_MS, expiry.ms);
	call_bind_optional_int64(call, expiry.kind == EXPIRY_AT_MS, expiry.ms);
}
