"""The supervisor alone, over small programs: what it starts again, what ends all, and that none outlives it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from outbox.supervisor import BACK_OFF_SECONDS, Part, Supervisor, ends_all, how
from tests.program import ROOT
from tests.relays import wait_for

LIVES = "import sys; sys.stdin.read()"
"""Ends when its supervisor does."""
OBEYS_NOBODY = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"


class Supervised:
    """A supervisor of one program as a process of its own; log lines, and which workers live."""

    def __init__(self, script: str, folder: Path, *, processes: int, drain_seconds: float, beside: str) -> None:
        self._log = folder / "supervisor.log"
        parts = [Part("worker", (sys.executable, "-c", script)) for _ in range(processes)]
        parts += [Part("page", (sys.executable, "-c", beside), vital=False)] if beside else []
        running = (
            "import sys; from outbox import supervisor; from outbox.log import configure_log;"
            " from outbox.settings import Log; configure_log(Log(format='json'));"
            " supervisor.STOP_MARGIN_SECONDS = 1.0;"
            " from outbox.supervisor import Part;"
            f" sys.exit(supervisor.Supervisor({parts!r}, drain_seconds={drain_seconds}).run())"
        )
        with self._log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, "-c", running], cwd=ROOT, stdout=log, stderr=log)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it said under this name."""
        written = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in written if line["event"] == event]

    def said(self, word: str) -> int:
        """How often a worker printed this."""
        return self._log.read_text().splitlines().count(word)

    def workers(self) -> list[int]:
        """Process ids of its children."""
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def ends(self, *, code: int, seconds: float = 10.0) -> None:
        """It ends by itself, with this code, and no worker is left."""
        assert self.process.wait(timeout=4 * seconds) == code


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Starts supervisors and ends what is left of them."""
    started: list[Supervised] = []

    def start(script: str, *, processes: int = 2, drain_seconds: float = 5.0, beside: str = "") -> Supervised:
        started.append(Supervised(script, tmp_path, processes=processes, drain_seconds=drain_seconds, beside=beside))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def alive(pid: int) -> bool:
    """Whether it runs: not gone, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_starts_as_many_and_ends_them_all_when_told(supervise: Supervise) -> None:
    """SIGTERM has each worker end, and the exit code is 0."""
    running = supervise(LIVES, processes=3)
    wait_for(lambda: len(running.workers()) == 3)
    pids = running.workers()

    running.process.send_signal(signal.SIGTERM)
    running.ends(code=0)

    assert not any(map(alive, pids))
    assert running.lines("worker_ended") == []


def test_ctrl_c_reaches_the_supervisor_alone(supervise: Supervise) -> None:
    """Workers are in groups of their own; SIGINT ends all as SIGTERM does."""
    running = supervise(LIVES)
    wait_for(lambda: len(running.workers()) == 2)
    wait_for(lambda: {os.getpgid(pid) for pid in running.workers()} == set(running.workers()))

    running.process.send_signal(signal.SIGINT)
    running.ends(code=0)


def test_a_worker_that_dies_is_started_again(supervise: Supervise) -> None:
    """A line says what it died of; the other goes on; its place is filled after the back-off."""
    running = supervise(LIVES)
    wait_for(lambda: len(running.workers()) == 2)
    victim, other = running.workers()

    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(running.workers()) == 2 and victim not in running.workers())

    assert other in running.workers()
    [line] = running.lines("worker_ended")
    assert (line["pid"], line["how"], line["retry_seconds"]) == (victim, "SIGKILL", BACK_OFF_SECONDS[0])


def test_each_start_waits_longer(supervise: Supervise) -> None:
    """A worker that dies at once is not started in a hurry: half a second, one, two."""
    running = supervise("import os; os.kill(os.getpid(), 6)", processes=1)
    wait_for(lambda: len(running.lines("worker_ended")) >= 3)

    assert [line["retry_seconds"] for line in running.lines("worker_ended")][:3] == list(BACK_OFF_SECONDS[:3])
    assert {line["how"] for line in running.lines("worker_ended")} == {"SIGABRT"}


@pytest.mark.parametrize("code", [1, 2])
def test_a_refusal_at_the_start_ends_all(supervise: Supervise, tmp_path: Path, code: int) -> None:
    """One worker says that it can't be: the others are ended, and its exit code is the supervisor's."""
    once = tmp_path / "once"
    first = f"import os, sys\ntry: os.mkdir({str(once)!r})\nexcept FileExistsError: sys.stdin.read()\n"
    script = f"{first}else: sys.exit({code})"
    running = supervise(script, processes=3)

    running.ends(code=code)

    assert [line["how"] for line in running.lines("worker_refused")] == [f"exit code {code}"]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_what_is_not_vital_ends_nobody(supervise: Supervise, code: int) -> None:
    """Whatever it ends with, also at the start, it is said and tried again later; the workers go on."""
    running = supervise(LIVES, beside=f"import sys; sys.exit({code})")
    wait_for(lambda: len(running.lines("page_ended")) >= 2)

    assert len(running.workers()) >= 2
    assert [line["retry_seconds"] for line in running.lines("page_ended")][:2] == list(BACK_OFF_SECONDS[:2])
    assert running.lines("worker_ended") == []
    running.process.send_signal(signal.SIGTERM)
    running.ends(code=0)


def test_killed_itself_it_leaves_no_worker(supervise: Supervise) -> None:
    """SIGKILL of the supervisor closes the pipes, and that ends the workers."""
    running = supervise(LIVES, processes=3)
    wait_for(lambda: len(running.workers()) == 3)
    pids = running.workers()

    running.process.kill()
    running.process.wait()

    wait_for(lambda: not any(map(alive, pids)))


def test_one_that_does_not_obey_is_killed_after_the_limit(supervise: Supervise) -> None:
    """A worker beyond its own last resort keeps nothing; then the exit code is 1, and the log says which."""
    running = supervise(OBEYS_NOBODY, processes=1, drain_seconds=0.2)
    wait_for(lambda: running.said("deaf") == 1)

    running.process.send_signal(signal.SIGTERM)
    running.ends(code=1, seconds=5)

    assert len(running.lines("worker_killed")) == 1


@pytest.mark.parametrize(
    ("code", "lived", "first", "expected"),
    [
        (2, 0.1, True, 2),
        (2, 9000.0, False, 2),
        (1, 0.1, True, 1),
        (1, 0.1, False, None),
        (1, 60.0, True, None),
        (0, 0.1, True, None),
        (-9, 0.1, True, None),
    ],
)
def test_what_an_end_means_for_all(code: int, lived: float, *, first: bool, expected: int | None) -> None:
    """A wrong configuration always ends all, a refusal at the very start only; nothing else does."""
    assert ends_all(code, lived_seconds=lived, first=first) == expected


def test_ends_have_words() -> None:
    """Signals by name where they have one."""
    assert [how(0), how(3), how(-9), how(-40)] == ["exit code 0", "exit code 3", "SIGKILL", "signal 40"]


def test_a_program_that_can_not_be_started_is_tried_again() -> None:
    """The system has no room for a process: the place waits, and the supervisor still obeys."""
    tried = Supervisor([Part("worker", ("/nowhere/outbox",))], drain_seconds=1.0)
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM)}
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, BACK_OFF_SECONDS[0] + 0.3)
    try:
        with capture_logs() as lines:
            assert tried.run() == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for one, handler in before.items():
            signal.signal(one, handler)

    assert [line["retry_seconds"] for line in lines if line["event"] == "worker_not_started"] == [0.5, 1.0]
