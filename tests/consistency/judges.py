"""The checkers find what they must find, and nothing else."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from support.histories import check_order, check_register
from support.server import Results


def main():
    results = Results()

    def expect(name, problems, wanted):
        results.check(f"{name}: {problems}", bool(problems), wanted)

    expect("overlapping operations may take either order",
           check_order("n", [[(0, 10)], [(5, 6)], [(1, 7)]]), False)
    expect("an operation that ended may not follow a later one",
           check_order("n", [[(5, 10)], [(1, 4)]]), True)
    expect("reads of one count have no order among themselves",
           check_order("n", [[(0, 1)], [(4, 5), (2, 3)]]), False)
    write_a, write_b = (0, 1, "a"), (2, 3, "b")
    expect("reads see the latest write",
           check_register("r", [write_a, write_b],
                          [(1.5, 1.6, "a"), (4, 5, "b")]), False)
    expect("a stale read is found",
           check_register("r", [write_a, write_b], [(4, 5, "a")]), True)
    expect("a read during a write may see either value",
           check_register("r", [write_a, (2, 9, "b")],
                          [(3, 4, "b"), (3, 5, "a")]), False)
    expect("a value may not flip back",
           check_register("r", [write_a, (2, 9, "b")],
                          [(3, 4, "b"), (5, 6, "a")]), True)
    expect("a read of nothing after a write is found",
           check_register("r", [write_a], [(2, 3, None)]), True)
    expect("a read of what nobody wrote is found",
           check_register("r", [write_a], [(2, 3, "x")]), True)
    expect("a read before its write is found",
           check_register("r", [(5, 6, "a")], [(1, 2, "a")]), True)
    expect("a short write inside another value's life is found",
           check_register("r", [(0, 1, "a"), (2, 3, "b")],
                          [(4, 5, "a")]), True)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
