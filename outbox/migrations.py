"""Our own schema: creates and upgrades `outbox` and `outbox_audit` from sql/migrations and sql/audit."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from outbox import roles
from outbox.db import run_script, server_version
from outbox.drift import drift
from outbox.errors import SchemaError
from outbox.plan import AS_OWNER
from outbox.resources import folder, query

OLDEST_SERVER = 150000
LOCK = 7_231_001
"""Advisory lock under which migrating runs, so that two at once are one after the other."""


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


def migrations() -> tuple[Migration, ...]:
    """Every migration that this version knows, in order."""
    return tuple(_read(path) for path in sorted((folder("sql") / "migrations").glob("*.sql")))


def _read(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    return Migration(number=int(number), name=name, sql=path.read_text(encoding="utf-8"))


def migrate(engine: Engine, *, with_roles: bool = False) -> tuple[Migration, ...]:
    """Brings the schema up to this version in one transaction and returns what was applied.

    `with_roles`: makes the four roles too, and hands them what stands. Where they own it, rights are granted anew.
    Raises SchemaError for a newer schema, a changed migration, a server that is too old or a login that may not.
    """
    with engine.begin() as connection:
        _check_server(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        roles.act_as_owner(connection)
        run_script(connection, bootstrap())
        applied = _applied(connection)
        _check(applied)
        pending = tuple(one for one in migrations() if one.number not in applied)
        for one in pending:
            connection.execute(
                text("INSERT INTO outbox.migration (number, name, sha256) VALUES (:number, :name, :sha256)"),
                {"number": one.number, "name": one.name, "sha256": one.sha256},
            )
            run_script(connection, one.sql)
        for view in audit_views():
            run_script(connection, view)
        if with_roles:
            roles.make(connection)
        if roles.act_as_owner(connection):
            roles.grant(connection)
        if with_roles:
            _check_capture(connection)
        return pending


def _check_capture(connection: Connection) -> None:
    """Capture runs with its owner's rights: the new owner must be able to read what the installed mapping reads."""
    faults = [one.words for one in drift(connection) if one.level == "fault"]
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
    parts = ["BEGIN;", f"SELECT pg_advisory_xact_lock({LOCK});", AS_OWNER, bootstrap()]
    for one in (one for one in migrations() if one.number > after):
        parts += [
            f"-- migration {one.number:04d} {one.name}",
            f"INSERT INTO outbox.migration (number, name, sha256) VALUES ({one.number}, '{one.name}', '{one.sha256}');",  # noqa: S608 (our own file's name and digest)
            one.sql,
        ]
    parts += audit_views()
    if with_roles:
        parts += [roles.AS_LOGIN, roles.making()]
    if with_roles or granted:
        parts += [AS_OWNER, roles.granting()]
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def check_schema(connection: Connection) -> None:
    """Raises SchemaError unless the database's schema is exactly this version's."""
    access = connection.execute(query("schema_access")).scalar_one()
    if access == "nowhere":
        raise SchemaError("expected schema outbox in this database, got none; run `outbox migrate`")
    applied = _applied(connection, by_view=access == "view")
    _check(applied)
    missing = [one for one in migrations() if one.number not in applied]
    if missing:
        raise SchemaError(
            f"expected schema version {migrations()[-1].number}, got {max(applied, default=0)}; run `outbox migrate`"
        )


def _applied(connection: Connection, *, by_view: bool = False) -> dict[int, str]:
    rows = connection.execute(query("migrations_seen" if by_view else "migrations_applied"))
    return {row.number: row.sha256 for row in rows}


def _check(applied: dict[int, str]) -> None:
    known = {one.number: one for one in migrations()}
    newer = sorted(set(applied) - set(known))
    if newer:
        raise SchemaError(
            f"expected schema version {max(known)} or older, got {max(newer)}: a newer contract-outbox was here;"
            " upgrade the one that is installed"
        )
    changed = [str(number) for number, sha256 in applied.items() if known[number].sha256 != sha256]
    if changed:
        raise SchemaError(
            f"expected the migrations that were applied, got different files for {', '.join(changed)};"
            " reinstall the version that the database was migrated with"
        )


def _check_server(connection: Connection) -> None:
    version = server_version(connection)
    if version < OLDEST_SERVER:
        raise SchemaError(f"expected PostgreSQL 15 or newer, got {version // 10000}; upgrade the server")
