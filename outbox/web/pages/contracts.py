"""Contracts: looking for one, and its whole story."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from outbox import canonical
from outbox.access import Permission
from outbox.insight import contract_search, contracts, not_sent
from outbox.insight.contracts import Change, ContractEvent, Present
from outbox.model import Json
from outbox.web.errors import NotFoundError
from outbox.web.pages.unit_choice import unit_choice
from outbox.web.visit import Looking, Visit

router = APIRouter()
EventId: TypeAlias = Annotated[int | None, Query(ge=0, lt=2**63 - 1)]
FOUND = 50
CHANGES, ALL_CHANGES = 6, 100
VALUES_CUT, VALUE_CUT = 30_000, 100
"""So many characters of all values of an event that stands alone, and of one value at least."""
CONNECTORS = 100
"""So many connectors are proposed to be asked about."""
DOCUMENT_CUT = 30_000
NO_CONTRACT = "There is no such contract."


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change as text."""

    column: str
    kept: bool
    old: str
    new: str


@router.get("/contracts")
def search(visit: Looking, contract: str = "", business_unit: str = "", before: EventId = None) -> Response:
    """Contracts whose id begins as was typed, or those that changed last."""
    units = unit_choice(visit, business_unit)
    typed, within = contract.strip(), visit.access.within
    with visit.site.reading() as connection:
        if typed and "\0" not in typed:
            found = contract_search.beginning_with(connection, typed, within=within, most=FOUND)
            if typed not in found and contracts.present(connection, typed, within=within).known == "found":
                found = [typed, *found]
            number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < len(str(2**63)) else 0
            of_event = contract_search.of_event(connection, number, within=within)
            return visit.page(
                "contracts/search.html", typed=typed, found=found, of_event=of_event, units=units, recent=None
            )
        recent = contract_search.recent(
            connection, within=within, business_unit=units.chosen, before=before, most=FOUND
        )
    return visit.page("contracts/search.html", typed=typed, found=[], of_event=None, units=units, recent=recent)


@router.get("/contracts/{contract_id:path}")
def contract(
    visit: Looking, contract_id: str, *, before: EventId = None, event: EventId = None, document: bool = False
) -> Response:
    """A contract's story, newest first; with `event` that one alone and whole, with its document where asked for."""
    if "\0" in contract_id:
        raise NotFoundError(NO_CONTRACT)
    with visit.site.reading() as connection:
        page = _page(visit, connection, contract_id, before=before, event=event)
        present = contracts.present(connection, contract_id, within=visit.access.within)
        if not page and not _is_there(visit, connection, contract_id, present, before=before, event=event):
            raise NotFoundError(NO_CONTRACT)
        shown, alone = page[: contracts.PAGE], page[0] if event is not None else None
        values = _around(visit, connection, contract_id, [one.event_id for one in shown], whole=alone is not None)
        if document and event is not None:
            values["document"] = contracts.document(connection, event, within=visit.access.within)
    _record(visit, contract_id, shown, document=document)
    return visit.page(
        "contracts/contract.html",
        contract_id=contract_id,
        present=present,
        events=shown,
        older=shown[-1].event_id if len(page) > contracts.PAGE else None,
        newer=before is not None or alone is not None,
        alone=alone,
        changes=_changes if alone is None else _all_changes,
        written=_written,
        may_operate=visit.access.may(Permission.OPERATE),
        **values,
    )


def _page(
    visit: Visit, connection: Connection, contract_id: str, *, before: int | None, event: int | None
) -> list[ContractEvent]:
    """One event, or a page of them and one more where there are more."""
    within = visit.access.within
    if event is None:
        return contracts.events(connection, contract_id, within=within, before=before, most=contracts.PAGE + 1)
    alone = contracts.event(connection, contract_id, event, within=within)
    return [] if alone is None else [alone]


def _is_there(
    visit: Visit, connection: Connection, contract_id: str, present: Present, *, before: int | None, event: int | None
) -> bool:
    """Whether there is anything of the contract to see, where the page asked for has no event."""
    if event is not None:
        return False
    within = visit.access.within
    older = before is not None and bool(contracts.events(connection, contract_id, within=within, most=1))
    return older or present.known == "found"


def _around(
    visit: Visit, connection: Connection, contract_id: str, ids: Sequence[int], *, whole: bool
) -> dict[str, Any]:
    """What stands beside the events."""
    within = visit.access.within
    most = contracts.ALL_OUTCOMES if whole else contracts.OUTCOMES
    return {
        "most": most,
        "outcomes": contracts.outcomes(connection, ids, within=within, most=most),
        "replays": contracts.replays(connection, ids, within=within),
        "beside": contracts.beside(connection, contract_id, within=within),
        "reaches": not_sent.reaches(connection, within=within)[:CONNECTORS],
        "document": None,
    }


def _record(visit: Visit, contract_id: str, events: Sequence[ContractEvent], *, document: bool) -> None:
    """Old and new values are content, and so is the document: who looked at them is on record."""
    units = sorted({one.business_unit for one in events if one.business_unit is not None})
    ids = [one.event_id for one in events]
    span = {"events": [ids[-1], ids[0]]} if ids else {}
    with visit.site.writing() as connection:
        visit.record(connection, "looked", f"contract {contract_id!r}", units, **span, document=document)


def _changes(event: ContractEvent) -> list[ShownChange]:
    return [_shown(change, VALUE_CUT) for change in event.changes[:CHANGES]]


def _all_changes(event: ContractEvent) -> list[ShownChange]:
    shown = event.changes[:ALL_CHANGES]
    return [_shown(change, max(VALUE_CUT, VALUES_CUT // (2 * len(shown)))) for change in shown]


def _shown(change: Change, cut: int) -> ShownChange:
    return ShownChange(change.column, change.kept, _written(change.old, cut), _written(change.new, cut))


def _written(value: Json, cut: int = DOCUMENT_CUT) -> str:
    """The value as people read it: a text without its quotes, the rest as JSON; cut where it is long."""
    if value is None:
        return "null"
    text = value if isinstance(value, str) else canonical.pretty(value)
    return text if len(text) <= cut else f"{text[:cut]}… ({len(text):,} characters)"
