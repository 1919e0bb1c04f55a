/* A RESP2 reader for tests; see resp.h. */
#include "tests/support/resp.h"

#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
read_line(FILE *input)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size = getline(&line, &capacity, input);

	cr_assert_geq(size, 3, "no reply, or not all of one");
	cr_assert_str_eq(line + size - 2, "\r\n");
	line[size - 2] = '\0';
	return line;
}

static void
read_bulk(struct resp *reply, size_t size, FILE *input)
{
	char end[2];

	reply->text = memory_allocate(size + 1);
	cr_assert_eq(fread(reply->text, 1, size, input), size);
	reply->text[size] = '\0';
	cr_assert_eq(fread(end, 1, 2, input), 2);
	cr_assert_eq(memcmp(end, "\r\n", 2), 0, "a bulk of another length");
}

struct resp *
resp_read(FILE *input)
{
	struct resp *reply = memory_allocate_zeroed(1, sizeof(*reply));
	char *line = read_line(input);
	long size = strtol(line + 1, NULL, 10);

	reply->type = line[0];
	cr_assert_not_null(strchr("+-:$*", line[0]), "'%s' is no RESP2", line);
	if ((line[0] == '$' || line[0] == '*') && size < 0) {
		reply->type = '_';
	} else if (line[0] == '$') {
		read_bulk(reply, (size_t)size, input);
	} else if (line[0] == '*') {
		reply->count = (size_t)size;
		reply->items = memory_allocate_zeroed(
			reply->count + 1, sizeof(*reply->items));
		for (size_t i = 0; i < reply->count; i++)
			reply->items[i] = resp_read(input);
	} else {
		reply->text = memory_copy_string(line + 1);
	}
	free(line);
	return reply;
}

void
resp_free(struct resp *reply)
{
	if (!reply)
		return;
	for (size_t i = 0; i < reply->count; i++)
		resp_free(reply->items[i]);
	free(reply->items);
	free(reply->text);
	free(reply);
}

struct resp *
resp_value(const struct resp *map, const char *key)
{
	for (size_t i = 0; map && i + 1 < map->count; i += 2) {
		if (map->items[i]->text && !strcmp(map->items[i]->text, key))
			return map->items[i + 1];
	}
	return NULL;
}

static void
print(FILE *output, const struct resp *reply)
{
	if (reply->type == '$') {
		fprintf(output, "\"%s\"", reply->text);
	} else if (reply->type == '*') {
		fputc('[', output);
		for (size_t i = 0; i < reply->count; i++) {
			fputs(i ? ", " : "", output);
			print(output, reply->items[i]);
		}
		fputc(']', output);
	} else {
		fprintf(output, "%c%s", reply->type,
			reply->text ? reply->text : "");
	}
}

char *
resp_text(const struct resp *reply)
{
	char *text;
	size_t size;
	FILE *output = open_memstream(&text, &size);

	if (reply)
		print(output, reply);
	fclose(output);
	return text;
}
