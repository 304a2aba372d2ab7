"""The committed sql/schema.sql is what the migrations produce."""

from tests.conftest import Database
from tests.schema_snapshot import SNAPSHOT, dump


def test_the_snapshot_is_what_the_migrations_make(database: Database) -> None:
    """A reviewer reads the whole schema in one file, and can trust it; `make schema` writes it anew."""
    made = dump(database.server, database.name)

    assert made == SNAPSHOT.read_text(encoding="utf-8"), "sql/schema.sql is old: run `make schema` and read its diff"
