"""Pub/sub in RESP3, between servers and from SQL, and with slow readers."""

import functools
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import Connection, encode  # noqa: E402
from support.pool import Psql  # noqa: E402
from support.server import Results, Server, becomes  # noqa: E402

LONG = bytes(range(256)) * 4000


def subscriber(server, *words):
    connection = Connection(server.port, timeout=10)
    connection.send(encode(*words))
    for channel in words[1:]:
        assert connection.read()[1] == as_bytes(channel)
    return connection


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def expect_silence(connection, seconds=0.1):
    time.sleep(seconds)
    assert connection.call("PING", "quiet") == [b"pong", b"quiet"]


# --- one server ----------------------------------------------------------

def exchange(connection, data, expected):
    """Sends the bytes, and expects those."""
    connection.send(data)
    got = b""
    while len(got) < len(expected):
        more = connection.socket.recv(1 << 16)
        assert more, got
        got += more
    assert got == expected, got


def test_resp3(server):
    connection = Connection(server.port)
    connection.send(encode("HELLO", 3))
    time.sleep(0.1)
    connection.socket.recv(1 << 16)
    talk = functools.partial(exchange, connection)
    talk(encode("SUBSCRIBE", "a"), b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")
    talk(encode("PSUBSCRIBE", "?"),
         b">3\r\n$10\r\npsubscribe\r\n$1\r\n?\r\n:2\r\n")
    # All commands are allowed; one's own messages come before the answer.
    talk(encode("PUBLISH", "a", "x") + encode("GET", "k"),
         b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
         b">4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\na\r\n$1\r\nx\r\n"
         b":2\r\n_\r\n")
    talk(encode("PING"), b"+PONG\r\n")
    # Pushes come where answers are silenced.
    talk(encode("CLIENT", "REPLY", "OFF") + encode("PUBLISH", "b", "y") +
         encode("SSUBSCRIBE", "s"),
         b">4\r\n$8\r\npmessage\r\n$1\r\n?\r\n$1\r\nb\r\n$1\r\ny\r\n"
         b">3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n")
    talk(encode("CLIENT", "REPLY", "ON") + encode("UNSUBSCRIBE") +
         encode("UNSUBSCRIBE"),
         b"+OK\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
         b">3\r\n$11\r\nunsubscribe\r\n_\r\n:1\r\n")
    connection.close()


def test_slow_reader_is_closed(server):
    client = server.client()
    client.config_set("client-output-buffer-limit", "pubsub 1mb 0 0")
    slow = subscriber(server, "SUBSCRIBE", "slow")
    quick = subscriber(server, "SUBSCRIBE", "quick")
    for _ in range(40):
        client.publish("slow", LONG)
    assert becomes(lambda: client.publish("slow", b"x") == 0, 5)
    assert client.publish("quick", b"x") == 1
    assert quick.read() == [b"message", b"quick", b"x"]
    client.config_set("client-output-buffer-limit", "pubsub 32mb 8mb 60")
    slow.close()
    quick.close()


def test_many_publishers_and_subscribers(server):
    """Every subscriber sees each publisher's messages in their order."""
    readers = [subscriber(server, "SUBSCRIBE", "many") for _ in range(8)]
    writers = [Connection(server.port) for _ in range(8)]

    def publish(number):
        counts = writers[number].pipeline(
            [("PUBLISH", "many", f"{number} {n}") for n in range(500)])
        assert counts == [8] * 500, counts

    threads = [threading.Thread(target=publish, args=(number,))
               for number in range(8)]
    for thread in threads:
        thread.start()
    for reader in readers:
        last = [-1] * 8
        for _ in range(8 * 500):
            number, n = map(int, reader.read()[2].split())
            assert n == last[number] + 1
            last[number] = n
    for thread in threads:
        thread.join()


# --- several servers, and SQL --------------------------------------------

def test_other_servers(server, other):
    here = subscriber(server, "SUBSCRIBE", "a")
    there = subscriber(other, "SUBSCRIBE", "a", b"\xff\0")
    patterns = subscriber(other, "PSUBSCRIBE", "a*")
    shards = subscriber(other, "SSUBSCRIBE", "a")
    client = server.client()
    assert client.publish("a", b"\0\xff") == 1
    assert client.publish(b"\xff\0", b"") == 0
    assert client.execute_command("SPUBLISH", "a", "s") == 0
    for size in (5000, 5599, 5600, 5601, 100000, 3000000):
        payload = (LONG * 3)[:size]
        assert client.publish("a", payload) == 1
        assert client.publish("a", b"same") == 1
        assert client.publish("a", b"same") == 1
    for connection, channel in ((here, b"a"), (there, b"a")):
        assert connection.read() == [b"message", b"a", b"\0\xff"]
        if connection is there:
            assert connection.read() == [b"message", b"\xff\0", b""]
        for size in (5000, 5599, 5600, 5601, 100000, 3000000):
            assert connection.read() == [
                b"message", channel, (LONG * 3)[:size]], size
            assert connection.read() == [b"message", channel, b"same"]
            assert connection.read() == [b"message", channel, b"same"]
    assert patterns.read() == [b"pmessage", b"a*", b"a", b"\0\xff"]
    assert shards.read() == [b"smessage", b"a", b"s"]
    assert becomes(lambda: server.psql(
        "SELECT count(*) FROM respgres.message") == "0", 5)
    for connection in (here, there, patterns, shards):
        connection.close()


def test_first_subscriber_misses_nothing(server):
    """What is published after the confirmation arrives, also when no other
    server had subscribers a moment ago."""
    with Server(beside=server) as third:
        client = server.client()
        running = True

        def publish():
            while running:
                client.publish("first", b"before")

        thread = threading.Thread(target=publish)
        thread.start()
        time.sleep(0.2)
        connection = subscriber(third, "SUBSCRIBE", "first")
        server.client().publish("first", b"after")
        running = False
        thread.join()
        while (message := connection.read()[2]) == b"before":
            pass
        assert message == b"after"
        connection.close()


def test_sql(server, other):
    connection = subscriber(other, "SUBSCRIBE", "a")
    near = subscriber(server, "SUBSCRIBE", "a")
    open_transaction = Psql(
        server, "SELECT respgres.publish('a', 'one'), "
        "respgres.publish('a', 'one'), respgres.publish('a', "
        "convert_to(repeat('x', 10000), 'UTF8'))")
    expect_silence(connection)
    open_transaction.process.stdin.write("COMMIT;\n")
    open_transaction.end()
    Psql(server, "SELECT respgres.publish('a', 'never')").end()
    server.psql("SELECT respgres.publish('a', 'two')")
    for one in (connection, near):
        for payload in (b"one", b"one", b"x" * 10000, b"two"):
            assert one.read() == [b"message", b"a", payload]
        one.close()


def test_nothing_is_kept_for_nobody(server):
    server.psql("DELETE FROM respgres.listener; "
                "SELECT respgres.publish('a', convert_to(repeat('x', 10000), "
                "'UTF8'))")
    assert server.psql("SELECT count(*) FROM respgres.message") == "0"


def test_database_away(server):
    """Messages within a server need no database."""
    with Server() as alone:
        connection = subscriber(alone, "SUBSCRIBE", "a")
        client = alone.client()
        assert client.publish("a", b"1") == 1
        alone.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name LIKE 'respgres%'")
        for n in range(5):
            assert client.publish("a", str(n)) == 1
        assert connection.read() == [b"message", b"a", b"1"]
        for n in range(5):
            assert connection.read() == [b"message", b"a", b"%d" % n]
        connection.close()


def main():
    results = Results()
    with Server("--worker-threads", 2) as server:
        results.run(functools.partial(test_resp3, server))
        results.run(functools.partial(test_slow_reader_is_closed, server))
        results.run(functools.partial(
            test_many_publishers_and_subscribers, server))
        with Server("--worker-threads", 2, beside=server) as other:
            results.run(functools.partial(test_other_servers, server, other))
            results.run(functools.partial(test_sql, server, other))
        results.run(functools.partial(
            test_first_subscriber_misses_nothing, server))
        results.run(functools.partial(test_nothing_is_kept_for_nobody, server))
    results.run(functools.partial(test_database_away, None))
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
