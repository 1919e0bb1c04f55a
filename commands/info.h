/* The sections of INFO, apart from those that need the database. */
#ifndef COMMANDS_INFO_H
#define COMMANDS_INFO_H

#include <stddef.h>

struct evbuffer;
struct request;

/* Each writes its section's lines, with the heading. */
void info_print_server(struct evbuffer *text, struct request *request);
void info_print_clients(struct evbuffer *text, struct request *request);
void info_print_memory(struct evbuffer *text, struct request *request);
void info_print_persistence(struct evbuffer *text, struct request *request);
void info_print_stats(struct evbuffer *text, struct request *request);
void info_print_replication(struct evbuffer *text, struct request *request);
void info_print_cpu(struct evbuffer *text, struct request *request);
void info_print_modules(struct evbuffer *text, struct request *request);
void info_print_commandstats(struct evbuffer *text, struct request *request);
void info_print_errorstats(struct evbuffer *text, struct request *request);
void info_print_latencystats(struct evbuffer *text, struct request *request);
void info_print_cluster(struct evbuffer *text, struct request *request);

/* "1.50M": bytes for people, as Redis rounds them. */
enum { INFO_HUMAN_SIZE = 64 };
const char *info_print_human(char text[static INFO_HUMAN_SIZE], size_t size);

#endif
