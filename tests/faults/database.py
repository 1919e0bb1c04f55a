"""What a database that stalls, fails, forgets or goes away does to clients.

    tests/faults/database.py [TEST...]
"""

import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.connection import Connection, ErrorReply
from support.memory import MEBIBYTE, is_bounded, resident_size
from support.postmaster import (children_of, lane_backends, postmaster_pid,
                                send_signal)
from support.server import Results, Server, becomes

DOWN = "TRYAGAIN PostgreSQL cannot be reached; the command was not executed"
STALLED_CLIENTS = 50
STALL_SECONDS = float(os.environ.get("STALL_SECONDS", "5"))


class Paused:
    """Stops processes for the length of a with block."""

    def __init__(self, *pids):
        self.pids = pids

    def __enter__(self):
        for pid in self.pids:
            send_signal(pid, signal.SIGSTOP)

    def __exit__(self, *_):
        for pid in self.pids:
            send_signal(pid, signal.SIGCONT)


def fail_on(server, key, deferred):
    """Has the database refuse writes to one key, at once or at commit."""
    name = f"refuse_{'late' if deferred else 'early'}"
    when = ("CREATE CONSTRAINT TRIGGER {0} AFTER INSERT OR UPDATE ON "
            "respgres.key DEFERRABLE INITIALLY DEFERRED" if deferred else
            "CREATE TRIGGER {0} BEFORE INSERT OR UPDATE ON respgres.key")
    server.psql(f"""
        CREATE FUNCTION respgres.{name}() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN RAISE 'refused by a trigger'; END $$;
        {when.format(name)} FOR EACH ROW
        WHEN (new.key = '{key}'::bytea)
        EXECUTE FUNCTION respgres.{name}()""")
    return name


def test_failing_statement(server, check):
    """A write that the database refuses harms no other of its batch."""
    for deferred in (False, True):
        bad = f"refused{int(deferred)}"
        name = fail_on(server, bad, deferred)
        commands = [("SET", f"{bad}:{i}", i) for i in range(50)]
        commands += [("INCR", f"{bad}:n")] * 3 + [("GET", f"{bad}:7")]
        commands.insert(20, ("SET", bad, "x"))
        commands.insert(40, ("INCR", bad))
        replies = Connection(server.port).pipeline(commands)
        for at in (20, 40):
            check(f"the refused write is answered with the error, {deferred}",
                  isinstance(replies[at], ErrorReply) and
                  "refused by a trigger" in replies[at], True)
        others = [reply for at, reply in enumerate(replies)
                  if at not in (20, 40)]
        check(f"its neighbours are unharmed, {deferred}", others,
              [b"OK"] * 50 + [1, 2, 3, b"7"])
        server.psql(f"DROP TRIGGER {name} ON respgres.key")
        check("and it works once the reason is gone",
              Connection(server.port).call("SET", bad, "y"), b"OK")


def test_forgotten_statements(server, check):
    """Prepared statements that the session lost are prepared again."""
    server.psql("""
        CREATE SEQUENCE respgres.forgotten;
        CREATE FUNCTION respgres.forget() RETURNS trigger
        LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('respgres.forgotten') = 1 THEN
                EXECUTE 'DEALLOCATE ALL';
            END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER forget BEFORE INSERT ON respgres.key FOR EACH ROW
        WHEN (new.key = 'forget'::bytea)
        EXECUTE FUNCTION respgres.forget()""")
    connection = Connection(server.port)
    for key in ("forget:1", "forget", "forget:2"):
        check(f"SET {key}", connection.call("SET", key, "1"), b"OK")
        check(f"INCR {key}", connection.call("INCR", key), 2)
        check(f"GET {key}", connection.call("GET", key), b"2")
    server.psql("DROP TRIGGER forget ON respgres.key")


def test_deadlock(server, check):
    """A deadlock with somebody's transaction is no client's business."""
    connection = Connection(server.port)
    connection.call("MSET", "dead:a", 0, "dead:b", 0)
    for number in range(1, 3):
        lock = ("UPDATE respgres.key SET touched_at = touched_at "
                "WHERE key = '{}'::bytea")
        other = subprocess.Popen(
            ["psql", "-XAtq", "-c", "BEGIN", "-c", lock.format("dead:b"),
             "-c", "SELECT pg_sleep(0.5)", "-c", lock.format("dead:a"),
             "-c", "COMMIT", server.conninfo],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.2)
        check("MSET against a transaction that locks the other way round",
              connection.call("MSET", "dead:a", number, "dead:b", number),
              b"OK")
        other.wait()
        check("it was done once and whole",
              connection.call("MGET", "dead:a", "dead:b"),
              [b"%d" % number] * 2)


def test_stalled_backend(server, check):
    """A backend that stalls holds up its lane and no other."""
    connections = [Connection(server.port) for _ in range(40)]
    answered = [None] * len(connections)

    def ask(at):
        answered[at] = connections[at].call("SET", f"stalled:{at}", at)

    threads = [threading.Thread(target=ask, args=(at,))
               for at in range(len(connections))]
    with Paused(lane_backends(server)["respgres durable point 1"]):
        for thread in threads:
            thread.start()
        becomes(lambda: any(answered))
        time.sleep(1)
        early = sum(answer is not None for answer in answered)
        check(f"other lanes answer meanwhile: {early} of {len(answered)}",
              0 < early < len(answered), True)
    for thread in threads:
        thread.join()
    check("and all are answered in the end", answered,
          [b"OK"] * len(connections))


