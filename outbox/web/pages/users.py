"""Users: who may sign in, as what, limited to which business units."""

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from outbox.errors import ConfigurationError, RefusedError
from outbox.passwords import make_password
from outbox.people import KnownPerson, add_person, people, user_words
from outbox.people_edits import change_person, end_sessions, remove_person, set_password
from outbox.web.errors import NotFoundError
from outbox.web.person_forms import Granted, granted, placed, roles_offered, units_offered
from outbox.web.visit import Administering, Visit

router = APIRouter()


@router.get("/users")
def users(visit: Administering) -> Response:
    """Everybody who may sign in, and a form for one more."""
    return _list(visit, Granted())


@router.post("/users")
def add(visit: Administering) -> Response:
    """Adds somebody; a password that was made is shown this once."""
    given = granted(visit.form)
    typed = str(visit.form.get("password", ""))
    password = typed or make_password()
    try:
        with visit.site.writing() as connection:
            values = {"name": given.name, "role": given.role, "within": given.within}
            add_person(connection, **values, password=password, created_by=visit.access.who)  # type: ignore[arg-type]
            _record(visit, connection, "added", given.name, given)
    except ConfigurationError as error:
        return _list(visit, given, faults=placed(error.faults), status=422)
    if typed:
        return visit.redirect("/users", said=f"{given.name} may sign in.")
    return visit.page("users/password.html", name=given.name, password=password)


@router.get("/users/{person_id}")
def user(visit: Administering, person_id: int) -> Response:
    """One person: role, limits, password, sessions."""
    known = _known(visit, person_id)
    one = known.person
    return _one(visit, known, Granted(one.name, one.role, one.within is not None, one.within or ()))


@router.post("/users/{person_id}")
def change(visit: Administering, person_id: int) -> Response:
    """Another role, other limits: they hold from that person's next request on."""
    known, given = _known(visit, person_id), granted(visit.form)
    try:
        with visit.site.writing() as connection:
            change_person(connection, known.person, role=given.role, within=given.within)
            _record(visit, connection, "changed", known.person.name, given)
    except ConfigurationError as error:
        return _one(visit, known, given, faults=placed(error.faults), status=422)
    except RefusedError as error:
        return _one(visit, known, given, faults={"": [str(error)]}, status=409)
    return visit.redirect("/users", said=f"{known.person.name} is changed.")


@router.post("/users/{person_id}/password")
def password(visit: Administering, person_id: int) -> Response:
    """A new password, typed or made; it ends that person's sessions."""
    known = _known(visit, person_id)
    typed = str(visit.form.get("password", ""))
    given = typed or make_password()
    try:
        with visit.site.writing() as connection:
            but = visit.token if known.person.id == visit.person.id else None
            set_password(connection, known.person, given, but=but)
            visit.record(connection, "changed the password of", user_words(known.person.name))
    except ConfigurationError as error:
        one = known.person
        kept = Granted(one.name, one.role, one.within is not None, one.within or ())
        return _one(visit, known, kept, faults=placed(error.faults), status=422)
    if typed:
        return visit.redirect("/users", said=f"{known.person.name} has a new password.")
    return visit.page("users/password.html", name=known.person.name, password=given)


@router.post("/users/{person_id}/sign-out")
def sign_out(visit: Administering, person_id: int) -> Response:
    """Ends that person's sessions."""
    person = _known(visit, person_id).person
    with visit.site.writing() as connection:
        ended = end_sessions(connection, person, but=visit.token if person.id == visit.person.id else None)
        visit.record(connection, "signed out", user_words(person.name), sessions=ended)
    return visit.redirect("/users", said=f"{person.name} is signed out ({ended}).")


@router.post("/users/{person_id}/remove")
def remove(visit: Administering, person_id: int) -> Response:
    """Removes somebody; what they did stays on record."""
    person = _known(visit, person_id).person
    with visit.site.writing() as connection:
        remove_person(connection, person)
        visit.record(connection, "removed", user_words(person.name))
    return visit.redirect("/users", said=f"{person.name} may sign in no more.")


def _known(visit: Visit, person_id: int) -> KnownPerson:
    with visit.site.reading() as connection:
        found = next((one for one in people(connection) if one.person.id == person_id), None)
    if found is None:
        raise NotFoundError("There is no such user.")
    return found


def _record(visit: Visit, connection: Connection, act: str, name: str, given: Granted) -> None:
    units = None if given.within is None else list(given.within)
    visit.record(connection, act, user_words(name), role=given.role.value, business_units=units)


def _list(visit: Visit, given: Granted, *, faults: dict[str, list[str]] | None = None, status: int = 200) -> Response:
    with visit.site.reading() as connection:
        found = people(connection)
    units = units_offered(visit.unit_names, given.units)
    return visit.page(
        "users/list.html",
        status=status,
        people=found,
        given=given,
        faults=faults or {},
        roles=roles_offered(),
        units=units,
    )


def _one(
    visit: Visit,
    known: KnownPerson,
    given: Granted,
    *,
    faults: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response:
    return visit.page(
        "users/one.html",
        status=status,
        known=known,
        own=known.person.id == visit.person.id,
        given=given,
        faults=faults or {},
        roles=roles_offered(),
        units=units_offered(visit.unit_names, given.units),
    )
