"""Calls of the API in tests: a client with a token, and what stands for each part of a call."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from starlette.testclient import TestClient

from outbox.access import Role, Within
from outbox.web.site import Site
from tests.web import add_token, client_of

API = "/api/v1"
MERGE_PATCH = "application/merge-patch+json"
WEBHOOK = {"name": "crm", "business_units": ["1"], "triggers": ["create", "update"], "url": "https://crm.example/hook"}
"""A connector as a program makes it."""


class Calls:
    """Makes calls with one token."""

    def __init__(self, client: TestClient, token: str | None) -> None:
        self.client = client
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def make(
        self, method: str, path: str, body: object = None, /, *, match: str | None = None, **query: Any
    ) -> httpx2.Response:
        """One call; a body is JSON, of PATCH a merge patch; `match` is an ETag."""
        headers = dict(self.headers)
        if match is not None:
            headers["If-Match"] = match
        if body is None:
            return self.client.request(method, API + path, headers=headers, params=query)
        headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else "application/json"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.request(method, API + path, headers=headers, params=query, content=content)

    def get(self, path: str, /, **query: Any) -> httpx2.Response:
        """Reads."""
        return self.make("GET", path, **query)

    def post(self, path: str, body: object = None, /, **query: Any) -> httpx2.Response:
        """Does."""
        return self.make("POST", path, body, **query)

    def pages(self, path: str, entries: str, /, **query: Any) -> list[Any]:
        """All entries of a list, page after page."""
        found: list[Any] = []
        url: str | None = str(httpx2.URL(API + path, params=query))
        while url is not None:
            page = self.client.get(url, headers=self.headers)
            assert page.status_code == 200, page.text
            found += page.json()[entries]
            url = page.json()["next"]
            assert (page.headers.get("Link") == f'<{url}>; rel="next"') == (url is not None)
        return found


@contextmanager
def calls_on(site: Site, role: Role = Role.ADMIN, within: Within = None) -> Iterator[Calls]:
    """Calls with a new token of this role and limit."""
    with client_of(site) as client:
        yield Calls(client, add_token(site, f"{role} of {within}", role, within))


def fields(answer: httpx2.Response) -> list[str]:
    """The fields that a problem names."""
    problem: Mapping[str, Any] = answer.json()
    return [fault["field"] for fault in problem["errors"]]
