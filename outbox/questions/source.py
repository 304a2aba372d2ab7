"""What the questions need of the source: a mapping that is installed."""

from sqlalchemy import Connection, text

from outbox.errors import RefusedError


def require_mapping(connection: Connection) -> None:
    """Raises RefusedError where none is installed: contracts and companies of today can't be read then."""
    if connection.execute(text("SELECT to_regprocedure('outbox.read_contract(text)')")).scalar_one() is None:
        raise RefusedError(
            "this question reads contracts as they are today, and no mapping is installed; run `outbox install`"
        )
