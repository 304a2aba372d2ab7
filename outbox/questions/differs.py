"""Answers which contracts differ now from what a receiver last got: the report built anew, beside the bytes sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row

from outbox import present
from outbox.model import ALL_BUSINESS_UNITS, Company, Connector, Event, Json
from outbox.questions.declaration import WITHIN
from outbox.questions.reading import Answered, Asked, Rows
from outbox.questions.source import require_mapping
from outbox.questions.told import differences, told
from outbox.questions.versions import connector_of
from outbox.report import build_report, company_ids
from outbox.resources import query

BATCH = 200
COLUMNS = ("contract_id", "verdict", "differences", "waiting", "words", "last_event_id", "got_at", "connector_version")


@dataclass(frozen=True, slots=True)
class _Pair:
    """What was got last, and its event with the contract of today; without `now`, `words` say why there is none."""

    row: Row[Any]
    then: Connector | None
    now: Event | None
    words: str | None = None


def answer(asked: Asked) -> Rows:
    """One row a contract that differs or can't be compared; raises RefusedError where no mapping is installed."""
    require_mapping(asked.connection)
    return Rows(COLUMNS, _rows(asked))


def _rows(asked: Asked) -> Iterator[Answered]:
    connection = asked.connection
    ids: Sequence[int] = asked.values["connector"]
    units = _units(connection, ids[0])
    contracts = (row["contract_id"] for row in asked.rows().rows)
    while batch := list(islice(contracts, BATCH)):
        got = connection.execute(
            query("ask_last_got"), {"contract_ids": batch, "connector_ids": list(ids), WITHIN: asked.values[WITHIN]}
        ).all()
        standing = present.read_contracts(connection, [row.contract_id for row in got])
        pairs = [_pair(row, standing.get(row.contract_id), units, asked.values[WITHIN]) for row in got]
        named = {one for pair in pairs if pair.now is not None for one in company_ids(pair.now)}
        companies = present.read_companies(connection, named)
        for pair in pairs:
            verdict, found, words = _compared(pair, companies, asked.max_bytes)
            if verdict != "equal":
                yield _row(pair.row, verdict, found, words)


def _units(connection: Connection, connector_id: int) -> Sequence[str]:
    """The business units that the connector reports for at present."""
    units: Sequence[str] = connection.execute(query("ask_units"), {"connector_id": connector_id}).scalar_one()
    return units


def _pair(row: Row[Any], now: present.ContractNow | None, units: Sequence[str], within: Sequence[str] | None) -> _Pair:
    then = connector_of(row.connector_id, row.connector_version, row.spec)
    if row.body is None:
        return _Pair(row, then, None, "the bytes that it got are not kept: they were erased")
    if then is None:
        return _Pair(row, then, None, f"version {row.connector_version} of the connector is not on record")
    if within is not None and (now is None or now.business_unit not in within):
        return _Pair(row, then, None, "the contract is no more in your business units")
    if now is None:
        return _Pair(row, then, None, "the contract is no more: deleted, or left out by the mapping's query")
    if now.business_unit not in units and not (ALL_BUSINESS_UNITS in units and now.business_unit is not None):
        unit = "no business unit" if now.business_unit is None else f"business unit {now.business_unit}"
        return _Pair(row, then, None, f"the contract now belongs to {unit}, for which this connector does not report")
    event = replace(
        present.event_of(row),
        business_unit=now.business_unit,
        status=now.status,
        document=now.document,
        unreadable=now.unreadable,
    )
    return _Pair(row, then, event)


def _compared(
    pair: _Pair, companies: Sequence[Company], max_bytes: int
) -> tuple[str, Mapping[str, Json] | None, str | None]:
    """`equal`, `differs` with the fields, or `not comparable` with the reason."""
    if pair.now is None or pair.then is None:
        return "not comparable", None, pair.words
    report = build_report(pair.now, pair.then, companies=companies, max_bytes=max_bytes)
    if report.body is None:
        return "not comparable", None, report.error
    try:
        found = differences(told(pair.row.body, pair.row.content_type), told(report.body, report.content_type))
    except ValueError as fault:
        return "not comparable", None, f"what it got can't be read: {fault}"
    return ("differs" if found else "equal"), found, None


def _row(row: Row[Any], verdict: str, found: Mapping[str, Json] | None, words: str | None) -> Answered:
    return {
        "contract_id": row.contract_id,
        "verdict": verdict,
        "differences": found,
        "waiting": row.waiting,
        "words": words,
        "last_event_id": row.id,
        "got_at": row.got_at,
        "connector_version": row.connector_version,
    }
