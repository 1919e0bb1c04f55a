"""What tests of POOL share: reading its replies, clients that keep at work, and
sessions that get into the way."""

import subprocess
import threading

from support.connection import Connection, as_map
from support.postmaster import lane_backends


def number(value):
    return float(value)


def classes(client):
    found = [as_map(one) for one in as_map(client.call("POOL", "STATS"))[
        "classes"]]
    return {one["class"].decode(): one for one in found}


def findings(client, *arguments):
    rows = [as_map(row) for row in client.call("POOL", "RECOMMEND",
                                                *arguments)]
    for row in rows:
        assert row["severity"] in (b"critical", b"warning", b"info"), row
        assert all(row[name] for name in ("evidence", "effect", "action"))
    return {row["finding"].decode(): row for row in rows}


def backends(server, kind):
    return [name for name in lane_backends(server) if f" {kind} " in name]


class Psql:
    """A session of its own, that stays in a transaction."""

    def __init__(self, server, sql):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", server.conninfo], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(
            f"BEGIN;\n{sql};\nSELECT 'pid', pg_backend_pid();\n")
        self.process.stdin.flush()
        line = ""
        while not line.startswith("pid|"):
            line = self.process.stdout.readline()
        self.pid = int(line[4:])

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def increment(client, n, round):
    """What is wrong with the reply, or None."""
    reply = client.call("INCR", f"load:{n}")
    return None if reply == round else reply


class Load:
    """Clients that work until they are stopped: `work`(client, number of the
    client, number of the round) says what went wrong, or None."""

    def __init__(self, server, clients, work=increment):
        self.stopping = False
        self.problems = []
        self.rounds = [0] * clients
        self.work = work
        self.threads = [threading.Thread(target=self.run, args=(server, n))
                        for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, server, n):
        client = Connection(server.port)
        while not self.stopping:
            try:
                problem = self.work(client, n, self.rounds[n] + 1)
            except Exception as error:
                problem = repr(error)
            if problem is not None:
                self.problems.append((n, self.rounds[n] + 1, problem))
                return
            self.rounds[n] += 1

    def end(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client got no reply"
        assert not self.problems, self.problems[:3]
