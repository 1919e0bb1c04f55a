/* SESSION CREATE and ROTATE: what makes ids and tokens.
 *
 * Those that are not given are 32 bytes of the system's random source, as
 * base64url.  A token goes to the client that asked for it and nowhere else:
 * the database is sent its hash. */
#include "commands/sessions.h"

#include "commands/reply.h"
#include "commands/request.h"
#include "storage/base/log.h"
#include "storage/call.h"
#include "storage/result.h"
#include "storage/slot.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#define CREATE_EXPECTED \
	"ERR syntax error, expected ID, USER, TTL, ABSOLUTE, TOKEN, " \
	"GENERATE, IP, AGENT, DEVICE, LIMIT or DATA"
#define ROTATE_EXPECTED "ERR syntax error, expected ID, TOKEN or GENERATE"

/* Columns of session_create and of session_rotate. */
enum { CREATE_ERROR, CREATE_EVICTED };
enum { ROTATE_ERROR, ROTATE_FOUND, ROTATE_TOKENED };

struct create {
	struct bytes id; /* of ROTATE: the new one */
	struct bytes user, token, ip, agent, device; /* no data: not given */
	bool generate, evict;
	int64_t ttl_ms, absolute_ms, limit; /* 0: none */
	struct bytes *names, *values;
	uint32_t field_count;
};

static struct bytes
make_secret(struct request *request)
{
	enum { RANDOM_SIZE = 32, ENCODED_SIZE = 44 };
	unsigned char random[RANDOM_SIZE];
	char *text = request_allocate(request, ENCODED_SIZE + 1);

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		log_event(LOG_WARNING, "no random bytes", NULL);
		abort();
	}
	EVP_EncodeBlock((unsigned char *)text, random, sizeof(random));
	for (int i = 0; i < SESSION_SECRET_SIZE; i++) {
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	return (struct bytes){ text, SESSION_SECRET_SIZE };
}

/* --- options --------------------------------------------------------- */

static bool
read_name(struct request *request, int index, const char *what, size_t least,
	size_t most, struct bytes *value)
{
	*value = request->argv[index];
	if (value->size >= least && value->size <= most)
		return true;
	request_reply_errorf(request, "ERR %s must have %zu to %zu bytes", what,
		least, most);
	return false;
}

static bool
read_token(struct request *request, int index, struct create *create)
{
	if (request_is_word(request, index, "GENERATE")) {
		create->generate = true;
		return true;
	}
	create->token = request->argv[index];
	if (create->token.size > 0)
		return true;
	request_reply_error(request, "ERR TOKEN must not be empty");
	return false;
}

static bool
read_data(struct request *request, int first, struct create *create)
{
	int count = (request->argc - first) / 2;

	if (count == 0 || (request->argc - first) % 2 != 0) {
		request_reply_error(request,
			"ERR syntax error, expected a value for each field "
			"of DATA");
		return false;
	}
	create->names =
		request_allocate(request, (size_t)count * sizeof(struct bytes));
	create->values =
		request_allocate(request, (size_t)count * sizeof(struct bytes));
	for (int i = 0; i < count; i++) {
		create->names[i] = request->argv[first + 2 * i];
		create->values[i] = request->argv[first + 2 * i + 1];
	}
	create->field_count = (uint32_t)count;
	return true;
}

static bool
read_limit(struct request *request, int index, struct create *create)
{
	if (index + 1 >= request->argc ||
		(!request_is_word(request, index + 1, "EVICT") &&
			!request_is_word(request, index + 1, "REJECT"))) {
		request_reply_error(request,
			"ERR syntax error, expected LIMIT n EVICT or "
			"LIMIT n REJECT");
		return false;
	}
	create->evict = request_is_word(request, index + 1, "EVICT");
	return sessions_read_number(
		request, index, "LIMIT", 1000000, &create->limit);
}

/* Reads the option at argv[*at] with its value and moves on.  False when it has
 * replied. */
static bool
read_value(struct request *request, int *at, struct create *create)
{
	int word = *at, value = word + 1;

	*at += 2;
	if (value >= request->argc) {
		request_reply_error(request, CREATE_EXPECTED);
		return false;
	}
	if (request_is_word(request, word, "ID"))
		return read_name(
			request, value, "ID", 1, SESSION_NAME_MAX, &create->id);
	if (request_is_word(request, word, "USER"))
		return read_name(request, value, "USER", 0, SESSION_NAME_MAX,
			&create->user);
	if (request_is_word(request, word, "IP"))
		return read_name(
			request, value, "IP", 0, SESSION_NAME_MAX, &create->ip);
	if (request_is_word(request, word, "AGENT"))
		return read_name(request, value, "AGENT", 0, SESSION_TEXT_MAX,
			&create->agent);
	if (request_is_word(request, word, "DEVICE"))
		return read_name(request, value, "DEVICE", 0, SESSION_TEXT_MAX,
			&create->device);
	if (request_is_word(request, word, "TTL"))
		return sessions_read_seconds(
			request, value, "TTL", &create->ttl_ms);
	if (request_is_word(request, word, "ABSOLUTE"))
		return sessions_read_seconds(
			request, value, "ABSOLUTE", &create->absolute_ms);
	if (request_is_word(request, word, "TOKEN"))
		return read_token(request, value, create);
	if (request_is_word(request, word, "LIMIT")) {
		*at += 1;
		return read_limit(request, value, create);
	}
	if (request_is_word(request, word, "DATA")) {
		*at = request->argc;
		return read_data(request, value, create);
	}
	request_reply_error(request, CREATE_EXPECTED);
	return false;
}

