/* OBJECT: how a value is stored, in Redis' words.
 *
 * The names of encodings are Redis' for a value of that type; ours are rows.
 * Texts: redis 7.0.15 object.c (objectCommand). */
#include "commands/keys.h"

#include "commands/request.h"
#include "commands/server.h"
#include "storage/base/settings.h"
#include "storage/call.h"
#include "storage/result.h"

#include <stdbool.h>

/* The longest string that Redis keeps beside its header. */
enum { EMBEDDED_SIZE = 44 };

bool
keys_use_lfu(const struct request *request)
{
	int policy = settings_get(request->server->settings, maxmemory_policy);

	return policy == EVICTION_VOLATILE_LFU ||
		policy == EVICTION_ALLKEYS_LFU;
}

void
keys_look_inside(struct request *request, int index,
	void (*done)(void *arg, const struct result *result))
{
	const struct settings *settings = request->server->settings;
	struct call *call =
		call_new(request->store, SQL_key_look_inside, done, request);

	call_bind_key(call, request->db, request->argv[index]);
	call_bind_int64(
		call, settings_get(settings, hash_max_listpack_entries));
	call_bind_int64(call, settings_get(settings, hash_max_listpack_value));
	call_bind_int64(call, settings_get(settings, set_max_intset_entries));
	call_bind_int64(
		call, settings_get(settings, zset_max_listpack_entries));
	call_bind_int64(call, settings_get(settings, zset_max_listpack_value));
	call_send(call);
}

const char *
keys_encoding(const struct result *result)
{
	bool is_compact = result_int64(result, 0, LOOK_IS_COMPACT) != 0;

	switch (result_char(result, 0, LOOK_TYPE)) {
	case 'l':
		return "quicklist";
	case 't':
		return is_compact ? "intset" : "hashtable";
	case 'h':
		return is_compact ? "listpack" : "hashtable";
	case 'z':
		return is_compact ? "listpack" : "skiplist";
	case 'x':
		return "stream";
	default:
		break;
	}
	if (result_int64(result, 0, LOOK_IS_NUMBER))
		return "int";
	if (result_int64(result, 0, LOOK_IS_RAW) ||
		result_int64(result, 0, LOOK_SIZE) > EMBEDDED_SIZE)
		return "raw";
	return "embstr";
}

static bool
has_replied(struct request *request, const struct result *result)
{
	if (request_failed(request, result))
		return true;
	if (result->row_count > 0)
		return false;
	request_reply_null(request);
	return true;
}

static void
encoding_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!has_replied(request, result))
		request_reply_bulk(request, bytes_of(keys_encoding(result)));
}

/* The frequency that RESTORE has put where else the time of the last touch
 * stands, as -1 - frequency; or less than 0. */
static int64_t
frequency(const struct result *result)
{
	int64_t touched_s = result_int64(result, 0, LOOK_NOW) / 1000 -
		result_int64(result, 0, LOOK_IDLE_S);

	return -1 - touched_s;
}

static void
idletime_done(void *arg, const struct result *result)
{
	struct request *request = arg;
	int64_t idle_s;

	if (has_replied(request, result))
		return;
	if (keys_use_lfu(request)) {
		request_reply_error(request,
			"ERR An LFU maxmemory policy is selected, idle time "
			"not tracked. Please note that when switching between "
			"policies at runtime LRU and LFU data will take some "
			"time to adjust.");
		return;
	}
	idle_s = result_int64(result, 0, LOOK_IDLE_S);
	request_reply_integer(
		request, idle_s > 0 && frequency(result) < 0 ? idle_s : 0);
}

static void
freq_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (has_replied(request, result))
		return;
	if (keys_use_lfu(request))
		request_reply_integer(
			request, frequency(result) > 0 ? frequency(result) : 0);
	else
		request_reply_error(request,
			"ERR An LFU maxmemory policy is not selected, access "
			"frequency not tracked. Please note that when "
			"switching between policies at runtime LRU and LFU "
			"data will take some time to adjust.");
}

static void
refcount_done(void *arg, const struct result *result)
{
	struct request *request = arg;

	if (!has_replied(request, result))
		request_reply_integer(request, 1);
}

void
cmd_object_encoding(struct request *request)
{
	keys_look_inside(request, 2, encoding_done);
}

void
cmd_object_freq(struct request *request)
{
	keys_look(request, 2, freq_done);
}

void
cmd_object_idletime(struct request *request)
{
	keys_look(request, 2, idletime_done);
}

void
cmd_object_refcount(struct request *request)
{
	keys_look(request, 2, refcount_done);
}
