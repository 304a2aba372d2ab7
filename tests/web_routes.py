"""Every page and call that there is, taken from the routers themselves, so that none is forgotten."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi.routing import APIRoute

from outbox.web import api, pages

API = "/api/v1"
SAFE = ("GET", "HEAD", "OPTIONS")
_PARTS: dict[tuple[str, str], str] = {
    ("connectors", "id"): "connector",
    ("connectors", "connector_id"): "connector",
    ("deliveries", "event_id"): "event",
    ("events", "event_id"): "event",
    ("events", "id"): "event",
    ("contracts", "contract_id"): "contract",
    ("questions", "name"): "question",
    ("users", "id"): "user",
    ("users", "user_id"): "user",
    ("users", "person_id"): "user",
    ("tokens", "id"): "token",
    ("tokens", "token_id"): "token",
    ("versions", "version"): "version",
    ("attempts", "number"): "attempt",
}
"""What stands for a variable part of a path: by the last fixed part before it, and its own name."""


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
        """Whether its path names something that belongs to somebody."""
        return "{" in self.path

    @property
    def ends_something(self) -> bool:
        """Whether what its path names may be gone afterwards."""
        return self.method == "DELETE" or self.path.endswith(("/remove", "/revoke", "/sign-out"))

    def url(self, parts: Mapping[str, str]) -> str:
        """The path, with these for what varies in it."""
        fixed, written = "", []
        for one in self.path.split("/"):
            named = re.fullmatch(r"\{(\w+)(?::\w+)?\}(\.\w+)?", one)
            if named is None:
                fixed = one
                written.append(one)
                continue
            name = named[1]
            meant = _PARTS.get((fixed, name), _PARTS.get(("connectors", name)) if name == "connector_id" else None)
            assert meant is not None, f"{self.path}: say in tests/web_routes.py what stands for {one} after {fixed}"
            written.append(parts[meant] + (named[2] or ""))
        return (API if self.api else "") + "/".join(written)

    def __str__(self) -> str:
        return f"{self.method} {API if self.api else ''}{self.path}"


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
