/* Fuzz target: whatever arrives on a socket, in a split that the input's first
 * bytes choose, is read or refused without a fault, and within the limits. */
#include "commands/request.h"
#include "proxy/parser.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every argument, so that a sanitizer sees a wrong one. */
static unsigned
sum_arguments(const struct request *request)
{
	unsigned sum = 0;

	for (int i = 0; i < request->argc; i++)
		for (size_t j = 0; j < request->argv[i].size; j++)
			sum += (unsigned char)request->argv[i].data[j];
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parser_limits limits = { .arguments_max = 4096,
		.bulk_size_max = 1 << 20,
		.buffer_size_max = 4 << 20,
		.authenticated = true };
	char shared[512];
	struct parser *parser;
	struct request *request;
	enum parser_status status = PARSER_MORE;
	size_t step;
	volatile unsigned sum = 0;

	if (size < 2)
		return 0;
	step = (size_t)data[0] * 2 + 1;
	limits.authenticated = data[1] & 1;
	data += 2;
	size -= 2;
	parser = parser_new();
	request = request_new();
	while (size > 0 && status == PARSER_MORE) {
		struct parser_target target =
			parser_next_target(parser, shared, sizeof(shared));
		size_t take = size < step ? size : step;

		if (take > target.size)
			take = target.size;
		memcpy(target.data, data, take);
		data += take;
		size -= take;
		parser_feed(parser, &target, take);
		while ((status = parser_read(parser, request, &limits)) ==
			PARSER_REQUEST) {
			sum += sum_arguments(request);
			request_reset(request);
		}
	}
	request_free(request);
	parser_free(parser);
	return 0;
}
