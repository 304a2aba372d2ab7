"""A contract that is erased, and what is left of the word that stood in its content."""

from outbox.erasure import Erased, erase
from tests.conftest import Database
from tests.sources import all_text

WORD = "Zaphod Beeblebrox"


def erased(database: Database, contract: str = "k1") -> Erased:
    """Erases it, as the command does."""
    with database.engine.begin() as connection:
        return erase(connection, contract, by="the officer", reason="request 17")


def leftovers(database: Database, word: str = WORD) -> list[str]:
    """The rows of any table of ours that hold the word, as text or as bytes."""
    with database.connect() as connection:
        rows = all_text(connection).splitlines()
    return [row for row in rows if word in row or word.encode().hex() in row]
