"""The command `outbox` in this process: quicker than a process of its own, through the same door."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from outbox.cli import run


@dataclass(frozen=True)
class Command:
    """`outbox` with a configuration folder; the environment is the test's own."""

    folder: Path
    captured: pytest.CaptureFixture[str]

    def __call__(self, *words: str, code: int = 0) -> str:
        """Runs a command and returns its output; anything but the expected exit code fails."""
        self.captured.readouterr()
        done = run(["--config", str(self.folder), *words])
        shown = self.captured.readouterr()
        assert done == code, f"outbox {' '.join(words)}: {done}\n{shown.out}\n{shown.err}"
        return shown.out + shown.err


def command(
    folder: Path,
    url: str,
    *,
    keys: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """The command on the database at `url`, with these secret keys; loopback receivers may be sent to."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", url)
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", keys)
    monkeypatch.setenv("OUTBOX_SENDER_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("OUTBOX_RELAY_PROCESSES", "1")
    return Command(folder, capsys)
