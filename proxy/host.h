/* What this side of the process does for commands; see commands/host.h. */
#ifndef PROXY_HOST_H
#define PROXY_HOST_H

struct host;

/* server.host_data is the array of workers: struct worker **. */
extern const struct host host_functions;

#endif
