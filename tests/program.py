"""Runs the real command as a process of its own, with a folder of configuration."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 180


@dataclass(frozen=True)
class Program:
    """`outbox` on one database, with one configuration folder and one secret key.

    `before`: what starts it; `root`: the checkout whose code it is.
    """

    folder: Path
    environment: dict[str, str]
    before: tuple[str, ...] = ()
    root: Path = ROOT

    def __call__(self, *words: str, code: int = 0, stdin: str | None = None) -> str:
        """Runs a command to its end and returns its output; anything but the expected exit code fails."""
        done = subprocess.run(
            [*self.before, sys.executable, "-m", "outbox", *words],
            cwd=self.root,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"outbox {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, *words: str, log: Path | None = None) -> "subprocess.Popen[str]":
        """Starts a command; the caller ends it."""
        with (log or self.folder / "outbox.log").open("a") as lines:
            return subprocess.Popen(
                [*self.before, sys.executable, "-m", "outbox", *words],
                cwd=self.root,
                env=self.environment,
                stdout=lines,
                stderr=lines,
                text=True,
            )


def program(folder: Path, url: str, **settings: str) -> Program:
    """The command on the database at `url`; `settings` are OUTBOX_ variables without their prefix."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OUTBOX_")}
    ours = {
        "OUTBOX_CONFIG": str(folder),
        "OUTBOX_DATABASE_URL": url,
        "OUTBOX_SECRET_KEYS": Fernet.generate_key().decode(),
        "OUTBOX_SENDER_ALLOW_NETWORKS": "127.0.0.0/8",
        "OUTBOX_RELAY_PROCESSES": "1",  # a daemon that a test can stop and kill is one process
    }
    return Program(folder, {**clean, **ours, **{f"OUTBOX_{name}": value for name, value in settings.items()}})
