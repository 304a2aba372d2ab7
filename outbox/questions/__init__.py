"""Named questions: a file with a statement each; where SQL alone can't answer, an answerer in Python beside it."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from outbox.questions import differs, proof, why_not, would_have_sent
from outbox.questions.library import Shelved
from outbox.questions.reading import Asked, Page, Rows

Answer: TypeAlias = Rows | Page
Answerer: TypeAlias = Callable[[Asked], Answer]

ANSWERERS: Final[Mapping[str, Answerer]] = {
    "differs": differs.answer,
    "proof": proof.answer,
    "why-not": why_not.answer,
    "would-have-sent": would_have_sent.answer,
}
"""Questions whose answer is more than the rows of their statement."""
PAGES: Final = frozenset({"proof"})
"""Those that answer with a page."""


def answer(shelved: Shelved, asked: Asked) -> Answer:
    """The answer; its rows come from the database as they are read, so in the same transaction."""
    answerer = None if shelved.own else ANSWERERS.get(shelved.name)
    return asked.rows() if answerer is None else answerer(asked)
