/* Grouping calls by statement and key order; see batch.h. */
#include "storage/batch.h"

#include "storage/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
	KEY_TABLE_FIRST = 1024, /* a power of two */
	GROUP_SIZE_MAX = 4 << 20, /* bytes; a larger call goes alone */
	BATCH_SIZE_MAX = 16 << 20,
	CALL_POINTERS_FIRST = 16,
};

void
batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->key_capacity = KEY_TABLE_FIRST;
	batch->keys =
		memory_allocate_zeroed(KEY_TABLE_FIRST, sizeof(*batch->keys));
	batch_clear(batch);
}

void
batch_release(struct batch *batch)
{
	batch_clear(batch);
	for (int i = 0; i < batch->group_capacity; i++)
		free(batch->groups[i].calls);
	free(batch->groups);
	free(batch->keys);
	free(batch->buffer);
}

void
batch_clear(struct batch *batch)
{
	for (int i = 0; i < batch->group_count; i++) {
		PQclear(batch->groups[i].result);
		batch->groups[i].result = NULL;
	}
	batch->group_count = batch->call_count = 0;
	batch->size = batch->key_count = 0;
	batch->writes = batch->closed = false;
	batch->barrier = -1;
	memset(batch->open_group, -1, sizeof(batch->open_group));
	if (++batch->generation == 0) {
		memset(batch->keys, 0,
			batch->key_capacity * sizeof(*batch->keys));
		batch->generation = 1;
	}
}

/* The entry of `hash`, or the free one where it belongs. */
static struct batch_key *
find_key(struct batch *batch, uint64_t hash)
{
	size_t mask = batch->key_capacity - 1, at = hash & mask;

	while (batch->keys[at].generation == batch->generation &&
		batch->keys[at].hash != hash)
		at = (at + 1) & mask;
	return &batch->keys[at];
}

static void
grow_keys(struct batch *batch)
{
	struct batch_key *old = batch->keys;
	size_t old_capacity = batch->key_capacity;

	batch->key_capacity *= 2;
	batch->keys = memory_allocate_zeroed(
		batch->key_capacity, sizeof(*batch->keys));
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].generation == batch->generation)
			*find_key(batch, old[i].hash) = old[i];
	free(old);
}

static const struct value *
element_values(const struct call *call, int element)
{
	return call->values + (ptrdiff_t)element * call->column_count;
}

static uint64_t
element_hash(const struct call *call, int element)
{
	const struct value *values = element_values(call, element);
	struct bytes key = values[2].bytes;

	if (element == 0)
		return call->hash;
	return XXH3_64bits_withSeed(
		key.data, key.size, (XXH64_hash_t)values[0].integer);
}

/* How many of the elements name keys of their own. */
static int
key_count(const struct call *call)
{
	if (!call->keyed)
		return 0;
	return statement_get(call->id)->repeats ? 1 : call->element_count;
}

/* Stands for a key together with what its elements must differ in. */
static uint64_t
distinct_hash(const struct call *call, int element, int parameter)
{
	/* Behind the numbers of keys, which no call binds. */
	struct bytes part = element_values(call, element)[parameter - 2].bytes;

	return XXH3_64bits_withSeed(part.data, part.size, call->hash);
}

static int
later_group(struct batch *batch, uint64_t hash, int earliest,
	const struct call *call, bool shares)
{
	const struct batch_key *key = find_key(batch, hash);
	int group;

	if (key->generation != batch->generation)
		return earliest;
	group = key->group;
	if (!shares || batch->groups[group].id != call->id)
		group++;
	return group > earliest ? group : earliest;
}

/* The first group that the call may join without overtaking another call on
 * one of its keys.  Reads of one key may share an execution; writes may not,
 * of which SQL would apply one, unless the statement repeats keys. */
static int
earliest_group(struct batch *batch, const struct call *call,
	const struct statement *statement)
{
	int earliest = batch->barrier + 1;
	bool shares = !statement->write || statement->repeats;

	for (int i = 0; i < key_count(call); i++)
		earliest = later_group(
			batch, element_hash(call, i), earliest, call, shares);
	for (int i = 0; statement->distinct > 0 && i < call->element_count; i++)
		earliest = later_group(batch,
			distinct_hash(call, i, statement->distinct), earliest,
			call, false);
	return earliest;
}

