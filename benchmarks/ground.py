"""The ground that every part stands on: an embedded PostgreSQL with realistic settings, and databases ready to use."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from benchmarks.usage import cpu_seconds
from outbox.connector import ConnectorSpec
from outbox.connector_edits import Author, create_connector
from outbox.db import make_engine
from outbox.embedded import EmbeddedServer
from outbox.install import install, load_mapping
from outbox.migrations import migrate
from outbox.model import Trigger
from outbox.secret_box import SecretBox
from outbox.settings import Database as DatabaseSettings
from outbox.settings import Settings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "outbox_demo"
UNITS = 20
"""Business units, each with a connector of its own."""

CONTRACTS = 50_000
OPTIONS = {"fsync": "on", "synchronous_commit": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}


def statement(name: str) -> LiteralString:
    """The text of one file under sql/."""
    text: Any = (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return text  # type: ignore[no-any-return]  # ours, and so as safe as a literal


def say(words: str) -> None:
    """Says on the error stream what is being done."""
    print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Database:
    """A database with the sample application, its contracts, our schema and the capture triggers."""

    name: str
    url: str
    ground: "Ground"
    engine: Engine

    def connect(self) -> Connection:
        """A connection whose every statement stands at once; the caller closes it."""
        return self.ground.connect(self.name)

    def add_connectors(self, urls: Sequence[str], *, unit: int | None = None) -> list[int]:
        """One connector for each URL, all of business unit `unit`, else of 1, 2, ...; their ids."""
        with self.engine.begin() as connection:
            return [
                create_connector(
                    connection,
                    ConnectorSpec(
                        name=url,
                        business_units=(str(unit or place),),
                        triggers=tuple(Trigger),
                        url=url,
                    ),
                    box=SecretBox(()),
                    author=Author("benchmark"),
                )
                for place, url in enumerate(urls, start=1)
            ]


class Ground:
    """The server, and a prepared database that each part copies. `scale` multiplies the big counts."""

    def __init__(self, server: EmbeddedServer, folder: Path, *, scale: float) -> None:
        self.server, self.folder, self.scale = server, folder, scale

    def scaled(self, count: int) -> int:
        """So many, by the chosen scale."""
        return max(1, round(count * self.scale))

    def connect(self, database: str = "postgres") -> Connection:
        """A connection that commits by itself; the caller closes it."""
        return psycopg.connect(self.server.dsn(database), autocommit=True)

    def cpu_seconds(self) -> float:
        """The CPU that PostgreSQL has used so far."""
        return cpu_seconds([self.server.pid] if self.server.pid is not None else [])

    def prepare(self) -> None:
        """Makes the database that the others are copies of."""
        say(f"prepares {CONTRACTS:,} contracts")
        with self.connect() as connection:
            connection.execute("CREATE DATABASE prepared")
        with self.connect("prepared") as connection:
            connection.execute((DEMO / "sample.sql").read_bytes())
            connection.execute(
                statement("population").replace(":units", str(UNITS)).replace(":contracts", str(CONTRACTS))
            )
            connection.execute("VACUUM ANALYZE")
        engine = make_engine(self._settings("prepared"))
        migrate(engine)
        install(engine, load_mapping(DEMO / "config" / "source.toml"))
        engine.dispose()

    @contextmanager
    def database(self, name: str) -> Iterator[Database]:
        """A copy of the prepared database, dropped at the end."""
        named = sql.Identifier(name)
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE prepared").format(named))
        engine = make_engine(self._settings(name))
        try:
            yield Database(name, self.server.url(name), self, engine)
        finally:
            engine.dispose()
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))

    def _settings(self, name: str) -> Settings:
        return Settings(database=DatabaseSettings.model_validate({"url": self.server.url(name)}))


@contextmanager
def ground(*, scale: float) -> Iterator[Ground]:
    """The server, for as long as the benchmark lasts."""
    with tempfile.TemporaryDirectory(prefix="outbox-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedServer(folder / "postgres", options=OPTIONS) as server:
            running = Ground(server, folder, scale=scale)
            running.prepare()
            yield running
