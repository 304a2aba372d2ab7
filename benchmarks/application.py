"""A contract application that changes contracts at a given rate, through the real capture triggers."""

import threading
import time

from benchmarks.ground import Connection, Database

THREADS = 4


class Application:
    """Commits `count` single-row updates, one contract each from `first` on, at `rate` a second."""

    def __init__(self, database: Database, *, rate: float, count: int, first: int = 1, step: int = 1) -> None:
        self._database = database
        self._rate, self._count, self._first, self._step = rate, count, first, step
        self.committed: dict[str, float] = {}
        """Contract -> when its commit came back (time.monotonic)."""

    def run(self) -> None:
        """Until all are committed; a transaction that is late waits for nobody."""
        began = time.monotonic()
        threads = [threading.Thread(target=self._write, args=(began, place)) for place in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _write(self, began: float, place: int) -> None:
        with self._database.connect() as connection:
            for number in range(place, self._count, THREADS):
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                self._change(connection, str(self._first + number * self._step))

    def _change(self, connection: Connection, contract_id: str) -> None:
        connection.execute("UPDATE contract SET amount = amount + 1 WHERE id = %s", [int(contract_id)])
        self.committed[contract_id] = time.monotonic()
