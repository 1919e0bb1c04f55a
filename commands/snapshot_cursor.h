/* Walks through the keys of a snapshot, in their order, a few pages at a time.
 *
 * The next entry is asked for in a loop; when it has to be read first the loop
 * ends, and resume() is called when it may begin again:
 *
 *	while ((step = snapshot_cursor_next(cursor, &entry)) == CURSOR_ENTRY)
 *		…
 *	if (step == CURSOR_WAIT)
 *		return;
 */
#ifndef COMMANDS_SNAPSHOT_CURSOR_H
#define COMMANDS_SNAPSHOT_CURSOR_H

#include "commands/snapshot_page.h"
#include "commands/snapshot_store.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct snapshot_cursor;
struct store;

enum cursor_step { CURSOR_ENTRY, CURSOR_WAIT, CURSOR_END, CURSOR_FAILED };

struct snapshot_cursor_options {
	struct store *store;
	int db;
	struct snapshot_error *error;
	bool with_payloads; /* also of those in pieces */
	bool one_page; /* reads no page before it is needed */
	void (*resume)(void *arg);
	void *arg;
};

/* `roots`: the hashes of the snapshot's uppermost chunks, copied.  resume() is
 * called once it is open, or has failed. */
struct snapshot_cursor *snapshot_cursor_new(
	const struct snapshot_cursor_options *options, struct bytes roots);
/* Not while it is reading, that is between CURSOR_WAIT and resume(). */
void snapshot_cursor_free(struct snapshot_cursor *cursor);

/* The entry is valid until the next call. */
enum cursor_step snapshot_cursor_next(
	struct snapshot_cursor *cursor, struct snapshot_entry *entry);

/* Of an open cursor. */
size_t snapshot_cursor_page_count(const struct snapshot_cursor *cursor);
/* Goes to the beginning of a page; one behind the last is the end. */
void snapshot_cursor_seek(struct snapshot_cursor *cursor, size_t page);
/* The page in which the key is, if it is in any. */
size_t snapshot_cursor_find(
	const struct snapshot_cursor *cursor, struct bytes key);
/* Between two pages: the hash of the next; otherwise, and at the end, NULL. */
const char *snapshot_cursor_next_page(const struct snapshot_cursor *cursor);
/* Leaves that one out. */
void snapshot_cursor_skip_page(struct snapshot_cursor *cursor);
/* Whether it reads, and will resume. */
bool snapshot_cursor_is_waiting(const struct snapshot_cursor *cursor);
/* The page that the last entry was in. */
size_t snapshot_cursor_page(const struct snapshot_cursor *cursor);

#endif
