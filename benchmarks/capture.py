"""What the capture triggers cost the application: beside none at all, and beside a plain row trigger."""

import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.ground import CONTRACTS, Database, Ground, say, statement
from benchmarks.table import Row
from outbox.errors import OutboxError
from outbox.install import uninstall

CLIENTS = 8
SECONDS = 12
WARM_UP_SECONDS = 2
BULK_ROUNDS = 3
NONE, PLAIN, OURS = "no trigger", "plain row trigger", "capture"


@dataclass(frozen=True, slots=True)
class Cost:
    """Transactions a second, the server's CPU for each of them, and the time of one bulk update."""

    rate: float
    cpu_seconds: float
    bulk_seconds: float


def capture(ground: Ground) -> Iterator[Row]:
    """Rate and CPU of single-row transactions, and the time a row in bulk."""
    costs = {kind: _measure(ground, kind) for kind in (NONE, PLAIN, OURS)}
    rows = CONTRACTS
    none, plain, ours = costs[NONE], costs[PLAIN], costs[OURS]
    yield Row(
        "capture",
        f"single-row updates, {CLIENTS} clients",
        f"{ours.rate:,.0f} transactions/s",
        f"none {none.rate:,.0f}/s, plain {plain.rate:,.0f}/s",
        f"{ours.rate / none.rate:.2f} of none, {ours.rate / plain.rate:.2f} of plain",
    )
    yield Row(
        "capture",
        "added server CPU a transaction",
        f"{(ours.cpu_seconds - none.cpu_seconds) * 1e3:.3f} ms",
        f"plain {(plain.cpu_seconds - none.cpu_seconds) * 1e3:.3f} ms, without {none.cpu_seconds * 1e3:.3f} ms",
        target="<= 0.15 ms",
    )
    yield Row(
        "capture",
        f"added time a row, one UPDATE over {rows:,} rows",
        f"{(ours.bulk_seconds - none.bulk_seconds) / rows * 1e6:.1f} us",
        f"plain {(plain.bulk_seconds - none.bulk_seconds) / rows * 1e6:.1f} us,"
        f" without {none.bulk_seconds / rows * 1e6:.1f} us",
        target="<= 100 us",
    )


def _measure(ground: Ground, kind: str) -> Cost:
    say(f"capture: {kind}")
    with ground.database("capture") as database:
        if kind != OURS:
            uninstall(database.engine)
        if kind == PLAIN:
            with database.connect() as connection:
                connection.execute(statement("plain_trigger"))
        _pgbench(database, WARM_UP_SECONDS)
        before = ground.cpu_seconds()
        count, rate = _pgbench(database, SECONDS)
        spent = ground.cpu_seconds() - before
        return Cost(rate, spent / count, _bulk(database, CONTRACTS))


def _pgbench(database: Database, seconds: int) -> tuple[int, float]:
    """How many transactions were done, and how many a second."""
    ground = database.ground
    script = ground.folder / "update.pgbench"
    script.write_text(f"\\set id random(1, {CONTRACTS})\nUPDATE contract SET amount = amount + 1 WHERE id = :id;\n")
    done = subprocess.run(
        [
            *(str(ground.server.programs / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}"),
            *("--jobs=2", f"--time={seconds}", f"--file={script}", ground.server.dsn(database.name)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    count = re.search(r"transactions actually processed: (\d+)", done.stdout)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not count or not rate:
        raise OutboxError(f"pgbench failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return int(count[1]), float(rate[1])


def _bulk(database: Database, rows: int) -> float:
    """Seconds of one UPDATE over so many rows, its commit included; the middle one of a few."""
    took = []
    with database.connect() as connection:
        for _ in range(BULK_ROUNDS):
            connection.execute("VACUUM contract")
            connection.execute("CHECKPOINT")
            began = time.monotonic()
            connection.execute("UPDATE contract SET amount = amount + 1 WHERE id <= %s", [rows])
            took.append(time.monotonic() - began)
    return statistics.median(took)
