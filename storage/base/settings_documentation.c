/* The list of settings as a page of the documentation. */
#include "storage/base/settings_row.h"

#include <stdlib.h>

static void
print_default(FILE *output, const struct setting_row *row)
{
	char *text = setting_print(row, row->standard);

	if (row->flags & SETTING_DIRECTORY)
		fputs("the current directory", output);
	else if (*text == '\0')
		fputs("empty", output);
	else
		fprintf(output, "`%s`", text);
	free(text);
}

static void
print_row(FILE *output, const struct setting_row *row)
{
	fprintf(output, "| `%s`", row->name);
	if (row->alias != NULL)
		fprintf(output, ", `%s`", row->alias);
	fputs(" | ", output);
	print_default(output, row);
	fprintf(output, " | %s | %s%s |",
		row->flags & SETTING_IMMUTABLE         ? "at start" :
			row->flags & SETTING_PROTECTED ? "any time, protected" :
							 "any time",
		row->help, row->flags & SETTING_OURS ? " (not in Redis)" : "");
	if (row->effect != NULL)
		fprintf(output, " %s |", row->effect);
	fputc('\n', output);
}

void
settings_print_documentation(FILE *output)
{
	fputs("# Configuration\n\n"
	      "A directive comes from the configuration file, which has the "
	      "syntax and the names\nof `redis.conf`, or from the command "
	      "line, which wins:\n\n"
	      "    respgres /etc/respgres.conf --port 7000 --bind 127.0.0.1 "
	      "-::1\n"
	      "    echo 'databases 4' | respgres - --dir /srv/respgres\n\n"
	      "What can be set at any time is changed by `CONFIG SET`, or by "
	      "editing the file and\nsending SIGHUP; `CONFIG REWRITE` writes "
	      "the changes into the file. The rest is\nread at start. "
	      "Protected ones also need `enable-protected-configs`.\n"
	      "[operations.md](operations.md) says which of them matter "
	      "when.\n\n"
	      "This page is made by `respgres --settings`; change the rows in\n"
	      "`storage/base/settings.def`, not the page.\n\n"
	      "## Settings\n\n"
	      "| setting | default | set | meaning |\n"
	      "|---|---|---|---|\n",
		output);
	for (const struct setting_row *row = setting_rows; row->name; row++)
		if (row->effect == NULL)
			print_row(output, row);
	fputs("\n## Settings of Redis that are kept without effect\n\n"
	      "They are accepted, shown and written back, so that files and "
	      "tools made for Redis work.\n\n"
	      "| setting | default | set | meaning in Redis | why not here |\n"
	      "|---|---|---|---|---|\n",
		output);
	for (const struct setting_row *row = setting_rows; row->name; row++)
		if (row->effect != NULL)
			print_row(output, row);
}
