"""Many clients of two servers on one database hand elements to each other
through few collections; nothing may be lost, handed out twice or reordered.

    tests/consistency/shared_collections.py [--seconds N] [--clients N] [--seed N]
        [--servers N] [--lanes N] [--worker-threads N]

Each client does all of this in random order: RPUSH and LPOP of a queue,
BLMOVE of a reliable queue and LREM when done, LMOVE around a ring, SADD, SPOP
and SMOVE, ZADD and ZPOPMIN, HINCRBY, XADD, XREADGROUP and XACK; one that dies
with an error has seen a retry that should have been invisible.
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

from support.connection import Connection, ErrorReply
from support.histories import check_order
from support.server import Results, Server

QUEUES = [f"queue:{i}" for i in range(2)]
RING = [f"ring:{i}" for i in range(3)]
RING_ELEMENTS = 20
SETS = [f"set:{i}" for i in range(2)]
BOARDS = [f"board:{i}" for i in range(2)]
FIELDS = [("counts", f"field:{i}") for i in range(3)]
STREAM, GROUP = "events", "workers"
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

    def unique(self):
        self.sequence += 1
        return f"{self.name}.{self.sequence}"

    def timed(self, *command):
        start = time.monotonic_ns()
        reply = self.connection.call(*command)
        end = time.monotonic_ns()
        if isinstance(reply, ErrorReply):
            raise RuntimeError(f"{command[:3]}: {reply}")
        return start, end, reply

    def record(self, kind, key, start, end, *facts):
        self.history.append((kind, key, start, end) + facts)

    def push(self):
        key = self.random.choice(QUEUES)
        values = [self.unique() for _ in range(self.random.choice([1, 1, 3]))]
        start, end, _ = self.timed("RPUSH", key, *values)
        for place, value in enumerate(values):
            self.record("push", key, start, end, value, place)

    def pop(self):
        key = self.random.choice(QUEUES)
        start, end, reply = self.timed("LPOP", key)
        if reply is not None:
            self.record("pop", key, start, end, reply.decode())

    def offer_job(self):
        value = self.unique()
        start, end, _ = self.timed("LPUSH", "jobs", value)
        self.record("offer", "jobs", start, end, value)

    def do_job(self):
        start, end, reply = self.timed(
            "BLMOVE", "jobs", f"doing:{self.name}", "RIGHT", "LEFT", "0.05")
        if reply is None:
            return
        self.record("take", "jobs", start, end, reply.decode())
        if self.timed("LREM", f"doing:{self.name}", 1, reply)[2] != 1:
            self.problems.append(f"{reply} was not where BLMOVE put it")

    def turn_ring(self):
        source, target = self.random.sample(RING, 2)
        self.timed("LMOVE", source, target,
                   self.random.choice(["LEFT", "RIGHT"]),
                   self.random.choice(["LEFT", "RIGHT"]))

    def add_member(self):
        key, value = self.random.choice(SETS), self.unique()
        start, end, reply = self.timed("SADD", key, value, value)
        if reply != 1:
            self.problems.append(f"SADD of a new member answered {reply}")
        self.record("offer", "sets", start, end, value)

    def take_member(self):
        start, end, reply = self.timed("SPOP", self.random.choice(SETS))
        if reply is not None:
            self.record("take", "sets", start, end, reply.decode())

    def move_member(self):
        source, target = self.random.sample(SETS, 2)
        member = self.timed("SRANDMEMBER", source)[2]
        if member is not None:
            self.timed("SMOVE", source, target, member)

    def add_score(self):
        key, value = self.random.choice(BOARDS), self.unique()
        start, end, _ = self.timed(
            "ZADD", key, self.random.randrange(1000), value)
        self.record("offer", key, start, end, value)

    def take_lowest(self):
        key = self.random.choice(BOARDS)
        start, end, reply = self.timed("ZPOPMIN", key)
        if reply:
            self.record("take", key, start, end, reply[0].decode())

    def count(self):
        key, field = self.random.choice(FIELDS)
        start, end, reply = self.timed("HINCRBY", key, field, 1)
        self.record("count", field, start, end, reply)

    def add_entry(self):
        value = self.unique()
        start, end, reply = self.timed("XADD", STREAM, "*", "value", value)
        self.record("entry", STREAM, start, end, reply.decode(), value)

    def read_entries(self):
        start, end, reply = self.timed(
            "XREADGROUP", "GROUP", GROUP, self.name, "COUNT", 3, "STREAMS",
            STREAM, ">")
        for entry, fields in (reply or [[None, []]])[0][1]:
            self.record("delivery", STREAM, start, end, entry.decode(),
                        fields[1].decode())
            if self.timed("XACK", STREAM, GROUP, entry)[2] != 1:
                self.problems.append(f"{entry} was not pending")

    def run(self, until):
        operations = [
            (self.push, 3), (self.pop, 4), (self.offer_job, 1),
            (self.do_job, 1), (self.turn_ring, 2), (self.add_member, 2),
            (self.take_member, 2), (self.move_member, 1),
            (self.add_score, 2), (self.take_lowest, 2), (self.count, 3),
            (self.add_entry, 2), (self.read_entries, 2),
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
    def __init__(self, histories, call):
        self.call = call
        self.operations = defaultdict(list)
        for history in histories:
            for kind, key, *rest in history:
                self.operations[kind, key].append(tuple(rest))

    def of(self, kind, key):
        return self.operations[kind, key]

    def strings(self, *command):
        return [item.decode() for item in self.call(*command)]

    def handed_out(self, name, offered, taken, left):
        """Each element offered was taken once or is left, and not before."""
        offers = {op[2]: op for op in offered}
        counts = Counter([op[2] for op in taken] + left)
        problems = [f"{name}: {value} is there {count} times"
                    for value, count in counts.items() if count != 1]
        problems += [f"{name}: {value} was lost"
                     for value in offers if value not in counts]
        problems += [f"{name}: {value} was never added"
                     for value in counts if value not in offers]
        return problems + [
            f"{name}: {op[2]} was taken before it was added" for op in taken
            if op[2] in offers and op[1] < offers[op[2]][0]]

    def queue(self, key):
        """First in, first out: of two elements of which one was surely pushed
        before the other, that one was not surely popped after it."""
        pushes, pops = self.of("push", key), self.of("pop", key)
        left = self.strings("LRANGE", key, 0, -1)
        problems = self.handed_out(key, pushes, pops, left)
        pushed = {op[2]: op for op in pushes}
        popped = {op[2]: (op[0], op[1]) for op in pops}
        forever = max((op[1] for op in pops), default=0) + 1
        ordered = sorted(pushes, key=lambda op: (op[0], op[3]))
        # The latest that the pop of anything surely pushed earlier began.
        by_end = sorted(pushes, key=lambda op: op[1])
        latest, at = None, 0
        for op in ordered:
            while at < len(by_end) and by_end[at][1] < op[0]:
                value = by_end[at][2]
                start = popped.get(value, (forever, forever))[0]
                if latest is None or start > latest[0]:
                    latest = (start, value)
                at += 1
            end = popped.get(op[2], (forever, forever + 1))[1]
            if latest and end < latest[0]:
                problems.append(f"{key}: {op[2]} overtook {latest[1]}, which "
                                "was pushed before it")
        # Elements of one RPUSH stay in their order.
        for op in pushes:
            if op[3] == 0:
                continue
            name, _, number = op[2].rpartition(".")
            before = f"{name}.{int(number) - 1}"
            if before in pushed and op[2] in popped and \
                    popped[op[2]][1] < popped.get(before, (forever,))[0]:
                problems.append(f"{key}: {op[2]} overtook {before}")
        return problems

    def jobs(self):
        left = self.strings("LRANGE", "jobs", 0, -1)
        doing = [item for key in self.strings("KEYS", "doing:*")
                 for item in self.strings("LRANGE", key, 0, -1)]
        return self.handed_out("jobs", self.of("offer", "jobs"),
                               self.of("take", "jobs"), left) \
            + [f"{item} is still being done" for item in doing]

    def ring(self):
        elements = [item for key in RING
                    for item in self.strings("LRANGE", key, 0, -1)]
        expected = [str(n) for n in range(RING_ELEMENTS)]
        return [] if sorted(elements) == sorted(expected) else \
            [f"the ring holds {sorted(elements)}"]

    def sets(self):
        left = [item for key in SETS for item in self.strings("SMEMBERS", key)]
        sizes = sum(self.call("SCARD", key) for key in SETS)
        return self.handed_out("sets", self.of("offer", "sets"),
                               self.of("take", "sets"), left) \
            + ([] if sizes == len(left) else
               [f"sets count {sizes}, hold {len(left)}"])

    def board(self, key):
        left = self.strings("ZRANGE", key, 0, -1)
        size = self.call("ZCARD", key)
        return self.handed_out(key, self.of("offer", key),
                               self.of("take", key), left) \
            + ([] if size == len(left) else
               [f"{key} counts {size}, holds {len(left)}"])

    def field(self, key, field):
        counts = self.of("count", field)
        numbers = sorted(op[2] for op in counts)
        final = int(self.call("HGET", key, field) or 0)
        problems = []
        if numbers != list(range(1, len(numbers) + 1)) \
                or final != len(numbers):
            problems.append(f"{field}: {final} after {len(numbers)} "
                            "increments, or answers repeat")
        return problems + check_order(
            field, [[op] for op in sorted(counts, key=lambda op: op[2])])

    def stream(self):
        def number(identifier):
            return tuple(map(int, identifier.split("-")))

        entries = self.of("entry", STREAM)
        deliveries = self.of("delivery", STREAM)
        there = [(identifier.decode(), fields[1].decode()) for identifier,
                 fields in self.call("XRANGE", STREAM, "-", "+")]
        problems = []
        if sorted(there) != sorted((op[2], op[3]) for op in entries):
            problems.append(f"the stream has {len(there)} entries, not "
                            f"{len(entries)}")
        problems += check_order(STREAM, [
            [op] for op in sorted(entries, key=lambda op: number(op[2]))])
        counts = Counter(op[2] for op in deliveries)
        problems += [f"{identifier} was delivered {count} times"
                     for identifier, count in counts.items() if count != 1]
        values = dict(there)
        problems += [f"{op[2]} was delivered as {op[3]}" for op in deliveries
                     if values.get(op[2]) != op[3]]
        # What was not delivered comes behind all that was.
        last = max((number(op[2]) for op in deliveries), default=(0, 0))
        problems += [f"{identifier} was skipped" for identifier, _ in there
                     if number(identifier) <= last
                     and identifier not in counts]
        pending = self.call("XPENDING", STREAM, GROUP)[0]
        if pending != 0:
            problems.append(f"{pending} entries are pending")
        return problems


def judge(results, judged, problems):
    def verdict(name, found):
        results.check(name, found[:20], [])

    verdict("clients saw no error", problems)
    for key in QUEUES:
        verdict(f"{key} keeps every element once and in order",
                judged.queue(key))
    verdict("each job is done once", judged.jobs())
    verdict("the ring keeps its elements", judged.ring())
    verdict("sets hand out each member once", judged.sets())
    for key in BOARDS:
        verdict(f"{key} hands out each member once", judged.board(key))
    for key, field in FIELDS:
        verdict(f"{field} counts each increment", judged.field(key, field))
    verdict("the group gets each entry once", judged.stream())


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=float(
        os.environ.get("CONSISTENCY_SECONDS", "20")))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--worker-threads", type=int, default=4)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1 << 32))
    return parser.parse_args()


def run(results, ports, options):
    connection = Connection(ports[0])
    connection.call("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
    connection.call("RPUSH", RING[0], *range(RING_ELEMENTS))
    histories, problems = gather(ports, options)
    judge(results, Judge(histories, connection.call), problems)
    count = sum(len(history) for history in histories)
    print(f"seed {options.seed}: {options.clients} clients, {len(ports)} "
          f"servers, {options.seconds:g} s, {count} operations recorded")
    counts = Counter(op[0] for history in histories for op in history)
    print(" ", ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
    results.check("enough was done", count > options.clients * 10, True)


def main():
    options = parse_options()
    results = Results()
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
