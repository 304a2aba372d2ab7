"""What a connector that is still being written would send: the exact request; nothing is sent, nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr
from sqlalchemy import Connection

from outbox import canonical, store
from outbox.connector import KEPT, ConnectorSpec, Secret
from outbox.connector_asked import LABEL, Asked, Faults, by_field, joined
from outbox.connector_change import SECRETS
from outbox.connector_input import parse_spec
from outbox.connectors import StandingConnector, as_used
from outbox.errors import ConfigurationError
from outbox.model import Connector, ContentType, Event, Request, Trigger
from outbox.request import build_request, redacted_headers
from outbox.trial import leased_trial, report_of, sample_event

_IN_PLACE: Final[Mapping[str, Any]] = {
    "name": "preview",
    "business_units": ("sample",),
    "triggers": tuple(Trigger),
    "url": "https://receiver.invalid/",
}
"""What stands for a mandatory field that can't be read; others have their default."""


@dataclass(frozen=True, slots=True)
class Buildable:
    """What can be built of a form, and what is wrong with the rest of it, by field."""

    spec: ConnectorSpec
    faults: Faults


@dataclass(frozen=True, slots=True)
class Preview:
    """The request for an event; `real` unless it is a made-up one. Without a request, `error` says why."""

    event: Event
    real: bool
    request: Request | None
    headers: Mapping[str, str]
    error: str | None = None


def buildable(asked: Asked) -> Buildable:
    """The form's connector, as far as its fields are sound."""
    try:
        return Buildable(parse_spec(asked.values, label=LABEL), asked.faults)
    except ConfigurationError as error:
        found = by_field(error.faults)
    sound = {key: value for key, value in asked.values.items() if key not in found}
    in_place = {key: value for key, value in _IN_PLACE.items() if key in found}
    return Buildable(parse_spec({**sound, **in_place}, label=LABEL), joined(asked.faults, found))


def used(spec: ConnectorSpec, standing: StandingConnector | None, *, drop_old: bool = False) -> Connector:
    """The connector as the relay would use it once it is saved, kept secrets and the one rotated out with it."""
    if standing is None:
        return as_used(spec, connector_id=0, version=0)
    old: Secret = None if drop_old else standing.old_signing_secret
    if isinstance(spec.signing_secret, SecretStr):
        old = standing.spec.signing_secret
    elif spec.signing_secret is None:
        old = None
    whole = _with_secrets(spec, standing.spec)
    return as_used(whole, connector_id=standing.id, version=standing.version, old_signing_secret=old)


def sendable(
    spec: ConnectorSpec, standing: StandingConnector | None, *, drop_old: bool = False
) -> tuple[Connector, bool]:
    """The connector as a test may use it before it is saved, and whether secrets that stand were left out.

    They go only where they were set to go: to the address that stands, by scheme, host and port. Else who edits a
    connector could have its secrets sent anywhere, with no version on record that says so.
    """
    if standing is None or _origin(spec.url) == _origin(standing.spec.url):
        return used(spec, standing, drop_old=drop_old), False
    typed = _with_secrets(spec, None)
    connector = as_used(typed, connector_id=standing.id, version=standing.version)
    return connector, typed != spec


def _with_secrets(spec: ConnectorSpec, standing: ConnectorSpec | None) -> ConnectorSpec:
    """The spec with the secrets that stand in place of kept ones; without those where there are none."""
    headers = {
        name: standing.headers.get(name, KEPT) if value is KEPT and standing is not None else value
        for name, value in spec.headers.items()
    }
    opened: dict[str, Any] = {"headers": {name: value for name, value in headers.items() if value is not KEPT}}
    for key in SECRETS:
        if getattr(spec, key) is KEPT:
            opened[key] = None if standing is None else getattr(standing, key)
    return spec.model_copy(update=opened)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())


def preview(
    connection: Connection, connector: Connector, event: Event | None, *, trigger: Trigger | None, max_bytes: int
) -> Preview:
    """The request that would go out for the event, else for a made-up one of this trigger."""
    now, _ = store.clock(connection)
    shown = event or sample_event(connector, 0, now, trigger)
    report = report_of(connection, shown, connector, max_bytes=max_bytes)
    if report.body is None:
        return Preview(shown, event is not None, None, {}, report.error)
    request = build_request(leased_trial(shown, connector, report), connector, now=now)
    return Preview(shown, event is not None, request, redacted_headers(request))


def readable(body: bytes, content_type: str) -> str:
    """A report's body for people: JSON indented, a form one field a line; what is neither stays as it is."""
    text = body.decode("utf-8", "replace")
    if content_type == ContentType.FORM:
        return "\n".join(f"{name} = {value}" for name, value in parse_qsl(text, keep_blank_values=True))
    try:
        return canonical.pretty(canonical.loads(body))
    except ValueError:
        return text
