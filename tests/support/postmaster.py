"""The embedded PostgreSQL of a test's server, and its processes."""

import glob
import os
import signal
import subprocess
import time

PATIENCE_SECONDS = 60


def postmaster_pid(server):
    """Process ID of the server's own PostgreSQL."""
    pattern = os.path.join(server.directory, "respgres-data", "*",
                           "postmaster.pid")
    names = glob.glob(pattern) + glob.glob(
        os.path.join(server.directory, "respgres-data", "postmaster.pid"))
    if not names:
        return None
    try:
        with open(names[0]) as file:
            return int(file.readline())
    except (OSError, ValueError):
        return None  # just being removed or written


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


def children_of(pid):
    return [int(name) for name in os.listdir("/proc")
            if name.isdigit() and parent_of(name) == pid]


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def lane_backends(server):
    """Process IDs of the backends that serve lanes, by lane."""
    rows = server.psql(
        "SELECT pid, application_name FROM pg_stat_activity "
        "WHERE application_name LIKE 'respgres %' ORDER BY 2")
    return {name: int(pid) for pid, name in
            (row.split("|") for row in rows.splitlines())}


def kill_backend(server, choice):
    """One lane's backend; PostgreSQL restarts all others after that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            backends = lane_backends(server)
        except subprocess.CalledProcessError:
            # It is still recovering from the last time.
            backends = {}
        if backends:
            break
        if time.monotonic() > deadline:
            raise RuntimeError("no backend to kill")
        time.sleep(0.05)
    send_signal(choice.choice(sorted(backends.values())), signal.SIGKILL)


def kill_postgres(server, choice):
    """The postmaster, and in half of the cases all its children too."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (pid := postmaster_pid(server)) is None:
        if time.monotonic() > deadline:
            raise RuntimeError("no PostgreSQL to kill")
        time.sleep(0.01)
    victims = [pid]
    if choice.random() < 0.5:
        victims += children_of(pid)
    for victim in victims:
        send_signal(victim, signal.SIGKILL)
