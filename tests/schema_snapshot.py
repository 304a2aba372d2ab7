"""Makes sql/schema.sql, what the migrations produce, for people to read and for a test: `make schema`."""

import re
import subprocess
from pathlib import Path

from sqlalchemy import create_engine

from outbox.embedded import binaries
from outbox.migrations import migrate
from tests.postgres import DEFAULT_VERSION, Server

SNAPSHOT = Path(__file__).resolve().parent.parent / "sql" / "schema.sql"
HEADER = "-- The schemas as the migrations make them, dumped and cleaned. Never edited: `make schema` writes it.\n\n"

_NOISE = re.compile(r"^(--.*|\\.*|SET .*|SELECT pg_catalog\.set_config.*|)$")
_QUOTES = re.compile(r"\$[a-zA-Z_]*\$")
_FACTS = ("event", "decision", "delivery", "attempt")
"""Facts whose partitions are all alike: the first range and the default one stand for them."""


def dump(server: Server, database: str, *, version: int = DEFAULT_VERSION) -> str:
    """The schemas outbox and outbox_audit of a database, by that version's pg_dump, cleaned."""
    folder = binaries(version)
    without = [f"--exclude-table=outbox.{fact}_[1-9][0-9]*" for fact in _FACTS]
    schemas = ["--schema=outbox", "--schema=outbox_audit"]
    command = [str(folder / "pg_dump"), "--schema-only", "--no-owner", *schemas, *without]
    done = subprocess.run([*command, str(server.url(database=database))], capture_output=True, text=True, check=True)
    return clean(done.stdout)


def clean(dumped: str) -> str:
    """The dump without what differs by server, version and run: headers, settings, names of NOT NULL constraints."""
    quote = ""
    kept: list[str] = []
    for line in dumped.splitlines():
        was = quote
        for mark in _QUOTES.findall(line):
            quote = mark if not quote else ("" if mark == quote else quote)
        if was or not _NOISE.match(line):
            kept.append(re.sub(r" CONSTRAINT \w+_not_null NOT NULL", " NOT NULL", line))
            if line.endswith(";") and not quote:
                kept.append("")
    return HEADER + "\n".join(kept).rstrip() + "\n"


def main() -> None:
    """Migrates an empty database and writes the snapshot of it."""
    with Server(binaries(DEFAULT_VERSION)) as server:
        engine = create_engine(server.sqlalchemy_url())
        migrate(engine)
        engine.dispose()
        SNAPSHOT.write_text(dump(server, "test"), encoding="utf-8")


if __name__ == "__main__":
    main()
