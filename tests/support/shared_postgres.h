/* One PostgreSQL for all tests of a program, started before the first of
 * them; the tests run one at a time (-j1, see run-tests). */
#ifndef TESTS_SUPPORT_SHARED_POSTGRES_H
#define TESTS_SUPPORT_SHARED_POSTGRES_H

/* Makes an empty database, owned by a role that is no superuser, and returns
 * how to reach it as that role.  Released with free(). */
char *shared_postgres_new_database(void);

/* As the superuser, in the database postgres. */
const char *shared_postgres_admin_conninfo(void);

#endif
