/* Lua for a real redis-server that makes values of all kinds. */
#ifndef TESTS_SUPPORT_DUMP_VALUES_H
#define TESTS_SUPPORT_DUMP_VALUES_H

/* A string `all` of the 256 bytes. */
#define DUMP_ALL_BYTES \
	"local bytes = {} " \
	"for i = 0, 255 do bytes[i + 1] = string.char(i) end " \
	"local all = table.concat(bytes) "

/* A function element(i): different texts, whose sizes and values lie on both
 * sides of every limit of every encoding; from 31 on they grow long. */
#define DUMP_ELEMENTS \
	DUMP_ALL_BYTES \
	"local sizes = { 0, 1, 62, 63, 64, 65, 127, 250, 253, 254, 255, 4095, " \
	"  4096, 4097, 9000, 17000, 70000 } " \
	"local numbers = { '0', '1', '12', '13', '127', '128', '-1', '-128', " \
	"  '4095', '4096', '-4096', '-4097', '32767', '32768', '-32768', " \
	"  '-32769', '8388607', '8388608', '-8388608', '-8388609', " \
	"  '2147483647', '2147483648', '-2147483648', '-2147483649', " \
	"  '9223372036854775807', '-9223372036854775808', " \
	"  '9223372036854775808', '01', '-0', '1e3' } " \
	"local function element(i) " \
	"  if i <= #numbers then return numbers[i] end " \
	"  local size = sizes[(i - 1) % #sizes + 1] " \
	"  return (all:rep(math.ceil(size / 256)):sub(1, size)) .. i " \
	"end "

#endif
