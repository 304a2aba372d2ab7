"""Our own schema: creates and upgrades `outbox` and `outbox_audit` from sql/migrations and sql/audit."""

import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from outbox import roles
from outbox.db import first_line, has_to_wait, run_script, server_version
from outbox.drift import drift, standing
from outbox.errors import SchemaError
from outbox.log import get_log
from outbox.plan import AS_OWNER
from outbox.resources import folder, query

OLDEST_SERVER = 150000
LOCK = 7_231_001
"""Advisory lock under which migrating runs, so that two at once are one after the other."""

LOCK_TIMEOUT = "100ms"
"""How long a migration waits for a table, and the application's commits behind it: half of what capture allows."""

PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0

_COMPATIBLE = re.compile(r"^-- compatible with: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The file's digest, kept beside the number: a file that was applied never changes."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def oldest(self) -> int:
        """The oldest version whose code still works once this is applied: as the file says, else its own."""
        said = _COMPATIBLE.search(self.sql)
        return int(said[1]) if said else self.number


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration as the database has it on record."""

    sha256: str
    oldest: int


def migrations() -> tuple[Migration, ...]:
    """Every migration that this version knows, in order."""
    return tuple(_read(path) for path in sorted((folder("sql") / "migrations").glob("*.sql")))


def _read(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    return Migration(number=int(number), name=name, sql=path.read_text(encoding="utf-8"))


def migrate(
    engine: Engine, *, with_roles: bool = False, patience_seconds: float = PATIENCE_SECONDS
) -> tuple[Migration, ...]:
    """Brings the schema up to this version, a transaction for each migration, and returns what was applied.

    No table is waited for longer than 100 ms: a migration that meets a lock is rolled back and tried again.
    `with_roles`: makes the five roles too, and hands them what stands. Where they own it, rights are granted anew.
    Raises SchemaError for a newer schema, a changed migration, a server that is too old, a login that may not, or a
    lock that stays.
    """
    applied: list[Migration] = []
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            one = _migrate_next(engine, with_roles=with_roles)
        except DBAPIError as error:
            if not has_to_wait(error):
                raise
            if time.monotonic() > deadline:
                raise SchemaError(
                    f"expected the tables of schema outbox to be free for a moment, got {first_line(error)!r};"
                    " end the transaction that is left open and run `outbox migrate` again: what was applied stands"
                ) from error
            get_log().info("migration_waits", error=first_line(error))
            time.sleep(PAUSE_SECONDS)
        else:
            if one is None:
                return tuple(applied)
            applied.append(one)


def _migrate_next(engine: Engine, *, with_roles: bool) -> Migration | None:
    """Applies the next migration that is missing; where none is, what is made anew each time, and None."""
    with engine.begin() as connection:
        _check_server(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        roles.act_as_owner(connection)
        run_script(connection, bootstrap())
        applied = _applied(connection)
        _check(applied)
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": LOCK_TIMEOUT})
        one = next((one for one in migrations() if one.number not in applied), None)
        if one is None:
            _finish(connection, with_roles=with_roles)
            return None
        connection.execute(text(_record(one)))
        run_script(connection, one.sql)
        return one


def _finish(connection: Connection, *, with_roles: bool) -> None:
    """What is made anew each time: views, and where there are roles their rights."""
    for view in audit_views():
        run_script(connection, view)
    if with_roles:
        roles.make(connection)
    if roles.act_as_owner(connection):
        roles.grant(connection)
    if with_roles:
        _check_capture(connection)


def _record(one: Migration) -> str:
    return (
        "INSERT INTO outbox.migration (number, name, sha256, oldest)"  # noqa: S608 (our own file's name and digest)
        f" VALUES ({one.number}, '{one.name}', '{one.sha256}', {one.oldest});"
    )


def _check_capture(connection: Connection) -> None:
    """Capture runs with its owner's rights: the new owner must be able to read what the installed mapping reads."""
    faults = [one.words for one in drift(connection) if one.level == "fault"]
    mapping = standing(connection)
    faults += map(str, mapping.refused_to("outbox_owner")) if mapping is not None else []
    if faults:
        raise SchemaError(
            "expected that outbox_owner can run the installed mapping, got:",
            *(f"  {fault}" for fault in faults),
            "nothing was changed; GRANT SELECT on its tables, and TRIGGER for its rules, TO outbox_owner; then again",
        )


def bootstrap() -> str:
    """The statements that must stand before the first migration."""
    return (folder("sql") / "bootstrap.sql").read_text(encoding="utf-8")


def audit_views() -> tuple[str, ...]:
    """The views of outbox_audit, re-applied after every migration."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted((folder("sql") / "audit").glob("*.sql")))


def version_of(connection: Connection) -> int:
    """The version of the schema in this database, 0 where there is none; raises SchemaError for a newer one."""
    if connection.execute(query("schema_access")).scalar_one() == "nowhere":
        return 0
    applied = _applied(connection)
    _check(applied)
    return max(applied, default=0)


def as_sql(after: int = 0, *, with_roles: bool = False, granted: bool = False) -> str:
    """Everything that migrating runs where the schema has version `after` (0: none), as one script for psql.

    `granted`: rights are granted anew, for the roles own the schema.
    """
    parts = [
        "BEGIN;",
        f"SELECT pg_advisory_xact_lock({LOCK});",
        AS_OWNER,
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';",
        bootstrap(),
    ]
    for one in (one for one in migrations() if one.number > after):
        parts += [
            f"-- migration {one.number:04d} {one.name}",
            _record(one),
            one.sql,
        ]
    parts += audit_views()
    if with_roles:
        parts += [roles.AS_LOGIN, roles.making()]
    if with_roles or granted:
        parts += [AS_OWNER, roles.granting()]
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def check_schema(connection: Connection) -> None:
    """Raises SchemaError unless this version works with the database's schema: its own, or a newer one that says so."""
    access = connection.execute(query("schema_access")).scalar_one()
    if access == "nowhere":
        raise SchemaError("expected schema outbox in this database, got none; run `outbox migrate`")
    applied = _applied(connection, by_view=access == "view")
    newest = migrations()[-1].number
    _check({number: one for number, one in applied.items() if number <= newest or one.oldest > newest})
    missing = [one for one in migrations() if one.number not in applied]
    if missing:
        raise SchemaError(f"expected schema version {newest}, got {max(applied, default=0)}; run `outbox migrate`")


def _applied(connection: Connection, *, by_view: bool = False) -> dict[int, Applied]:
    rows = connection.execute(query("migrations_seen" if by_view else "migrations_applied"))
    return {row.number: Applied(row.sha256, row.oldest) for row in rows}


def _check(applied: dict[int, Applied]) -> None:
    known = {one.number: one for one in migrations()}
    newer = sorted(set(applied) - set(known))
    if newer:
        raise SchemaError(
            f"expected schema version {max(known)} or older, got {max(newer)}: a newer contract-outbox was here;"
            " upgrade the one that is installed"
        )
    changed = [str(number) for number, one in applied.items() if known[number].sha256 != one.sha256]
    if changed:
        raise SchemaError(
            f"expected the migrations that were applied, got different files for {', '.join(changed)};"
            " reinstall the version that the database was migrated with"
        )


def _check_server(connection: Connection) -> None:
    version = server_version(connection)
    if version < OLDEST_SERVER:
        raise SchemaError(f"expected PostgreSQL 15 or newer, got {version // 10000}; upgrade the server")
