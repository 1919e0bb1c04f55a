"""kill -9 of the server, of a backend, and of the whole PostgreSQL, in random
moments under a write load: every acknowledged write is there afterwards, none
is applied twice, and service resumes by itself.

    tests/faults/kills.py [--rounds N] [--clients N] [--seed N]
        [--kinds server backend postgres] [-- SERVER-ARGUMENT...]
"""

import argparse
import os
import random
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.connection import Connection
from support.load import DONE, Load
from support.postmaster import kill_backend, kill_postgres
from support.server import Results, Server

RESUME_SECONDS = 60


def kill_server(server, _):
    server.kill(signal.SIGKILL)
    server.start()


KINDS = {
    "server": kill_server,
    "backend": kill_backend,
    "postgres": kill_postgres,
}


def run_kind(kind, server, options, results):
    choice = random.Random(f"{options.seed}/{kind}")
    load = Load(server.port, options.clients, kind + ":", options.seed)
    resumed = []
    begun_at = time.monotonic()
    load.start()
    results.check(f"{kind}: the load begins", load.wait_for_progress(
        begun_at, RESUME_SECONDS) is not None, True)
    for _ in range(options.rounds):
        time.sleep(choice.uniform(0.1, 1.2))
        killed_at = time.monotonic()
        KINDS[kind](server, choice)
        took = load.wait_for_progress(killed_at, RESUME_SECONDS)
        if results.check(f"{kind}: service resumes in {RESUME_SECONDS} s",
                         took is not None, True):
            resumed.append(took * 1000)
    outcome = load.stop()
    outcome.verify(Connection(server.port), results)
    results.check(f"{kind}: the load did something",
                  outcome.count(DONE) > options.clients, True)
    print(f"{kind}: {options.rounds} kills, {outcome.describe()}; resumed "
          f"after {statistics.median(resumed or [0]):.0f} ms, at most "
          f"{max(resumed or [0]):.0f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=int(
        os.environ.get("KILL_ROUNDS", "3")))
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS),
                        default=list(KINDS))
    parser.add_argument("server", nargs="*")
    options = parser.parse_args()
    results = Results()
    print(f"seed {options.seed}")
    with Server(*(options.server or ("--lanes", 4))) as server:
        for kind in options.kinds:
            run_kind(kind, server, options, results)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
