"""Encrypts connectors' secrets for the database, and opens them again; several keys make rotation possible."""

import contextlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from outbox.errors import ConfigurationError, SecretError

NO_KEY = (
    "expected a key in OUTBOX_SECRET_KEYS to encrypt secrets with, got none;"
    " make one with `outbox secret-key` and set the variable wherever outbox runs"
)


def make_key() -> str:
    """A new key for OUTBOX_SECRET_KEYS."""
    return Fernet.generate_key().decode()


class SecretBox:
    """Keys in order: the first encrypts, every one opens. Without keys nothing can be put in or taken out."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        """Raises ConfigurationError naming each key, by its place, that is none."""
        opened: list[Fernet] = []
        faults: list[str] = []
        for place, key in enumerate(keys, start=1):
            try:
                opened.append(Fernet(key.get_secret_value()))
            except ValueError:
                faults.append(
                    f"OUTBOX_SECRET_KEYS: key {place}: expected 32 bytes in URL-safe base64, got something else;"
                    " make one with `outbox secret-key`"
                )
        if faults:
            raise ConfigurationError(*faults)
        self._fernet = MultiFernet(opened) if opened else None

    @property
    def has_keys(self) -> bool:
        """Whether secrets can be put in."""
        return self._fernet is not None

    def seal(self, secret: str) -> bytes:
        """The secret's ciphertext under the first key; raises ConfigurationError when there is no key."""
        if self._fernet is None:
            raise ConfigurationError(NO_KEY)
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret; raises SecretError when no key opens it."""
        if self._fernet is not None:
            with contextlib.suppress(InvalidToken):
                return self._fernet.decrypt(sealed).decode()
        raise SecretError(
            "expected a secret that one of the keys in OUTBOX_SECRET_KEYS opens, got one that none opens;"
            " add the key it was encrypted with, or set the secret again"
        )

    def reseal(self, sealed: bytes) -> bytes:
        """The same secret under the first key; raises SecretError when no key opens it."""
        return self.seal(self.open(sealed))
