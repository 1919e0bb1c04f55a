/* DEBUG's questions about keys: digests, OBJECT, POPULATE, RELOAD. */
#include "commands/debug.h"
#include "commands/connection.h"
#include "commands/errors.h"
#include "commands/keys.h"
#include "commands/reply.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/statistics.h"
#include "storage/call.h"
#include "storage/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGEST_SIZE = 40 };

/* --- digests --------------------------------------------------------- */

struct digesting {
	struct request *request;
	enum storage_class class; /* DIGEST: the one to ask about */
	int next; /* DIGEST-VALUE: index of the key to ask about */
	char sum[DIGEST_SIZE + 1];
};

static void ask_digest(struct digesting *digesting);
static void ask_value_digest(struct digesting *digesting);

static int
digit_value(char digit)
{
	return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* Digests of the copies of the schema are combined as those of keys are. */
static void
add_digest(void *arg, const struct result *result)
{
	struct digesting *digesting = arg;
	const char *digest;

	if (request_failed(digesting->request, result))
		return;
	digest = result_text(result, 0, 0);
	for (size_t i = 0; i < DIGEST_SIZE && digest[i] != '\0'; i++)
		digesting->sum[i] =
			"0123456789abcdef"[digit_value(digesting->sum[i]) ^
				digit_value(digest[i])];
	digesting->class ++;
	ask_digest(digesting);
}

static void
ask_digest(struct digesting *digesting)
{
	struct request *request = digesting->request;
	struct storage *storage = request->server->storage;

	for (; digesting->class < CLASS_COUNT; digesting->class ++) {
		int db = storage_database_of_class(storage, digesting->class);

		if (db < 0 ||
			(digesting->class == CLASS_ASYNC &&
				storage_database_of_class(
					storage, CLASS_DURABLE) >= 0))
			continue;
		call_send_route(call_new(request->store, SQL_debug_digest,
					add_digest, digesting),
			ROUTE_BULK, db);
		return;
	}
	reply_simple(&request->reply, digesting->sum);
	request_finish(request);
}

static struct digesting *
new_digesting(struct request *request)
{
	struct digesting *digesting =
		request_allocate(request, sizeof(*digesting));

	*digesting = (struct digesting){ .request = request, .next = 2 };
	memset(digesting->sum, '0', DIGEST_SIZE);
	return digesting;
}

void
debug_run_digest(struct request *request)
{
	ask_digest(new_digesting(request));
}

static void
reply_value_digest(void *arg, const struct result *result)
{
	struct digesting *digesting = arg;
	struct request *request = digesting->request;

	if (result->status != STORE_OK) {
		/* Not in the middle of an array. */
		reply_release(&request->reply);
		reply_init(&request->reply, request->connection->protocol);
		request_failed(request, result);
		return;
	}
	reply_simple(&request->reply,
		result->row_count > 0 ? result_text(result, 0, 0) :
					digesting->sum);
	digesting->next++;
	ask_value_digest(digesting);
}

static void
ask_value_digest(struct digesting *digesting)
{
	struct request *request = digesting->request;
	struct call *call;

	if (digesting->next == request->argc) {
		request_finish(request);
		return;
	}
	call = call_new(request->store, SQL_debug_digest_value,
		reply_value_digest, digesting);
	call_bind_key(call, request->db, request->argv[digesting->next]);
	call_send(call);
}

void
debug_run_digest_value(struct request *request)
{
	reply_array(&request->reply, (size_t)request->argc - 2);
	ask_value_digest(new_digesting(request));
}

/* --- OBJECT ---------------------------------------------------------- */

static void
reply_object(void *arg, const struct result *result)
{
	struct request *request = arg;
	char text[200];
	int64_t used_s;

	if (request_failed(request, result))
		return;
	if (result->row_count == 0) {
		request_reply_error(request, ERROR_NO_KEY);
		return;
	}
	used_s = result_int64(result, 0, LOOK_NOW) / 1000 -
		result_int64(result, 0, LOOK_IDLE_S);
	snprintf(text, sizeof(text),
		"Value at:0x0 refcount:1 encoding:%s serializedlength:%" PRId64
		" lru:%" PRId64 " lru_seconds_idle:%" PRId64,
		keys_encoding(result), result_int64(result, 0, LOOK_SIZE) + 1,
		used_s & 0xffffff, result_int64(result, 0, LOOK_IDLE_S));
	reply_simple(&request->reply, text);
	request_finish(request);
}

void
debug_run_object(struct request *request)
{
	keys_look_inside(request, 2, reply_object);
}

/* --- POPULATE and RELOAD --------------------------------------------- */

static void
reply_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!request_failed(request, result))
		request_reply_ok(request);
}

void
debug_run_populate(struct request *request)
{
	struct bytes prefix =
		request->argc > 3 ? request->argv[3] : bytes_of("key");
	int64_t count, size = 0;
	struct call *call;

	if (!request_read_int64(request, 2, &count))
		return;
	if (request->argc > 4 && !request_read_int64(request, 4, &size))
		return;
	if (count < 0 || size < 0) {
		request_reply_error(
			request, "ERR value is out of range, must be positive");
		return;
	}
	call = call_new(
		request->store, SQL_debug_populate, reply_done, request);
	call_bind_int32(call, request->db);
	call_bind_bytes(call, prefix);
	call_bind_int64(call, count);
	call_bind_int64(call, size);
	call_send_route(call, ROUTE_JOINT, request->db);
}

static void
reply_reloaded(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (request_failed(request, result))
		return;
	atomic_store(&request->server->writes_at_last_save,
		statistics_sum(request->server).writes);
	request_reply_ok(request);
}

/* What is acknowledged is in PostgreSQL: there is nothing to read again. */
void
debug_run_reload(struct request *request)
{
	for (int i = 2; i < request->argc; i++)
		if (!request_is_word(request, i, "MERGE") &&
			!request_is_word(request, i, "NOFLUSH") &&
			!request_is_word(request, i, "NOSAVE")) {
			request_reply_error(request,
				"ERR DEBUG RELOAD only supports the MERGE, "
				"NOFLUSH and NOSAVE options.");
			return;
		}
	call_send_route(call_new(request->store, SQL_round_trip, reply_reloaded,
				request),
		ROUTE_BULK, request->db);
}
