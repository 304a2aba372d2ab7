"""Three independent books compared: the application's journal, the outbox, the receivers' logs.

Shares no code with the product: what must be reported is derived here anew, from what the application says
it did, and from the mapping and the connectors as written. `python -m outbox_demo.books FOLDER` compares again.
"""

import sys
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from outbox_demo.ledgers import Books, Done, read_books

WAITING = ("pending", "leased", "blocked", "held")
SHOWN = 10


@dataclass(frozen=True, order=True)
class Occurrence:
    """What identifies one event in every book; `detail` is canonical JSON."""

    xid: str
    contract: str
    trigger: str
    detail: str = "null"

    def __str__(self) -> str:
        detail = "" if self.detail == "null" else f" {self.detail}"
        return f"{self.trigger} of contract {self.contract} in transaction {self.xid}{detail}"


@dataclass(frozen=True)
class Due:
    """One delivery that must be made: an occurrence for a connector; `event` is its id in the outbox, if captured."""

    occurrence: Occurrence
    connector: str
    event: int | None


@dataclass(frozen=True)
class Balance:
    """The comparison; `faults` says in words what does not agree, `touched` which connectors were left out."""

    committed: int
    captured: int
    deliveries: int
    delivered: int
    waiting: int
    dead: int
    lost: int
    duplicated: int
    faults: tuple[str, ...]
    touched: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether everything committed was captured, nothing else, and everything due arrived exactly once."""
        return self.captured == self.committed and not self.lost and not self.duplicated and not self.faults

    def __str__(self) -> str:
        return (
            f"demo: committed={self.committed} captured={self.captured} deliveries={self.deliveries}"
            f" delivered={self.delivered} waiting={self.waiting} dead={self.dead}"
            f" lost={self.lost} duplicated={self.duplicated}"
        )


def demanded(transactions: Sequence[Done], ignored: frozenset[str]) -> dict[Occurrence, str]:
    """Each event that the journal demands after coalescing, with its business unit; `ignored` columns are no update."""
    return dict(one for done in transactions if done.committed for one in _of_transaction(done, ignored))


def _of_transaction(done: Done, ignored: frozenset[str]) -> Iterator[tuple[Occurrence, str]]:
    by_contract: dict[str, list[Mapping[str, Any]]] = {}
    for deed in done.deeds:
        by_contract.setdefault(deed["contract"], []).append(deed)
    for contract, deeds in by_contract.items():
        kinds = {deed["did"] for deed in deeds}
        unit = deeds[0]["unit"]
        if "delete" in kinds or deeds[0]["template"]:
            continue
        if "insert" in kinds:
            yield Occurrence(done.xid, contract, "create"), unit
        elif "item" in kinds or _changes(deeds, ignored):
            yield Occurrence(done.xid, contract, "update"), unit
        for deed in deeds:
            if deed["did"] == "mail" and deed["kind"] == "invitation":
                yield Occurrence(done.xid, contract, "send", deed["detail"]), unit
            elif deed["did"] == "review":
                yield Occurrence(done.xid, contract, "review", deed["detail"]), unit


def _changes(deeds: Sequence[Mapping[str, Any]], ignored: frozenset[str]) -> bool:
    """Whether some column left the transaction with another value than it had before."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for deed in deeds:
        for column, (old, new) in deed.get("changed", {}).items():
            first.setdefault(column, old)
            last[column] = new
    return any(first[column] != last[column] for column in first if column not in ignored)


