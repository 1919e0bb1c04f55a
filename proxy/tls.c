/* OpenSSL behind tls.h. */
#include "proxy/tls.h"

#include "storage/base/log.h"
#include "storage/base/settings.h"

#include <errno.h>
#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	RECORD_SIZE = 16384, /* RFC 8446, 5.1: the most that one record holds */
};

/* --- contexts -------------------------------------------------------- */

static bool
fail(char *error, const char *what, const char *file)
{
	char reason[256] = "unknown error";
	unsigned long code = ERR_peek_last_error();

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof(reason));
	snprintf(error, TLS_ERROR_SIZE, "%s%s%s: %s", what,
		*file != '\0' ? " " : "", file, reason);
	ERR_clear_error();
	return false;
}

static bool
refuse(char *error, const char *why)
{
	snprintf(error, TLS_ERROR_SIZE, "%s", why);
	return false;
}

static int
give_password(char *buffer, int size, int for_writing, void *password)
{
	size_t length = strlen(password);

	(void)for_writing;
	if (length > (size_t)size)
		return -1;
	memcpy(buffer, password, length);
	return (int)length;
}

static bool
use_certificate(SSL_CTX *context, const struct settings *settings, char *error)
{
	const char *certificate = settings_get_text(settings, tls_cert_file);
	const char *key = settings_get_text(settings, tls_key_file);
	const char *password = settings_get_text(settings, tls_key_file_pass);

	if (*certificate == '\0')
		return refuse(error, "TLS needs tls-cert-file");
	if (*key == '\0')
		return refuse(error, "TLS needs tls-key-file");
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return fail(error, "cannot use the certificate", certificate);
	SSL_CTX_set_default_passwd_cb(context, give_password);
	SSL_CTX_set_default_passwd_cb_userdata(context, (void *)password);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return fail(error, "cannot use the private key", key);
	SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
	if (SSL_CTX_check_private_key(context) != 1)
		return fail(error, "the key is not the certificate's:", key);
	return true;
}

static bool
use_trust(SSL_CTX *context, const struct settings *settings, char *error)
{
	const char *file = settings_get_text(settings, tls_ca_cert_file);
	const char *directory = settings_get_text(settings, tls_ca_cert_dir);
	int asked = settings_get(settings, tls_auth_clients);
	bool given = *file != '\0' || *directory != '\0';

	if (given &&
		SSL_CTX_load_verify_locations(context,
			*file != '\0' ? file : NULL,
			*directory != '\0' ? directory : NULL) != 1)
		return fail(error, "cannot read the certificates to trust in",
			*file != '\0' ? file : directory);
	switch (asked) {
	case TLS_AUTH_CLIENTS_NO:
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		return true;
	case TLS_AUTH_CLIENTS_OPTIONAL:
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		break;
	default:
		SSL_CTX_set_verify(context,
			SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			NULL);
	}
	return given ||
		refuse(error,
			"TLS needs tls-ca-cert-file or tls-ca-cert-dir, or "
			"tls-auth-clients no");
}

