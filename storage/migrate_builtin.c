/* The migrations and functions that the build took from storage/schema. */
#include "storage/migrate.h"

static const struct migration migrations[] = {
#define MIGRATION(number, name, sql) { number, name, sql },
#include "migrations.def"
#undef MIGRATION
};

static const struct migration functions[] = {
#define FUNCTIONS(name, sql) { 0, name, sql },
#include "functions.def"
#undef FUNCTIONS
};

static const struct migration_set builtin = {
	migrations,
	sizeof(migrations) / sizeof(migrations[0]),
	functions,
	sizeof(functions) / sizeof(functions[0]),
};

const struct migration_set *
migrate_builtin(void)
{
	return &builtin;
}
