"""The supervisor: keeps several processes running, and leaves none behind; knows nothing of what they do.

Each part is the supervisor's own command line with a few words more. Its standard input is a pipe that the supervisor
alone holds: when the supervisor closes it, or dies by whatever, the part ends in good order.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from outbox.log import get_log

WELL, REFUSED, WRONG_CONFIGURATION = 0, 1, 2
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS = 60.0
START_SECONDS = 30.0
STOP_MARGIN_SECONDS = 8.0
"""How much longer than its drain limit a part may take: it ends itself before, even if the database hangs."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process to keep: its kind, and its command. The refusal of one that isn't `vital` is no end of the others."""

    kind: str
    command: tuple[str, ...]
    vital: bool = True


@dataclass(slots=True)
class _Place:
    """One part's place: the process in it, or when the next one is started."""

    part: Part
    process: "subprocess.Popen[bytes] | None" = None
    start_at: float = 0.0
    started_at: float = 0.0
    starts: int = 0
    failures: int = 0


class Supervisor:
    """Keeps every part running; `run` belongs to the main thread, which gets the signals."""

    def __init__(self, parts: Sequence[Part], *, drain_seconds: float) -> None:
        self._stop_seconds = drain_seconds + STOP_MARGIN_SECONDS
        self._places = [_Place(part) for part in parts]
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._code: int | None = None

    def run(self) -> int:
        """Runs until SIGTERM or SIGINT, or until a vital part says that the configuration is wrong; the exit code."""
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(signum, self._note)
        get_log().info("supervisor_started", pid=os.getpid(), processes=len(self._places))
        while self._code is None:
            for place in self._places:
                if place.process is None and place.start_at <= time.monotonic():
                    self._start(place)
            if self._told_to_end(min((one.start_at for one in self._places if one.process is None), default=None)):
                self._code = WELL
                break
            for place in self._places:
                if place.process is not None and (code := place.process.poll()) is not None:
                    self._ended(place, place.process, code)
        return self._stop()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        del frame
        self._signals.put(signum)

    def _told_to_end(self, until: float | None) -> bool:
        """Waits for a signal, at most until then: False when a part ended or nothing came."""
        timeout = None if until is None else max(0.0, until - time.monotonic())
        with contextlib.suppress(queue.Empty):
            return self._signals.get(timeout=timeout) != signal.SIGCHLD
        return False

    def _start(self, place: _Place) -> None:
        place.started_at = time.monotonic()
        place.starts += 1
        try:
            # A group of its own: Ctrl-C at a terminal reaches the supervisor, which tells each part once.
            place.process = subprocess.Popen(place.part.command, stdin=subprocess.PIPE, process_group=0)
        except OSError as error:
            get_log().error(f"{place.part.kind}_not_started", error=str(error), retry_seconds=_back_off(place))

    def _ended(self, place: _Place, process: "subprocess.Popen[bytes]", code: int) -> None:
        _close(process)
        place.process = None
        lived = time.monotonic() - place.started_at
        if self._code is None and place.part.vital:
            self._code = ends_all(code, lived_seconds=lived, first=place.starts == 1)
        if lived >= STEADY_SECONDS:
            place.failures = 0
        words = {"pid": process.pid, "how": how(code), "lived_seconds": round(lived, 1)}
        if self._code is None:
            get_log().error(f"{place.part.kind}_ended", **words, retry_seconds=_back_off(place))
        else:
            get_log().error(f"{place.part.kind}_refused", **words)

    def _stop(self) -> int:
        """Has every part end, waits within their limit, and kills whatever is left."""
        left = [(one.part.kind, one.process) for one in self._places if one.process is not None]
        for _, process in left:
            _close(process)
        deadline = time.monotonic() + self._stop_seconds
        while (left := [one for one in left if one[1].poll() is None]) and time.monotonic() < deadline:
            self._told_to_end(deadline)
        for kind, process in left:
            process.kill()
            process.wait()
            get_log().error(f"{kind}_killed", pid=process.pid, after_seconds=self._stop_seconds)
        get_log().info("supervisor_stopped", pid=os.getpid())
        return REFUSED if left else self._code or WELL


def ends_all(code: int, *, lived_seconds: float, first: bool) -> int | None:
    """The exit code that a vital part's end means for all of them; None: another is started in its place.

    A refusal at the first start is what `outbox run` in one process would have answered: nothing to wait for.
    """
    if code == WRONG_CONFIGURATION:
        return WRONG_CONFIGURATION
    return REFUSED if code == REFUSED and first and lived_seconds < START_SECONDS else None


def how(code: int) -> str:
    """What a process died of, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def part(kind: str, *words: str, vital: bool = True) -> Part:
    """This process's own command line, with these words at its end."""
    return Part(kind, (sys.executable, *sys.orig_argv[1:], *words), vital)


def end_with_supervisor() -> None:
    """Has this process end as by SIGTERM when its standard input does: the supervisor says so, or is gone."""
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), name="supervisor watch", daemon=True).start()


def _watch(pipe: int) -> None:
    while os.read(pipe, 1024):
        continue
    # To the main thread, which waits: a signal to the process may reach a thread that can't run the handler.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _back_off(place: _Place) -> float:
    """Puts the next start off, longer each time; by how many seconds."""
    seconds = BACK_OFF_SECONDS[min(place.failures, len(BACK_OFF_SECONDS) - 1)]
    place.failures += 1
    place.start_at = time.monotonic() + seconds
    return seconds


def _close(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
