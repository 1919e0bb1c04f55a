/* Gathers calls into the statements that one Sync commits together.
 *
 * Calls of one set-based statement become one execution (a group) with array
 * parameters, as long as no key's order of commands changes: a call joins the
 * latest group of its statement unless a later group already touches one of
 * its keys.  Groups run in order, so one key's calls do too.  Where the
 * statement says that it repeats keys, a group may hold several calls on one,
 * in their order.
 *
 * A batch belongs to one lane and its thread, and is used again and again. */
#ifndef STORAGE_BATCH_H
#define STORAGE_BATCH_H

#include "storage/call.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

struct batch_group {
	enum statement_id id;
	struct call **calls; /* an entry is NULL once it was taken out */
	int call_count, call_capacity;
	int element_count;
	size_t size;
	PGresult *result;
};

struct batch_key {
	uint64_t hash;
	uint32_t generation;
	int group;
};

struct batch {
	struct batch_group *groups;
	int group_count, group_capacity;
	int call_count;
	size_t size; /* bytes of parameters */
	bool writes;
	bool closed; /* holds a call that must run alone */
	bool one_write; /* takes no second group that writes */
	/* No call may join a group at or before this index. */
	int barrier;
	int open_group[STATEMENT_COUNT];
	struct batch_key *keys; /* hash table: the last group of each key */
	size_t key_capacity, key_count;
	uint32_t generation;
	char *buffer; /* encoded parameters of the group being sent */
	size_t buffer_size, buffer_capacity;
};

void batch_init(struct batch *batch);
/* The batch must be empty or its calls taken out. */
void batch_release(struct batch *batch);
/* Empties the batch, whose calls belong to the caller again. */
void batch_clear(struct batch *batch);

/* Adds the call; false when it must go into a later batch. */
bool batch_add(struct batch *batch, struct call *call);

/* What is executed for the group: its statement, or that one's single form. */
enum statement_id batch_group_statement(const struct batch_group *group);

/* Whether no group after this one touches a key of the call in it. */
bool batch_is_last_on_its_keys(
	struct batch *batch, int group, const struct call *call);

/* Sends one group's execution; false when the link is broken. */
bool batch_send_group(
	struct batch *batch, struct batch_group *group, struct link *link);

/* Gives each call of the group its share of group->result, which is consumed.
 * False when the rows do not fit the calls: a fault of the statement. */
bool batch_share_result(struct batch_group *group);

#endif
