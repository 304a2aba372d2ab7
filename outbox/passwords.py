"""Passwords: hashed by argon2id, compared in time that tells nothing."""

import secrets
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 1_000
_HASHER: Final = PasswordHasher()


def password_faults(password: str) -> list[str]:
    """What is wrong with a new password, a sentence each; length is what counts."""
    if not SHORTEST <= len(password) <= LONGEST:
        return [f"expected a password of {SHORTEST} to {LONGEST} characters, got {len(password)}; choose another"]
    if len(set(password)) < SHORTEST // 3:
        return ["expected a password of more than a few different characters; choose another"]
    return []


def make_password() -> str:
    """A new password for somebody."""
    return secrets.token_urlsafe(18)


def hash_password(password: str) -> str:
    """The hash, with parameters and salt in it."""
    return _HASHER.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one of the hash; without a hash no, after as long."""
    try:
        _HASHER.verify(password_hash or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe())
