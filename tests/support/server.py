"""Servers for tests in Python: see fixture.h, whose behaviour this repeats.

    from support.server import Server, Results

    with Server() as server:
        client = server.client()
        results = Results()
        results.check("SET then GET", client.get("k"), b"v")
        sys.exit(results.finish())

A test script makes the module reachable with

    sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
"""

import atexit
import ctypes
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

START_SECONDS = 90
STOP_SECONDS = 60
PR_SET_PDEATHSIG = 1


def find_port():
    """A port on which nothing listens, below those of outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_cleanly_on_sigterm():
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))


class Server:
    """A respgres with a database of its own, or on that of `beside` (another
    Server) or `postgres` (a conninfo). `arguments` go to its command line."""

    def __init__(self, *arguments, beside=None, postgres=None):
        self.directory = tempfile.mkdtemp(prefix="respgres-test-")
        os.chmod(self.directory, 0o711)
        self.port = find_port()
        self.log = os.path.join(self.directory, "respgres.log")
        if beside is not None:
            postgres = beside.conninfo
        self._conninfo = postgres
        binary = os.environ.get("RESPGRES_BINARY", "build/respgres")
        self.command = [
            os.path.abspath(binary),
            "--port", str(self.port),
            "--bind", "127.0.0.1",
            "--dir", self.directory,
        ]
        if postgres is not None:
            self.command += ["--postgres", postgres]
        self.command += [str(argument) for argument in arguments]
        self.process = None
        _end_cleanly_on_sigterm()
        atexit.register(self.remove)
        self.start()

    @property
    def conninfo(self):
        """How to reach the server's database with libpq or psql."""
        if self._conninfo is not None:
            return self._conninfo
        data = os.path.join(self.directory, "respgres-data")
        elsewhere = os.path.join(data, "socket-directory")
        if os.path.exists(elsewhere):
            with open(elsewhere) as file:
                host = file.read().strip()
        else:
            host = os.path.join(data, "run")
        return f"host={host} port=5432 user=respgres dbname=respgres"

    def start(self):
        """Starts it (again, after kill()) and waits until it answers."""
        environment = dict(os.environ)
        environment.pop("DATABASE_URL", None)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_die_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                self._fail(f"ended at its start, {self.process.returncode}")
            if time.monotonic() > deadline:
                self._fail("does not answer")
            time.sleep(0.01)

    def _answers(self):
        try:
            address = ("127.0.0.1", self.port)
            with socket.create_connection(address, timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(100)
                return answer.startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _fail(self, message):
        with open(self.log, errors="replace") as log:
            text = log.read()[-4000:]
        self.remove()
        raise RuntimeError(f"the server {message}\n{text}")

    def client(self, **options):
        """A new redis-py client."""
        import redis
        return redis.Redis(host="127.0.0.1", port=self.port, **options)

    def psql(self, sql):
        """Runs SQL on the server's database and returns psql's output."""
        return subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql,
             self.conninfo],
            check=True, capture_output=True, text=True).stdout.rstrip("\n")

    def kill(self, number=signal.SIGKILL):
        """Ends it with a signal; start() brings it back."""
        self.process.send_signal(number)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status

    def remove(self):
        """Ends it by force and removes its directory."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        # A PostgreSQL that lost its server may still be writing.
        deadline = time.monotonic() + 60
        while os.path.exists(self.directory) and time.monotonic() < deadline:
            shutil.rmtree(self.directory, ignore_errors=True)
            time.sleep(0.02)
        atexit.unregister(self.remove)

    def stop(self):
        """Ends it with SIGTERM, which must give status 0."""
        status = 0
        if self.process is not None:
            try:
                status = self.kill(signal.SIGTERM)
            except subprocess.TimeoutExpired:
                self._fail("did not stop on SIGTERM")
        if status != 0:
            self._fail(f"ended with status {status}")
        self.remove()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.remove()
        return False


def becomes(state, seconds=60):
    """Whether state() becomes true before the seconds are over."""
    deadline = time.monotonic() + seconds
    while not state():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Results:
    """Counts checks and prints what failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, actual, expected):
        """One test: `actual` must equal `expected`."""
        if actual == expected and type(actual) is type(expected):
            self.passed += 1
            return True
        self.failed += 1
        print(f"FAILED {name}\n  expected {expected!r}\n  actual   {actual!r}")
        return False

    def run(self, test):
        """One test: the function must return without an exception."""
        try:
            test()
            self.passed += 1
        except Exception:
            self.failed += 1
            named = getattr(test, "func", test)
            print(f"FAILED {named.__name__}")
            traceback.print_exc(file=sys.stdout)

    def finish(self):
        """Prints the counts; returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def run_tests(options, shared, alone=()):
    """Runs those of the tests that the command line names, or all: `shared`
    with one server that has the options, `alone` without an argument. Returns
    the exit status."""
    results = Results()
    chosen = sys.argv[1:]

    def wanted(tests):
        return [test for test in tests
                if not chosen or test.__name__ in chosen]

    with Server(*options) as server:
        for test in wanted(shared):
            results.run(functools.partial(test, server))
    for test in wanted(alone):
        results.run(test)
    return results.finish()
