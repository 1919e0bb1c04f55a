"""POOL under load: 50 clients go on while the pool is resized, paused, resumed,
reconnected and thinned out. No command fails, no reply is lost, and each
client's commands keep their order, on one key and across keys."""

import functools
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import Connection, as_map  # noqa: E402
from support.pool import Load  # noqa: E402
from support.server import Results, Server  # noqa: E402

CLIENTS = 50
SECONDS = float(os.environ.get("POOL_LOAD_SECONDS", 8))
SIZES = [1, 2, 3, 4, 6]


def work(client, n, i):
    """One pipeline, whose replies tell the order in which it ran: single keys
    on their lanes, several keys on the joint one."""
    one, two, count = f"one:{n}", f"two:{n}", f"count:{n}"
    commands = [
        (("INCR", count), 2 * i - 1),
        (("SET", one, i), b"OK"),
        (("GET", one), b"%d" % i),
        (("MSET", one, -i, two, i), b"OK"),
        (("GET", one), b"%d" % -i),
        (("MGET", two, one), [b"%d" % i, b"%d" % -i]),
        (("INCR", count), 2 * i),
        (("HSET", f"hash:{n}", i % 100, i), None),
        (("HGET", f"hash:{n}", i % 100), b"%d" % i),
        (("INCR", "all"), None),
        (("RPUSH", f"list:{n}", i), None),
        (("BLPOP", f"list:{n}", 60), [b"list:%d" % n, b"%d" % i]),
        (("DEL", two, f"absent:{n}"), 1),
        (("EXISTS", two), 0),
    ]
    replies = client.pipeline([command for command, _ in commands])
    for (command, wanted), reply in zip(commands, replies):
        if isinstance(reply, str) or (wanted is not None and reply != wanted):
            return command, wanted, reply
    return None


def resize(client, choice):
    size = choice.choice(SIZES)
    reply = client.call("POOL", "RESIZE", "point", size, size)
    assert isinstance(reply, list) and as_map(reply)["after"] == size, reply


def pause(client, choice, load):
    assert client.call("POOL", "PAUSE") == b"OK"
    time.sleep(0.2)  # what was answered has arrived
    before = sum(load.rounds)
    time.sleep(0.2)
    assert sum(load.rounds) == before, "a client went on in a pause"
    assert client.call("POOL", "RESUME") == b"OK"


def play(server, change):
    client, load = Connection(server.port), None
    client.call("FLUSHALL")
    load = Load(server, CLIENTS, work)
    deadline = time.monotonic() + SECONDS
    changes = 0
    try:
        while time.monotonic() < deadline and not load.problems:
            change(client, load)
            changes += 1
            time.sleep(0.05)
    finally:
        load.end()
    assert changes >= 2 and min(load.rounds) >= 1, (changes, load.rounds)
    assert client.call("GET", "all") == b"%d" % sum(load.rounds)


def test_resize(server):
    choice = random.Random(1)
    play(server, lambda client, load: resize(client, choice))


def test_pause_and_resume(server):
    choice = random.Random(2)
    play(server, lambda client, load: pause(client, choice, load))


def test_reconnect(server):
    def change(client, load):
        replaced = client.call("POOL", "RECONNECT")
        assert isinstance(replaced, int) and replaced >= 3, replaced

    play(server, change)


def test_everything_at_once(server):
    choice = random.Random(3)
    other = Connection(server.port)

    def change(client, load):
        # The second waits for the first.
        size = choice.choice(SIZES)
        other.send(b"POOL RECONNECT\r\n")
        resize(client, choice)
        client.call("POOL", "TERMINATE", "IDLE", 0)
        pause(client, choice, load)
        client.call("POOL", "RESIZE", "bulk", size, size)
        assert isinstance(other.read(), int)

    play(server, change)


def main():
    results = Results()
    for workers in (1, 2):
        with Server("--worker-threads", workers, "--lanes", 1) as server:
            for test in (test_resize, test_pause_and_resume, test_reconnect,
                         test_everything_at_once):
                results.run(functools.partial(test, server))
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
