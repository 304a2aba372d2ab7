"""Events as they were captured, contracts and companies as they are now: what routing reads, digit for digit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row

from outbox import canonical
from outbox.model import Company, Event, Json, Trigger
from outbox.resources import query


@dataclass(frozen=True, slots=True)
class ContractNow:
    """A contract's present row, by the installed mapping; `unreadable` as in Event."""

    business_unit: str | None
    status: str | None
    document: Mapping[str, Json]
    unreadable: str | None = None


def event_of(row: Row[tuple[object, ...]]) -> Event:
    """An event from a row whose JSON columns are text, so that every number keeps its digits."""
    try:
        changed, detail, document, unreadable = _json(row.changed), _json(row.detail), _json(row.document), None
    except ValueError as fault:
        changed, detail, document, unreadable = None, None, None if row.document is None else {}, str(fault)
    return Event(
        id=row.id,
        occurred_at=row.occurred_at,
        xid=row.xid,
        snapshot=row.snapshot,
        trigger=Trigger(row.trigger),
        contract_id=row.contract_id,
        business_unit=row.business_unit,
        status=row.status,
        changed=changed,
        detail=detail,
        document=document,
        overlaps=row.overlaps,
        unreadable=unreadable,
    )


def _json(text: str | None) -> Json:
    return None if text is None else canonical.loads(text)


def read_contracts(connection: Connection, contract_ids: Collection[str]) -> dict[str, ContractNow]:
    """Each of these contracts that still is one, as it is now."""
    connection.execute(query("read_patience"))
    rows = connection.execute(query("read_contracts"), {"contract_ids": sorted(contract_ids)})
    return {row.contract_id: _contract_now(row) for row in rows}


def _contract_now(row: Row[tuple[object, ...]]) -> ContractNow:
    try:
        return ContractNow(row.business_unit, row.status, _json(row.document))
    except ValueError as fault:
        return ContractNow(row.business_unit, row.status, {}, str(fault))


def read_companies(connection: Connection, ids: Collection[str]) -> tuple[Company, ...]:
    """The companies of these ids that the source knows."""
    connection.execute(query("read_patience"))
    rows = connection.execute(query("read_companies"), {"ids": sorted(ids)})
    return tuple(
        Company(id=row.id, name=row.name, business_unit=row.business_unit, fields=_json(row.fields) or {})
        for row in rows
    )
