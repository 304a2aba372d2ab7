"""Bearer tokens of the REST API: made, found by their hash, ended."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from outbox.access import Access, Role, Within
from outbox.errors import ConfigurationError
from outbox.people import name_faults, token_hash, within_of
from outbox.resources import query

PREFIX = "outbox_"
"""How every token begins, so that scanners for leaked secrets know it."""
_HINT = len(PREFIX) + 4


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token as the list of tokens has it; itself it stands nowhere."""

    id: int
    name: str
    hint: str
    role: Role
    within: Within
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    used_at: datetime | None
    expired: bool


def make_token(
    connection: Connection, *, name: str, role: Role, within: Within, days: float | None, created_by: str
) -> str:
    """Makes a token and returns it, the only time; `days` None: for ever. ConfigurationError has every fault."""
    faults = [f"name: {fault}" for fault in name_faults(name)]
    if days is not None and not 0 < days <= 3_650:  # noqa: PLR2004 (said in the message)
        faults.append(f"days: expected more than 0 and at most 3650, got {days:g}")
    if within is not None and not within:
        faults.append("business units: expected at least one, or no limit, got none")
    if faults:
        raise ConfigurationError(*faults)
    token = PREFIX + secrets.token_urlsafe(32)
    values: dict[str, object] = {"name": name, "hash": token_hash(token), "hint": token[:_HINT], "role": role.value}
    values |= {"business_units": None if within is None else sorted(within), "created_by": created_by}
    values |= {"seconds": None if days is None else days * 86_400}
    if connection.execute(query("api_token_insert"), values).one_or_none() is None:
        raise ConfigurationError(f"name: expected a new name, got {name!r}, which a token has; revoke it first")
    return token


def find_token(connection: Connection, token: str) -> Access | None:
    """What the token may, with the role and limits of this moment; None when it is unknown, over or revoked."""
    row = connection.execute(query("api_token_find"), {"hash": token_hash(token)}).one_or_none()
    if row is None:
        return None
    if row.unnoted:
        connection.execute(query("api_token_used"), {"id": row.id})
    return Access(row.name, Role(row.role), within_of(row.business_units), "api")


def tokens(connection: Connection) -> tuple[KnownToken, ...]:
    """Every token that is not revoked, by name."""
    return tuple(
        KnownToken(
            row.id,
            row.name,
            row.hint,
            Role(row.role),
            within_of(row.business_units),
            row.created_at,
            row.created_by,
            row.expires_at,
            row.used_at,
            row.expired,
        )
        for row in connection.execute(query("api_token_list"))
    )


def revoke_token(connection: Connection, token_id: int) -> str | None:
    """Ends it for good and returns its name; None when it was ended or never there."""
    name: str | None = connection.execute(query("api_token_revoke"), {"id": token_id}).scalar_one_or_none()
    return name


def token_words(name: str) -> str:
    """How records of access name a token."""
    return f"token {name.strip().lower()[:100]!r}"
