/* What the files of the bitmap family share. */
#ifndef COMMANDS_BITMAPS_H
#define COMMANDS_BITMAPS_H

#include <stdbool.h>
#include <stdint.h>

struct request;

#define ERROR_BIT_OFFSET "ERR bit offset is not an integer or out of range"

/* Reads argv[index] as the offset of a bit; on failure it has replied and
 * finished.  "#3" means 3 times `width`, unless that is 0. */
bool bitmaps_read_offset(
	struct request *request, int index, int width, int64_t *offset);

/* bitmaps_fields.c */
void cmd_bitfield(struct request *request);
void cmd_bitfield_ro(struct request *request);

#endif
