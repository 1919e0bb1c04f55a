/* One execution of an SQL statement on behalf of one request.
 *
 *	struct call *call = call_new(store, SQL_string_get, done, request);
 *
 *	call_bind_key(call, db, key);
 *	call_send(call);
 *
 * Parameters are bound in the statement's order.  Bytes are borrowed until the
 * continuation is called, which happens once, on the thread of `store`, after
 * call_send() has returned.  The call frees itself after its continuation. */
#ifndef STORAGE_CALL_H
#define STORAGE_CALL_H

#include "storage/base/bytes.h"
#include "storage/result.h"
#include "storage/statement.h"

#include <stdbool.h>
#include <stdint.h>

struct call_block;
struct lane;
struct store;

typedef void (*call_done)(void *arg, const struct result *result);

enum value_type {
	VALUE_BOOL,
	VALUE_INT16,
	VALUE_INT32,
	VALUE_INT64,
	VALUE_DOUBLE,
	VALUE_BYTES,
	VALUE_TEXT,
	/* Statements of SET_NONE only. */
	VALUE_BYTES_ARRAY,
	VALUE_INT64_ARRAY,
	VALUE_DOUBLE_ARRAY,
};

struct value {
	enum value_type type : 8; /* also of a NULL: PostgreSQL checks it */
	bool is_null;
	uint32_t count; /* of an array's elements */
	union {
		int64_t integer;
		double number;
		struct bytes bytes;
		const struct bytes *array;
		const int64_t *integers;
		const double *numbers;
	};
};

enum { CALL_INLINE_VALUES = 12 };

/* Which connection a call waits for. */
enum call_route {
	ROUTE_KEY, /* the lane that owns the call's first key */
	/* Writes to several keys, or to all: alone, while no lane is busy. */
	ROUTE_JOINT,
	/* What is slow: SCAN, KEYS, DBSIZE…; writes that lock nothing that
	 * others wait for, and may run twice. */
	ROUTE_BULK,
	ROUTE_STREAM, /* call_stream() */
	ROUTE_ADMIN, /* about the pool itself: neither paused nor in a queue */
};

/* Takes rows of a stream, in their order; false: no more until
 * call_resume_stream(). */
typedef bool (*call_on_rows)(void *arg, const struct result *rows);

struct call {
	struct call *next; /* in whatever queue holds it */
	struct store *store; /* whose thread continues */
	struct store *sender; /* whose thread sends */
	struct lane *lane; /* where it was sent */
	enum statement_id id;
	call_done done;
	void *arg;
	enum call_route route;
	int db; /* of its keys; decides the storage class */
	uint64_t hash; /* of the first key; 0: no key was bound */
	bool keyed, alone;
	call_on_rows on_rows; /* NULL: the rows come with the result */
	bool streaming; /* some rows were handed out: it cannot run again */
	int64_t queued_us; /* monotonic; when it was sent to its lane */
	bool waited; /* that time is counted */
	int64_t deadline_us; /* monotonic */
	int element_count, column_count; /* columns of one element */
	int sequence; /* of arrival in its batch's group */
	int value_count, value_capacity;
	struct value *values; /* element by element */
	struct value inline_values[CALL_INLINE_VALUES];
	size_t size; /* bytes that its values point to */
	struct call_block *blocks; /* memory of its own; NULL: none */
	struct result result;
};

struct call *call_new(
	struct store *store, enum statement_id id, call_done done, void *arg);
/* Made and sent on the thread of `sender`, behind what that has sent, and
 * continued on that of `store`. */
struct call *call_new_for(struct store *sender, struct store *store,
	enum statement_id id, call_done done, void *arg);

/* The first three parameters of every statement about keys: db int4, slot
 * int2, key bytea.  Once per element. */
void call_bind_key(struct call *call, int db, struct bytes key);
/* The same for `count` keys, each an element of its own. */
void call_bind_keys(
	struct call *call, int db, const struct bytes *keys, int count);
/* The same as for the element before: the only key that further elements of a
 * statement that repeats keys may have. */
void call_bind_same_key(struct call *call);
/* Ends one element of a set-based statement; the next bind begins another.
 * Not called after the last element. */
void call_next_element(struct call *call);

void call_bind_null(struct call *call, enum value_type type);
void call_bind_bool(struct call *call, bool value);
void call_bind_int32(struct call *call, int32_t value);
void call_bind_int64(struct call *call, int64_t value);
void call_bind_double(struct call *call, double value);
void call_bind_bytes(struct call *call, struct bytes value);
void call_bind_text(struct call *call, const char *value);
/* NULL unless `given`. */
void call_bind_optional_int64(struct call *call, bool given, int64_t value);
void call_bind_optional_bytes(
	struct call *call, bool given, struct bytes value);
/* bytea[], int8[] and float8[]; arrays and bytes are borrowed until the
 * continuation. */
void call_bind_bytes_array(
	struct call *call, const struct bytes *array, uint32_t count);
void call_bind_int64_array(
	struct call *call, const int64_t *array, uint32_t count);
void call_bind_double_array(
	struct call *call, const double *array, uint32_t count);

/* Sends to the lane of the first key, in the order of sending. */
void call_send(struct call *call);
/* Sends along another route; `db` decides the storage class where no key was
 * bound. */
void call_send_route(struct call *call, enum call_route route, int db);

/* Before it is sent: it shares no transaction with other calls. */
void call_run_alone(struct call *call);

/* Sends a read whose rows are handed to `on_rows` as they arrive, in bounded
 * memory; the result then has none.  On the calling worker's own connection for
 * that, one after the other.  A failure after the first row is STORE_DOWN or
 * STORE_ERROR like any other. */
void call_stream(struct call *call, int db, call_on_rows on_rows);
/* On the thread of the call's store, after on_rows() returned false. */
void call_resume_stream(struct call *call);

/* For storage itself: hands the call to its store's thread to finish. */
void call_complete(struct call *call);
/* For storage itself, on the store's thread: runs the continuation and frees
 * the call. */
void call_finish(struct call *call);

#endif
