"""What the figures were measured on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ground import Ground

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "autovacuum_naptime")


def conditions(ground: Ground) -> list[tuple[str, str]]:
    """Name and words of each condition that all parts share."""
    with ground.connect("prepared") as connection:
        version = str(connection.execute("SHOW server_version").fetchall()[0][0])
        settings = [f"{name}={connection.execute(f'SHOW {name}').fetchall()[0][0]}" for name in SETTINGS]
        bytes_of = connection.execute(
            "SELECT avg(octet_length(CAST(f.document AS text)))"
            " FROM outbox.find_contracts(ARRAY(SELECT CAST(n AS text) FROM generate_series(1, 1000) AS n)) AS f"
        ).fetchall()[0][0]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("commit", _git("describe", "--always", "--dirty")),
        ("machine", f"{os.cpu_count()} cores, {_processor()}; load average at the end {load}"),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.release()}"),
        ("PostgreSQL", f"{version}, embedded; {', '.join(settings)}"),
        ("receiver", "rates: nginx on loopback, 1 process, answers 204, keep-alive; latencies: a recorder (asyncio)"),
        ("documents", f"{bytes_of:,.0f} bytes on average, by the demonstration's schema and mapping"),
        ("CPU", "what a delivery costs: the senders' + PostgreSQL's"),
        ("scale", f"{ground.scale:g}"),
    ]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown (no git checkout)"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
