"""One's own account: who one is, a new password, signing out elsewhere."""

from fastapi import APIRouter, Response

from outbox.access import ROLE_WORDS
from outbox.errors import ConfigurationError
from outbox.people import TooManyError, sign_in, user_words
from outbox.people_edits import end_sessions, set_password
from outbox.web.person_forms import placed
from outbox.web.visit import Looking, Visit

router = APIRouter()


@router.get("/account")
def account(visit: Looking) -> Response:
    """Who one is, and what one may."""
    return _page(visit)


@router.post("/account/password")
def password(visit: Looking) -> Response:
    """A new password for who knows the present one; other sessions end."""
    typed = {name: str(visit.form.get(name, "")) for name in ("current", "password", "again")}
    if typed["password"] != typed["again"]:
        return _page(visit, faults={"again": ["expected the same password again, got another"]}, status=422)
    try:
        with visit.site.writing() as connection:
            # The same door as signing in: who holds a session alone can't try passwords without end.
            known = sign_in(connection, name=visit.person.name, password=typed["current"], address=visit.address)
            if known is not None:
                ended = set_password(connection, visit.person, typed["password"], but=visit.token)
                visit.record(connection, "changed the password of", user_words(visit.person.name))
    except TooManyError as error:
        return _page(visit, faults={"current": [str(error)]}, status=429)
    except ConfigurationError as error:
        return _page(visit, faults=placed(error.faults), status=422)
    if known is None:
        return _page(visit, faults={"current": ["expected your present password, got another"]}, status=422)
    return visit.redirect("/account", said=f"You have a new password; other sessions ended: {ended}.")


@router.post("/account/sign-out-elsewhere")
def sign_out_elsewhere(visit: Looking) -> Response:
    """Ends one's other sessions."""
    with visit.site.writing() as connection:
        ended = end_sessions(connection, visit.person, but=visit.token)
        visit.record(connection, "signed out", user_words(visit.person.name), sessions=ended)
    return visit.redirect("/account", said=f"Other sessions ended: {ended}.")


def _page(visit: Visit, *, faults: dict[str, list[str]] | None = None, status: int = 200) -> Response:
    words = ROLE_WORDS[visit.access.role]
    return visit.page("account/account.html", status=status, role_words=words, faults=faults or {})
