"""Named questions: a file with a statement each; where SQL alone can't answer, an answerer in Python beside it."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from outbox.questions.differs import differs
from outbox.questions.library import Shelved
from outbox.questions.proof import proof
from outbox.questions.reading import Asked, Page, Rows
from outbox.questions.why_not import why_not
from outbox.questions.would_have_sent import would_have_sent

Answer: TypeAlias = Rows | Page
Answerer: TypeAlias = Callable[[Asked], Answer]

ANSWERERS: Final[Mapping[str, Answerer]] = {
    "differs": differs,
    "proof": proof,
    "why-not": why_not,
    "would-have-sent": would_have_sent,
}
"""Questions whose answer is more than the rows of their statement."""
PAGES: Final = frozenset({"proof"})
"""Those that answer with a page."""


def answer(shelved: Shelved, asked: Asked) -> Answer:
    """The answer; its rows come from the database as they are read, so in the same transaction."""
    answerer = None if shelved.own else ANSWERERS.get(shelved.name)
    return asked.rows() if answerer is None else answerer(asked)
