/* Rules for single settings; the texts are those of Redis 7.0.15 where it has
 * the rule too. */
#include "storage/base/settings_row.h"

#include <ctype.h>

/* Redis takes any number and uses what is sensible of it. */
bool
setting_check_ticks(union setting_value *value, const char **error)
{
	(void)error;
	if (value->number < 1)
		value->number = 1;
	if (value->number > 500)
		value->number = 500;
	return true;
}

bool
setting_check_shutdown(union setting_value *value, const char **error)
{
	if ((value->number & SHUTDOWN_SAVE) &&
		(value->number & SHUTDOWN_NOSAVE)) {
		*error = "shutdown options SAVE and NOSAVE can't be used "
			 "simultaneously";
		return false;
	}
	return true;
}

bool
setting_check_no_acl_file(union setting_value *value, const char **error)
{
	*error = "ACL files are not supported";
	return *value->text == '\0';
}

bool
setting_check_no_defragmentation(union setting_value *value, const char **error)
{
	*error = "Active defragmentation cannot be enabled: it requires a "
		 "Redis server compiled with a modified Jemalloc like the one "
		 "shipped by default with the Redis source distribution";
	return value->number == 0;
}

bool
setting_check_title_template(union setting_value *value, const char **error)
{
	static const char *const variables[] = { "{title}", "{listen-addr}",
		"{server-mode}", "{port}", "{tls-port}", "{unixsocket}",
		"{config-file}" };
	const char *at = value->text;

	*error = "template format is invalid or contains unknown variables";
	while ((at = strchr(at, '{')) != NULL) {
		size_t size = at[1] == '{' ? 2 : 0;

		for (size_t i = 0; size == 0 &&
			i < sizeof(variables) / sizeof(variables[0]);
			i++)
			if (strncmp(at, variables[i], strlen(variables[i])) ==
				0)
				size = strlen(variables[i]);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

static bool
is_base_name(const char *path)
{
	return strchr(path, '/') == NULL && strchr(path, '\\') == NULL;
}

bool
setting_check_database_file_name(union setting_value *value, const char **error)
{
	*error = "dbfilename can't be a path, just a filename";
	return is_base_name(value->text);
}

bool
setting_check_append_file_name(union setting_value *value, const char **error)
{
	*error = *value->text == '\0' ?
		"appendfilename can't be empty" :
		"appendfilename can't be a path, just a filename";
	return *value->text != '\0' && is_base_name(value->text);
}

bool
setting_check_append_directory_name(
	union setting_value *value, const char **error)
{
	*error = *value->text == '\0' ?
		"appenddirname can't be empty" :
		"appenddirname can't be a path, just a dirname";
	return *value->text != '\0' && is_base_name(value->text);
}

bool
setting_check_host_name(union setting_value *value, const char **error)
{
	if (strlen(value->text) >= 256) {
		*error = "Hostnames must be less than 256 characters";
		return false;
	}
	*error = "Hostnames may only contain alphanumeric characters, "
		 "hyphens or dots";
	for (const char *at = value->text; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
			return false;
	return true;
}
