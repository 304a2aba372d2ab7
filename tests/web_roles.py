"""Who may what, as it turns out: every page and call, made as every role, on a database of two business units."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2
from starlette.testclient import TestClient

from outbox.access import Role, Within
from outbox.web.site import Site
from tests.dashboard_sample import ALFA, Planted
from tests.web import add_token, add_user, client_of, csrf_of, sign_in
from tests.web_routes import Call

YES, OWN, NO = "yes", "own", "no"
NOBODY = "nobody"
KINDS: Mapping[str, tuple[Role, Within]] = {
    "viewer, limited": (Role.VIEWER, (ALFA.id,)),
    "operator, limited": (Role.OPERATOR, (ALFA.id,)),
    "admin, limited": (Role.ADMIN, (ALFA.id,)),
    "viewer": (Role.VIEWER, None),
    "operator": (Role.OPERATOR, None),
    "admin": (Role.ADMIN, None),
}
"""Everybody but nobody; the limited first, for what an unlimited one removes is gone for them."""
REFUSED = (401, 403)


def is_page(headers: Mapping[str, str]) -> bool:
    """Whether the answer is a page or a part of one: no file to keep, no document to print."""
    document = "sandbox" in headers["content-security-policy"] or "content-disposition" in headers
    return headers.get("content-type", "").startswith("text/html") and not document


FIXED: Mapping[str, str] = {
    "question": "proof",
    "form": "html",
    "stretch": "498772h",
    "operation": "list_events",
    "act": "replay",
    "captured": "function outbox.read_contract",
    **dict.fromkeys(("user", "token", "version", "attempt"), "1"),
}
"""What stands for parts of paths that belong to nobody's business unit."""


@dataclass
class Somebody:
    """One kind of person: a browser that is signed in, and a token; or neither."""

    client: TestClient
    token: str | None = None
    csrf: str = ""

    def make(self, call: Call, parts: Mapping[str, str], **query: str) -> httpx2.Response:
        """Makes the call with nothing in it but this query and what shows that it is their own."""
        url = call.url(parts)
        if query:
            url = f"{url.partition('?')[0]}?{urlencode(query)}"
        if call.api:
            headers = {"If-Match": '"1"', **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
            body: dict[str, str] | None = None if call.safe else {}
            # A browser's cookies open nothing here, so a client without any makes the call.
            return self.client.request(call.method, url, headers={**headers, "Cookie": ""}, json=body)
        form = None if call.safe else {"csrf": self.csrf}
        return self.client.request(call.method, url, data=form)


@dataclass
class Everybody:
    """All kinds of people on one site."""

    site: Site
    by_kind: dict[str, Somebody] = field(default_factory=dict)


@contextmanager
def everybody(site: Site) -> Iterator[Everybody]:
    """Signs all of them in."""
    people = Everybody(site)
    add_user(site, "somebody else")  # whom pages about a user are about: number 1, and so the token
    add_token(site, "another")
    with ExitStack() as stack:
        people.by_kind[NOBODY] = Somebody(stack.enter_context(client_of(site)))
        for kind, (role, within) in KINDS.items():
            client = stack.enter_context(client_of(site))
            name = kind.replace(", ", "-")
            sign_in(client, add_user(site, name, role, within))
            token = add_token(site, name, role, within)
            people.by_kind[kind] = Somebody(client, token, csrf_of(client.get("/account")))
        yield people


@contextmanager
def seen_anew(people: Everybody, site: Site) -> Iterator[Everybody]:
    """The same people in their sessions, at a site that has kept nothing of what it read before."""
    moved = Everybody(site)
    with ExitStack() as stack:
        for kind, one in people.by_kind.items():
            client = stack.enter_context(client_of(site))
            client.cookies.update(one.client.cookies)
            moved.by_kind[kind] = Somebody(client, one.token, one.csrf)
        yield moved


def observe(people: Everybody, call: Call, own: Planted, other: Planted) -> dict[str, str]:
    """What each kind of people may: yes; own: what belongs to their own business units alone; or no."""
    seen: dict[str, str] = {}
    for kind, somebody in people.by_kind.items():
        limited = kind != NOBODY and KINDS[kind][1] is not None
        answer = _Answer.of(somebody.make(call, parts_of(own)))
        if answer.refused:
            seen[kind] = NO
        elif limited and call.varies and _Answer.of(somebody.make(call, parts_of(other))).missing:
            assert not answer.missing, f"{call} is missing for {kind}, whose it is"
            seen[kind] = OWN
        else:
            seen[kind] = YES
    return seen


@dataclass(frozen=True)
class _Answer:
    """How far somebody came."""

    refused: bool
    missing: bool

    @classmethod
    def of(cls, response: httpx2.Response) -> "_Answer":
        assert response.status_code < 500, f"{response.request.method} {response.request.url}: {response.text}"
        to_sign_in = response.status_code == 303 and response.headers["location"].startswith("/sign-in?")
        return cls(response.status_code in REFUSED or to_sign_in, response.status_code == 404)


def parts_of(planted: Planted) -> dict[str, str]:
    """What stands for each variable part of a path."""
    return {**planted.parts, **FIXED}
