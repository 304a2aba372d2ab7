"""The dashboard in tests: a site on a test's database, people in it, and a client that is signed in."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from pydantic import SecretStr
from starlette.testclient import TestClient

from outbox.access import Role, Within
from outbox.api_tokens import make_token
from outbox.people import add_person
from outbox.secret_box import make_key
from outbox.settings import Settings
from outbox.web.app import make_app
from outbox.web.site import Site
from tests.conftest import Database

PASSWORD = "correct horse battery"
KEY = make_key()


def settings_for(database: Database, **sections: Mapping[str, Any]) -> Settings:
    """Settings with one secret key, that may send to loopback."""
    given: dict[str, Any] = {
        "database": {"url": SecretStr(database.url)},
        "secrets": {"keys": SecretStr(KEY)},
        "sender": {"allow_networks": ("127.0.0.0/8",)},
    }
    return Settings.model_validate({**given, **sections})


@contextmanager
def site_on(database: Database, **sections: Mapping[str, Any]) -> Iterator[Site]:
    """A site on that database, closed afterwards."""
    site = Site(settings_for(database, **sections))
    try:
        yield site
    finally:
        site.close()


def add_user(site: Site, name: str = "ada", role: Role = Role.ADMIN, within: Within = None) -> str:
    """Somebody who may sign in with PASSWORD; their name."""
    with site.writing() as connection:
        add_person(connection, name=name, role=role, within=within, password=PASSWORD, created_by="a test")
    return name


def add_token(site: Site, name: str = "reporting", role: Role = Role.ADMIN, within: Within = None) -> str:
    """A token of the API."""
    with site.writing() as connection:
        return make_token(connection, name=name, role=role, within=within, days=None, created_by="a test")


@contextmanager
def client_of(site: Site) -> Iterator[TestClient]:
    """A browser without scripts that nobody is signed in with; it follows no redirect by itself."""
    with TestClient(make_app(site), base_url="http://outbox.test", follow_redirects=False) as client:
        yield client


@contextmanager
def signed_in(site: Site, name: str = "ada", role: Role = Role.ADMIN, within: Within = None) -> Iterator[TestClient]:
    """A browser with a new person signed in, through the page itself."""
    add_user(site, name, role, within)
    with client_of(site) as client:
        sign_in(client, name)
        yield client


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> httpx2.Response:
    """Signs in through the page; the answer."""
    page = client.get("/sign-in")
    return client.post("/sign-in", data={"csrf": csrf_of(page), "name": name, "password": password})


def csrf_of(page: httpx2.Response) -> str:
    """The token that the page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None, page.text[:2_000]
    return found[1]


def post(client: TestClient, url: str, *, page: str | None = None, **fields: Any) -> httpx2.Response:
    """Sends a form to `url` as `page` (default: the same path) has it: with its token."""
    return client.post(url, data={"csrf": csrf_of(client.get(page or url)), **fields})
