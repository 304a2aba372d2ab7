"""One delivery: its way, each attempt with what it sent and got, why it waits, replay and cancel."""

from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Path, Query, Response

from outbox import cancel as cancelling
from outbox import replay as replaying
from outbox.curl_command import Sent, curl_command, variables
from outbox.delivery_story import OUTCOME_WORDS, Tried, waiting_words, way
from outbox.errors import RefusedError
from outbox.insight.deliveries import rows_of
from outbox.insight.delivery import WHOLE, Delivery, Exchanged, exchanged, read_delivery
from outbox.replay import Key
from outbox.shown_body import shown
from outbox.web.errors import NotFoundError
from outbox.web.visit import Looking, Operating, Visit

router = APIRouter()

EventId: TypeAlias = Annotated[int, Path(ge=0, lt=2**63)]
ConnectorId: TypeAlias = Annotated[int, Path(ge=0, lt=2**31)]
Number: TypeAlias = Annotated[int, Path(ge=1, lt=2**31)]
LONGEST_COMMAND: Final = 12_000
"""A larger report is no text to copy: the command reads it from the file that is downloaded."""


@router.get("/deliveries/{event_id}/{connector_id}")
def delivery(
    visit: Looking, event_id: EventId, connector_id: ConnectorId, attempt: Annotated[int, Query(lt=2**31)] = 0
) -> Response:
    """The delivery, with the attempt that is chosen, else the last one. That somebody looked is on record."""
    key = event_id, connector_id
    one = _read(visit, key)
    tried = _chosen(one, attempt)
    exchange = None if tried is None else _exchange(visit, key, tried)
    _record(visit, one, "looked")
    return visit.page("deliveries/delivery.html", **_standing(visit, one), **_sent_and_got(one, tried, exchange))


@router.get("/deliveries/{event_id}/{connector_id}/way")
def way_of(visit: Looking, event_id: EventId, connector_id: ConnectorId) -> Response:
    """The part that is live: how it stands, and its way so far."""
    one = _read(visit, (event_id, connector_id), most=0)
    return visit.fragment("deliveries/way.html", **_standing(visit, one))


@router.get("/deliveries/{event_id}/{connector_id}/report")
def report(visit: Looking, event_id: EventId, connector_id: ConnectorId) -> Response:
    """The exact bytes of the report, as a file of text."""
    one = _read(visit, (event_id, connector_id), most=WHOLE)
    if one.facts["body"] is None:
        raise NotFoundError("There is no report.")
    _record(visit, one, "downloaded", part="report")
    return _file(one.facts["body"], f"report-{event_id}-{connector_id}.txt")


@router.get("/deliveries/{event_id}/{connector_id}/attempts/{number}/answer")
def answer(
    visit: Looking, event_id: EventId, connector_id: ConnectorId, number: Number, *, late: bool = False
) -> Response:
    """The exact bytes of an answer, as far as they are kept, as a file of text."""
    one = _read(visit, (event_id, connector_id), most=0)
    with visit.site.reading() as connection:
        found = exchanged(connection, one.key, number, late=late, within=visit.access.within, most=WHOLE)
    if found is None or found.response_body is None:
        raise NotFoundError("There is no answer.")
    _record(visit, one, "downloaded", part="answer", attempt=number)
    return _file(found.response_body, f"answer-{event_id}-{connector_id}-{number}.txt")


@router.post("/deliveries/{event_id}/{connector_id}/replay")
def replay(visit: Operating, event_id: EventId, connector_id: ConnectorId) -> Response:
    """Sends it again, or sooner."""
    one = _read(visit, (event_id, connector_id), most=0)
    (done,) = replaying.replay(visit.site.engine, [one.key], asked_by=visit.access.who)
    return _acted(visit, one, done, "replayed")


@router.post("/deliveries/{event_id}/{connector_id}/cancel")
def cancel(visit: Operating, event_id: EventId, connector_id: ConnectorId) -> Response:
    """Takes it out of what waits."""
    one = _read(visit, (event_id, connector_id), most=0)
    (done,) = cancelling.cancel(visit.site.engine, [one.key], asked_by=visit.access.who)
    return _acted(visit, one, done, "cancelled")


def _acted(visit: Visit, one: Delivery, done: replaying.Judged | cancelling.Judged, act: str) -> Response:
    if done.verdict.refused:
        raise RefusedError(f"The delivery {_words(visit, done)}.")
    _record(visit, one, act, verdict=done.verdict.value)
    return visit.redirect(_url(one.key), said=f"The delivery {_words(visit, done)}.")


