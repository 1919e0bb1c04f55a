"""What puts load on a server and measures it: redis-benchmark,
memtier_benchmark and pgbench. Each function runs one for some seconds and
returns a Measurement."""

import csv
import json
import os
import re
import shutil
import subprocess
import tempfile

from dataclasses import dataclass

WORKLOADS = os.path.join(os.path.dirname(__file__), "workloads")
# pgbench's first second is left out: its connections and plans are new then.
WARM_UP_SECONDS = 1
# A short run finds out how many requests fill the seconds of the next one.
PROBE_SECONDS = 0.3
FIRST_GUESS = 2000
MANY_KEYS = 10
LATENCY_SAMPLES = 20000


@dataclass
class Measurement:
    rate: float  # commands per second
    mean_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Workload:
    operation: str  # get set mget mset incr hot
    clients: int
    pipeline: int
    size: int  # bytes of a value
    keys: int
    database: int

    @property
    def writes(self):
        return self.operation not in ("get", "mget")


def _run(command, environment=None):
    result = subprocess.run(command, capture_output=True, text=True,
                            env=environment)
    if result.returncode != 0 or "Error from server" in result.stderr:
        shown = " ".join(command)[:300]
        raise RuntimeError(
            f"{shown}\n{result.stdout[-500:]}{result.stderr[-2000:]}")
    return result


def available_tools():
    """The load tools for Redis servers that are on PATH."""
    tools = ["redis-benchmark", "memtier_benchmark"]
    return [tool for tool in tools if shutil.which(tool)]


