/* Maps that are written field by field: their size is known at the end only,
 * and RESP wants it first. */
#ifndef COMMANDS_FIELDS_H
#define COMMANDS_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct reply;

enum { FIELDS_MAX = 64 };

struct field {
	const char *name;
	enum {
		FIELD_INTEGER,
		FIELD_DOUBLE,
		FIELD_TEXT,
		FIELD_BOOL,
		FIELD_NULL
	} type;
	union {
		int64_t integer;
		double number;
		const char *text;
	};
};

/* Starts as { 0 }.  Texts are borrowed until fields_reply(). */
struct fields {
	int count;
	struct field list[FIELDS_MAX];
};

void fields_add(struct fields *fields, const char *name, int64_t value);
void fields_add_double(struct fields *fields, const char *name, double value);
/* NULL is a null. */
void fields_add_text(
	struct fields *fields, const char *name, const char *value);
void fields_add_bool(struct fields *fields, const char *name, bool value);
/* The map's header and its fields; `more` pairs follow, written by the
 * caller. */
void fields_reply(const struct fields *fields, struct reply *reply, int more);

#endif
