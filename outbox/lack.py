"""What PostgreSQL refuses a role for want of a right, and the statement that gives it (pure)."""

import re
from dataclasses import dataclass
from typing import Self

_RIGHTS = {"schema": "USAGE", "function": "EXECUTE"}
_REFUSED = re.compile(r"permission denied for (schema|function|table|view|materialized view|foreign table) (.+)")


@dataclass(frozen=True, slots=True)
class Lack:
    """A right that a role lacks, in words, and who gives it by what statement."""

    words: str
    mend: str

    def __str__(self) -> str:
        return f"{self.words}; {self.mend}"

    @classmethod
    def of(cls, role: str, right: str, kind: str, name: str) -> Self:
        """A right on an object; role and name as SQL writes them."""
        named = f"{kind.upper()} {name}" if kind in _RIGHTS else name
        return cls(f"{role} lacks {right} on {kind} {name}", f"as its owner: GRANT {right} ON {named} TO {role}")

    @classmethod
    def read(cls, role: str, words: str, name: str | None = None) -> Self:
        """What PostgreSQL's words mean; `name` is the object's in full, which they have without its schema."""
        if "row-level security" in words:
            mend = f"as a superuser: ALTER ROLE {role} BYPASSRLS, or a policy by which it sees every row"
            return cls(f"row-level security hides rows from {role}", mend)
        refused = _REFUSED.search(words)
        if refused is None:
            return cls(f"{role} lacks a right: {words}", f"as the owner of what it names: grant it to {role}")
        return cls.of(role, _RIGHTS.get(refused[1], "SELECT"), refused[1], name or refused[2])


def refused_object(words: str) -> tuple[str, str]:
    """Kind and name of what PostgreSQL refuses, as its words have them; empty where they name none."""
    refused = _REFUSED.search(words)
    return (refused[1], refused[2]) if refused else ("", "")
