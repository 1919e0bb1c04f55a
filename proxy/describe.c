/* What CLIENT LIST, SLOWLOG and MONITOR show of a client's socket. */
#include "commands/host.h"
#include "commands/request.h"
#include "proxy/client.h"
#include "proxy/parser.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un unix_path;
	struct sockaddr_storage storage;
};

/* "127.0.0.1:1234", "[::1]:1234"; false for a unix socket. */
static bool
print_address(const union address *address, char text[static 128])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(text, 128, "%s:%u", host, ntohs(address->v4.sin_port));
		return true;
	}
	if (address->any.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
		inet_ntop(AF_INET, address->v6.sin6_addr.s6_addr + 12, host,
			sizeof(host));
		snprintf(
			text, 128, "%s:%u", host, ntohs(address->v6.sin6_port));
		return true;
	}
	inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
	snprintf(text, 128, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	return true;
}

static void
describe_addresses(const struct client *client, struct connection_facts *facts)
{
	union address peer = { 0 }, local = { 0 };
	socklen_t peer_size = sizeof(peer), local_size = sizeof(local);

	strcpy(facts->address, "?:0");
	strcpy(facts->local_address, "?:0");
	if (client->socket < 0 ||
		getsockname(client->socket, &local.any, &local_size) != 0 ||
		getpeername(client->socket, &peer.any, &peer_size) != 0)
		return;
	if (local.any.sa_family == AF_UNIX) {
		facts->unix_socket = true;
		snprintf(facts->address, sizeof(facts->address), "%.108s:0",
			local.unix_path.sun_path);
		strcpy(facts->local_address, facts->address);
		return;
	}
	print_address(&peer, facts->address);
	print_address(&local, facts->local_address);
}

static size_t
count_digits(size_t number)
{
	size_t digits = 1;

	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

/* A command counts as in the query buffer while it runs, as in Redis. */
static void
describe_request(const struct request *request, struct connection_facts *facts)
{
	facts->query_size += 3 + count_digits((size_t)request->argc);
	for (int i = 0; i < request->argc; i++) {
		size_t size = request->argv[i].size;

		facts->arguments_size += size;
		facts->query_size += 5 + count_digits(size) + size;
	}
}

void
client_describe(struct client *client, struct connection_facts *facts)
{
	*facts = (struct connection_facts){
		.socket = client->socket,
		.requests = client->in_flight,
		.blocked = client->paused || client->connection.unblock != NULL,
		.closing = client->closing,
		.output_size = client_output_size(client),
		.output_chunks = client_output_size(client) > 0,
	};
	strcpy(facts->events, client->want_write ? "rw" : "r");
	describe_addresses(client, facts);
	if (client->parser != NULL) {
		facts->query_size = parser_buffered(client->parser);
		facts->query_free =
			parser_allocated(client->parser) - facts->query_size;
	}
	if (client->first != NULL)
		describe_request(client->first, facts);
	else if (client->partial != NULL)
		describe_request(client->partial, facts);
	facts->total_memory = sizeof(*client) + facts->query_size +
		facts->query_free + facts->arguments_size + facts->output_size;
}
