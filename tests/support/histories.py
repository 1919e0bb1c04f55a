"""Checkers of recorded histories.

An operation is a tuple (start, end, ...) of monotonic times, the time before
its request was sent and the time after its reply had come. A history is
linearizable when one can give each operation a moment between its start and
its end such that the operations, run one by one in that order, answer what
they answered.

Two checkers are enough, as every write here writes what no other writes:

* Where the answers themselves fix the order (counters, chains, logs), each
  operation's moment must not lie before that of any operation before it; it
  can be chosen so unless one begins after a later one has ended. Exact.
* For a register, the operations on one value form a cluster: its write and
  its reads. Gibbons and Korach, "Testing Shared Memories" (1997): a cluster
  spans from its earliest end to its latest start. If the end comes first the
  value must have been there all that time (a forward zone); else any moment
  of the span will do (a backward zone). The history is linearizable if and
  only if no forward zones overlap, no backward zone lies inside a forward
  one, and no read ends before its write begins. Exact.

All return a list of sentences, one for each violation.
"""

from bisect import bisect_right


def check_order(name, groups):
    """`groups` are lists of operations in the order that the answers fix;
    within a group any order will do."""
    problems = []
    latest_start = None
    for number, group in enumerate(groups):
        starts = [operation[0] for operation in group]
        for operation in group:
            if latest_start is not None and operation[1] < latest_start:
                problems.append(
                    f"{name}: operation {number} {operation[2:]} ended "
                    f"{(latest_start - operation[1]) / 1e6:.3f} ms before an "
                    "operation whose effect it saw began")
        if starts:
            latest_start = max([latest_start] * (latest_start is not None)
                               + starts)
    return problems


def check_register(name, writes, reads):
    """`writes` are (start, end, value) with distinct values, `reads` are
    (start, end, value). None is the value before the first write."""
    problems = []
    clusters = {None: [float("-inf"), float("-inf"), float("-inf")]}
    for start, end, value in writes:
        # Start of the write, earliest end, latest start.
        clusters[value] = [start, end, start]
    for start, end, value in reads:
        cluster = clusters.get(value)
        if cluster is None:
            problems.append(f"{name}: {value!r} was read, never written")
            continue
        if end < cluster[0]:
            problems.append(f"{name}: {value!r} was read before it was "
                            "written")
        cluster[1] = min(cluster[1], end)
        cluster[2] = max(cluster[2], start)
    forward, backward = [], []
    for value, (_, earliest_end, latest_start) in clusters.items():
        if earliest_end < latest_start:
            forward.append((earliest_end, latest_start, value))
        else:
            backward.append((latest_start, earliest_end, value))
    forward.sort(key=lambda zone: zone[:2])
    for (_, end, value), (start, _, other) in zip(forward, forward[1:]):
        if start < end:
            problems.append(f"{name}: {value!r} was still read after "
                            f"{other!r} had replaced it, or the reverse")
    begins = [zone[0] for zone in forward]
    for start, end, value in backward:
        at = bisect_right(begins, start) - 1
        if at >= 0 and forward[at][0] < start and end < forward[at][1]:
            problems.append(f"{name}: {value!r} came and went while "
                            f"{forward[at][2]!r} was there")
    return problems
