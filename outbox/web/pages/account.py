"""One's own account."""

from fastapi import APIRouter, Response

from outbox.access import ROLE_WORDS
from outbox.web.visit import Looking

router = APIRouter()


@router.get("/account")
def account(visit: Looking) -> Response:
    """Who one is, and what one may."""
    return visit.page("account/account.html", role_words=ROLE_WORDS[visit.access.role])
