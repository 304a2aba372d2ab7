"""The filters of deliveries as a URL or a form has them: read into a question, told in words, taken off one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from outbox.audit_views import BY_STATE, SETTLED, Question
from outbox.model import Outcome, State, Trigger
from outbox.moment import parse_moment
from outbox.suggest import suggestion
from outbox.web.render import link

NAMES: Final = (
    *("connector", "business_unit", "trigger", "state", "contract", "event", "outcome", "status_code", "error"),
    *("since", "until"),
)
_WORDS: Final = {"business_unit": "business unit", "status_code": "HTTP status", "error": "error"}
_LONGEST_WRITTEN: Final = 500
_STATUS_CODES: Final = range(100, 1000)
_LARGEST_EVENT: Final = 2**63 - 2

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set, and the page without it."""

    words: str
    without: str


@dataclass(slots=True)
class Filters:
    """What was typed, name -> text, and the question that it asks; each fault stands at its name."""

    typed: Mapping[str, str]
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "Filters":
        """From the query or the form of a request; what is empty is left out, as what PostgreSQL's text can't hold."""
        texts = {name: str(given.get(name) or "").replace("\0", "").strip()[:_LONGEST_WRITTEN] for name in NAMES}
        return cls({name: text for name, text in texts.items() if text})

    def question(self, now: datetime, *, limit: int | None = None) -> Question:
        """The question; where there are faults it leaves those filters out, and nobody should ask it."""
        asked = Question(
            connector=self.typed.get("connector"),
            business_unit=self.typed.get("business_unit"),
            trigger=self._word(Trigger, "trigger"),
            state=self._word(State, "state"),
            outcome=self._word(Outcome, "outcome"),
            contract=self.typed.get("contract"),
            event=self._number("event", range(1, _LARGEST_EVENT)),
            status_code=self._number("status_code", _STATUS_CODES),
            error=self.typed.get("error"),
            since=self._moment("since", now),
            until=self._moment("until", now),
            limit=limit,
        )
        if asked.since is not None and asked.until is not None and asked.since >= asked.until:
            self.faults["since"] = "expected a moment before the other"
        return asked

    @property
    def cancellable(self) -> bool:
        """Whether they ask for what waits, which alone can be cancelled."""
        waiting = {state.value for state in BY_STATE if state not in SETTLED and state is not State.LEASED}
        return self.typed.get("state") in waiting

    def chips(self, path: str, unit_names: Mapping[str, str]) -> list[Chip]:
        """Each filter that is set."""
        made = []
        for name, text in self.typed.items():
            words = unit_names.get(text, text) if name == "business_unit" else text
            others = {other: kept for other, kept in self.typed.items() if other != name}
            made.append(Chip(f"{_WORDS.get(name, name)}: {words}", link(path, others)))
        return made

    def _word(self, kind: type[_Word], name: str) -> _Word | None:
        written = self.typed.get(name)
        known = {word.value: word for word in kind}
        if written is not None and written not in known:
            self.faults[name] = f"expected a known word, got {written!r}; {suggestion(written, known)}"
        return None if written is None else known.get(written)

    def _number(self, name: str, allowed: range) -> int | None:
        written = self.typed.get(name)
        if written is None:
            return None
        number = int(written) if written.isascii() and written.isdecimal() else -1
        if number not in allowed:
            self.faults[name] = f"expected a number of {allowed.start} or more, got {written!r}"
            return None
        return number

    def _moment(self, name: str, now: datetime) -> datetime | None:
        written = self.typed.get(name)
        try:
            return None if written is None else parse_moment(written, now=now)
        except ValueError as error:
            self.faults[name] = str(error)
            return None
