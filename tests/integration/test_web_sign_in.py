"""Signing in and out, and what holds for every answer."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from outbox.people import MOST_REFUSED_OF_BOTH
from outbox.web.site import Site
from tests.conftest import Database
from tests.web import PASSWORD, add_user, client_of, csrf_of, sign_in, site_on


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site with one person, ada."""
    with site_on(database) as site:
        add_user(site, "ada")
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    """Nobody's browser."""
    with client_of(site) as client:
        yield client


def test_whoever_is_not_signed_in_is_asked_to(client: TestClient) -> None:
    """And comes back to where they wanted to go."""
    answer = client.get("/account?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Faccount%3Fx%3D1")


def test_the_right_password_opens_a_session(client: TestClient) -> None:
    """Whose cookie no script reads and no other site sends."""
    answer = sign_in(client, "Ada")
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.post("/sign-out", data={"csrf": "x"}).status_code == 403


def test_a_wrong_password_is_refused_and_soon_any(client: TestClient) -> None:
    """A name is tried a few times from one address, then not even the right password opens it."""
    tries = [sign_in(client, "ada", "wrong horse battery").status_code for _ in range(MOST_REFUSED_OF_BOTH)]
    assert tries == [403] * MOST_REFUSED_OF_BOTH
    assert sign_in(client, "ada", PASSWORD).status_code == 429


def test_signing_out_ends_the_session(client: TestClient, site: Site) -> None:
    """Its cookie opens nothing any more, wherever it was copied to."""
    sign_in(client, "ada")
    kept = dict(client.cookies)
    token = site.form_signer.get_signature(kept["outbox_session"].rpartition(".")[0].encode()).decode()
    assert client.post("/sign-out", data={"csrf": token}).status_code == 303
    client.cookies.update(kept)
    assert client.post("/sign-out", data={"csrf": token}).status_code == 401


def test_a_form_of_another_browser_is_refused(client: TestClient) -> None:
    """Nobody can be signed in by a page elsewhere."""
    page = client.get("/sign-in")
    client.cookies.clear()
    answer = client.post("/sign-in", data={"csrf": csrf_of(page), "name": "ada", "password": PASSWORD})
    assert answer.status_code == 403


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"])
def test_going_on_stays_here(client: TestClient, elsewhere: str) -> None:
    """A link to sign-in leads to no other site."""
    page = client.get("/sign-in", params={"next": elsewhere})
    assert 'name="next" value="/"' in page.text


def test_every_answer_says_what_browsers_may(client: TestClient) -> None:
    """Pages, files, errors and calls."""
    for path in ("/sign-in", "/nowhere", "/static/app.js", "/api/v1/me"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
