/* A private PostgreSQL for tests of storage: unix socket only, in a temporary
 * directory, gone when the process that started it is. */
#ifndef TESTS_SUPPORT_POSTGRES_H
#define TESTS_SUPPORT_POSTGRES_H

#include <sys/types.h>

struct postgres;

/* `settings`: more "name=value" of postgresql.conf, ended by NULL, or NULL.
 * fsync is off unless they say otherwise. */
struct postgres *postgres_start(const char *const *settings);
void postgres_stop(struct postgres *postgres);

/* For the role respgres, which is no superuser, and the database respgres,
 * which it owns; and for the superuser. */
const char *postgres_conninfo(const struct postgres *postgres);
const char *postgres_admin_conninfo(const struct postgres *postgres);

/* The postmaster. */
pid_t postgres_process(const struct postgres *postgres);

/* SIGKILL to the postmaster; and a new start, after an immediate stop if it
 * still runs. */
void postgres_kill(struct postgres *postgres);
void postgres_restart(struct postgres *postgres);

#endif
