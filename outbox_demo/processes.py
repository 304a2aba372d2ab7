"""The processes of a demo: each in a session of its own, with a log of its own, and none left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from outbox.errors import OutboxError

TAIL_LINES = 15
PATIENCE_SECONDS = 40.0


class Guardian:
    """A process that ends the others when the demo is killed; a context manager. `home` is for `ps` to show."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "outbox_demo.guardian", str(self._home)],
            stdin=subprocess.PIPE,
            env=environment({}),
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with suppress(BrokenPipeError):
                self._process.communicate()

    def watch(self, pid: int, order: signal.Signals = signal.SIGTERM) -> None:
        """Has this process ended by `order`, should the demo die."""
        self._tell(f"+{pid} {order.value}")

    def remove(self, folder: Path) -> None:
        """Has this folder removed at the end, however the demo ends."""
        self._tell(str(folder))

    def release(self, pid: int) -> None:
        """The process has ended: its number may become another's."""
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()


class Processes:
    """A context manager; leaving it ends what still runs, the youngest first.

    Each process has a session of its own, so that Ctrl-C at a terminal reaches the demo alone, which then ends
    the others in order.
    """

    def __init__(self, logs: Path, guardian: Guardian) -> None:
        self._logs, self._guardian = logs, guardian
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self._running)):
            self._end(name)

    def log_file(self, name: str) -> Path:
        """Where a process's output goes."""
        return self._logs / f"{name}.log"

    def start(self, name: str, *module: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Starts a Python module with its arguments and stays responsible for it."""
        with self.log_file(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(env),
                start_new_session=True,
            )
        self._running[name] = process
        self._guardian.watch(process.pid)
        return process

    def finish(self, name: str, *module: str, env: Mapping[str, str], stopped: Callable[[], bool]) -> None:
        """Starts a module and waits for its end, or until `stopped`; raises OutboxError when it fails."""
        process = self.start(name, *module, env=env)
        while process.poll() is None and not stopped():
            time.sleep(0.02)
        if process.poll() is not None or not stopped():
            self.stop(name)

    def stop(self, name: str) -> None:
        """Ends a process with SIGTERM; raises OutboxError when it does not obey, or ends with a failure."""
        code = self._end(name)
        if code:
            raise self._failure(name, code)

    def check(self) -> None:
        """Raises OutboxError when a process ended that nobody stopped."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self._failure(name, process.returncode)

    def _end(self, name: str) -> int:
        """The exit code of the process, which is no longer ours afterwards."""
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            self._guardian.release(process.pid)

    def _failure(self, name: str, code: int) -> OutboxError:
        log = self.log_file(name)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        return OutboxError("\n".join((f"{name} ended with exit code {code}; its log is {log}", *lines)))


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of an outbox elsewhere, and with this installation's modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTBOX_")}
    here = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}
