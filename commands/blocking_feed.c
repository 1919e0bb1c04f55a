/* What the feed tells of other processes' and SQL's additions, and what it asks;
 * see blocking.h. */
#include "commands/blocking.h"

#include "commands/blocking_queue.h"
#include "commands/blocking_state.h"
#include "commands/server.h"
#include "storage/feed.h"

static void
on_added(void *arg, int db, struct bytes indexed)
{
	blocking_notice(arg, db, indexed);
}

static void
on_watched(void *arg, struct feed_key *key)
{
	blocking_notice(arg, key->db, key->key);
}

static void
on_released(void *arg, struct feed_key *key)
{
	struct blocking *blocking = arg;

	blocking_lock(blocking);
	blocking_forget_key(&blocking->keys, key);
	blocking_unlock(blocking);
}

static void
on_tick(void *arg)
{
	struct blocking *blocking = arg;

	blocking_lock(blocking);
	blocking_leave_idle(&blocking->keys);
	blocking_unlock(blocking);
}

void
blocking_listen(struct blocking *blocking, struct feed *feed)
{
	static const struct feed_handlers handlers = {
		.added = on_added,
		.watched = on_watched,
		.released = on_released,
		.tick = on_tick,
	};

	feed_handle_keys(feed, &handlers, blocking);
	blocking->keys.feed = feed;
}
