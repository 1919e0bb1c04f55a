"""Writers fill a cache under leases while its tags are invalidated: no value that
was computed before an invalidation may be there after it.

    tests/consistency/tag_leases.py [--seconds N] [--writers N] [--seed N]

A writer takes a lease, reads the source, computes for a moment, and stores
what it read. An invalidation changes the source first and then the tag, with a
command, with a command that works in parts as there are many keys, or in one
SQL transaction with the source.
"""

import argparse
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.connection import Connection, ErrorReply
from support.server import Results, Server

TAGS = ["command", "command2", "sql", "many"]
KEYS_OF_TAG = 20
FILLERS = 2500  # more than are changed in one transaction
THREADS_PER_PROCESS = 8


def keys_of(tag):
    return [f"{tag}:{n}" for n in range(KEYS_OF_TAG)]


def call(connection, *command):
    reply = connection.call(*command)
    if isinstance(reply, ErrorReply):
        raise RuntimeError(f"{command[:3]}: {reply}")
    return reply


def write(port, seed, deadline, outcomes):
    connection = Connection(port)
    rng = random.Random(seed)
    stored = refused = 0
    while time.monotonic() < deadline:
        tag = rng.choice(TAGS)
        token = call(connection, "TAG", "LEASE", tag)
        value = call(connection, "GET", f"source:{tag}")
        time.sleep(rng.random() * 0.004)
        reply = call(connection, "TAG", "SET", rng.choice(keys_of(tag)), value,
                     tag, "LEASE", token)
        if reply is None:
            refused += 1
        else:
            stored += 1
    outcomes.append((stored, refused))


def run_writers(ports, seed, deadline, queue):
    """A process of several threads."""
    outcomes, problems = [], []

    def guarded(number):
        try:
            write(ports[number % len(ports)], f"{seed}/{number}", deadline,
                  outcomes)
        except Exception as error:
            problems.append(repr(error))

    threads = [threading.Thread(target=guarded, args=(number,))
               for number in range(THREADS_PER_PROCESS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.put((sum(one[0] for one in outcomes),
               sum(one[1] for one in outcomes), problems))


class Sql:
    """One session of an application."""

    def __init__(self, conninfo):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", conninfo],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def invalidate(self, tag):
        self.process.stdin.write(f"""BEGIN;
            SELECT number FROM respgres.incrby(0, 'source:{tag}', 1);
            SELECT pg_sleep(0.002);
            SELECT respgres.tag_invalidate(ARRAY['{tag}']);
            COMMIT;
            SELECT 'done';\n""")
        self.process.stdin.flush()
        number = int(self.process.stdout.readline())
        while self.process.stdout.readline().strip() != "done":
            pass
        return number

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def add_fillers(connection, tag):
    words = ["TAG", "MSET"]
    for n in range(FILLERS):
        words += [f"filler:{n}", "x", "TAGS", "1", tag]
    call(connection, *words)


def find_stale(connection, tag, number):
    values = call(connection, "MGET", *keys_of(tag))
    return [(key, value, number)
            for key, value in zip(keys_of(tag), values)
            if value is not None and int(value) < number]


def invalidate(tag, server, deadline, counts, problems):
    connection = Connection(server.port)
    sql = Sql(server.conninfo)
    while time.monotonic() < deadline:
        if tag == "sql":
            number = sql.invalidate(tag)
        else:
            if tag == "many":
                add_fillers(connection, tag)
            number = call(connection, "INCR", f"source:{tag}")
            call(connection, "TAG", "INVALIDATE", tag)
        problems += find_stale(connection, tag, number)
        counts[tag] += 1
        time.sleep(0.01)
    sql.close()


def run_invalidators(servers, deadline, counts, problems):
    def guarded(tag, server):
        try:
            invalidate(tag, server, deadline, counts, problems)
        except Exception as error:
            problems.append(repr(error))

    threads = [threading.Thread(target=guarded,
                                args=(tag, servers[i % len(servers)]))
               for i, tag in enumerate(TAGS)]
    for thread in threads:
        thread.start()
    return threads


def check(servers, arguments):
    results = Results()
    deadline = time.monotonic() + arguments.seconds
    counts, problems = dict.fromkeys(TAGS, 0), []
    connection = Connection(servers[0].port)
    for tag in TAGS:
        call(connection, "SET", f"source:{tag}", 1)
    queue = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(
            target=run_writers,
            args=([server.port for server in servers],
                  f"{arguments.seed}/{number}", deadline, queue))
        for number in range(arguments.writers // THREADS_PER_PROCESS)]
    for process in processes:
        process.start()
    threads = run_invalidators(servers, deadline, counts, problems)
    outcomes = [queue.get() for _ in processes]
    for worker in processes + threads:
        worker.join()
    stored = sum(one[0] for one in outcomes)
    refused = sum(one[1] for one in outcomes)
    print(f"{stored} stored, {refused} refused, invalidations {counts}")
    for one in outcomes:
        problems += one[2]
    for tag in TAGS:
        number = int(call(connection, "GET", f"source:{tag}"))
        problems += find_stale(connection, tag, number)
    results.check("no value outlives its invalidation", problems[:5], [])
    results.check("some were stored and some refused",
                  stored > 0 and refused > 0, True)
    results.check("each way was taken", min(counts.values()) > 0, True)
    left = servers[0].psql(
        "SELECT (SELECT count(*) FROM respgres.tag_work), "
        "(SELECT count(*) FROM respgres.tag_work_part)")
    results.check("no work is left", left, "0|0")
    return results.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--seed", default=str(time.time_ns()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with Server() as first, Server(beside=first) as second:
        return check([first, second], arguments)


if __name__ == "__main__":
    sys.exit(main())
