/* The packed forms: listpack, ziplist, zipmap and intset. */
#include "commands/rdb_listpack.h"
#include "commands/rdb_packed.h"
#include "commands/rdb_sink.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef bool (*open_packed)(struct rdb_packed *packed, struct bytes raw);

/* Elements up to the end; -1 when the form is not sound. */
static int
count_elements(open_packed open, struct bytes raw)
{
	struct rdb_packed packed;
	struct rdb_element element;
	enum rdb_packed_step step;
	int count = 0;

	if (!open(&packed, raw))
		return -1;
	while ((step = rdb_packed_next(&packed, &element)) ==
		RDB_PACKED_ELEMENT)
		count++;
	return step == RDB_PACKED_END ? count : -1;
}

/* Neither a beginning of it nor what is longer is sound. */
static void
expect_only_whole(open_packed open, struct bytes raw)
{
	char *longer = memory_allocate(raw.size + 1);

	for (size_t size = 0; size < raw.size; size++) {
		/* A copy of its own, so that a sanitizer sees the end. */
		char *beginning = memory_allocate(size);

		memcpy(beginning, raw.data, size);
		cr_expect_eq(
			count_elements(open, (struct bytes){ beginning, size }),
			-1);
		free(beginning);
	}
	memcpy(longer, raw.data, raw.size);
	longer[raw.size] = (char)0xff;
	cr_expect_eq(
		count_elements(open, (struct bytes){ longer, raw.size + 1 }),
		-1);
	free(longer);
}

static void
expect_number(int64_t number, size_t size)
{
	struct rdb_sink sink;
	struct rdb_packed packed;
	struct rdb_element element;

	rdb_sink_init(&sink, false);
	rdb_listpack_begin(&sink);
	rdb_listpack_add_number(&sink, number);
	cr_expect_eq(sink.size, RDB_LISTPACK_HEAD_SIZE + size, "%lld: %zu",
		(long long)number, sink.size);
	cr_expect_eq(rdb_listpack_number_size(number), size);
	rdb_listpack_end(&sink, 1);
	cr_assert(rdb_listpack_open(&packed, rdb_sink_written(&sink)));
	cr_assert_eq(rdb_packed_next(&packed, &element), RDB_PACKED_ELEMENT);
	cr_expect(element.is_number);
	cr_expect_eq(element.number, number);
	cr_expect_eq(rdb_packed_next(&packed, &element), RDB_PACKED_END);
	expect_only_whole(rdb_listpack_open, rdb_sink_written(&sink));
	rdb_sink_release(&sink);
}

Test(rdb_packed, listpack_numbers)
{
	expect_number(0, 2);
	expect_number(127, 2);
	expect_number(128, 3);
	expect_number(-1, 3);
	expect_number(4095, 3);
	expect_number(-4096, 3);
	expect_number(4096, 4);
	expect_number(-4097, 4);
	expect_number(INT16_MAX, 4);
	expect_number(INT16_MIN, 4);
	expect_number(INT16_MAX + 1, 5);
	expect_number((1 << 23) - 1, 5);
	expect_number(-(1 << 23), 5);
	expect_number(1 << 23, 6);
	expect_number(INT32_MIN, 6);
	expect_number((int64_t)INT32_MAX + 1, 10);
	expect_number(INT64_MAX, 10);
	expect_number(INT64_MIN, 10);
}

Test(rdb_packed, listpack_strings)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 125, 126, 127, 4095, 4096,
		16376, 16377, 16378, 16379, 2097145, 2097146, 2097147 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes text = { memory_allocate_zeroed(1, sizes[i]),
			sizes[i] };
		struct rdb_packed packed;
		struct rdb_element element;
		struct rdb_sink sink;

		rdb_sink_init(&sink, false);
		rdb_listpack_begin(&sink);
		rdb_listpack_add(&sink, text);
		rdb_listpack_add(&sink, bytes_of("12"));
		rdb_listpack_end(&sink, 2);
		cr_assert(rdb_listpack_open(&packed, rdb_sink_written(&sink)));
		cr_assert_eq(
			rdb_packed_next(&packed, &element), RDB_PACKED_ELEMENT);
		cr_expect(bytes_equal(element.text, text));
		cr_assert_eq(
			rdb_packed_next(&packed, &element), RDB_PACKED_ELEMENT);
		cr_expect_eq(element.number, 12);
		cr_expect_eq(
			rdb_packed_next(&packed, &element), RDB_PACKED_END);
		rdb_sink_release(&sink);
		free((char *)text.data);
	}
}

Test(rdb_packed, listpack_counts)
{
	struct rdb_sink sink;

	rdb_sink_init(&sink, false);
	rdb_listpack_begin(&sink);
	for (int i = 0; i < 70000; i++)
		rdb_listpack_add_number(&sink, i);
	rdb_listpack_end(&sink, 70000);
	cr_expect_eq(count_elements(rdb_listpack_open, rdb_sink_written(&sink)),
		70000);
	sink.data[4] = 5; /* no longer unknown, and wrong */
	cr_expect_eq(
		count_elements(rdb_listpack_open, rdb_sink_written(&sink)), -1);
	rdb_sink_release(&sink);
}

#define RAW(literal) ((struct bytes){ literal, sizeof(literal) - 1 })

