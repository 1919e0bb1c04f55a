/* Listening sockets; see listener.h. */
#include "proxy/listener.h"

#include "commands/counters.h"
#include "commands/server.h"
#include "proxy/tls.h"
#include "proxy/worker.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKETS_MAX = 32, DESCRIPTION_SIZE = 512 };

struct socket_set {
	struct evconnlistener *listeners[SOCKETS_MAX];
	int count;
};

struct listener {
	struct event_base *base;
	struct server *server;
	struct worker **workers;
	int worker_count, next_worker;
	struct socket_set tcp, tls;
	struct ssl_ctx_st *tls_context; /* NULL: no TLS */
	struct evconnlistener *unix_listener;
	char unix_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char description[DESCRIPTION_SIZE];
	char error[TLS_ERROR_SIZE];
};

/* --- accepting ------------------------------------------------------- */

static bool
is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_UNIX)
		return true;
	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return v6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int
count_clients(const struct listener *listener)
{
	int count = 0;

	for (int i = 0; i < listener->worker_count; i++)
		count += atomic_load_explicit(
			&listener->workers[i]->client_count,
			memory_order_relaxed);
	return count;
}

static struct worker *
choose_worker(struct listener *listener)
{
	struct worker *best = NULL;
	int fewest = 0;

	for (int i = 0; i < listener->worker_count; i++) {
		struct worker *worker =
			listener->workers[(listener->next_worker + i) %
				listener->worker_count];
		int count = atomic_load_explicit(
			&worker->client_count, memory_order_relaxed);

		if (best == NULL || count < fewest) {
			best = worker;
			fewest = count;
		}
	}
	listener->next_worker++;
	return best;
}

/* Says why and closes; the text is small enough for any fresh socket.  With TLS
 * it would have to wait for the handshake. */
static void
reject(struct listener *listener, int socket, bool plain, const char *text)
{
	if (plain && write(socket, text, strlen(text)) < 0)
		log_event(LOG_DEBUG, "rejected client is gone", NULL);
	close(socket);
	atomic_fetch_add(
		&listener->server->counters[0]->connections_rejected, 1);
}

static void
set_tcp_options(const struct listener *listener, int socket)
{
	int on = 1;
	int idle_s =
		(int)settings_get(listener->server->settings, tcp_keepalive);
	int interval_s = idle_s / 3 > 0 ? idle_s / 3 : 1, probes = 3;

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (idle_s == 0)
		return;
	setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s,
		sizeof(interval_s));
	setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static bool
is_protected(const struct listener *listener)
{
	const struct settings *settings = listener->server->settings;

	return settings_get(settings, protected_mode) &&
		*settings_get_text(settings, requirepass) == '\0';
}

static void
take(struct listener *listener, int socket, const struct sockaddr *address,
	bool plain)
{
	bool local = is_loopback(address);
	struct ssl_st *tls = NULL;

	if (count_clients(listener) >=
		settings_get(listener->server->settings, maxclients)) {
		reject(listener, socket, plain,
			"-ERR max number of clients reached\r\n");
		return;
	}
	if (!local && is_protected(listener)) {
		reject(listener, socket, plain,
			"-DENIED respgres is running in protected mode "
			"because no password is set for the default user. "
			"Connections from other machines are refused until a "
			"password is set with requirepass, or protected-mode "
			"is set to no, here or from the same machine.\r\n");
		return;
	}
	if (address->sa_family != AF_UNIX)
		set_tcp_options(listener, socket);
	if (!plain) {
		tls = tls_new(listener->tls_context, socket);
		if (tls == NULL) {
			close(socket);
			return;
		}
	}
	worker_take_socket(choose_worker(listener), socket, tls, local);
}

static void
on_accept(struct evconnlistener *connection_listener, evutil_socket_t socket,
	struct sockaddr *address, int size, void *arg)
{
	(void)connection_listener;
	(void)size;
	take(arg, socket, address, true);
}

static void
on_accept_tls(struct evconnlistener *connection_listener,
	evutil_socket_t socket, struct sockaddr *address, int size, void *arg)
{
	(void)connection_listener;
	(void)size;
	take(arg, socket, address, false);
}

