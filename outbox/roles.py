"""The roles that own and use our schemas: makes them, hands over what stands, grants rights, acts as the owner."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from outbox.db import first_line, has_to_wait, run_script
from outbox.errors import SchemaError
from outbox.plan import AS_OWNER
from outbox.resources import folder, query

ROLES = ("outbox_owner", "outbox_relay", "outbox_auditor", "outbox_eraser", "outbox_web")
AS_LOGIN = "SELECT set_config('role', 'none', true);"
_MAKE = ("10_create", "20_own")
_GRANT = ("30_rights",)


def act_as_owner(connection: Connection) -> bool:
    """For the rest of the transaction it is outbox_owner that acts, where our schema is its; says whether it is."""
    try:
        return connection.execute(text(AS_OWNER)).one_or_none() is not None
    except ProgrammingError as error:
        raise SchemaError(
            f"expected a login that is a member of outbox_owner, which owns schema outbox; {first_line(error)};"
            " a superuser can: GRANT outbox_owner TO your login"
        ) from None


def make(connection: Connection) -> None:
    """Makes the roles and hands them what stands, as the login itself; SchemaError says what a DBA must run."""
    connection.execute(text(AS_LOGIN))
    row = connection.execute(query("roles_wanting"), {"roles": list(ROLES)}).one()
    if row.statements:
        raise SchemaError(
            f"expected a login that may create roles, got {row.login}; have a superuser run, once in the cluster:",
            *(f"  {statement};" for statement in row.statements),
            "and then `outbox migrate --roles` again",
        )
    try:
        run_script(connection, making())
    except DBAPIError as error:
        mend = "have a superuser run what `outbox migrate --roles --sql` prints"
        if has_to_wait(error):
            mend = "somebody uses a table of ours that needs a new owner; nothing was changed, try in a quieter moment"
        raise SchemaError(f"what stands could not be handed to outbox_owner: {first_line(error)}; {mend}") from None


def grant(connection: Connection) -> None:
    """Grants what sql/roles says, and nothing else, as the owner."""
    run_script(connection, granting())


def making() -> str:
    """The script that makes the roles and hands over what stands."""
    return _script(_MAKE)


def granting() -> str:
    """The script of all rights."""
    return _script(_GRANT)


def _script(names: tuple[str, ...]) -> str:
    return "\n".join((folder("sql") / "roles" / f"{name}.sql").read_text(encoding="utf-8") for name in names)
