"""The contract application, simulated: a process of its own that lives whole contract lives in plain SQL.

It speaks to its own schema only, knows of no outbox, and keeps a journal of what it committed.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from random import Random

import psycopg

from outbox_demo.journal import Journal
from outbox_demo.lives import ACTS, ENDINGS
from outbox_demo.transaction import Register, Row, Transaction

DSN = "CONTRACT_APP_DSN"


def main() -> int:
    """Runs until SIGTERM; every transaction that began is finished first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=30.0, help="transactions a second, over all threads")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None, help="the same lives again (as far as threads allow)")
    chosen = parser.parse_args()
    stop = threading.Event()
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, lambda *_: stop.set())
    dsn = os.environ[DSN]
    with Journal(chosen.journal) as journal:
        register = open_register(dsn)
        dice = Random(chosen.seed)
        workers = [
            Worker(dsn, journal, register, Random(dice.random()), pause=chosen.threads / chosen.rate, stop=stop)
            for _ in range(chosen.threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    failures = [worker.failure for worker in workers if worker.failure is not None]
    for failure in failures:
        print(f"simulator: {failure!r}", file=sys.stderr)
    return 1 if failures else 0


def open_register(dsn: str) -> Register:
    """The register with the units and companies that the application has."""
    with psycopg.connect(dsn) as connection:
        units = connection.execute("SELECT id, name FROM business_unit ORDER BY id").fetchall()
        companies = connection.execute("SELECT id, business_unit_id FROM company ORDER BY id").fetchall()
    return Register(units, companies)


class Worker(threading.Thread):
    """One person's work at the application: one connection, one transaction after the other."""

    def __init__(
        self, dsn: str, journal: Journal, register: Register, dice: Random, *, pause: float, stop: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._dsn, self._journal, self._register, self._dice = dsn, journal, register, dice
        self._pause, self._halt = pause, stop

    def run(self) -> None:
        """Works until told to stop; a failure stops everyone, since the journal would no longer be whole."""
        try:
            with psycopg.connect(self._dsn, application_name="contract-app") as connection:
                while not self._halt.wait(self._dice.expovariate(1 / self._pause)):
                    self._work(connection)
        except Exception as failure:  # noqa: BLE001 handed to main, which reports it and exits 1
            self.failure = failure
            self._halt.set()

    def _work(self, connection: psycopg.Connection[Row]) -> None:
        acts, weights = zip(*(ENDINGS if self._register.crowded() else ACTS), strict=True)
        act = self._dice.choices(acts, weights)[0]
        tx = Transaction(connection, self._dice, self._register)
        xid = str(tx.run("SELECT CAST(pg_current_xact_id() AS text)")[0][0])
        try:
            act(tx)
        except psycopg.errors.IntegrityError:
            tx.give_up = True  # another thread deleted the contract meanwhile: an application rolls back
        except psycopg.errors.DeadlockDetected:
            tx.give_up = True
        self._journal.intend(xid, act=act.__name__, deeds=tx.deeds)
        if tx.give_up:
            connection.rollback()
        else:
            connection.commit()
        self._journal.settle(xid, committed=not tx.give_up)
        for stage, contract in tx.taken if tx.give_up else tx.moves:
            self._register.put(stage, contract)


if __name__ == "__main__":
    sys.exit(main())
