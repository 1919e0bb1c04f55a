/* Collecting a map's fields; see fields.h. */
#include "commands/fields.h"

#include "commands/reply.h"

#include <assert.h>
#include <stddef.h>

static struct field *
next(struct fields *fields, const char *name)
{
	struct field *field = &fields->list[fields->count++];

	assert(fields->count <= FIELDS_MAX);
	field->name = name;
	return field;
}

void
fields_add(struct fields *fields, const char *name, int64_t value)
{
	struct field *field = next(fields, name);

	field->type = FIELD_INTEGER;
	field->integer = value;
}

void
fields_add_double(struct fields *fields, const char *name, double value)
{
	struct field *field = next(fields, name);

	field->type = FIELD_DOUBLE;
	field->number = value;
}

void
fields_add_text(struct fields *fields, const char *name, const char *value)
{
	struct field *field = next(fields, name);

	field->type = value == NULL ? FIELD_NULL : FIELD_TEXT;
	field->text = value;
}

void
fields_add_bool(struct fields *fields, const char *name, bool value)
{
	struct field *field = next(fields, name);

	field->type = FIELD_BOOL;
	field->integer = value;
}

void
fields_reply(const struct fields *fields, struct reply *reply, int more)
{
	reply_map(reply, (size_t)fields->count + (size_t)more);
	for (int i = 0; i < fields->count; i++) {
		const struct field *field = &fields->list[i];

		reply_bulk_text(reply, field->name);
		switch (field->type) {
		case FIELD_INTEGER:
			reply_integer(reply, field->integer);
			break;
		case FIELD_DOUBLE:
			reply_double(reply, field->number);
			break;
		case FIELD_TEXT:
			reply_bulk_text(reply, field->text);
			break;
		case FIELD_BOOL:
			reply_bool(reply, field->integer != 0);
			break;
		case FIELD_NULL:
			reply_null(reply);
			break;
		}
	}
}
