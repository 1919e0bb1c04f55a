"""Many clients of two servers on one database work on few keys; every answer
is recorded and judged. See support/histories.py for the judges.

    tests/consistency/many_clients.py [--seconds N] [--clients N] [--seed N]
        [--servers N] [--lanes N] [--worker-threads N]

Each client does all of this in random order: INCR and GET of counters, SET
and GET of registers, GETSET of a chain, APPEND to logs, SET NX in rounds,
SET NX and GETDEL of tokens, MSET and MGET of pairs, and pipelines that read
their own writes. The servers' address may be given instead, as --ports.
"""

import argparse
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter, defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.histories import check_order, check_register
from support.connection import Connection, ErrorReply
from support.server import Results, Server

COUNTERS = [f"counter:{i}" for i in range(3)]
REGISTERS = [f"register:{i}" for i in range(3)]
CHAINS = [f"chain:{i}" for i in range(2)]
LOGS = [f"log:{i}" for i in range(2)]
TOKENS = [f"token:{i}" for i in range(2)]
PAIRS = [(f"left:{i}", f"right:{i}") for i in range(2)]
THREADS_PER_PROCESS = 8


class Client:
    """One connection; `history` is a list of (kind, key, start, end, ...)."""

    def __init__(self, number, port, seed):
        self.name = f"c{number}"
        self.random = random.Random(f"{seed}/{number}")
        self.connection = Connection(port)
        self.history = []
        self.problems = []
        self.sequence = 0
        self.round = 0
        self.own_count = 0

    def unique(self):
        self.sequence += 1
        return f"{self.name}.{self.sequence}"

    def timed(self, *command):
        start = time.monotonic_ns()
        reply = self.connection.call(*command)
        end = time.monotonic_ns()
        if isinstance(reply, ErrorReply):
            raise RuntimeError(f"{command[:2]}: {reply}")
        return start, end, reply

    def record(self, kind, key, start, end, *facts):
        self.history.append((kind, key, start, end) + facts)

    def increment(self):
        key = self.random.choice(COUNTERS)
        self.record("incr", key, *self.timed("INCR", key))

    def read_counter(self):
        key = self.random.choice(COUNTERS)
        start, end, reply = self.timed("GET", key)
        self.record("count", key, start, end, int(reply or 0))

    def write_register(self):
        key, value = self.random.choice(REGISTERS), self.unique()
        start, end, _ = self.timed("SET", key, value)
        self.record("set", key, start, end, value)

    def read_register(self):
        key = self.random.choice(REGISTERS)
        start, end, reply = self.timed("GET", key)
        self.record("get", key, start, end, reply and reply.decode())

    def extend_chain(self):
        key, value = self.random.choice(CHAINS), self.unique()
        start, end, reply = self.timed("GETSET", key, value)
        self.record("getset", key, start, end, value,
                    reply and reply.decode())

    def append(self):
        key, value = self.random.choice(LOGS), self.unique()
        start, end, reply = self.timed("APPEND", key, value + ";")
        self.record("append", key, start, end, value, reply)

    def race(self):
        key = f"race:{self.round}"
        self.round += 1
        start, end, reply = self.timed("SET", key, self.name, "NX")
        self.record("race", key, start, end, self.name, reply == b"OK")

    def offer_token(self):
        key, value = self.random.choice(TOKENS), self.unique()
        start, end, reply = self.timed("SET", key, value, "NX")
        if reply is not None:
            self.record("offer", key, start, end, value)

    def take_token(self):
        key = self.random.choice(TOKENS)
        start, end, reply = self.timed("GETDEL", key)
        if reply is not None:
            self.record("take", key, start, end, reply.decode())

    def write_pair(self):
        (left, right), value = self.random.choice(PAIRS), self.unique()
        keys = [(left, right), (right, left)][self.random.random() < 0.5]
        start, end, _ = self.timed("MSET", keys[0], value, keys[1], value)
        self.record("mset", left, start, end, value)

    def read_pair(self):
        left, right = self.random.choice(PAIRS)
        start, end, reply = self.timed("MGET", left, right)
        if reply[0] != reply[1]:
            self.problems.append(f"torn pair {left}: {reply}")
        self.record("mget", left, start, end, reply[0] and reply[0].decode())

    def read_own_writes(self):
        value, text, other = self.unique(), self.name + "t", self.name + "u"
        number, swapped = self.name + "n", self.unique()
        self.own_count += 3
        commands = [
            ("SET", text, value), ("GET", text), ("INCRBY", number, 2),
            ("GETSET", text, swapped), ("MGET", text, number),
            ("MSET", text, "x", other, value), ("GET", text),
            ("APPEND", other, "!"), ("STRLEN", other), ("INCR", number),
            ("MGET", other, number, text), ("GETDEL", text), ("GET", text),
        ]
        bytes_of = str.encode
        total, before = self.own_count, self.own_count - 1
        expected = [
            b"OK", bytes_of(value), before, bytes_of(value),
            [bytes_of(swapped), b"%d" % before], b"OK", b"x", len(value) + 1,
            len(value) + 1, total,
            [bytes_of(value + "!"), b"%d" % total, b"x"], b"x", None,
        ]
        actual = self.connection.pipeline(commands)
        if actual != expected:
            self.problems.append(
                f"{self.name} read other than it wrote:\n    expected "
                f"{expected}\n    actual   {actual}")

    def run(self, until):
        operations = [
            (self.increment, 4), (self.read_counter, 2),
            (self.write_register, 2), (self.read_register, 3),
            (self.extend_chain, 2), (self.append, 1), (self.race, 1),
            (self.offer_token, 2), (self.take_token, 2),
            (self.write_pair, 1), (self.read_pair, 2),
            (self.read_own_writes, 1),
        ]
        choices, weights = zip(*operations)
        try:
            while time.monotonic() < until:
                for operation in self.random.choices(choices, weights, k=20):
                    operation()
        except Exception as error:  # the thread's end must be seen
            self.problems.append(f"{self.name} stopped: {error!r}")


