"""The servers that are compared, each in a directory that goes with it."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))

from support.server import Server, find_port  # noqa: E402

START_SECONDS = 30
STOP_SECONDS = 30
SYNCS = 200


class Respgres(Server):
    """A respgres with its embedded PostgreSQL; also by a unix socket."""

    def __init__(self, *arguments):
        root = os.path.join(os.path.dirname(__file__), "..")
        os.environ.setdefault("RESPGRES_BINARY",
                              os.path.join(root, "build", "respgres"))
        self.socket = None
        super().__init__(*arguments)

    def start(self):
        self.socket = os.path.join(self.directory, "respgres.socket")
        if "--unixsocket" not in self.command:
            self.command += ["--unixsocket", self.socket]
        super().start()

    @property
    def process_id(self):
        return self.process.pid


class RedisServer:
    """A redis-server; `durable` makes it answer a write after the flush."""

    def __init__(self, *arguments, durable=False):
        self.directory = tempfile.mkdtemp(prefix="respgres-bench-redis-")
        self.port = find_port()
        self.socket = os.path.join(self.directory, "redis.socket")
        command = ["redis-server", "--port", str(self.port),
                   "--bind", "127.0.0.1", "--unixsocket", self.socket,
                   "--dir", self.directory, *arguments]
        if durable:
            command += ["--appendonly", "yes", "--appendfsync", "always",
                        "--save", ""]
        self.log = open(os.path.join(self.directory, "redis.log"), "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self._await_answer()

    def _await_answer(self):
        deadline = time.monotonic() + START_SECONDS
        ping = ["redis-cli", "-p", str(self.port), "ping"]
        while b"PONG" not in subprocess.run(ping, capture_output=True).stdout:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("redis-server does not start")
            time.sleep(0.05)

    @property
    def process_id(self):
        return self.process.pid

    def command(self, *arguments):
        subprocess.run(["redis-cli", "-p", str(self.port), *arguments],
                       check=True, capture_output=True)

    def stop(self):
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        return False


def _version(*command):
    if not shutil.which(command[0]):
        return None
    return subprocess.run(command, capture_output=True,
                          text=True).stdout.strip().splitlines()[0]


def _processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def measure_sync_us():
    """The median time of a small append and its flush, where the servers
    keep their data: the floor of every durable write."""
    times = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(SYNCS):
            begin = time.perf_counter()
            file.write(b"x" * 512)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return sorted(times)[SYNCS // 2] * 1e6


def describe_machine():
    """Lines that say what was measured on what."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    filesystem = subprocess.run(
        ["stat", "-f", "-c", "%T", tempfile.gettempdir()],
        capture_output=True, text=True).stdout.strip()
    lines = [
        f"{os.cpu_count()} CPUs ({_processor()}), {memory >> 30} GiB, "
        f"{platform.system()} {platform.release()}",
        f"data on {filesystem}, write and flush {measure_sync_us():.0f} us",
    ]
    programs = [_version(os.environ.get("RESPGRES_BINARY", "respgres"),
                         "--version"),
                _version("redis-server", "--version"),
                _version("pgbench", "--version")]
    lines += [program[:100] for program in programs if program]
    if filesystem == "tmpfs":
        lines.append("WARNING: this is no disk; set TMPDIR, or --directory, "
                     "to a directory on one")
    return lines