Test(rdb_packed, broken_listpacks)
{
	/* A size at the end that differs, does not end, or lies outside. */
	static const struct bytes broken[] = {
		RAW("\x0b\0\0\0\x01\0\x82"
		    "ab\x02\xff"),
		RAW("\x0b\0\0\0\x01\0\x81"
		    "a\x83\x02\xff"),
		RAW("\x0a\0\0\0\x01\0\x8f"
		    "a\x02\xff"),
		RAW("\x09\0\0\0\x01\0\xf4\x01\xff"), /* number cut off */
		RAW("\x09\0\0\0\x01\0\xf5\x01\xff"), /* no such kind */
		RAW("\x0d\0\0\0\x01\0\xf0\xff\xff\xff\xff\x05\xff"),
		RAW("\x07\0\0\0\x01\0\xff"), /* one element announced */
		RAW("\x08\0\0\0\0\0\xff\xff"), /* ends twice */
	};

	cr_expect_eq(count_elements(rdb_listpack_open,
			     RAW("\x0b\0\0\0\x01\0\x82"
				 "ab\x03\xff")),
		1);
	cr_expect_eq(
		count_elements(rdb_listpack_open, RAW("\x07\0\0\0\0\0\xff")),
		0);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		cr_expect_eq(count_elements(rdb_listpack_open, broken[i]), -1,
			"%zu", i);
}

Test(rdb_packed, ziplists)
{
	struct bytes whole = RAW("\x12\0\0\0\x0e\0\0\0\x03\0"
				 "\0\x01"
				 "a\x03\xfd\x02\xf1\xff");

	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x0b\0\0\0\x0a\0\0\0\0\0\xff")),
		0);
	/* The last element is at 15, not at 14. */
	cr_expect_eq(count_elements(rdb_ziplist_open, whole), -1);
	whole = RAW("\x12\0\0\0\x0f\0\0\0\x03\0"
		    "\0\x01"
		    "a\x03\xfd\x02\xf1\xff");
	cr_expect_eq(count_elements(rdb_ziplist_open, whole), 3);
	expect_only_whole(rdb_ziplist_open, whole);
	/* The size of the element before is wrong. */
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x12\0\0\0\x0f\0\0\0\x03\0"
				 "\0\x01"
				 "a\x04\xfd\x02\xf1\xff")),
		-1);
	/* Two elements are announced. */
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x12\0\0\0\x0f\0\0\0\x02\0"
				 "\0\x01"
				 "a\x03\xfd\x02\xf1\xff")),
		-1);
	/* Lengths and widths that lead outside, and no such kind. */
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x0d\0\0\0\x0a\0\0\0\x01\0\0\x01\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x11\0\0\0\x0a\0\0\0\x01\0"
				 "\0\x80\xff\xff\xff\xff\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xe0\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_ziplist_open,
			     RAW("\x0d\0\0\0\x0a\0\0\0\x01\0\0\xc5\xff")),
		-1);
}

Test(rdb_packed, zipmaps)
{
	struct bytes whole = RAW("\x02\x02"
				 "f1\x02\0"
				 "v1\x00\x01\x02"
				 "v..\xff");

	cr_expect_eq(count_elements(rdb_zipmap_open, whole), 4);
	expect_only_whole(rdb_zipmap_open, whole);
	cr_expect_eq(count_elements(rdb_zipmap_open, RAW("\0\xff")), -1);
	/* Three fields are announced; a field has no value. */
	cr_expect_eq(count_elements(rdb_zipmap_open,
			     RAW("\x03\x02"
				 "f1\x02\0"
				 "v1\x00\x01\x02"
				 "v..\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_zipmap_open,
			     RAW("\x01\x02"
				 "f1\xff")),
		-1);
	/* A length longer than need be, and one that leads outside. */
	cr_expect_eq(count_elements(rdb_zipmap_open,
			     RAW("\x01\xfe\x01\0\0\0"
				 "f\x01\0v\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_zipmap_open,
			     RAW("\x01\xfe\xff\xff\xff\xff"
				 "f\x01\0v\xff")),
		-1);
}

Test(rdb_packed, intsets)
{
	cr_expect_eq(count_elements(rdb_intset_open,
			     RAW("\x02\0\0\0\x02\0\0\0\xff\xff\x05\0")),
		2);
	expect_only_whole(
		rdb_intset_open, RAW("\x02\0\0\0\x02\0\0\0\xff\xff\x05\0"));
	/* Not ascending; twice the same; none; no such width. */
	cr_expect_eq(count_elements(rdb_intset_open,
			     RAW("\x02\0\0\0\x02\0\0\0\x05\0\xff\xff")),
		-1);
	cr_expect_eq(count_elements(rdb_intset_open,
			     RAW("\x02\0\0\0\x02\0\0\0\x05\0\x05\0")),
		-1);
	cr_expect_eq(
		count_elements(rdb_intset_open, RAW("\x02\0\0\0\0\0\0\0")), -1);
	cr_expect_eq(count_elements(rdb_intset_open,
			     RAW("\x01\0\0\0\x02\0\0\0\x05\x06")),
		-1);
	cr_expect_eq(count_elements(rdb_intset_open,
			     RAW("\x04\0\0\0\x00\0\0\x80"
				 "\x05\0\0\0")),
		-1);
}
