"""Keeps a typed secret while a page shows errors: sealed for its session and its field, so that no page tells it."""

import hashlib
import json

from outbox.errors import SecretError
from outbox.secret_box import SecretBox


class Sealing:
    """Seals for one session; what another session sealed, or for another field, doesn't open."""

    def __init__(self, box: SecretBox, session_token: str) -> None:
        self._box = box
        self._session = hashlib.sha256(b"form " + session_token.encode()).hexdigest()

    def seal(self, field: str, typed: str) -> str:
        """What stands in the page for what was typed; empty for nothing."""
        if not typed:
            return ""
        return self._box.seal(json.dumps({"session": self._session, "field": field, "typed": typed})).decode()

    def open(self, field: str, sealed: str) -> str | None:
        """What was typed; None where it was not sealed here."""
        try:
            found = json.loads(self._box.open(sealed.encode()))
        except (SecretError, ValueError):
            return None
        if not isinstance(found, dict) or (found.get("session"), found.get("field")) != (self._session, field):
            return None
        return str(found["typed"])