def test_same_key_of_two_databases(server, check):
    """What came back for a key of one database is not another's."""
    first, second, third = [Connection(server.port) for _ in range(3)]
    second.call("SELECT", 1)
    for number in range(8):
        key = f"twice:{number}"
        first.call("SET", key, "there")
        with Paused(*lane_backends(server).values()):
            # These are under way while the others gather.
            for at in range(16):
                third.send(f"SET busy:{at} x\r\n".encode())
            time.sleep(0.05)
            first.send(f"SET {key} new NX\r\n".encode())
            second.send(f"SET {key} new NX\r\n".encode())
            time.sleep(0.05)
        check(f"{key} of database 0 stays", first.read(), None)
        check(f"{key} of database 1 is set", second.read(), b"OK")
        check("the others are set", [third.read() for _ in range(16)],
              [b"OK"] * 16)
        check(f"{key} of database 0 was there", first.call("GET", key),
              b"there")
        check(f"{key} of database 1 is new", second.call("GET", key), b"new")


def test_reads_of_a_lost_batch(server, check):
    """A read that shared its batch with writes is repeated, when the
    connection dies, and sees what it would have seen."""
    connection = Connection(server.port)
    for number in range(6):
        backends = lane_backends(server)
        with Paused(*backends.values()):
            connection.send(b"".join(
                f"SET lost:{at} {number}\r\nGET lost:{at}\r\n".encode()
                for at in range(20)))
            time.sleep(0.05)
            for pid in backends.values():
                # A stopped backend takes the signal when it goes on.
                send_signal(pid, signal.SIGTERM)
        check("every write and read is answered",
              [connection.read() for _ in range(40)],
              [b"OK", b"%d" % number] * 20)


def test_away(_, check):
    """Errors are clear when the database stays away; then all is well."""
    database = Server("--lanes", 1)
    try:
        with Server("--postgres-timeout", 1000, beside=database) as server:
            connection = Connection(server.port)
            check("SET before", connection.call("SET", "away", "1"), b"OK")
            database.kill(signal.SIGTERM)
            for command in (("GET", "away"), ("SET", "away", "2"),
                            ("MSET", "away", "3", "b", "3")):
                start = time.monotonic()
                reply = connection.call(*command)
                took = time.monotonic() - start
                check(f"{command[0]} while it is away", str(reply), DOWN)
                check(f"{command[0]} waits as long as it should: {took:.2f} s",
                      0.9 < took < 4, True)
            check("PING needs no database", connection.call("PING"), b"PONG")
            replies = connection.pipeline([("INCR", "n")] * 500)
            check("a pipeline is refused at once", set(replies),
                  {ErrorReply(DOWN)})
            database.start()
            # Each key's lane comes back in its own time.
            for key in ("away", "n"):
                becomes(lambda: not isinstance(
                    connection.call("GET", key), ErrorReply))
            check("what was acknowledged is there",
                  connection.call("GET", "away"), b"1")
            check("what was refused is not", connection.call("GET", "n"),
                  None)
            check("writes work again", connection.call("INCR", "n"), 1)
    finally:
        database.stop()


def test_back_pressure(server, check):
    """Memory stays bounded while PostgreSQL stalls and clients push."""
    value = b"v" * 100_000
    count = 90
    connections = [Connection(server.port, 120)
                   for _ in range(STALLED_CLIENTS)]
    wrong = []

    def push(at):
        replies = connections[at].pipeline(
            [("SET", f"pushed:{at}:{i}", value) for i in range(count)])
        if replies != [b"OK"] * count:
            wrong.append((at, replies[:3]))

    threads = [threading.Thread(target=push, args=(at,))
               for at in range(STALLED_CLIENTS)]
    before = resident_size(server)
    pid = postmaster_pid(server)
    with Paused(pid, *children_of(pid)):
        for thread in threads:
            thread.start()
        most, until = 0, time.monotonic() + STALL_SECONDS
        while time.monotonic() < until:
            most = max(most, resident_size(server))
            time.sleep(0.05)
    for thread in threads:
        thread.join()
    most = max(most, resident_size(server))
    pushed = STALLED_CLIENTS * count * len(value)
    print(f"back-pressure: {pushed // MEBIBYTE} MiB pushed, "
          f"{(most - before) // MEBIBYTE} MiB more in memory")
    # 64 MiB may be queued, as much be under way to PostgreSQL in buffers that
    # double when they grow, and each client may have a read buffer and a
    # command that waits.
    check("memory is bounded", is_bounded(server, most - before, 256), True)
    check("all is answered afterwards", wrong, [])
    sample = [("STRLEN", f"pushed:{at}:{count - 1}")
              for at in range(STALLED_CLIENTS)]
    check("and stored", Connection(server.port).pipeline(sample),
          [len(value)] * STALLED_CLIENTS)


def main():
    results = Results()
    tests = [(name, test) for name, test in globals().items()
             if name.startswith("test_") and
             (len(sys.argv) < 2 or name[5:] in sys.argv[1:])]
    with Server("--lanes", 4, "--worker-threads", 4) as server:
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