static void
on_accept_error(struct evconnlistener *connection_listener, void *arg)
{
	(void)connection_listener;
	(void)arg;
	log_event(LOG_WARNING, "accept failed", "error",
		log_text(strerror(errno)), NULL);
	/* Out of descriptors: without a pause the loop would spin. */
	if (errno == EMFILE || errno == ENFILE)
		usleep(10000);
}

/* --- opening --------------------------------------------------------- */

/* What is listened to alike at several addresses. */
struct opening {
	struct socket_set *set;
	evconnlistener_cb accept;
	int port;
};

static struct evconnlistener *
open_address(struct listener *listener, const struct opening *opening,
	const struct addrinfo *info)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
		LEV_OPT_REUSEABLE;
	struct evconnlistener *opened;

	if (info->ai_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	opened = evconnlistener_new_bind(listener->base, opening->accept,
		listener, flags,
		(int)settings_get(listener->server->settings, tcp_backlog),
		info->ai_addr, (int)info->ai_addrlen);
	if (opened != NULL)
		evconnlistener_set_error_cb(opened, on_accept_error);
	return opened;
}

static bool
open_host(struct listener *listener, const struct opening *opening,
	const char *host)
{
	struct socket_set *set = opening->set;
	bool optional = *host == '-';
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[16];
	int opened = 0, error;

	host += optional;
	hints.ai_family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (strcmp(host, "*") == 0)
		host = NULL;
	else if (strcmp(host, "::*") == 0) {
		host = NULL;
		hints.ai_family = AF_INET6;
	}
	snprintf(port, sizeof(port), "%d", opening->port);
	error = getaddrinfo(host, port, &hints, &found);
	for (struct addrinfo *info = found;
		info != NULL && set->count < SOCKETS_MAX;
		info = info->ai_next) {
		struct evconnlistener *one =
			open_address(listener, opening, info);

		if (one != NULL) {
			set->listeners[set->count++] = one;
			opened++;
		}
	}
	if (opened == 0 && !optional)
		snprintf(listener->error, sizeof(listener->error),
			"Unable to listen on this port: %s port %s: %s",
			host ? host : "*", port,
			error ? gai_strerror(error) : strerror(errno));
	if (found != NULL)
		freeaddrinfo(found);
	return opened > 0 || optional;
}

static void
close_set(struct socket_set *set)
{
	for (int i = 0; i < set->count; i++)
		evconnlistener_free(set->listeners[i]);
	set->count = 0;
}

static bool
open_all(struct listener *listener, const struct opening *opening)
{
	const struct settings *settings = listener->server->settings;
	struct socket_set *set = opening->set;
	size_t count = 0;
	char **hosts;
	bool opened = true;

	set->count = 0;
	if (opening->port == 0)
		return true;
	hosts = settings_split(settings_get_text(settings, bind), &count);
	for (size_t i = 0; opened && i < count; i++)
		opened = open_host(listener, opening, hosts[i]);
	settings_words_free(hosts, count);
	if (opened && set->count == 0 && count > 0) {
		snprintf(listener->error, sizeof(listener->error),
			"none of the addresses to listen on is available: %s",
			strerror(errno));
		opened = false;
	}
	if (!opened)
		close_set(set);
	return opened;
}

static bool
open_tcp(struct listener *listener, struct socket_set *set)
{
	struct opening opening = { set, on_accept,
		(int)settings_get(listener->server->settings, port) };

	return open_all(listener, &opening);
}

static bool
renew_context(struct listener *listener)
{
	struct ssl_ctx_st *context =
		tls_context_new(listener->server->settings, listener->error);

	if (context == NULL)
		return false;
	tls_context_free(listener->tls_context);
	listener->tls_context = context;
	return true;
}

static bool
open_tls(struct listener *listener, struct socket_set *set)
{
	struct opening opening = { set, on_accept_tls,
		(int)settings_get(listener->server->settings, tls_port) };

	set->count = 0;
	if (opening.port != 0 && !renew_context(listener))
		return false;
	return open_all(listener, &opening);
}

