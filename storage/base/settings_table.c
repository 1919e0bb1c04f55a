/* The rows of settings.def as a table. */
#include "storage/base/settings_row.h"

#include "storage/base/log.h"

#include <limits.h>

/* The .def file's own words. */
#define NONE NULL
#define WORKS NULL
#define NO_RDB "the data are in PostgreSQL, whose backups replace snapshots"
#define NO_AOF "the data are in PostgreSQL, whose write-ahead log replaces it"
#define NO_REPLICATION "PostgreSQL replicates; servers share a database"
#define NOT_YET "the commands that it is about are not there yet"
#define SAME_SHUTDOWN "nothing needs saving: all ways are the same"
#define NO_CLUSTER "servers share a database instead of forming a cluster"
#define MODIFIABLE SETTING_MODIFIABLE
#define IMMUTABLE SETTING_IMMUTABLE
#define HIDDEN SETTING_HIDDEN
#define SENSITIVE SETTING_SENSITIVE
#define PROTECTED SETTING_PROTECTED
#define VOLATILE SETTING_VOLATILE
#define BITS SETTING_BITS
#define DIRECTORY SETTING_DIRECTORY
#define OURS SETTING_OURS
#define setting_check_any NULL

#define ROW(field_, name_, alias_, kind_, flags_, effect_, help_) \
	.name = name_, .alias = alias_, .kind = kind_, .flags = flags_, \
	.offset = offsetof(struct settings, field_), .effect = effect_, \
	.help = help_

#define SETTING_BOOLEAN( \
	field, name, alias, default_, flags, check_, effect, help) \
	{ ROW(field, name, alias, SETTING_KIND_BOOLEAN, flags, effect, help), \
		.standard.number = default_, \
		.check = setting_check_##check_ },
#define SETTING_NUMBER(field, name, alias, least_, greatest_, default_, form_, \
	flags, check_, effect, help) \
	{ ROW(field, name, alias, SETTING_KIND_NUMBER, flags, effect, help), \
		.least = least_, .greatest = greatest_, \
		.standard.number = default_, .form = SETTING_##form_, \
		.check = setting_check_##check_ },
#define SETTING_CHOICE( \
	field, name, alias, choices_, default_, flags, check_, effect, help) \
	{ ROW(field, name, alias, SETTING_KIND_CHOICE, flags, effect, help), \
		.choices = setting_choice_##choices_, \
		.standard.number = default_, \
		.check = setting_check_##check_ },
#define SETTING_TEXT( \
	field, name, alias, default_, flags, check_, effect, help) \
	{ ROW(field, name, alias, SETTING_KIND_TEXT, flags, effect, help), \
		.standard.text = default_, .check = setting_check_##check_ },
#define SETTING_LIST(field, name, alias, default_, flags, list_, effect, help) \
	{ ROW(field, name, alias, SETTING_KIND_LIST, flags, effect, help), \
		.standard.text = default_, .list = &setting_list_##list_ },

const struct setting_row setting_rows[] = {
#include "storage/base/settings.def"
	{ 0 },
};

const size_t setting_row_count =
	sizeof(setting_rows) / sizeof(setting_rows[0]) - 1;

const struct setting_row *
setting_find(struct bytes name)
{
	for (const struct setting_row *row = setting_rows; row->name; row++)
		if (bytes_is_word(name, row->name) ||
			(row->alias && bytes_is_word(name, row->alias)))
			return row;
	return NULL;
}

bool
settings_is_sensitive(struct bytes name)
{
	const struct setting_row *row = setting_find(name);

	return row != NULL && (row->flags & SETTING_SENSITIVE) != 0;
}