def _words(visit: Visit, judged: replaying.Judged | cancelling.Judged) -> str:
    """The verdict; the event that it waits behind is named only where the person may see it."""
    if isinstance(judged, replaying.Judged) and judged.head is not None and visit.access.within is not None:
        return "waits behind an earlier report of its contract, which is due now"
    return judged.words


def _read(visit: Visit, key: Key, *, most: int | None = None) -> Delivery:
    amount = {} if most is None else {"most": most}
    with visit.site.reading() as connection:
        one = read_delivery(connection, key, within=visit.access.within, **amount)
    if one is None:
        raise NotFoundError("There is no such delivery.")
    return one


def _exchange(visit: Visit, key: Key, tried: Tried) -> Exchanged | None:
    with visit.site.reading() as connection:
        return exchanged(connection, key, tried.number, late=tried.late, within=visit.access.within)


def _chosen(one: Delivery, number: int) -> Tried | None:
    """The attempt of this number; of a negative one the late answer beside it. Without it the last one."""
    found = [tried for tried in one.attempts if (-tried.number if tried.late else tried.number) == number]
    return next(iter(found or one.attempts), None)


def _record(visit: Visit, one: Delivery, act: str, **detail: Any) -> None:  # noqa: ANN401 (JSON)
    unit = one.facts["business_unit"]
    with visit.site.writing() as connection:
        visit.record(connection, act, "delivery {}/{}".format(*one.key), None if unit is None else [unit], **detail)


def _standing(visit: Visit, one: Delivery) -> dict[str, Any]:
    """How it stands now, and what may be done about it."""
    facts = one.facts
    with visit.site.reading() as connection:
        (judged,) = replaying.judge(connection, [one.key])
        (removable,) = cancelling.judge(connection, [one.key])
        head = facts["blocked_by"] and (facts["blocked_by"], one.key[1])
        seen = rows_of(connection, [head], within=visit.access.within) if head else ()
    steps = way(
        occurred_at=facts["occurred_at"],
        trigger=facts["trigger"],
        status=facts["status"],
        routed_at=facts["created_at"],
        decided=facts["decided"],
        attempts=one.attempts,
        replays=[(asked.asked_at, asked.verdict, asked.asked_by) for asked in one.replays],
    )
    return {
        "one": facts,
        "url": _url(one.key),
        "steps": steps,
        "waits": waiting_words(
            facts["state"],
            connector_state=facts["connector_state"],
            state_reason=facts["state_reason"],
            worker=facts["worker"],
        ),
        "until": _until(facts),
        "behind": seen[0]["event_id"] if seen else None,
        "replay": judged,
        "replay_words": _words(visit, judged),
        "cancel": removable,
    }


def _until(facts: dict[str, Any]) -> datetime | None:
    """When something happens by itself: the next attempt, the end of the lease, the next probe."""
    if facts["state"] == "held":
        probe: datetime | None = facts["next_probe_at"]
        return probe
    due: datetime | None = facts["due_at"] if facts["state"] in ("pending", "leased") else None
    return due


def _sent_and_got(one: Delivery, tried: Tried | None, exchange: Exchanged | None) -> dict[str, Any]:
    facts = one.facts
    body, content_type = facts["body"], facts["content_type"]
    answered = exchange.response_body if exchange is not None else None
    kind = (exchange.response_headers or {}).get("content-type") if exchange is not None else None
    sent = None
    if tried is not None and tried.url and exchange is not None and exchange.request_headers and facts["size"]:
        small = facts["size"] <= LONGEST_COMMAND and len(body) == facts["size"]
        sent = Sent(
            tried.url,
            exchange.request_headers,
            body if small else None,
            username=facts["username"] if facts["has_secret"] else None,
            ssl_verification=facts["ssl_verification"],
            body_file="report-{}-{}.txt".format(*one.key),
        )
    return {
        "attempts": one.attempts,
        "tried": tried,
        "exchange": exchange,
        "outcome_words": OUTCOME_WORDS,
        "report": None if body is None else shown(body, size=facts["size"], content_type=content_type),
        "response": None
        if answered is None or exchange is None
        else shown(answered, size=exchange.response_size or 0, content_type=kind),
        "command": None if sent is None else curl_command(sent),
        "variables": [] if sent is None else variables(sent),
        "from_file": sent is not None and sent.body is None,
    }


def _url(key: Key) -> str:
    return "/deliveries/{}/{}".format(*key)


def _file(content: bytes, name: str) -> Response:
    """Bytes of somebody else: a browser saves them, and takes them for nothing but text."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)
