"""The command that serves the dashboard, as a process of its own."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests

from tests.program import Program
from tests.relays import wait_for


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    """Whether a dashboard answers there."""
    with suppress(requests.ConnectionError):
        return requests.get(f"http://127.0.0.1:{port}/sign-in", timeout=20).ok
    return False


@contextmanager
def serving_command(outbox: Program, port: int, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """The command, serving; killed at the end if it still runs."""
    process = outbox.start(*words)
    try:
        wait_for(lambda: listens(port), seconds=20)
        yield process
    finally:
        process.kill()
        process.wait()
