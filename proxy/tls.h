/* TLS of client connections.
 *
 * A context is what the settings say: certificate, key, whom to trust, versions
 * and ciphers.  It can be replaced at any time; connections keep the one that
 * they began with.  Reading and writing take the place of read() and
 * evbuffer_write() on the socket, and make the handshake on the way.
 *
 * Contexts belong to the main thread, a connection to its worker. */
#ifndef PROXY_TLS_H
#define PROXY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct evbuffer;
struct settings;
/* OpenSSL's SSL_CTX and SSL. */
struct ssl_ctx_st;
struct ssl_st;

enum { TLS_ERROR_SIZE = 512 };

/* NULL with a sentence in `error` when the settings do not fit or their files
 * cannot be read.  Released with tls_context_free(), connections or not. */
struct ssl_ctx_st *tls_context_new(
	const struct settings *settings, char error[static TLS_ERROR_SIZE]);
void tls_context_free(struct ssl_ctx_st *context);

/* The server's side of an accepted, non-blocking socket, which stays the
 * caller's; NULL: out of memory. */
struct ssl_st *tls_new(struct ssl_ctx_st *context, int socket);
/* Says farewell if the socket takes it at once. */
void tls_free(struct ssl_st *tls);

/* As read(2): -1 with EAGAIN in errno when there is nothing yet, 0 at the end,
 * -1 with another errno when the connection is broken or the peer speaks no
 * TLS that is accepted. */
ssize_t tls_read(struct ssl_st *tls, void *data, size_t size);
/* Whether bytes have been decrypted that no event will tell of. */
bool tls_has_input(const struct ssl_st *tls);
/* Whether the last read waits until the socket can be written. */
bool tls_reads_when_writable(const struct ssl_st *tls);
/* Writes from the front of `output` and takes it off: how many bytes, or -1 as
 * tls_read(). */
int tls_write(struct ssl_st *tls, struct evbuffer *output);

#endif
