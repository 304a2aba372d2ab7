"""The bare pipeline that the product is measured against: claims, builds, posts, settles; no feature at all.

Same HTTP libraries, same number of threads, same documents, same receiver, same database. Claims may be forgotten
by a crash, settles may not, as in the product. While a batch is sent, the next one is claimed and the last settled.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, TypeAlias

import psycopg
import requests

from benchmarks.backlog import Pace, contracts_of
from benchmarks.ground import Connection, Database, say, statement
from benchmarks.usage import cpu_seconds
from outbox.errors import OutboxError
from outbox_demo.processes import environment

THREADS = 16
BATCH = 500
DSN = "BENCH_DSN"
READY, DONE = "ready", "done"
HEADERS = {"Content-Type": "application/json", "User-Agent": "bare"}

Post: TypeAlias = Callable[[str, bytes], int]
Claimed: TypeAlias = list[tuple[int, str, Any]]
Sending: TypeAlias = list["Future[list[tuple[int, int]]]"]


def libraries() -> list[str]:
    """The HTTP libraries that are here."""
    return ["requests", *(["curl"] if find_spec("pycurl") else [])]


def run_bare(database: Database, url: str, events: int, *, library: str, processes: int) -> Pace:
    """The pace of so many processes of it."""
    _fill(database, url, events)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare", library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment({DSN: database.ground.server.dsn(database.name)}),
        )
        for _ in range(processes)
    ]
    for process in started:
        _expect(process, READY)
    pids = [process.pid for process in started]
    used, server_used, began = cpu_seconds(pids), database.ground.cpu_seconds(), time.monotonic()
    for process in started:
        _tell(process)
    for process in started:
        _expect(process, DONE)
    seconds = time.monotonic() - began
    pace = Pace(events, seconds, cpu_seconds(pids) - used, database.ground.cpu_seconds() - server_used)
    for process in started:
        process.communicate()
    with database.connect() as connection:
        delivered = connection.execute("SELECT count(*) FROM bare.attempt WHERE status = 204").fetchall()[0][0]
    if delivered != events:
        raise OutboxError(f"expected {events} deliveries by the bare pipeline, got {delivered}")
    say(f"  bare: {pace}")
    return pace


def _fill(database: Database, url: str, events: int) -> None:
    with database.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        connection.execute(statement("bare"))
        connection.execute(statement("bare_fill"), {"url": url, "events": events, "contracts": contracts_of(events)})
        connection.execute("VACUUM ANALYZE bare.queue")


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    line = process.stdout.readline().strip() if process.stdout else ""
    if line != word:
        raise OutboxError(f"expected {word!r} of the bare pipeline, got {line!r}")


def _tell(process: "subprocess.Popen[str]") -> None:
    if process.stdin:
        process.stdin.write("go\n")
        process.stdin.flush()


class Pipeline:
    """One process of it."""

    def __init__(self, dsn: str, make_post: Callable[[], Post]) -> None:
        self._claiming, self._settling = (psycopg.connect(dsn, autocommit=True) for _ in range(2))
        self._claiming.execute("SET synchronous_commit = off")
        self._make_post, self._local = make_post, threading.local()
        self._pool = ThreadPoolExecutor(THREADS)

    def run(self) -> None:
        """Until nothing is left."""
        sending = self._start(self._claim(self._claiming))
        while sending:
            ahead = self._start(self._claim(self._claiming))
            self._settle([one for part in sending for one in part.result()])
            sending = ahead

    def _claim(self, connection: Connection) -> Claimed:
        return [(row[0], row[1], row[2]) for row in connection.execute(statement("bare_claim"), {"most": BATCH})]

    def _start(self, claimed: Claimed) -> Sending:
        parts = (claimed[first::THREADS] for first in range(THREADS))
        return [self._pool.submit(self._send, part) for part in parts if part]

    def _send(self, part: Claimed) -> list[tuple[int, int]]:
        if not hasattr(self._local, "post"):
            self._local.post = self._make_post()
        return [
            (number, self._local.post(url, json.dumps({"id": number, "contract": document}).encode()))
            for number, url, document in part
        ]

    def _settle(self, results: list[tuple[int, int]]) -> None:
        ids, statuses = [one[0] for one in results], [one[1] for one in results]
        self._settling.execute(statement("bare_settle"), {"ids": ids, "statuses": statuses})


def by_requests() -> Post:
    """Posts with a session of requests."""
    session = requests.Session()
    session.trust_env = False

    def post(url: str, body: bytes) -> int:
        return session.post(url, data=body, headers=HEADERS, timeout=15).status_code

    return post


def by_curl() -> Post:
    """Posts with a handle of PycURL."""
    import pycurl

    handle = pycurl.Curl()
    handle.setopt(pycurl.POST, 1)
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.TIMEOUT, 15)
    handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    handle.setopt(pycurl.WRITEFUNCTION, lambda _: None)

    def post(url: str, body: bytes) -> int:
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.perform()
        return int(handle.getinfo(pycurl.RESPONSE_CODE))

    return post


def main() -> None:
    """One process: says that it is ready, waits for the word, and says when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=["requests", "curl"])
    make_post = by_curl if parser.parse_args().library == "curl" else by_requests
    pipeline = Pipeline(os.environ[DSN], make_post)
    print(READY, flush=True)
    sys.stdin.readline()
    pipeline.run()
    print(DONE, flush=True)


if __name__ == "__main__":
    main()
