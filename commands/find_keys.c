/* Finds the keys among a command's arguments by its key specs.
 *
 * Follows redis 7.0.15 db.c (getKeysFromCommandWithSpecs and
 * getKeysUsingKeySpecs): key specs come first; where they are incomplete or
 * their access depends on options, the row's own find_keys decides. */
#include "commands/command.h"
#include "commands/table.h"
#include "storage/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYS_MAX = INT16_MAX * 1024 };

/* What has been found so far. */
struct finder {
	const struct bytes *argv;
	int argc;
	int *indices;
	uint32_t *access;
	int capacity, count;
};

static void
add_key(struct finder *finder, int index, uint32_t access)
{
	if (finder->count < finder->capacity) {
		finder->indices[finder->count] = index;
		if (finder->access)
			finder->access[finder->count] = access;
	}
	finder->count++;
}

/* Where the search for a spec's keys begins: an index, 0 when its keyword is
 * not given, -1 when the spec cannot tell. */
static int
find_begin(const struct finder *finder, const struct key_spec *spec)
{
	int step = spec->index > 0 ? 1 : -1;
	int i = spec->index > 0 ? spec->index : finder->argc + spec->index;

	if (spec->begin == KEY_BEGIN_INDEX)
		return spec->index;
	if (spec->begin != KEY_BEGIN_KEYWORD)
		return -1;
	for (; i >= 1 && i < finder->argc; i += step) {
		if (bytes_is_word(finder->argv[i], spec->keyword))
			return i + 1;
	}
	return 0;
}

/* A count of keys: digits only, and no more of them than a count can have;
 * -1 for anything else. */
static int
read_count(struct bytes text)
{
	int count = 0;

	if (text.size == 0 || (text.size > 1 && text.data[0] == '0'))
		return -1;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -1;
		count = count * 10 + (text.data[i] - '0');
		if (count > KEYS_MAX)
			return -1;
	}
	return count;
}

static int
find_last(const struct finder *finder, const struct key_spec *spec, int first)
{
	if (spec->last_key >= 0)
		return first + spec->last_key;
	if (spec->limit == 0)
		return finder->argc + spec->last_key;
	return first + (finder->argc - first) / spec->limit + spec->last_key;
}

/* Adds the keys of one spec; false when the arguments do not fit it. */
static bool
apply_spec(struct finder *finder, const struct key_spec *spec,
	const struct command *command)
{
	int first = find_begin(finder, spec), last;

	if (first == 0)
		return true;
	if (first < 0)
		return false;
	if (spec->find == KEY_FIND_RANGE) {
		last = find_last(finder, spec, first);
	} else if (spec->find == KEY_FIND_KEYNUM) {
		int at = first + spec->keynum_index, count;

		count = at < finder->argc ? read_count(finder->argv[at]) : -1;
		if (count < 0)
			return false;
		if (count == 0 && (command->flags & CMD_NO_MANDATORY_KEYS))
			return true;
		first += spec->first_key;
		last = first + count - 1;
	} else {
		return false;
	}
	if (first >= finder->argc || last >= finder->argc || last < first)
		return false;
	for (int i = first; i <= last; i += spec->key_step)
		add_key(finder, i, spec->access);
	return !(spec->access & KEY_INCOMPLETE);
}

static uint32_t
all_access(const struct command *command)
{
	uint32_t access = 0;

	for (int i = 0; i < COMMAND_KEY_SPECS_MAX; i++)
		access |= command->keys[i].access;
	return access;
}

bool
command_has_keys(const struct command *command)
{
	if (command->find_keys)
		return true;
	for (int i = 0; i < COMMAND_KEY_SPECS_MAX; i++) {
		const struct key_spec *spec = &command->keys[i];

		if (spec->begin != KEY_BEGIN_NONE &&
			!(spec->access & KEY_NOT_KEY))
			return true;
	}
	return false;
}

static int
find_by_specs(const struct command *command, struct finder *finder)
{
	for (int i = 0; i < COMMAND_KEY_SPECS_MAX; i++) {
		const struct key_spec *spec = &command->keys[i];

		if (spec->begin == KEY_BEGIN_NONE)
			break;
		if (spec->access & KEY_NOT_KEY)
			continue;
		if (!apply_spec(finder, spec, command))
			return -1;
	}
	return finder->count;
}

int
command_find_keys(const struct command *command, const struct bytes *argv,
	int argc, int *indices, uint32_t *access, int capacity)
{
	struct finder finder = {
		.argv = argv,
		.argc = argc,
		.indices = indices,
		.access = access,
		.capacity = capacity,
	};
	bool varies = all_access(command) & KEY_VARIABLE_FLAGS;
	int count;

	if (!command->find_keys)
		return find_by_specs(command, &finder);
	if (!varies) {
		count = find_by_specs(command, &finder);
		if (count >= 0)
			return count;
	}
	return command->find_keys(argv, argc, indices, access, capacity);
}
