"""What processes use, read from /proc: CPU and memory, with everything that they started."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The memory that a process, or the largest of those it started, holds at this moment."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    return max([own, *(resident_bytes(child) for child in _children(pid))])


def cpu_seconds(pids: Iterable[int]) -> float:
    """The CPU that these processes and all that they started have used so far, those that ended included."""
    used = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            used += sum(map(int, fields[11:15])) / _TICKS + cpu_seconds(_children(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since, and its parent counts it
    return used


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text(encoding="ascii").split())
