"""Changes to people who sign in: role and limits, passwords, sessions, removal; one admin of everything stays."""

from sqlalchemy import Connection

from outbox.access import Role, Within
from outbox.errors import ConfigurationError, RefusedError
from outbox.passwords import hash_password, password_faults
from outbox.people import Person, token_hash, within_of
from outbox.resources import query

_LAST = (
    "{name!r} is the last admin who isn't limited: without one nobody could keep users and tokens; make another first"
)


def find_person(connection: Connection, name: str) -> Person | None:
    """Who has this name, however it is written."""
    row = connection.execute(query("web_user_by_name"), {"name": name}).one_or_none()
    return None if row is None else Person(row.id, row.name, Role(row.role), within_of(row.business_units))


def change_person(connection: Connection, person: Person, *, role: Role, within: Within) -> None:
    """Gives another role and other limits, from the next request on; raises ConfigurationError or RefusedError."""
    if within is not None and not within:
        raise ConfigurationError("business units: expected at least one, or no limit, got none")
    if role is not Role.ADMIN or within is not None:
        _keep_an_admin(connection, person)
    units = None if within is None else sorted(within)
    asked = {"id": person.id, "role": role.value, "business_units": units}
    _found(connection.execute(query("web_user_change"), asked).scalar_one_or_none(), person)


def set_password(connection: Connection, person: Person, password: str, *, but: str | None = None) -> int:
    """Gives a new password and ends every session but that of the token; how many. ConfigurationError for a bad one."""
    if faults := password_faults(password):
        raise ConfigurationError(*(f"password: {fault}" for fault in faults))
    asked = {"id": person.id, "password_hash": hash_password(password)}
    _found(connection.execute(query("web_user_password"), asked).scalar_one_or_none(), person)
    return end_sessions(connection, person, but=but)


def remove_person(connection: Connection, person: Person) -> None:
    """Who is removed may sign in no more, and is signed out; RefusedError for the last admin who isn't limited."""
    _keep_an_admin(connection, person)
    _found(connection.execute(query("web_user_remove"), {"id": person.id}).scalar_one_or_none(), person)
    end_sessions(connection, person)


def end_sessions(connection: Connection, person: Person, *, but: str | None = None) -> int:
    """Signs somebody out everywhere, but where this token is kept; how many sessions ended."""
    asked = {"id": person.id, "but": None if but is None else token_hash(but)}
    return len(connection.execute(query("web_session_end_of"), asked).all())


def _keep_an_admin(connection: Connection, person: Person) -> None:
    if list(connection.execute(query("web_user_overseers")).scalars()) == [person.id]:
        raise RefusedError(_LAST.format(name=person.name))


def _found(name: str | None, person: Person) -> None:
    if name is None:
        raise RefusedError(f"{person.name!r} was removed meanwhile; look at the users again")
