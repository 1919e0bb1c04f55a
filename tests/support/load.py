"""A write load of many clients that remembers what it was told.

    load = Load(port, clients=50, seed=1)
    load.start()
    ...                     # break things
    load.wait_for_progress(since, seconds)
    outcome = load.stop()
    outcome.verify(connection, results)

Each client sets keys of its own, increments counters of all, and appends to a
log of its own; every second client pipelines. Each write ends as one of: done
(acknowledged, or said to be executed), not done (the error says so), or
unknown (the error says so, or the connection was cut).
"""

import multiprocessing
import random
import threading
import time
from collections import Counter

from support.connection import Connection, Cut, ErrorReply

COUNTER_COUNT = 5
CLIENTS_PER_PROCESS = 13
PIPELINE = 8
RECONNECT_SECONDS = 0.02
DONE, NOT_DONE, UNKNOWN, UNDOCUMENTED = range(4)
# How the errors of an absent database begin, and what they mean.
ERRORS = {
    "TRYAGAIN PostgreSQL cannot be reached; the command was not executed":
        NOT_DONE,
    "TRYAGAIN too many commands are waiting": NOT_DONE,
    "TRYAGAIN the connection to PostgreSQL was lost; the write may or may "
    "not have been executed": UNKNOWN,
    "ERR the write was executed, but its reply was lost with the connection "
    "to PostgreSQL": DONE,
}


def classify(reply):
    if not isinstance(reply, ErrorReply):
        return DONE
    return ERRORS.get(str(reply), UNDOCUMENTED)


class Outcome:
    """What all clients know together."""

    def __init__(self):
        self.sets = {}  # key: what became of it
        self.counters = {}  # key: Counter of what became of its increments
        self.logs = {}  # key: [(fragment, what became of it)]
        self.errors = Counter()
        self.cuts = 0

    def add(self, client):
        self.sets.update(client.sets)
        for key, counts in client.counters.items():
            self.counters.setdefault(key, Counter()).update(counts)
        self.logs[client.log] = client.fragments
        self.errors.update(client.errors)
        self.cuts += client.cuts

    def count(self, what):
        return (sum(state == what for state in self.sets.values())
                + sum(counts[what] for counts in self.counters.values())
                + sum(state == what for log in self.logs.values()
                      for _, state in log))

    def _verify_sets(self, connection, results):
        keys = list(self.sets)
        lost, appeared = [], []
        for at in range(0, len(keys), 500):
            some = keys[at:at + 500]
            values = connection.pipeline([("GET", key) for key in some])
            for key, value in zip(some, values):
                state = self.sets[key]
                if state == DONE and value != key.encode():
                    lost.append((key, value))
                elif state == NOT_DONE and value is not None:
                    appeared.append(key)
        results.check("every acknowledged SET is there", lost[:9], [])
        results.check("no SET said to be undone is there", appeared[:9], [])

    def _verify_counters(self, connection, results):
        for key, counts in sorted(self.counters.items()):
            value = int(connection.call("GET", key) or 0)
            least = counts[DONE]
            most = least + counts[UNKNOWN]
            results.check(
                f"{key} is {value}: {least} increments done, "
                f"{counts[UNKNOWN]} unknown", least <= value <= most, True)

    def _verify_logs(self, connection, results):
        problems = []
        for key, fragments in self.logs.items():
            text = (connection.call("GET", key) or b"").decode()
            there = text.split(";")[:-1]
            counts = Counter(there)
            states = dict(fragments)
            problems += [f"{key}: {f} is there {n} times"
                         for f, n in counts.items() if n > 1]
            problems += [f"{key}: {f} is there, {states.get(f)}"
                         for f in counts if states.get(f, NOT_DONE) not in
                         (DONE, UNKNOWN)]
            done = [f for f, state in fragments if state == DONE]
            problems += [f"{key}: {f} is lost" for f in done
                         if f not in counts]
            if [f for f in there if states.get(f) == DONE] != done:
                problems.append(f"{key}: fragments out of order")
        results.check("logs hold each acknowledged fragment once, in order",
                      problems[:9], [])

    def verify(self, connection, results):
        undocumented = {text: n for text, n in self.errors.items()
                        if text not in ERRORS}
        results.check("no error but the documented ones", undocumented, {})
        self._verify_sets(connection, results)
        self._verify_counters(connection, results)
        self._verify_logs(connection, results)

    def describe(self):
        return (f"{self.count(DONE)} writes done, {self.count(UNKNOWN)} "
                f"unknown, {self.count(NOT_DONE)} refused; {self.cuts} "
                "connections cut")


