# Turns SQL files into rows that C includes.
#
#	awk -f embed_sql.awk -v kind=statements storage/sql/*.sql
#	awk -f embed_sql.awk -v kind=migrations storage/schema/*.sql
#	awk -f embed_sql.awk -v kind=functions storage/schema/functions/*.sql
#
# statements: each file holds blocks
#
#	-- name: string_get (what a reader should know)
#	-- set: ordinal|key|match|all  (optional; how calls share an execution)
#	-- single: string_get_one      (optional; the block for one element alone)
#	-- write                       (optional; it changes data)
#	-- repeats                     (optional; see storage/statement.h)
#	-- distinct: 5                 (optional; a parameter's number)
#	-- any other comment
#	SELECT ...                     (one statement, ";" optional)
#
# and becomes SQL(string_get, SET_ORDINAL, string_get_one, false, false, 0,
# "SELECT ..."), in file order; without a single form it names itself there.
# Comment lines are dropped, other lines kept, so that PostgreSQL's "LINE n"
# counts from the statement's first line.
#
# migrations: NNNN_name.sql becomes MIGRATION(N, "name", "the whole file").
# functions: name.sql becomes FUNCTIONS("name", "the whole file").
# Both are verbatim, comments included.
#
# Anything unexpected ends with a message and exit status 1: a block that is
# silently left out would surface as a missing identifier at best.

function fail(message)
{
	printf "%s:%d: %s\n", FILENAME, FNR, message > "/dev/stderr"
	failed = 1
	exit 1
}

function c_string(text)
{
	gsub(/[\\"]/, "\\\\&", text)
	return "\"" text "\\n\""
}

# Without the directory and ".sql".
function base_name(path)
{
	sub(/.*\//, "", path)
	sub(/\.sql$/, "", path)
	return path
}

function end_block()
{
	if (block == "")
		return
	if (lines == 0)
		fail("block " block " has no statement")
	sub(/;[ \t]*\\n"$/, "\\n\"", last)
	if (single == "")
		single = block
	if (repeats == "true" && mode != "SET_ORDINAL")
		fail("block " block " repeats keys and is not set: ordinal")
	printf "SQL(%s, %s, %s, %s, %s, %d,\n%s%s)\n", block, mode, single,
		is_write, repeats, distinct, body, last
	block = ""
}

function begin_block(line)
{
	end_block()
	sub(/^--[ \t]*name:[ \t]*/, "", line)
	match(line, /^[a-z][a-z0-9_]*/)
	if (RLENGTH < 1)
		fail("a block's name is lower case letters, digits and _")
	block = substr(line, 1, RLENGTH)
	if (block in seen)
		fail("block " block " is already in " seen[block])
	seen[block] = FILENAME
	mode = "SET_NONE"
	single = ""
	is_write = repeats = "false"
	distinct = 0
	body = last = ""
	lines = ended = 0
}

function set_mode(line)
{
	if (line !~ /^--[ \t]*set:[ \t]*(ordinal|key|match|all)[ \t]*$/)
		fail("set is one of ordinal, key, match, all")
	sub(/^--[ \t]*set:[ \t]*/, "", line)
	sub(/[ \t]*$/, "", line)
	mode = "SET_" toupper(line)
}

function begin_file(    name, number)
{
	name = base_name(FILENAME)
	if (kind == "migrations") {
		if (name !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/)
			fail("a migration is named NNNN_name.sql")
		number = substr(name, 1, 4) + 0
		if (number != migrations + 1)
			fail("expected migration " migrations + 1)
		migrations = number
		printf "MIGRATION(%d, \"%s\"", number, substr(name, 6)
	} else {
		printf "FUNCTIONS(\"%s\"", name
	}
	printf ","
	file_open = 1
}

function end_file()
{
	if (file_open)
		printf ")\n"
	file_open = 0
}

BEGIN {
	if (kind != "statements" && kind != "migrations" && kind != "functions") {
		print "kind is statements, migrations or functions" \
			> "/dev/stderr"
		failed = 1
		exit 1
	}
	print "/* Made from SQL files by embed_sql.awk: do not edit. */"
}

kind != "statements" {
	if (FNR == 1) {
		end_file()
		begin_file()
	}
	printf "\n%s", c_string($0)
	next
}

FNR == 1 { end_block() }
/^--[ \t]*name:/ { begin_block($0); next }
/^--[ \t]*set:/ && block != "" { set_mode($0); next }
/^--[ \t]*single:[ \t]*[a-z][a-z0-9_]*[ \t]*$/ && block != "" {
	single = $NF
	next
}
/^--[ \t]*write[ \t]*$/ && block != "" { is_write = "true"; next }
/^--[ \t]*repeats[ \t]*$/ && block != "" { repeats = "true"; next }
/^--[ \t]*distinct:[ \t]*[0-9]+[ \t]*$/ && block != "" {
	distinct = $NF
	next
}
/^[ \t]*--/ { next }
/^[ \t]*$/ && (block == "" || lines == 0 || ended) { next }
{
	if (block == "")
		fail("SQL outside of a block")
	if (ended)
		fail("block " block " has a second statement")
	if (lines++)
		body = body last "\n"
	last = c_string($0)
	if ($0 ~ /;[ \t]*$/)
		ended = 1
}

END {
	if (failed)
		exit 1
	end_block()
	end_file()
	if (failed)
		exit 1
}
