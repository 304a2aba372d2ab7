"""Ends what a demo started when the demo itself dies without a word, as by SIGKILL.

Reads lines from standard input, whose end is the demo's end: `+PID SIGNAL` and `-PID` for a process,
`/FOLDER` for a folder that must not outlive the demo.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PATIENCE_SECONDS = 10.0


def main(lines: Iterable[str]) -> None:
    """Remembers who runs; at the end of the lines ends who is left, the youngest first."""
    running: dict[int, int] = {}
    folders: list[str] = []
    for line in lines:
        match line[0], line[1:].split():
            case "+", [pid, order]:
                running[int(pid)] = int(order)
            case "-", [pid]:
                running.pop(int(pid), None)
            case _:
                folders.append(line.rstrip("\n"))
    for left in reversed(running):
        end(left, running[left])
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end(pid: int, order: int) -> None:
    """Sends the order, then SIGKILL to whoever does not follow it in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, order)
        while time.monotonic() < deadline and not _is_zombie(pid):
            time.sleep(0.05)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and only waits to be reaped, by a first process that may never do so."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    main(sys.stdin)