class Client:
    def __init__(self, number, prefix, seed):
        self.number = number
        self.prefix = prefix
        self.random = random.Random(f"{seed}/{number}")
        self.pipelines = number % 2 == 1
        self.sequence = 0
        self.sets = {}
        self.counters = {}
        self.log = f"{prefix}log:{number}"
        self.fragments = []
        self.errors = Counter()
        self.cuts = 0

    def next_write(self):
        """A command and the function that takes what became of it."""
        self.sequence += 1
        kind = self.random.randrange(3)
        if kind == 0:
            key = f"{self.prefix}set:{self.number}:{self.sequence}"
            return ("SET", key, key), lambda state: self.sets.update(
                {key: state})
        if kind == 1:
            key = f"{self.prefix}counter:{self.random.randrange(COUNTER_COUNT)}"
            counts = self.counters.setdefault(key, Counter())
            return ("INCR", key), lambda state: counts.update([state])
        fragment = str(self.sequence)
        return ("APPEND", self.log, fragment + ";"), (
            lambda state: self.fragments.append((fragment, state)))

    def turn(self, connection):
        """Sends one command or pipeline; True when all was done."""
        writes = [self.next_write()
                  for _ in range(PIPELINE if self.pipelines else 1)]
        replies, cut = [], False
        try:
            replies = connection.pipeline([command for command, _ in writes])
        except Cut as error:
            replies, cut = error.replies, True
        all_done = not cut
        for at, (_, take) in enumerate(writes):
            state = UNKNOWN
            if at < len(replies):
                state = classify(replies[at])
                all_done = all_done and state == DONE
                if isinstance(replies[at], ErrorReply):
                    self.errors[str(replies[at])] += 1
            take(state)
        if cut:
            raise ConnectionResetError
        return all_done

    def run(self, port, stopping, progress):
        connection = None
        while not stopping.is_set():
            try:
                if connection is None:
                    connection = Connection(port, 120)
                start = time.monotonic()
                if self.turn(connection):
                    progress[self.number] = start
            except OSError:
                self.cuts += connection is not None
                connection = None
                time.sleep(RECONNECT_SECONDS)
        if connection is not None:
            connection.close()


def run_clients(numbers, prefix, seed, port, stopping, progress, queue):
    clients = [Client(number, prefix, seed) for number in numbers]
    threads = [threading.Thread(target=client.run,
                                args=(port, stopping, progress))
               for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome = Outcome()
    for client in clients:
        outcome.add(client)
    queue.put(outcome)


class Load:
    def __init__(self, port, clients=50, prefix="", seed=0):
        self.clients = clients
        self.stopping = multiprocessing.Event()
        self.progress = multiprocessing.Array("d", clients, lock=False)
        self.queue = multiprocessing.Queue()
        self.processes = [
            multiprocessing.Process(
                target=run_clients,
                args=(range(at, min(at + CLIENTS_PER_PROCESS, clients)),
                      prefix, seed, port, self.stopping, self.progress,
                      self.queue))
            for at in range(0, clients, CLIENTS_PER_PROCESS)
        ]

    def start(self):
        for process in self.processes:
            process.start()

    def wait_for_progress(self, since, seconds):
        """Seconds until every client had a write done that it began after
        `since`; None: it took longer than `seconds`."""
        while True:
            now = time.monotonic()
            if min(self.progress) > since:
                return now - since
            if now - since > seconds:
                return None
            time.sleep(0.005)

    def stop(self):
        self.stopping.set()
        whole = Outcome()
        for _ in self.processes:
            part = self.queue.get(timeout=180)
            whole.sets.update(part.sets)
            whole.logs.update(part.logs)
            whole.errors.update(part.errors)
            whole.cuts += part.cuts
            for key, counts in part.counters.items():
                whole.counters.setdefault(key, Counter()).update(counts)
        for process in self.processes:
            process.join()
        return whole