static void
remember_hash(struct batch *batch, uint64_t hash, int group)
{
	struct batch_key *key = find_key(batch, hash);

	if (key->generation != batch->generation)
		batch->key_count++;
	*key = (struct batch_key){ hash, batch->generation, group };
	if (batch->key_count * 2 > batch->key_capacity)
		grow_keys(batch);
}

static void
remember_keys(struct batch *batch, const struct call *call, int group)
{
	int distinct = statement_get(call->id)->distinct;

	for (int i = 0; i < key_count(call); i++)
		remember_hash(batch, element_hash(call, i), group);
	for (int i = 0; distinct > 0 && i < call->element_count; i++)
		remember_hash(batch, distinct_hash(call, i, distinct), group);
}

bool
batch_is_last_on_its_keys(
	struct batch *batch, int group, const struct call *call)
{
	if (!call->keyed || batch->barrier > group)
		return false;
	for (int i = 0; i < key_count(call); i++) {
		const struct batch_key *key =
			find_key(batch, element_hash(call, i));

		if (key->generation == batch->generation && key->group > group)
			return false;
	}
	return true;
}

static struct batch_group *
add_group(struct batch *batch, enum statement_id id)
{
	struct batch_group *group;

	if (batch->group_count == batch->group_capacity) {
		int capacity = batch->group_capacity * 2 + 4;

		batch->groups = memory_resize(batch->groups,
			(size_t)capacity * sizeof(*batch->groups));
		memset(batch->groups + batch->group_capacity, 0,
			(size_t)(capacity - batch->group_capacity) *
				sizeof(*batch->groups));
		batch->group_capacity = capacity;
	}
	group = &batch->groups[batch->group_count++];
	group->id = id;
	group->call_count = group->element_count = 0;
	group->size = 0;
	return group;
}

static void
add_to_group(struct batch_group *group, struct call *call)
{
	if (group->call_count == group->call_capacity) {
		group->call_capacity =
			group->call_capacity * 2 + CALL_POINTERS_FIRST;
		group->calls = memory_resize(group->calls,
			(size_t)group->call_capacity * sizeof(*group->calls));
	}
	call->sequence = group->call_count;
	group->calls[group->call_count++] = call;
	group->element_count += call->element_count;
	group->size += call->size;
}

bool
batch_add(struct batch *batch, struct call *call)
{
	const struct statement *statement = statement_get(call->id);
	bool shared = statement->mode != SET_NONE && !call->alone;
	int index = batch->open_group[call->id];
	struct batch_group *group;

	/* Where rows name keys alone, a group is of one database. */
	if (batch->call_count > 0 &&
		(batch->closed || call->alone ||
			batch->size + call->size > BATCH_SIZE_MAX))
		return false;
	if (!shared || index < earliest_group(batch, call, statement) ||
		batch->groups[index].size + call->size > GROUP_SIZE_MAX ||
		((statement->mode == SET_KEY || statement->mode == SET_MATCH) &&
			batch->groups[index].calls[0]->db != call->db)) {
		if (batch->one_write && batch->writes && statement->write)
			return false;
		index = batch->group_count;
		add_group(batch, call->id);
		if (shared)
			batch->open_group[call->id] = index;
	}
	group = &batch->groups[index];
	add_to_group(group, call);
	remember_keys(batch, call, index);
	/* Set-based calls name all their keys; another call to several keys
	 * names one or none, and so nothing may pass it. */
	if (!call->keyed ||
		(statement->mode == SET_NONE && call->route != ROUTE_KEY))
		batch->barrier = index;
	batch->closed = call->alone;
	batch->writes = batch->writes || statement->write;
	batch->size += call->size;
	batch->call_count++;
	return true;
}

enum statement_id
batch_group_statement(const struct batch_group *group)
{
	if (group->element_count > 1)
		return group->id;
	return statement_get(group->id)->single;
}
