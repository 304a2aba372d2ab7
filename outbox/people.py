"""People who sign in to the dashboard: their passwords, roles, limits and sessions, in the database."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from outbox.access import Access, Role, Within
from outbox.access_records import SIGN_IN_REFUSED, write_record
from outbox.errors import ConfigurationError, RefusedError
from outbox.passwords import hash_password, matches, outdated, password_faults
from outbox.resources import query

REFUSED_WITHIN_SECONDS = 900.0
MOST_REFUSED_OF_BOTH, MOST_REFUSED_OF_NAME, MOST_REFUSED_OF_ADDRESS = 5, 50, 50
"""Refused sign-ins within that time after which there is none: a name from one address, a name, an address."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in; `within` are the business unit ids that they are limited to."""

    id: int
    name: str
    role: Role
    within: Within

    @property
    def access(self) -> Access:
        """What they may do on the pages."""
        return Access(self.name, self.role, self.within, "page")


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as the list of people has them."""

    person: Person
    created_at: datetime
    created_by: str
    password_changed_at: datetime
    signed_in_at: datetime | None


class TooManyError(RefusedError):
    """Sign-in was refused too often to be tried again now."""


def add_person(connection: Connection, *, name: str, role: Role, within: Within, password: str, created_by: str) -> int:
    """Adds somebody and returns their id; raises ConfigurationError with every fault."""
    faults = [f"name: {fault}" for fault in name_faults(name)]
    faults += [f"password: {fault}" for fault in password_faults(password)]
    if within is not None and not within:
        faults.append("business units: expected at least one, or no limit, got none")
    if faults:
        raise ConfigurationError(*faults)
    values = {"name": name, "role": role.value, "business_units": None if within is None else sorted(within)}
    values |= {"password_hash": hash_password(password), "created_by": created_by}
    added = connection.execute(query("web_user_insert"), values).scalar_one_or_none()
    if added is None:
        raise ConfigurationError(f"name: expected a new name, got {name!r}, which somebody has; choose another")
    return int(added)


def name_faults(name: str) -> list[str]:
    """What is wrong with the name of a person or a token, a sentence each."""
    if not name or name != name.strip() or not name.isprintable() or len(name) > 100:  # noqa: PLR2004 (said below)
        return [f"expected a name of 1 to 100 printable characters without space around it, got {name!r}"]
    return []


def people(connection: Connection) -> tuple[KnownPerson, ...]:
    """Everybody who may sign in, by name."""
    rows = connection.execute(query("web_user_list"))
    return tuple(
        KnownPerson(
            Person(row.id, row.name, Role(row.role), within_of(row.business_units)),
            row.created_at,
            row.created_by,
            row.password_changed_at,
            row.signed_in_at,
        )
        for row in rows
    )


def within_of(units: Sequence[str] | None) -> Within:
    """A limit as it stands in the database."""
    return None if units is None else tuple(units)


def sign_in(connection: Connection, *, name: str, password: str, address: str) -> Person | None:
    """The person of this name and password; None where there is none, which is put on record.

    Raises TooManyError where it was refused too often lately, whatever the password.
    """
    asked = {"object": user_words(name), "address": address, "seconds": REFUSED_WITHIN_SECONDS}
    lately = connection.execute(query("web_sign_in_refused"), asked).one()
    if (
        lately.of_both >= MOST_REFUSED_OF_BOTH
        or lately.of_name >= MOST_REFUSED_OF_NAME
        or lately.of_address >= MOST_REFUSED_OF_ADDRESS
    ):
        raise TooManyError("sign-in was refused too often; try again in a quarter of an hour, or ask an admin")
    row = connection.execute(query("web_user_by_name"), {"name": name}).one_or_none()
    if not matches(password, None if row is None else row.password_hash) or row is None:
        write_record(
            connection, who="nobody", via="page", act=SIGN_IN_REFUSED, object_=user_words(name), address=address
        )
        return None
    if outdated(row.password_hash):
        connection.execute(query("web_user_rehash"), {"id": row.id, "password_hash": hash_password(password)})
    return Person(row.id, row.name, Role(row.role), within_of(row.business_units))


def open_session(connection: Connection, person: Person, *, address: str, hours: float) -> str:
    """Begins a session, on record; its token is kept by the cookie alone."""
    token = secrets.token_urlsafe(32)
    asked = {"hash": token_hash(token), "user_id": person.id, "address": address, "seconds": hours * 3_600}
    connection.execute(query("web_session_open"), asked)
    write_record(
        connection, who=person.name, via="page", act="signed in", object_=user_words(person.name), address=address
    )
    return token


def find_session(connection: Connection, token: str) -> Person | None:
    """Whose session it is, with the role and limits of this moment; None when it is over."""
    row = connection.execute(query("web_session_find"), {"hash": token_hash(token)}).one_or_none()
    return None if row is None else Person(row.id, row.name, Role(row.role), within_of(row.business_units))


def end_session(connection: Connection, token: str) -> None:
    """Ends it; again does nothing."""
    connection.execute(query("web_session_end"), {"hash": token_hash(token)})


def token_hash(token: str) -> bytes:
    """What stands in the database for a token of random bits."""
    return hashlib.sha256(token.encode()).digest()


def user_words(name: str) -> str:
    """How records of access name a person."""
    return f"user {name.strip().lower()[:100]!r}"