/* The span of versions that `words` names; empty: 1.2 and 1.3. */
static bool
use_versions(SSL_CTX *context, const char *words, char *error)
{
	static const struct {
		const char *name;
		int version;
	} versions[] = {
		{ "TLSv1", TLS1_VERSION },
		{ "TLSv1.1", TLS1_1_VERSION },
		{ "TLSv1.2", TLS1_2_VERSION },
		{ "TLSv1.3", TLS1_3_VERSION },
	};
	int least = 0, greatest = 0;
	size_t count = 0;
	char **names = settings_split(words, &count);
	bool known = names != NULL; /* else: unbalanced quotes */

	for (size_t i = 0; known && i < count; i++) {
		size_t j = 0;

		while (j < 4 && strcasecmp(names[i], versions[j].name) != 0)
			j++;
		known = j < 4;
		if (!known)
			break;
		if (least == 0 || versions[j].version < least)
			least = versions[j].version;
		if (versions[j].version > greatest)
			greatest = versions[j].version;
	}
	settings_words_free(names, count);
	if (!known)
		return refuse(error,
			"tls-protocols: expected some of TLSv1, TLSv1.1, "
			"TLSv1.2 and TLSv1.3");
	if (SSL_CTX_set_min_proto_version(
		    context, least ? least : TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_max_proto_version(context, greatest) != 1)
		return fail(error, "cannot use tls-protocols", words);
	return true;
}

static bool
use_parameters(SSL_CTX *context, const char *path, char *error)
{
	EVP_PKEY *parameters = NULL;
	BIO *file;

	if (*path == '\0') {
		SSL_CTX_set_dh_auto(context, 1);
		return true;
	}
	file = BIO_new_file(path, "r");
	if (file != NULL)
		parameters = PEM_read_bio_Parameters(file, NULL);
	BIO_free(file);
	/* Given away when it succeeds. */
	if (parameters == NULL ||
		SSL_CTX_set0_tmp_dh_pkey(context, parameters) != 1) {
		EVP_PKEY_free(parameters);
		return fail(error, "cannot use the parameters", path);
	}
	return true;
}

static bool
use_ciphers(SSL_CTX *context, const struct settings *settings, char *error)
{
	const char *ciphers = settings_get_text(settings, tls_ciphers);
	const char *suites = settings_get_text(settings, tls_ciphersuites);

	if (*ciphers != '\0' && SSL_CTX_set_cipher_list(context, ciphers) != 1)
		return fail(error, "cannot use tls-ciphers", ciphers);
	if (*suites != '\0' && SSL_CTX_set_ciphersuites(context, suites) != 1)
		return fail(error, "cannot use tls-ciphersuites", suites);
	if (settings_get(settings, tls_prefer_server_ciphers))
		SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	return use_parameters(context,
		settings_get_text(settings, tls_dh_params_file), error);
}

static void
use_cache(SSL_CTX *context, const struct settings *settings)
{
	static const unsigned char id[] = "respgres";

	SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
	if (!settings_get(settings, tls_session_caching)) {
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
		return;
	}
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(
		context, settings_get(settings, tls_session_cache_size));
	SSL_CTX_set_timeout(
		context, settings_get(settings, tls_session_cache_timeout));
}

SSL_CTX *
tls_context_new(
	const struct settings *settings, char error[static TLS_ERROR_SIZE])
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL) {
		fail(error, "OpenSSL", "");
		return NULL;
	}
	SSL_CTX_set_options(
		context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context,
		SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	use_cache(context, settings);
	if (use_certificate(context, settings, error) &&
		use_trust(context, settings, error) &&
		use_versions(context,
			settings_get_text(settings, tls_protocols), error) &&
		use_ciphers(context, settings, error))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

void
tls_context_free(SSL_CTX *context)
{
	SSL_CTX_free(context);
}

/* --- connections ----------------------------------------------------- */

SSL *
tls_new(SSL_CTX *context, int socket)
{
	SSL *session = SSL_new(context);

	if (session == NULL || SSL_set_fd(session, socket) != 1) {
		SSL_free(session);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_accept_state(session);
	return session;
}

void
tls_free(SSL *session)
{
	if (session == NULL)
		return;
	/* After a fatal error nothing may be sent any more. */
	if (SSL_is_init_finished(session))
		SSL_shutdown(session);
	ERR_clear_error();
	SSL_free(session);
}

static void
log_broken(const SSL *session)
{
	char reason[256];
	unsigned long code = ERR_peek_error();

	if (code == 0)
		return;
	ERR_error_string_n(code, reason, sizeof(reason));
	log_event(LOG_VERBOSE,
		SSL_is_init_finished(session) ? "TLS connection broken" :
						"TLS handshake failed",
		"error", log_text(reason), NULL);
}

/* What the outcome of an operation is in the words of read(2). */
static ssize_t
outcome(SSL *session, int result)
{
	int error;

	if (result > 0)
		return result;
	error = SSL_get_error(session, result);
	switch (error) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		log_broken(session);
		/* A shutdown after it would be an error of its own. */
		SSL_set_quiet_shutdown(session, 1);
		ERR_clear_error();
		errno = ECONNRESET;
		return -1;
	}
}

ssize_t
tls_read(SSL *session, void *data, size_t size)
{
	ERR_clear_error();
	return outcome(session,
		SSL_read(session, data,
			size > RECORD_SIZE ? RECORD_SIZE : (int)size));
}

bool
tls_has_input(const SSL *session)
{
	return SSL_pending(session) > 0;
}

bool
tls_reads_when_writable(const SSL *session)
{
	return SSL_want_write(session);
}

int
tls_write(SSL *session, struct evbuffer *output)
{
	char record[RECORD_SIZE];
	ev_ssize_t size = evbuffer_copyout(output, record, sizeof(record));
	int written;

	/* After EAGAIN OpenSSL wants the same bytes again, or more: more may
	 * have come behind them. */
	ERR_clear_error();
	written = (int)outcome(session, SSL_write(session, record, (int)size));
	if (written > 0)
		evbuffer_drain(output, (size_t)written);
	return written;
}
