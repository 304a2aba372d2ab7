"""Attempts as arrays, a column each, in what PostgreSQL can hold: for statements that unnest them (pure)."""

import json
from collections.abc import Iterable, Mapping, Sequence

from outbox.model import Attempt


def attempt_columns(attempts: Sequence[Attempt]) -> dict[str, list[object]]:
    """Each column of the attempts as an array, for statements that unnest them."""
    leased = [one.leased for one in attempts]
    responses = [one.response for one in attempts]
    return {
        "event_ids": [one.event_id for one in leased],
        "connector_ids": [one.connector_id for one in leased],
        "tokens": [one.token for one in leased],
        "numbers": [one.attempt for one in leased],
        "kinds": [one.kind.value for one in leased],
        "connector_versions": [one.connector_version for one in attempts],
        "started_at": [one.started_at for one in attempts],
        "durations": [one.duration_ms for one in responses],
        "timings": [json.dumps(dict(one.timings)) if one.timings else None for one in responses],
        "urls": [one.url for one in attempts],
        "request_headers": [_json_text(one.request_headers) for one in attempts],
        "status_codes": [one.status for one in responses],
        "response_headers": [_json_text(_grouped(one.headers)) for one in responses],
        "response_bodies": [None if one.status is None else one.body for one in responses],
        "cuts": [one.cut for one in responses],
        "outcomes": [one.outcome.value for one in responses],
        "error_codes": [one.error_code for one in responses],
        "errors": [storable(one.error) for one in responses],
        "settled": [None if one.settled is None else one.settled.value for one in attempts],
        "delays": [one.delay_seconds for one in attempts],
        "counted": [one.counted for one in attempts],
    }


def _grouped(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined as HTTP allows."""
    grouped: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        grouped[key] = f"{grouped[key]}, {value}" if key in grouped else value
    return grouped


def storable(text: str | None) -> str | None:
    """PostgreSQL's text holds no NUL and no lone surrogate; a receiver's words may."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _json_text(values: Mapping[str, str]) -> str | None:
    if not values:
        return None
    return json.dumps({storable(name): storable(value) for name, value in values.items()})
