"""Answers with a page that proves what was delivered, for people who read and print it; it loads nothing."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from outbox import __version__
from outbox.errors import ConfigurationError
from outbox.model import Outcome
from outbox.questions.exhibit import Exhibit, check_command, exhibit, in_zone, visible
from outbox.questions.reading import Answered, Asked, Page
from outbox.request import delivery_id
from outbox.resources import query
from outbox.source_names import unit_labels

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "proof.html.jinja"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt as the page tells it."""

    row: Row[Any]
    sent: bool
    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str]
    response: Exhibit | None


@dataclass(frozen=True, slots=True)
class _Report:
    """One delivery as the page tells it; `confirming` is the attempt that settled it delivered.

    Without one, `late` is the first that was answered as well, after it had been given up.
    """

    row: Answered
    webhook_id: str
    body: Exhibit | None
    attempts: Sequence[_Attempt]
    confirming: _Attempt | None
    late: _Attempt | None
    replays: Sequence[Row[Any]]


def answer(asked: Asked) -> Page:
    """The page; raises ConfigurationError where neither contract nor event is named, or there was nothing to send."""
    if asked.values["contract"] is None and asked.values["event"] is None:
        raise ConfigurationError("--contract, --event: expected one of them, got neither; name what is to be proved")
    rows = list(asked.rows().rows)
    if not rows:
        raise ConfigurationError(
            "expected something that was to be sent, got no delivery for this connector;"
            " `outbox ask why-not` says why an event has none"
        )
    zone = asked.values["zone"]
    return Page(
        _environment(UTC if zone == "UTC" else ZoneInfo(zone))
        .get_template(TEMPLATE)
        .render(
            asked=asked.values,
            zone=zone,
            reports=_reports(asked.connection, rows),
            units=_units(asked.connection),
            source=asked.connection.execute(query("ask_source")).one(),
            version=__version__,
        )
    )


def _environment(zone: tzinfo) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # no other command waits for it

    environment = Environment(
        loader=PackageLoader("outbox.questions", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda shown: visible(shown) if type(shown) is str else shown,
    )
    environment.filters["utc"] = lambda moment: in_zone(moment, UTC)
    environment.filters["local"] = lambda moment: in_zone(moment, zone)
    environment.filters["moment"] = lambda moment: _moment(moment, zone)
    environment.filters["ended"] = _ended
    environment.filters["check"] = check_command
    environment.filters["capitalize_first"] = lambda words: words[:1].upper() + words[1:]
    return environment


def _moment(moment: datetime, zone: tzinfo) -> str:
    """In UTC, and in the zone that was asked for where that is another."""
    return in_zone(moment, UTC) + ("" if zone is UTC else f" = {in_zone(moment, zone)}")


def _ended(attempt: Row[Any]) -> datetime:
    started: datetime = attempt.started_at
    return started + timedelta(milliseconds=attempt.duration_ms or 0)


def _units(connection: Connection) -> dict[str, str]:
    """Names of business units beside their ids; none where the mapping's query no longer fits the source."""
    try:
        with connection.begin_nested():
            return unit_labels(connection)
    except DBAPIError:
        return {}


def _reports(connection: Connection, rows: Sequence[Answered]) -> list[_Report]:
    keys = {
        "event_ids": [row["event_id"] for row in rows],
        "connector_ids": [row["connector_id"] for row in rows],
    }
    attempts = _by_delivery(connection.execute(query("ask_proof_attempts"), keys))
    replays = _by_delivery(connection.execute(query("ask_proof_replays"), keys))
    places = [(row["event_id"], row["connector_id"]) for row in rows]
    return [_report(row, attempts[place], replays[place]) for row, place in zip(rows, places, strict=True)]


def _by_delivery(rows: Iterable[Row[Any]]) -> defaultdict[tuple[int, int], list[Row[Any]]]:
    found: defaultdict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.event_id, row.connector_id].append(row)
    return found


def _report(row: Answered, attempts: Sequence[Row[Any]], replays: Sequence[Row[Any]]) -> _Report:
    told = [_attempt(attempt) for attempt in attempts]
    confirming = next((one for one in told if one.row.settled == "delivered"), None)
    late = next((one for one in told if one.row.late and one.row.error_code == Outcome.OK), None)
    return _Report(
        row=row,
        webhook_id=delivery_id(row["event_id"], row["connector_id"]),
        body=None if row["body"] is None else exhibit(row["body"], row["content_type"]),
        attempts=told,
        confirming=confirming,
        late=late if confirming is None else None,
        replays=replays,
    )


def _attempt(row: Row[Any]) -> _Attempt:
    """Headers are told by name; an answer without a body has no exhibit."""
    body = None if row.response_body is None else bytes(row.response_body)
    headers = _headers(row.response_headers)
    return _Attempt(
        row=row,
        sent=row.request_headers is not None,
        request_headers=_headers(row.request_headers),
        response_headers=headers,
        response=exhibit(body, headers.get("content-type", "")) if body else None,
    )


def _headers(written: str | None) -> dict[str, str]:
    return dict(sorted(json.loads(written).items())) if written is not None else {}