class RedisBenchmark:
    """redis-benchmark counts requests, not seconds; the rate of the run
    before says how many to ask for."""

    def __init__(self, threads=None):
        self.threads = threads
        self.rates = {}

    def measure(self, address, workload, seconds):
        """`address` is a list of options: -p port or -s path."""
        place = (tuple(address), workload)
        if place not in self.rates:
            guess = FIRST_GUESS
            probe = self._measure(address, workload, guess)
            guess = int(probe.rate * PROBE_SECONDS)
            if guess > FIRST_GUESS:
                probe = self._measure(address, workload, guess)
            self.rates[place] = probe.rate
        count = int(self.rates[place] * seconds)
        measurement = self._measure(address, workload, count)
        self.rates[place] = measurement.rate
        return measurement

    def _measure(self, address, workload, count):
        turn = workload.clients * workload.pipeline
        count = max(count // turn, 10) * turn
        command = ["redis-benchmark", *address, "--csv", "-n", str(count),
                   "-c", str(workload.clients), "-P", str(workload.pipeline),
                   "-d", str(workload.size), "--dbnum", str(workload.database)]
        if workload.operation != "hot":
            command += ["-r", str(workload.keys)]
        if self.threads:
            command += ["--threads", str(self.threads)]
        if workload.operation == "mget":
            command += ["MGET"] + ["key:__rand_int__"] * MANY_KEYS
        else:
            command += ["-t", {"hot": "incr"}.get(workload.operation,
                                                  workload.operation)]
        rows = list(csv.DictReader(_run(command).stdout.splitlines()))
        if len(rows) != 1:
            raise RuntimeError(f"redis-benchmark printed {len(rows)} rows")
        row = rows[0]
        return Measurement(float(row["rps"]), float(row["avg_latency_ms"]),
                           float(row["p50_latency_ms"]),
                           float(row["p99_latency_ms"]))


class Memtier:
    """memtier_benchmark writes its numbers without leading zeros: its keys
    are others, as many and as large."""

    COMMANDS = {"get": "GET __key__", "set": "SET __key__ __data__",
                "incr": "INCR __key__", "hot": "INCR counter:__rand_int__",
                "mget": "MGET" + " __key__" * MANY_KEYS,
                "mset": "MSET" + " __key__ __data__" * MANY_KEYS}

    def __init__(self, threads=None):
        self.threads = threads or 1

    def measure(self, address, workload, seconds):
        prefix = "counter:" if workload.operation == "incr" else "key:"
        with tempfile.NamedTemporaryFile(suffix=".json") as output:
            _run(["memtier_benchmark", *address, "--protocol", "redis",
                  "--hide-histogram", "--json-out-file", output.name,
                  "--threads", str(self.threads),
                  "--clients", str(max(workload.clients // self.threads, 1)),
                  "--pipeline", str(workload.pipeline),
                  "--data-size", str(workload.size), "--random-data",
                  "--key-prefix", prefix, "--key-minimum", "0",
                  "--key-maximum", str(workload.keys - 1),
                  "--select-db", str(workload.database),
                  "--test-time", str(max(round(seconds), 1)),
                  "--command", self.COMMANDS[workload.operation],
                  "--command-key-pattern", "R",
                  "--print-percentiles", "50,99"])
            totals = json.load(output)["ALL STATS"]["Totals"]
        latencies = totals["Percentile Latencies"]
        mean = totals.get("Average Latency", totals.get("Latency"))
        return Measurement(totals["Ops/sec"], mean, latencies["p50.00"],
                           latencies["p99.00"])


def _read_workload(name):
    with open(os.path.join(WORKLOADS, name + ".sql")) as file:
        return file.read()


def _pipelined(script, depth):
    """The script's statement `depth` times in one pipeline, with its key from
    ascending parts of the keys, so that transactions cannot deadlock."""
    statement = "".join(line for line in script.splitlines(keepends=True)
                        if not line.startswith(("\\set", "--")))
    draws = []
    if re.search(r":n\b", statement):
        draws = [f"\\set n{i} random(:keys / {depth} * {i}, "
                 f":keys / {depth} * {i + 1} - 1)\n" for i in range(depth)]
    statements = [re.sub(r":n\b", f":n{i}", statement) for i in range(depth)]
    return "".join([*draws, "\\startpipeline\n", *statements,
                    "\\endpipeline\n"])


def _percentile(ordered, percent):
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _read_latencies(directory):
    """Milliseconds of the transactions in pgbench's logs, in order; those of
    the first second are left out."""
    rows = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name)) as file:
            rows += [line.split() for line in file]
    begin = min((float(row[4]) + float(row[5]) / 1e6 for row in rows),
                default=0)
    kept = [int(row[2]) / 1000 for row in rows
            if float(row[4]) + float(row[5]) / 1e6
            >= begin + WARM_UP_SECONDS]
    if not kept:
        raise RuntimeError("pgbench logged no transaction")
    return sorted(kept)


def _leave_out_warm_up(result):
    """Transactions per second and their mean latency after the first second,
    from the first progress line and the totals."""
    first = re.search(r"progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+)",
                      result.stderr)
    total = re.search(r"actually processed: (\d+)(?s:.*)"
                      r"latency average = ([\d.]+) ms(?s:.*)"
                      r"tps = ([\d.]+)", result.stdout)
    if not first or not total:
        raise RuntimeError(f"pgbench said:\n{result.stdout}{result.stderr}")
    first_seconds, first_rate, first_mean = map(float, first.groups())
    count, mean, rate = map(float, total.groups())
    first_count = first_rate * first_seconds
    kept = count - first_count
    return (kept / (count / rate - first_seconds),
            (mean * count - first_mean * first_count) / kept)


class Pgbench:
    """Prepared statements over PostgreSQL's unix socket. With `pipelined`,
    the statements of one pipeline are one transaction."""

    def __init__(self, conninfo, value_of, pipelined=False):
        self.conninfo = conninfo
        self.value_of = value_of
        self.pipelined = pipelined
        self.rates = {}

    def measure(self, _address, workload, seconds):
        commands = workload.pipeline if self.pipelined else 1
        script = _read_workload(workload.operation)
        if self.pipelined:
            script = _pipelined(script, commands)
        # Few transactions are logged, so that the log costs next to nothing;
        # large values are few anyway.
        sampling = 0.2 if workload.size <= 1000 else 1
        if workload in self.rates:
            expected = self.rates[workload] / commands * seconds
            sampling = min(1, LATENCY_SAMPLES / expected)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "script.sql")
            with open(path, "w") as file:
                file.write(script)
            logs = os.path.join(directory, "logs")
            os.mkdir(logs)
            result = self._run(path, logs, sampling, workload, seconds)
            latencies = _read_latencies(logs)
        rate, mean = _leave_out_warm_up(result)
        self.rates[workload] = rate * commands
        return Measurement(rate * commands, mean, _percentile(latencies, 50),
                           _percentile(latencies, 99))

    def _run(self, path, logs, sampling, workload, seconds):
        environment = dict(
            os.environ, PGOPTIONS="-c plan_cache_mode=force_generic_plan")
        return _run(
            ["pgbench", "-n", "-M", "prepared", "-P", "1",
             "-c", str(workload.clients), "-j", str(min(workload.clients, 2)),
             "-T", str(round(seconds) + WARM_UP_SECONDS),
             "-D", f"keys={workload.keys}", "-D", f"db={workload.database}",
             "-D", f"value={self.value_of(workload.size)}",
             "-l", "--log-prefix", os.path.join(logs, "log"),
             "--sampling-rate", f"{sampling:.6f}", "-f", path, self.conninfo],
            environment)
