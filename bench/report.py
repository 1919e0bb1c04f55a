"""What the measurements say: the table, the targets, and the files."""

import csv
import os
import statistics
import subprocess
import tempfile

from dataclasses import dataclass

NAMES = {"get": "GET", "set": "SET", "mget": "MGET (10)", "mset": "MSET (10)",
         "incr": "INCR random", "hot": "INCR one key"}
SUBJECT = "respgres"
COLORS = {"respgres": "#336791", "redis": "#d82c20", "pgbench": "#8a8a8a",
          "pgbench-pipeline": "#c8c8c8"}


@dataclass(frozen=True)
class Target:
    operation: str
    clients: int
    pipeline: int
    measure: str  # "rate": at least; "latency": at most
    factor: float


# Values of 100 bytes; the peer is always pgbench, one statement at a time.
TARGETS = [
    Target("get", 50, 1, "rate", 2),
    Target("get", 50, 16, "rate", 4),
    Target("set", 50, 1, "rate", 4),
    Target("set", 50, 16, "rate", 6),
    Target("hot", 50, 1, "rate", 10),
    Target("set", 1, 1, "latency", 1.5),
    Target("get", 1, 1, "latency", 2),
]


def title(workload):
    """A row's name, which --only matches."""
    size = ""
    if workload.operation not in ("incr", "hot"):
        size = " 10KB" if workload.size > 1000 else " 100B"
    return (f"{NAMES[workload.operation]}{size} c{workload.clients} "
            f"P{workload.pipeline}")


def _short(number):
    if number >= 1000000:
        return f"{number / 1e6:.2f}M"
    if number >= 10000:
        return f"{number / 1000:.0f}k"
    if number >= 1000:
        return f"{number / 1000:.1f}k"
    return f"{number:.0f}"


def _median(rounds, field):
    return statistics.median(getattr(one, field) for one in rounds)


def _ratio(ours, theirs, field):
    """The median of what each round gives."""
    return statistics.median(
        getattr(a, field) / getattr(b, field) for a, b in zip(ours, theirs))


COLUMNS = ["row", "server", "per s", "min-max", "p50 ms", "p99 ms",
           "respgres / it"]


def rows(results):
    """The table's rows: `results` is {workload: {peer: [Measurement]}}."""
    for workload, peers in results.items():
        name = title(workload)
        for peer, rounds in peers.items():
            rates = [one.rate for one in rounds]
            ratio = ""
            if peer != SUBJECT and SUBJECT in peers:
                ratio = f"{_ratio(peers[SUBJECT], rounds, 'rate'):.2f}"
            yield [name, peer, _short(_median(rounds, "rate")),
                   f"{_short(min(rates))}-{_short(max(rates))}",
                   f"{_median(rounds, 'p50_ms'):.3f}",
                   f"{_median(rounds, 'p99_ms'):.3f}", ratio]
            name = ""


def format_table(results):
    lines = [COLUMNS, *rows(results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    text = []
    for number, line in enumerate(lines):
        if number and line[0]:
            text.append("")
        text.append("  ".join(
            item.ljust(width) if i < 2 else item.rjust(width)
            for i, (item, width) in enumerate(zip(line, widths))).rstrip())
    return "\n".join(text)


def _judge(target, results):
    """A line about one target, and whether it holds (None: not measured)."""
    for workload, peers in results.items():
        place = (workload.operation, workload.clients, workload.pipeline)
        if place != (target.operation, target.clients, target.pipeline):
            continue
        if workload.size > 1000 or not {SUBJECT, "pgbench"} <= set(peers):
            continue
        ours, theirs = peers[SUBJECT], peers["pgbench"]
        if target.measure == "rate":
            ratio = _ratio(ours, theirs, "rate")
            held = ratio >= target.factor
            return (f"{title(workload)}: throughput {ratio:.2f} x pgbench, "
                    f"at least {target.factor:g}", held)
        ratio = _ratio(ours, theirs, "mean_ms")
        middle = _ratio(ours, theirs, "p50_ms")
        return (f"{title(workload)}: mean latency {ratio:.2f} x pgbench, "
                f"at most {target.factor:g} (p50 {middle:.2f} x)",
                ratio <= target.factor)
    return (f"{NAMES[target.operation]} c{target.clients} "
            f"P{target.pipeline}: not measured", None)


def judge(results):
    """The targets' lines, and whether none was missed."""
    lines, missed = [], False
    for target in TARGETS:
        line, held = _judge(target, results)
        missed = missed or held is False
        word = {True: "PASS", False: "FAIL", None: "----"}[held]
        lines.append(f"{word} {line}")
    return lines, not missed


def write_markdown(path, machine, results, settings):
    targets, _ = judge(results)
    with open(path, "w") as file:
        file.write("# Measurements\n\n")
        file.writelines(f"* {line}\n" for line in [*machine, settings])
        file.write("\n| " + " | ".join(COLUMNS) + " |\n")
        file.write("|---|---|" + "---:|" * (len(COLUMNS) - 2) + "\n")
        for row in rows(results):
            file.write("| " + " | ".join(row) + " |\n")
        file.write("\n## Targets\n\n")
        file.writelines(f"* {line}\n" for line in targets)


def write_csv(path, results):
    """Every measurement of every round."""
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["operation", "clients", "pipeline", "size", "keys",
                      "server", "round", "rate", "mean_ms", "p50_ms",
                      "p99_ms"])
        for workload, peers in results.items():
            for peer, rounds in peers.items():
                for number, one in enumerate(rounds, 1):
                    out.writerow([
                        workload.operation, workload.clients,
                        workload.pipeline, workload.size, workload.keys, peer,
                        number, f"{one.rate:.1f}", f"{one.mean_ms:.4f}",
                        f"{one.p50_ms:.4f}", f"{one.p99_ms:.4f}"])


def write_plot(path, results):
    """Bars of throughput; PNG or SVG by the file's name."""
    peers = list(dict.fromkeys(
        peer for measured in results.values() for peer in measured))
    terminal = "svg" if path.endswith(".svg") else "pngcairo"
    width = max(900, 60 + 22 * len(peers) * len(results))
    with tempfile.TemporaryDirectory() as directory:
        data = os.path.join(directory, "data")
        with open(data, "w") as file:
            for workload, measured in results.items():
                rates = [f"{_median(measured[peer], 'rate'):.1f}"
                         if peer in measured else "?" for peer in peers]
                file.write("\t".join([title(workload), *rates]) + "\n")
        bars = ", ".join(
            f"'{data}' using {number + 2}:xtic(1) title '{peer}' "
            f"linecolor rgb '{COLORS[peer]}'"
            for number, peer in enumerate(peers))
        script = f"""
            set terminal {terminal} size {width},600 noenhanced
            set output '{path}'
            set datafile separator '\\t'
            set datafile missing '?'
            set style data histograms
            set style histogram clustered gap 1
            set style fill solid 0.9
            set logscale y
            set ylabel 'commands per second'
            set grid ytics
            set key outside top horizontal
            set xtics rotate by -45 scale 0
            plot {bars}
        """
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