static bool
read_create(struct request *request, struct create *create)
{
	for (int at = 2; at < request->argc;) {
		if (request_is_word(request, at, "GENERATE")) {
			create->generate = true;
			at++;
		} else if (!read_value(request, &at, create)) {
			return false;
		}
	}
	if (create->generate && create->token.data != NULL) {
		request_reply_error(request,
			"ERR syntax error, expected one of TOKEN and "
			"GENERATE");
		return false;
	}
	if (create->limit > 0 && create->user.data == NULL) {
		request_reply_error(
			request, "ERR syntax error, expected USER with LIMIT");
		return false;
	}
	return true;
}

static void
bind_bytes(struct call *call, struct bytes value)
{
	call_bind_optional_bytes(call, value.data != NULL, value);
}

static void
bind_number(struct call *call, int64_t value)
{
	call_bind_optional_int64(call, value != 0, value);
}

/* --- CREATE ---------------------------------------------------------- */

static void
reply_text_or_null(struct reply *reply, const char *name, struct bytes value)
{
	reply_bulk_text(reply, name);
	if (value.data == NULL)
		reply_null(reply);
	else
		reply_bulk(reply, value);
}

static void
create_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct create *create = request->state;
	struct reply *reply = &request->reply;

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, CREATE_ERROR)) {
		request_reply_error(
			request, result_text(result, 0, CREATE_ERROR));
		return;
	}
	reply_map(reply, 3);
	reply_text_or_null(reply, "id", create->id);
	reply_text_or_null(reply, "token",
		create->generate ? create->token : (struct bytes){ 0 });
	reply_bulk_text(reply, "evicted");
	reply_integer(reply, result_int64(result, 0, CREATE_EVICTED));
	request_finish(request);
}

void
sessions_run_create(struct request *request)
{
	struct create *create = request_allocate(request, sizeof(*create));
	struct call *call;

	*create = (struct create){ 0 };
	if (!read_create(request, create))
		return;
	if (create->id.data == NULL)
		create->id = make_secret(request);
	if (create->generate)
		create->token = make_secret(request);
	request->state = create;
	call = call_new(
		request->store, SQL_session_create, create_done, request);
	call_bind_key(call, request->db, create->id);
	bind_bytes(call, create->user);
	bind_number(call, create->ttl_ms);
	bind_number(call, create->absolute_ms);
	if (create->token.data == NULL)
		call_bind_null(call, VALUE_BYTES);
	else
		call_bind_bytes(
			call, sessions_hash_token(request, create->token));
	bind_bytes(call, create->ip);
	bind_bytes(call, create->agent);
	bind_bytes(call, create->device);
	call_bind_bytes_array(call, create->names, create->field_count);
	call_bind_bytes_array(call, create->values, create->field_count);
	bind_number(call, create->limit);
	call_bind_bool(call, create->evict);
	/* With a limit others of the user may end, in whatever lane. */
	call_send_route(
		call, create->limit > 0 ? ROUTE_JOINT : ROUTE_KEY, request->db);
}

/* --- ROTATE ---------------------------------------------------------- */

static void
rotate_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	const struct create *create = request->state;
	struct bytes token = { 0 };

	if (request_failed(request, result))
		return;
	if (!result_is_null(result, 0, ROTATE_ERROR)) {
		request_reply_error(
			request, result_text(result, 0, ROTATE_ERROR));
		return;
	}
	if (!result_int64(result, 0, ROTATE_FOUND)) {
		request_reply_null(request);
		return;
	}
	if (create->generate && result_int64(result, 0, ROTATE_TOKENED))
		token = create->token;
	reply_map(&request->reply, 2);
	reply_text_or_null(&request->reply, "id", create->id);
	reply_text_or_null(&request->reply, "token", token);
	request_finish(request);
}

static bool
read_rotate(struct request *request, struct create *create)
{
	for (int at = 3; at < request->argc; at++) {
		if (request_is_word(request, at, "GENERATE")) {
			create->generate = true;
			continue;
		}
		if (++at >= request->argc ||
			(!request_is_word(request, at - 1, "ID") &&
				!request_is_word(request, at - 1, "TOKEN"))) {
			request_reply_error(request, ROTATE_EXPECTED);
			return false;
		}
		if (request_is_word(request, at - 1, "TOKEN") ?
				!read_token(request, at, create) :
				!read_name(request, at, "ID", 1,
					SESSION_NAME_MAX, &create->id))
			return false;
	}
	if (!create->generate || create->token.data == NULL)
		return true;
	request_reply_error(request,
		"ERR syntax error, expected one of TOKEN and GENERATE");
	return false;
}

void
sessions_run_rotate(struct request *request)
{
	struct create *create = request_allocate(request, sizeof(*create));
	struct call *call;
	bool always;

	*create = (struct create){ 0 };
	if (!read_rotate(request, create))
		return;
	always = create->generate || create->token.data != NULL;
	if (create->id.data == NULL)
		create->id = make_secret(request);
	/* A session that had a token gets another one in any case. */
	if (create->token.data == NULL) {
		create->generate = true;
		create->token = make_secret(request);
	}
	request->state = create;
	call = call_new(
		request->store, SQL_session_rotate, rotate_done, request);
	call_bind_key(call, request->db, request->argv[2]);
	call_bind_int32(call, slot_of_key(create->id));
	call_bind_bytes(call, create->id);
	call_bind_bytes(call, sessions_hash_token(request, create->token));
	call_bind_bool(call, always);
	call_send_route(call, ROUTE_JOINT, request->db);
}