def run_clients(numbers, ports, seed, until, results):
    clients = [Client(n, ports[n % len(ports)], seed) for n in numbers]
    threads = [threading.Thread(target=client.run, args=(until,))
               for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(([client.history for client in clients],
                 [problem for client in clients
                  for problem in client.problems]))


def gather(ports, options):
    """Runs all clients; returns their histories and the problems they saw."""
    until = time.monotonic() + options.seconds
    queue = multiprocessing.Queue()
    numbers = list(range(options.clients))
    processes = [
        multiprocessing.Process(
            target=run_clients,
            args=(numbers[at:at + THREADS_PER_PROCESS], ports, options.seed,
                  until, queue))
        for at in range(0, options.clients, THREADS_PER_PROCESS)
    ]
    histories, problems = [], []
    for process in processes:
        process.start()
    for process in processes:
        some, seen = queue.get(timeout=options.seconds + 120)
        histories += some
        problems += seen
    for process in processes:
        process.join()
    return histories, problems


class Judge:
    """All histories by kind and key, and the values at the end."""

    def __init__(self, histories, read):
        self.read = read
        self.operations = defaultdict(list)
        for history in histories:
            for kind, key, *rest in history:
                self.operations[kind, key].append(tuple(rest))

    def of(self, kind, key):
        return self.operations[kind, key]

    def counter(self, key):
        groups = defaultdict(list)
        problems = []
        increments = self.of("incr", key)
        numbers = sorted(value for _, _, value in increments)
        if numbers != list(range(1, len(numbers) + 1)):
            repeated = [n for n, c in Counter(numbers).items() if c > 1]
            problems.append(f"{key}: answers are not 1 to {len(numbers)}; "
                            f"repeated: {repeated[:9]}")
        if int(self.read(key) or 0) != len(increments):
            problems.append(f"{key}: {self.read(key)} after "
                            f"{len(increments)} increments")
        for operation in increments:
            groups[operation[2], 0].append(operation)
        for operation in self.of("count", key):
            groups[operation[2], 1].append(operation)
        return problems + check_order(
            key, [groups[at] for at in sorted(groups)])

    def register(self, key, write, read):
        final = self.read(key)
        end = max((op[1] for op in self.of(write, key)), default=0) + 1
        reads = self.of(read, key) + [
            (end, end + 1, final and final.decode())]
        return check_register(key, self.of(write, key), reads)

    def chain(self, key):
        problems = []
        successors = {}
        for operation in self.of("getset", key):
            if operation[3] in successors:
                problems.append(f"{key}: {operation[3]!r} was handed out "
                                "twice")
            successors[operation[3]] = operation
        ordered, value = [], None
        while value in successors and len(ordered) < len(successors):
            ordered.append([successors[value]])
            value = successors[value][2]
        if len(ordered) != len(self.of("getset", key)):
            problems.append(f"{key}: the chain has {len(ordered)} of "
                            f"{len(self.of('getset', key))} links")
        final = self.read(key)
        if value != (final and final.decode()):
            problems.append(f"{key}: ends with {final!r}, not {value!r}")
        return problems + check_order(key, ordered)

    def log(self, key):
        problems = []
        fragments = (self.read(key) or b"").decode().split(";")[:-1]
        appended = {op[2]: op for op in self.of("append", key)}
        if sorted(fragments) != sorted(appended):
            lost = set(appended) - set(fragments)
            problems.append(f"{key}: {len(fragments)} fragments of "
                            f"{len(appended)} appended; lost {list(lost)[:9]}")
            return problems
        size, groups = 0, []
        for fragment in fragments:
            size += len(fragment) + 1
            if appended[fragment][3] != size:
                problems.append(f"{key}: {fragment} ends at {size}, not "
                                f"{appended[fragment][3]}")
            groups.append([appended[fragment]])
        return problems + check_order(key, groups)

    def races(self):
        problems = []
        rounds = [key for kind, key in list(self.operations)
                  if kind == "race"]
        for key in rounds:
            runs = self.of("race", key)
            winners = [op for op in runs if op[3]]
            if len(winners) != 1:
                problems.append(f"{key}: {len(winners)} winners")
                continue
            if self.read(key) != winners[0][2].encode():
                problems.append(f"{key}: holds {self.read(key)!r}, won by "
                                f"{winners[0][2]}")
            if any(op[1] < winners[0][0] for op in runs):
                problems.append(f"{key}: lost by one before it was won")
        return problems

    def tokens(self, key):
        taken = Counter(op[2] for op in self.of("take", key))
        offered = {op[2]: op for op in self.of("offer", key)}
        left = self.read(key)
        if left is not None:
            taken[left.decode()] += 1
        problems = [f"{key}: {value} was handed out {count} times"
                    for value, count in taken.items() if count != 1]
        problems += [f"{key}: {value} was stored and never handed out"
                     for value in offered if value not in taken]
        problems += [f"{key}: {value} was never stored"
                     for value in taken if value not in offered]
        return problems + [
            f"{key}: {op[2]} was taken before it was offered"
            for op in self.of("take", key)
            if op[2] in offered and op[1] < offered[op[2]][0]]


def judge(results, judged, problems):
    def verdict(name, found):
        results.check(f"{name}", found[:20], [])

    verdict("clients saw no error, torn pair or stale own write", problems)
    for key in COUNTERS:
        verdict(f"{key} lost nothing and is linearizable",
                judged.counter(key))
    for key in REGISTERS:
        verdict(f"{key} is linearizable",
                judged.register(key, "set", "get"))
    for left, _ in PAIRS:
        verdict(f"the pair {left} is linearizable",
                judged.register(left, "mset", "mget"))
    for key in CHAINS:
        verdict(f"{key} hands out each value once", judged.chain(key))
    for key in LOGS:
        verdict(f"{key} holds each fragment once, in order", judged.log(key))
    for key in TOKENS:
        verdict(f"{key} hands out each token once", judged.tokens(key))
    verdict("each race was won once", judged.races())


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=float(
        os.environ.get("CONSISTENCY_SECONDS", "20")))
    parser.add_argument("--clients", type=int, default=40)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--worker-threads", type=int, default=4)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--ports", type=int, nargs="*")
    return parser.parse_args()


def run(results, ports, options):
    histories, problems = gather(ports, options)
    connection = Connection(ports[0])

    def read(key):
        return connection.call("GET", key)

    judge(results, Judge(histories, read), problems)
    count = sum(len(history) for history in histories)
    print(f"seed {options.seed}: {options.clients} clients, {len(ports)} "
          f"servers, {options.seconds:g} s, {count} operations recorded")
    counts = Counter(op[0] for history in histories for op in history)
    print(" ", ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
    results.check("enough was done", count > options.clients * 10, True)


def main():
    options = parse_options()
    results = Results()
    if options.ports:
        run(results, options.ports, options)
        return results.finish()
    arguments = ("--lanes", options.lanes,
                 "--worker-threads", options.worker_threads)
    with Server(*arguments) as first:
        others = [Server(*arguments, beside=first)
                  for _ in range(options.servers - 1)]
        try:
            run(results, [server.port for server in [first] + others],
                options)
        finally:
            for server in others:
                server.stop()
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