static bool
open_unix(struct listener *listener)
{
	const struct settings *settings = listener->server->settings;
	const char *path = settings_get_text(settings, unixsocket);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (*path == '\0')
		return true;
	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(listener->error, sizeof(listener->error),
			"the path of unixsocket is too long: %s", path);
		return false;
	}
	strcpy(address.sun_path, path);
	unlink(path);
	listener->unix_listener =
		evconnlistener_new_bind(listener->base, on_accept, listener,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
			(int)settings_get(settings, tcp_backlog),
			(struct sockaddr *)&address, sizeof(address));
	if (listener->unix_listener == NULL) {
		snprintf(listener->error, sizeof(listener->error),
			"cannot listen on %s: %s", path, strerror(errno));
		return false;
	}
	strcpy(listener->unix_path, path);
	if (settings_get(settings, unixsocketperm) > 0)
		chmod(path, (mode_t)settings_get(settings, unixsocketperm));
	return true;
}

/* Adds the addresses of a set behind what is there; where the rest begins. */
static char *
describe_set(struct listener *listener, const struct socket_set *set, char *at,
	const char *suffix)
{
	char *end = listener->description + sizeof(listener->description);

	for (int i = 0; i < set->count && at < end; i++) {
		struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
		socklen_t size = sizeof(address);
		char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
		bool v6;

		if (getsockname(evconnlistener_get_fd(set->listeners[i]),
			    (struct sockaddr *)&address, &size) != 0)
			continue;
		getnameinfo((struct sockaddr *)&address, size, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV);
		v6 = address.ss_family == AF_INET6;
		at += snprintf(at, (size_t)(end - at), "%s%s%s%s:%s%s",
			at > listener->description ? ", " : "", v6 ? "[" : "",
			host, v6 ? "]" : "", port, suffix);
	}
	return at < end ? at : end;
}

static void
describe(struct listener *listener)
{
	char *at = listener->description;
	char *end = at + sizeof(listener->description);

	*at = '\0';
	at = describe_set(listener, &listener->tcp, at, "");
	at = describe_set(listener, &listener->tls, at, " (TLS)");
	if (listener->unix_listener != NULL && at < end)
		snprintf(at, (size_t)(end - at), "%s%s",
			at > listener->description ? ", " : "",
			listener->unix_path);
}

struct listener *
listener_new(struct event_base *base, struct server *server,
	struct worker **workers, int worker_count)
{
	struct listener *listener =
		memory_allocate_zeroed(1, sizeof(*listener));

	listener->base = base;
	listener->server = server;
	listener->workers = workers;
	listener->worker_count = worker_count;
	return listener;
}

bool
listener_open(struct listener *listener, const char **error)
{
	*error = listener->error;
	if (!open_tcp(listener, &listener->tcp) ||
		!open_tls(listener, &listener->tls) || !open_unix(listener)) {
		listener_close(listener);
		return false;
	}
	describe(listener);
	return true;
}

bool
listener_reopen_tcp(struct listener *listener, const char **error)
{
	struct socket_set fresh;

	*error = listener->error;
	if (!open_tcp(listener, &fresh))
		return false;
	close_set(&listener->tcp);
	listener->tcp = fresh;
	describe(listener);
	return true;
}

bool
listener_reopen_tls(struct listener *listener, const char **error)
{
	struct socket_set fresh;

	*error = listener->error;
	if (!open_tls(listener, &fresh))
		return false;
	close_set(&listener->tls);
	listener->tls = fresh;
	describe(listener);
	return true;
}

bool
listener_renew_tls(struct listener *listener, const char **error)
{
	*error = listener->error;
	/* Without TLS the files may be named one after the other. */
	return settings_get(listener->server->settings, tls_port) == 0 ||
		renew_context(listener);
}

void
listener_close(struct listener *listener)
{
	close_set(&listener->tcp);
	close_set(&listener->tls);
	if (listener->unix_listener == NULL)
		return;
	evconnlistener_free(listener->unix_listener);
	listener->unix_listener = NULL;
	unlink(listener->unix_path);
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	listener_close(listener);
	tls_context_free(listener->tls_context);
	free(listener);
}

const char *
listener_description(const struct listener *listener)
{
	return listener->description;
}
