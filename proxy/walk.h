/* Does something on every worker's thread in turn, then comes back. */
#ifndef PROXY_WALK_H
#define PROXY_WALK_H

struct worker;

/* Runs visit(worker, arg) on each worker's own thread, one after the other and
 * `home` last, then done(arg) on the thread of `home`.  Called on `home`'s
 * thread; with one worker, both run before it returns. */
void walk_workers(struct worker *home,
	void (*visit)(struct worker *worker, void *arg),
	void (*done)(void *arg), void *arg);

/* The same with no visit, but each worker first reads what its clients' sockets
 * held when its turn came: done(arg) comes after every command that had arrived
 * at any worker before. */
void walk_settled_workers(
	struct worker *home, void (*done)(void *arg), void *arg);

#endif
