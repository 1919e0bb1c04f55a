/* Pid file, daemon, systemd's notifications; see process.h. */
#include "proxy/process.h"

#include "storage/base/log.h"
#include "storage/base/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
process_daemonize(const struct settings *settings)
{
	pid_t child;

	if (!settings_get(settings, daemonize))
		return;
	child = fork();
	if (child < 0) {
		perror("respgres: fork");
		exit(EXIT_FAILURE);
	}
	if (child > 0)
		_exit(EXIT_SUCCESS);
	setsid();
	if (freopen("/dev/null", "r", stdin) == NULL ||
		freopen("/dev/null", "w", stdout) == NULL ||
		(*settings_get_text(settings, logfile) != '\0' &&
			freopen("/dev/null", "w", stderr) == NULL))
		log_event(LOG_WARNING, "cannot leave the terminal", "error",
			log_text(strerror(errno)), NULL);
}

/* Source: systemd, sd_notify(3): a datagram to the socket in NOTIFY_SOCKET. */
static void
notify_systemd(const struct settings *settings, const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int supervised = settings_get(settings, supervised);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = path ? strlen(path) : 0;
	int sender;

	if ((supervised != SUPERVISED_SYSTEMD &&
		    supervised != SUPERVISED_AUTO) ||
		size == 0 || size >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = '\0';
	sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sender < 0 ||
		sendto(sender, state, strlen(state), MSG_NOSIGNAL,
			(struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				size)) < 0)
		log_event(LOG_WARNING, "systemd was not told", "error",
			log_text(strerror(errno)), NULL);
	if (sender >= 0)
		close(sender);
}

void
process_ready(const struct settings *settings)
{
	const char *path = settings_get_text(settings, pidfile);
	FILE *file;

	notify_systemd(settings, "READY=1\n");
	if (*path == '\0')
		return;
	file = fopen(path, "we");
	if (file == NULL || fprintf(file, "%d\n", (int)getpid()) < 0)
		log_event(LOG_WARNING, "pid file not written", "path",
			log_text(path), "error", log_text(strerror(errno)),
			NULL);
	if (file != NULL)
		fclose(file);
}

void
process_stopping(const struct settings *settings)
{
	const char *path = settings_get_text(settings, pidfile);

	notify_systemd(settings, "STOPPING=1\n");
	if (*path != '\0')
		unlink(path);
}

void
process_print_help(FILE *output)
{
	fputs("Usage: respgres [config-file] [--directive value]...\n"
	      "\n"
	      "Serves the Redis protocol from PostgreSQL.  Without a database\n"
	      "(postgres, --postgres or DATABASE_URL) it runs a private one.\n"
	      "\n"
	      "  --port 7000 --dir /data   any directive of the config file\n"
	      "  --postgres CONNINFO       the database to use\n"
	      "  --check                   looks at configuration and database\n"
	      "  --migrate-only            brings the schema up to date, ends\n"
	      "  --compat                  prints redis-compat.md\n"
	      "  --settings                prints docs/configuration.md\n"
	      "  --version, --help\n",
		output);
}
