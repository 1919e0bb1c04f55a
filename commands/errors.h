/* Redis' error texts, each once.
 * Source: Redis 7.0.15, server.c (createSharedObjects) and the handlers. */
#ifndef COMMANDS_ERRORS_H
#define COMMANDS_ERRORS_H

#define ERROR_WRONG_TYPE \
	"WRONGTYPE Operation against a key holding the wrong kind of value"
#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NOT_INTEGER "ERR value is not an integer or out of range"
#define ERROR_NOT_FLOAT "ERR value is not a valid float"
#define ERROR_OVERFLOW "ERR increment or decrement would overflow"
#define ERROR_NO_KEY "ERR no such key"
#define ERROR_OUT_OF_RANGE "ERR index out of range"
#define ERROR_OOM "OOM command not allowed when used memory > 'maxmemory'."
#define ERROR_NO_AUTH "NOAUTH Authentication required."
#define ERROR_WRONG_PASSWORD \
	"WRONGPASS invalid username-password pair or user is disabled."
#define ERROR_DB_INDEX "ERR DB index is out of range"
#define ERROR_INVALID_DB "ERR invalid DB index"
#define ERROR_STRING_TOO_LONG \
	"ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* Ours: the database did not answer. */
#define ERROR_DOWN \
	"TRYAGAIN PostgreSQL cannot be reached; the command was not executed"
#define ERROR_UNKNOWN_OUTCOME \
	"TRYAGAIN the connection to PostgreSQL was lost; the write may or " \
	"may not have been executed"
#define ERROR_REPLY_LOST \
	"ERR the write was executed, but its reply was lost with the " \
	"connection to PostgreSQL"
#define ERROR_BUSY_QUEUE "TRYAGAIN too many commands are waiting"

#endif
