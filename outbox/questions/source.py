"""What the questions need of the source: a mapping that is installed, and a role that may read by it."""

from sqlalchemy import Connection, text

from outbox.errors import RefusedError


def require_mapping(connection: Connection) -> None:
    """Raises RefusedError where none is installed, or not for this role: contracts of today can't be read then."""
    if not connection.execute(text("SELECT has_schema_privilege('outbox', 'USAGE')")).scalar_one():
        raise RefusedError(
            "this question reads contracts as they are today, which this database role may not;"
            " ask as a member of outbox_relay"
        )
    if connection.execute(text("SELECT to_regprocedure('outbox.read_contract(text)')")).scalar_one() is None:
        raise RefusedError(
            "this question reads contracts as they are today, and no mapping is installed; run `outbox install`"
        )
