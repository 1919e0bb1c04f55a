/* What a finished command adds to the counters and the slow log. */
#include "commands/connection.h"
#include "commands/counters.h"
#include "commands/error_statistics.h"
#include "commands/latency.h"
#include "commands/request.h"
#include "commands/server.h"
#include "commands/slow_log.h"
#include "commands/table.h"
#include "proxy/dispatch.h"
#include "storage/base/clock.h"
#include "storage/base/settings.h"

void
dispatch_account(struct request *request)
{
	struct counters *counters = request->counters;
	struct command_counters *command;
	uint64_t duration_us;

	if (request->reply.is_error) {
		counter_add(counters->error_replies, 1);
		error_statistics_count(request);
	}
	if (request->command == NULL || request->refusal != NULL)
		return;
	duration_us = (uint64_t)(clock_monotonic_us() - request->started_us);
	command = &counters->commands_by_index[command_table_index(
		request->server->commands, request->command)];
	counter_add(counters->commands, 1);
	counter_add(command->calls, 1);
	counter_add(command->microseconds, duration_us);
	if (settings_get(request->server->settings, latency_tracking))
		counter_add(command->latency[latency_bucket(duration_us)], 1);
	if (request->reply.is_error)
		counter_add(command->failed, 1);
	slow_log_add(request, (int64_t)duration_us);
	latency_add_command(request, (int64_t)duration_us);
}
