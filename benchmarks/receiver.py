"""Receivers: nginx where only the rate counts; a recorder, a process of its own, where arrivals are stamped."""

import argparse
import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from outbox.errors import OutboxError
from outbox_demo.processes import environment

HANG = "/hang"
"""What is sent to a path that begins so is never answered."""

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 204; }} }}
}}
"""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONTRACT = re.compile(rb'"contract_id": *"([^"]*)"')
_START_SECONDS = 10.0


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """A web server that answers 204 to everything; its URL."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise OutboxError("expected nginx, got none; install it with: apt-get install -y nginx")
    home, port = folder / "nginx", free_port()
    home.mkdir(exist_ok=True)
    file = home / "nginx.conf"
    file.write_text(NGINX.format(folder=home, port=port), encoding="utf-8")
    process = subprocess.Popen([program, "-p", str(home), "-c", str(file), "-e", str(home / "nginx.log")])
    try:
        _await_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class Arrivals:
    """What a recorder has written down: when each contract's report came (time.monotonic, one clock for all)."""

    def __init__(self, url: str, file: Path) -> None:
        self.url, self._file = url, file

    def read(self) -> dict[tuple[str, str], float]:
        """Path and contract -> when its first report came."""
        first: dict[tuple[str, str], float] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            at, path, contract_id = line.split(" ")
            first.setdefault((path, contract_id), float(at))
        return first


@contextmanager
def recorder(folder: Path, name: str) -> Iterator[Arrivals]:
    """A receiver that writes down what comes when, and answers at once."""
    file = folder / f"{name}.arrivals"
    file.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver", str(file)], stdout=subprocess.PIPE, text=True, env=environment({})
    )
    assert process.stdout is not None  # noqa: S101 (it is a pipe)
    try:
        yield Arrivals(f"http://127.0.0.1:{int(process.stdout.readline())}", file)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Recorder:
    """Answers requests, and writes each down in its book."""

    def __init__(self, book: TextIO) -> None:
        self._book = book

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the sender closes it."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = time.monotonic()
                length = _LENGTH.search(head)
                self._answer(writer, at, head, await reader.readexactly(int(length[1]) if length else 0))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):  # cancelled when serving ends
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, at: float, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if path.startswith(HANG):
            return
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        contract = _CONTRACT.search(body)
        self._book.write(f"{at!r} {path} {contract[1].decode() if contract else '-'}\n")


async def serve(file: Path) -> None:
    """Serves until SIGTERM; prints the port it got."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    with file.open("a", encoding="utf-8", buffering=1) as book:
        server = await asyncio.start_server(Recorder(book).converse, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await stop.wait()
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    asyncio.run(serve(parser.parse_args().file))