def compare(books: Books) -> Balance:
    """Compares the books, event by event and delivery by delivery, where no person had a hand in it."""
    books = _untouched(books)
    units = demanded(books.transactions, books.ignored)
    captured = _captured(books, units)
    due = [
        Due(one, connector.name, captured.get(one, [None])[0])
        for one, unit in units.items()
        for connector in books.connectors
        if connector.takes(unit=unit, trigger=one.trigger)
    ]
    answered = Counter((answer.connector, answer.event) for answer in books.answers if answer.accepted)
    states = [_state(one, books) for one in due]
    lost = [
        one
        for one, state in zip(due, states, strict=True)
        if not answered[one.connector, str(one.event)] and state not in ("waiting", "dead")
    ]
    doubled = _doubled(books)
    faults = (
        *(f"not captured: {one}" for one in units if one not in captured),
        *(f"captured, but not committed: {one}" for one in captured if one not in units),
        *(f"captured {len(ids)} times: {one}" for one, ids in captured.items() if len(ids) > 1),
        *(f"lost: {one.occurrence} for {one.connector} (event {one.event})" for one in lost),
        *(f"duplicated: webhook-id {webhook_id} at {receiver}" for receiver, webhook_id in doubled),
        *_wrong_answers(books, due),
    )
    return Balance(
        committed=len(units),
        captured=sum(map(len, captured.values())),
        deliveries=len(due),
        delivered=states.count("delivered"),
        waiting=states.count("waiting"),
        dead=states.count("dead"),
        lost=len(lost),
        duplicated=len(doubled),
        faults=faults,
        touched=tuple(books.touched),
    )


def _untouched(books: Books) -> Books:
    """The books without the connectors that somebody touched."""
    return replace(
        books,
        connectors=[one for one in books.connectors if one.name not in books.touched],
        answers=[one for one in books.answers if one.connector not in books.touched],
        touched=[one.name for one in books.connectors if one.name in books.touched],
    )


def _captured(books: Books, demand: Container[Occurrence]) -> dict[Occurrence, list[int]]:
    """Events that stand, by occurrence; nobody has coalesced those not routed yet: they stand where demanded, once."""
    found: dict[Occurrence, list[int]] = {}
    for event in sorted(books.events, key=lambda event: (not event.routed, event.id)):
        one = Occurrence(event.xid, event.contract, event.trigger, event.detail)
        if event.stands and (event.routed or (one in demand and one not in found)):
            found.setdefault(one, []).append(event.id)
    return found


def _state(one: Due, books: Books) -> str:
    """What the outbox says of a delivery: delivered, waiting, dead; anything else, or `none`, is a loss."""
    if one.event is not None and one.event in books.unrouted:
        return "waiting"
    state = books.states.get((one.event, one.connector), "none")
    return "waiting" if state in WAITING else state


def _doubled(books: Books) -> list[tuple[str, str | None]]:
    """Receiver and webhook-id of each report that one receiver accepted more than once."""
    accepted = Counter((answer.receiver, answer.webhook_id) for answer in books.answers if answer.accepted)
    return [key for key, times in accepted.items() if times > 1]


def _wrong_answers(books: Books, due: Sequence[Due]) -> Iterator[str]:
    """What receivers accepted though nobody demanded it, under two ids, or with other bytes than the outbox keeps."""
    wanted = {(one.connector, str(one.event)) for one in due}
    ids: dict[tuple[str, str | None], set[str | None]] = {}
    for answer in books.answers:
        key = (answer.connector, answer.event)
        if key not in wanted:
            yield f"reported, but not demanded: event {answer.event} to {answer.connector} ({answer.status})"
        elif answer.sha256 != books.bodies.get((int(answer.event or 0), answer.connector)):
            yield f"other bytes than the outbox keeps: event {answer.event} at {answer.receiver}"
        ids.setdefault(key, set()).add(answer.webhook_id)
    for (connector, event), used in ids.items():
        if len(used) > 1:
            yield f"event {event} came to {connector} under {len(used)} webhook-ids"


def report(balance: Balance) -> int:
    """Prints the comparison, its summary as the last line; 0 when the books agree, else 1."""
    for fault in balance.faults[:SHOWN]:
        print(fault)
    if len(balance.faults) > SHOWN:
        print(f"... and {len(balance.faults) - SHOWN} more")
    if balance.touched:
        print(f"not compared, for somebody changed or sent something there: {', '.join(balance.touched)}")
    print(balance, flush=True)
    return 0 if balance.agrees else 1


def main(folder: Path) -> int:
    """Compares the books in a demo's folder."""
    return report(compare(read_books(folder)))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("usage: python -m outbox_demo.books FOLDER", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1])))
