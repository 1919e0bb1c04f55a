"""Clients that stall, flood, or are there when the server is told to stop.

    tests/faults/clients.py [TEST...]
"""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.connection import Connection, Cut, ErrorReply, encode
from support.memory import MEBIBYTE, is_bounded, resident_size
from support.server import Results, Server, becomes

CHURN_CONNECTIONS = 10_000
CHURN_THREADS = 8
# So long that a slow disk, on which PostgreSQL stops, does not look like it.
SHUTDOWN_SECONDS = 60


def test_drain(server, check):
    """SIGTERM: what was done was answered, at once, and the status is 0."""
    answers = [0] * 20

    def increment(at):
        connection = Connection(server.port)
        try:
            while True:
                replies = connection.pipeline([("INCR", "drained")] * 50)
                answers[at] += sum(isinstance(r, int) for r in replies)
        except Cut as cut:
            answers[at] += sum(isinstance(r, int) for r in cut.replies)

    for _ in range(3):
        threads = [threading.Thread(target=increment, args=(at,))
                   for at in range(len(answers))]
        for thread in threads:
            thread.start()
        busy = sum(answers) + 1000
        check("clients are busy", becomes(lambda: sum(answers) > busy), True)
        start = time.monotonic()
        status = server.kill(signal.SIGTERM)
        took = time.monotonic() - start
        for thread in threads:
            thread.join()
        check("the status is 0", status, 0)
        check(f"it does not wait for busy clients: {took:.1f} s",
              took < SHUTDOWN_SECONDS / 2, True)
        server.start()
        check("each increment was answered",
              int(Connection(server.port).call("GET", "drained")),
              sum(answers))


def test_half_a_command(server, check):
    """A client that stalls in a command costs little and hinders nobody."""
    before = resident_size(server)
    stalled = [Connection(server.port) for _ in range(50)]
    for connection in stalled:
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nh\r\n$100000000\r\nabc")
    other = Connection(server.port)
    for at in range(100):
        check("others are served", other.call("SET", "other", at), b"OK")
    grown = resident_size(server) - before
    check(f"announced bytes are not held: {grown // MEBIBYTE} MiB",
          is_bounded(server, grown, 40), True)
    for connection in stalled:
        connection.close()
    check("the half was not executed", other.call("GET", "h"), None)


def test_garbage(server, check):
    """Endless bytes without sense end the connection, not the memory."""
    before = resident_size(server)
    for garbage in (b"x" * 65536, b"*1\r\n$", b"\0" * 65536):
        connection = Connection(server.port)
        try:
            for _ in range(200):
                connection.send(garbage)
            connection.socket.settimeout(5)
            while connection.socket.recv(65536):
                pass
        except OSError:
            pass
        connection.close()
    grown = resident_size(server) - before
    check(f"memory stays: {grown // MEBIBYTE} MiB",
          is_bounded(server, grown, 20),
          True)
    check("others are served", Connection(server.port).call("PING"), b"PONG")


def test_slow_reader(server, check):
    """Answers that are not read hold a bounded amount of memory."""
    admin = Connection(server.port)
    value, count = b"s" * MEBIBYTE, 100
    admin.call("SET", "big", value)
    slow = Connection(server.port)
    before = resident_size(server)
    slow.send(encode("GET", "big") * count)
    time.sleep(1.5)
    grown = resident_size(server) - before
    check(f"what waits is bounded: {grown // MEBIBYTE} MiB",
          is_bounded(server, grown, 60), True)
    check("others are served", admin.call("PING"), b"PONG")
    check("all is there once it reads",
          [len(slow.read()) for _ in range(count)], [len(value)] * count)
    limit = "client-output-buffer-limit"
    check("a limit can be set",
          admin.call("CONFIG", "SET", limit, "normal 1mb 0 0"), b"OK")
    slow = Connection(server.port)
    slow.send(encode("GET", "big") * count)
    check("over the limit it is disconnected", becomes(
        lambda: len(admin.call("CLIENT", "LIST").splitlines()) == 1), True)
    admin.call("CONFIG", "SET", limit, "normal 0 0 0")


def test_vanishing_clients(server, check):
    """Clients that leave without reading their answers."""
    for at in range(300):
        connection = Connection(server.port)
        connection.send(encode("INCR", "vanished") * 20)
        connection.close()
    admin = Connection(server.port)
    becomes(lambda: int(admin.call("GET", "vanished") or 0) >= 6000, 10)
    count = int(admin.call("GET", "vanished") or 0)
    # A reset may overtake what was not yet read, never the other way round.
    check(f"no command is run twice: {count}", 0 < count <= 6000, True)


def test_churn(server, check):
    """Many connections, each for one command."""
    Connection(server.port).call("PING")
    before = resident_size(server)
    wrong = []

    def churn():
        for at in range(CHURN_CONNECTIONS // CHURN_THREADS):
            connection = Connection(server.port)
            reply = connection.call("INCR", "churned")
            if isinstance(reply, ErrorReply):
                wrong.append(reply)
            connection.close()

    threads = [threading.Thread(target=churn) for _ in range(CHURN_THREADS)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    admin = Connection(server.port)
    check("no command fails", wrong, [])
    check("each was run once", int(admin.call("GET", "churned")),
          CHURN_CONNECTIONS)
    check("only one client is left", becomes(
        lambda: len(admin.call("CLIENT", "LIST").splitlines()) == 1), True)
    grown = resident_size(server) - before
    check(f"memory stays: {grown // MEBIBYTE} MiB",
          is_bounded(server, grown, 20),
          True)
    print(f"churn: {CHURN_CONNECTIONS} connections in {took:.1f} s")


def main():
    results = Results()
    tests = [(name, test) for name, test in globals().items()
             if name.startswith("test_") and
             (len(sys.argv) < 2 or name[5:] in sys.argv[1:])]
    with Server("--lanes", 4, "--worker-threads", 4,
                "--shutdown-timeout", SHUTDOWN_SECONDS) as server:
        for name, test in tests:
            start = time.monotonic()

            def run(test=test):
                test(server, results.check)

            run.__name__ = name
            results.run(run)
            print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
