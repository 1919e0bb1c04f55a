"""The rows that every program here works on: their names, slots and values.

Keys are those of redis-benchmark, `key:000000000042`; counters are
`counter:000000000042`. In SQL, bench.key(n) and bench.slot(n) give the same,
so that pgbench meets the rows that Redis clients made.
"""

import binascii
import random
import socket

DIGITS = 12
GROUP = 1000
SLOTS = 16384
HOT_COUNTER = b"counter:__rand_int__"
# As redis-benchmark's values: six random bits a byte, which do not compress
# well; without the two characters that SQL would need quoted.
ALPHABET = [chr(code) for code in range(48, 114) if chr(code) not in "\\'"]
LOAD_BATCH = 500


def name(prefix, number, digits=DIGITS):
    """The key of a number, as redis-benchmark writes it."""
    return f"{prefix}:{number:0{digits}d}".encode()


def value(size):
    """A value of `size` bytes, the same at each call."""
    return "".join(random.Random(size).choices(ALPHABET, k=size))


def _checksum(prefix, number):
    return binascii.crc_hqx(name(prefix, number), 0)


def _contributions(prefix, group):
    """What each value of three decimal digits changes in the checksum. A CRC
    is linear: the contributions of all groups, combined with #, give it."""
    zero = _checksum(prefix, 0)
    values = [_checksum(prefix, digits * GROUP ** group) ^ zero
              for digits in range(GROUP)]
    if group == 0:
        values = [number ^ zero for number in values]
    return "'{" + ",".join(map(str, values)) + "}'::int4[]"


def _functions(prefix, function):
    """SQL functions that PostgreSQL inlines: plain expressions when run."""
    terms = [f"({_contributions(prefix, group)})"
             f"[$1 / {GROUP ** group} % {GROUP} + 1]" for group in range(3)]
    return f"""
        CREATE FUNCTION bench.{function}(number integer) RETURNS bytea
        LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT convert_to('{prefix}:' || lpad($1::text, {DIGITS}, '0'),
                              'UTF8')
        $$;
        CREATE FUNCTION bench.{function}_slot(number integer) RETURNS smallint
        LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT (({' # '.join(terms)}) & {SLOTS - 1})::smallint
        $$;
    """


def create_functions(psql):
    """Makes bench.key, bench.key_slot, bench.counter and bench.counter_slot,
    for numbers below 10^9. `psql` runs SQL."""
    psql("CREATE SCHEMA IF NOT EXISTS bench;"
         + _functions("key", "key") + _functions("counter", "counter"))


def _encode(*arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%s\r\n" % (len(item), item) for item in arguments]
    return b"".join(parts)


def _expect(replies, count):
    """Reads `count` simple replies; an error is an exception."""
    for _ in range(count):
        line = replies.readline()
        if not line.startswith(b"+"):
            raise RuntimeError(f"filling failed: {line!r}")


def load(port, database, pairs):
    """Stores (key, value) pairs by pipelined SET through a server's port."""
    with socket.create_connection(("127.0.0.1", port)) as connection, \
            connection.makefile("rb") as replies:
        connection.sendall(_encode(b"SELECT", b"%d" % database))
        _expect(replies, 1)
        batch = []
        for key, content in pairs:
            batch.append(_encode(b"SET", key, content))
            if len(batch) == LOAD_BATCH:
                connection.sendall(b"".join(batch))
                _expect(replies, len(batch))
                batch = []
        connection.sendall(b"".join(batch))
        _expect(replies, len(batch))


def pairs(prefix, count, content, digits=DIGITS):
    """The (key, value) pairs of `count` keys."""
    content = content.encode()
    return ((name(prefix, number, digits), content) for number in range(count))
