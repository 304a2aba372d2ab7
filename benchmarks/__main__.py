"""`python -m benchmarks`: runs the chosen parts and prints one table."""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping

from benchmarks.audit import audited
from benchmarks.bloat import bloat
from benchmarks.capture import capture
from benchmarks.conditions import conditions
from benchmarks.dashboard import dashboard
from benchmarks.drain import drain, sizes
from benchmarks.expiry import expiry
from benchmarks.ground import Ground, ground
from benchmarks.history import history
from benchmarks.isolation import isolation
from benchmarks.latency import latency
from benchmarks.memory import memory
from benchmarks.pages import pages
from benchmarks.table import Row, print_table

PARTS: Mapping[str, Callable[[Ground], Iterator[Row]]] = {
    "drain": drain,
    "latency": latency,
    "capture": capture,
    "history": history,
    "memory": memory,
    "size": sizes,
    "isolation": isolation,
    "audit": audited,
    "dashboard": dashboard,
    "bloat": bloat,
    "expiry": expiry,
    "pages": pages,
}
TERMINATED = 128 + signal.SIGTERM


def chosen(words: str) -> list[str]:
    """The parts that are named, in the table's order."""
    asked = set(words.split(","))
    if unknown := asked - PARTS.keys():
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in asked]


def main() -> None:
    """Runs the parts one after the other, each on a database of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=chosen, default=list(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the big counts; the table says so")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that nothing which was started is left behind
    with ground(scale=asked.scale) as running:
        rows: list[Row] = []
        try:
            for part in asked.only:
                rows.extend(PARTS[part](running))
        finally:  # what was measured before a part failed is worth its while
            print_table(rows, conditions(running))


if __name__ == "__main__":
    main()
