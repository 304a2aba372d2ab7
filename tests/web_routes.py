"""Every page and call that there is, taken from the routers themselves, so that none is forgotten."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi.routing import APIRoute

from outbox.web import api, pages

API = "/api/v1"
SAFE = ("GET", "HEAD", "OPTIONS")
_PARTS: dict[tuple[str, str], str] = {
    ("connectors", "id"): "connector",
    ("events", "id"): "event",
    ("questions", "name"): "question",
    ("users", "id"): "user",
    ("tokens", "id"): "token",
    ("versions", "version"): "version",
    ("versions", "number"): "version",
    ("attempts", "number"): "attempt",
}
"""What stands for a variable part of a path: by the last fixed part before it, and its own name."""
_ANYWHERE = {
    "connector_id": "connector",
    "event_id": "event",
    "contract_id": "contract",
    "user_id": "user",
    "person_id": "user",
    "token_id": "token",
    "form": "form",
    "stretch": "stretch",
    "operation_id": "operation",
}
"""By its own name alone."""


_QUESTION = {"connector": "connector_name", "event": "event"}
"""What a question is asked with: enough for `proof`, which answers as a page, a file and a document."""
_QUERIES: dict[str, dict[str, str]] = {
    "/system/capture": {"name": "captured"},
    "/deliveries/all": {"act": "act", "connector": "connector_name"},
}
"""What else is asked with a query, by its path."""
_ENDING = ("/remove", "/revoke", "/sign-out")


@dataclass(frozen=True, order=True)
class Call:
    """One page, or one call of the API, by one method."""

    api: bool
    path: str
    method: str

    @property
    def safe(self) -> bool:
        """Whether it only reads."""
        return self.method in SAFE

    @property
    def varies(self) -> bool:
        """Whether its path names something that belongs to somebody; the questions and calls are everybody's."""
        return "{" in re.sub(r"\{(name|form|operation_id)\}", "", self.path)

    @property
    def harm(self) -> int:
        """What is gone afterwards: 1, what its path names; 2, the session of whoever calls; 0, nothing."""
        return 2 * (self.path == "/sign-out") or int(self.method == "DELETE" or self.path.endswith(_ENDING))

    def url(self, parts: Mapping[str, str]) -> str:
        """The path, with these for what varies in it."""

        def stands(found: re.Match[str]) -> str:
            fixed = [one for one in self.path[: found.start()].split("/") if one and "{" not in one and one[-1] != "."]
            meant = _PARTS.get((fixed[-1], found[1])) or _ANYWHERE.get(found[1])
            assert meant is not None, f"{self.path}: say in tests/web_routes.py what stands for {found[0]}"
            return parts[meant]

        path = re.sub(r"\{(\w+)(?::\w+)?\}", stands, self.path)
        wanted = _QUESTION if "/questions/{name}" in self.path else _QUERIES.get(self.path, {})
        asked = {key: parts[part] for key, part in wanted.items()}
        return (API if self.api else "") + path + (f"?{urlencode(asked)}" if asked else "")

    def __str__(self) -> str:
        return f"{self.method} {API if self.api else ''}{re.sub(r':[a-z]+', '', self.path)}"


OPEN = Call(False, "/sign-in", "POST")
"""What answers everybody by their password alone: tried in tests of its own."""


def calls() -> tuple[Call, ...]:
    """All of them, pages first, each part of the product together."""
    return tuple(sorted([*_of(pages.ROUTERS, api=False), *_of(api.ROUTERS, api=True)]))


def _of(routers: object, *, api: bool) -> Iterator[Call]:
    for router in routers:  # type: ignore[attr-defined]
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            for method in (route.methods or set()) - {"HEAD"}:
                yield Call(api, route.path, method)
