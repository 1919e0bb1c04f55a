/* The words that Redis uses for what a row holds in enums. */
#ifndef COMMANDS_NAMES_H
#define COMMANDS_NAMES_H

#include "commands/command.h"
#include "storage/base/bytes.h"

#include <stdint.h>

struct flag_name {
	uint32_t flag;
	const char *name;
};

/* Each ends with a row without a name, in the order that replies have. */
extern const struct flag_name command_flag_names[]; /* enum command_flag */
extern const struct flag_name category_names[]; /* enum command_category */
extern const struct flag_name key_access_names[]; /* enum key_access */

/* COMMAND DOCS' word for a group: "sorted-set". */
const char *group_name(enum command_group group);

/* The category of that name, without "@", in any case; 0 when there is none. */
uint32_t category_by_name(struct bytes name);

#endif
