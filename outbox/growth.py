"""How much disk the outbox takes, sampled by the hour, so that the doctor can tell how it grows."""

from sqlalchemy import Connection

from outbox.resources import query


def sample(connection: Connection) -> None:
    """Records what the outbox and the whole database take now."""
    connection.execute(query("growth_sample"))
