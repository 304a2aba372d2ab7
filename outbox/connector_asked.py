"""From the configuration page's form to a connector's values, and from faults back to the fields that they are of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from outbox.connector import KEPT, LONGEST_NAME, ConnectorSpec, HeaderValue, Secret
from outbox.connector_check import ALLOW_UNKNOWN
from outbox.connector_form import DISABLE, ENABLE, OWN, SERVICE, Draft, HeaderDraft, SecretChoice, SecretDraft
from outbox.duration import parse_duration

LABEL = "connector"
GENERAL = ""
"""The key of faults that no field can mend."""
Faults = Mapping[str, tuple[str, ...]]
AGAIN = "expected it again: what was typed before is no longer at hand"

_OUR_WORDS = (
    ("; add the key", "; fill it in"),
    ("; leave the key out for none", "; leave the field empty for none"),
    ("expected at least one business unit or '*' for all, got none", "expected at least one business unit, got none"),
    (ALLOW_UNKNOWN, "tick the box under the list where it is still to come"),
)
"""What files and commands are told, and what the page says."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a draft asks for, as `parse_spec` reads it, and what of it can't be read: a sentence each, by field.

    A field with a fault has a sound value in `values`, so that the others' faults are found too.
    """

    values: dict[str, Any]
    faults: Faults


def asked_by(draft: Draft, standing: ConnectorSpec | None = None) -> Asked:
    """What the draft asks for; `standing` is the connector that is edited, whose secrets may be kept."""
    faults: dict[str, list[str]] = {}
    values: dict[str, Any] = {
        "name": draft.name,
        "business_units": draft.business_units,
        "triggers": list(draft.triggers),
        "url": draft.url,
        "content_type": draft.content_type,
        "username": draft.username,
        "secret": _secret("secret", draft.secret, standing.secret if standing else None, faults),
        "ssl_verification": _ssl(draft, standing, faults),
        "data": draft.data,
        "company_fields": tuple(name for name in draft.company_fields if name.strip()),
        "field_mapping": [
            {"field": line.field, "property": line.property}
            for line in draft.field_mapping
            if line.field.strip() or line.property
        ],
        "form_style": draft.form_style,
        "order": draft.order,
        "max_in_flight": _whole(draft.max_in_flight),
        "rate_per_second": draft.rate_per_second or None,
        "timeout_seconds": _seconds(draft.timeout_seconds, faults),
        "schedule": _schedule(draft, faults),
        "headers": _headers(draft.headers, standing.headers if standing else {}, faults),
        "signing_secret": _secret(
            "signing_secret", draft.signing_secret, standing.signing_secret if standing else None, faults
        ),
        "enabled": False if draft.disabled else None,
    }
    return Asked(values, {key: tuple(found) for key, found in faults.items()})


def _secret(key: str, draft: SecretDraft, standing: Secret, faults: dict[str, list[str]]) -> Secret:
    if draft.choice is SecretChoice.KEEP:
        return KEPT if standing is not None else None
    if draft.choice is SecretChoice.REMOVE:
        return None
    if draft.typed:
        return SecretStr(draft.typed)
    if draft.lost:
        faults.setdefault(key, []).append(AGAIN)
    elif standing is not None:
        faults.setdefault(key, []).append("expected a new one, got none; type it, or keep the one that is set")
    return None


def _ssl(draft: Draft, standing: ConnectorSpec | None, faults: dict[str, list[str]]) -> bool:
    if draft.ssl_verification not in (ENABLE, DISABLE):
        found = f"expected {ENABLE} or {DISABLE}, got {draft.ssl_verification[:40]!r}"
        faults.setdefault("ssl_verification", []).append(found)
    off = draft.ssl_verification == DISABLE
    stood_off = standing is not None and not standing.ssl_verification
    if off and not stood_off and not draft.ssl_confirmed:
        faults.setdefault("ssl_verification", []).append(
            "expected your word that no certificate is to be checked, got none; tick the box, or enable it"
        )
    return not off


def _whole(written: str) -> int | str:
    """The number; a text that is none stays, so that the rule for it says what came."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else written  # noqa: PLR2004


def _seconds(written: str, faults: dict[str, list[str]]) -> float:
    try:
        return parse_duration(written)
    except ValueError as error:
        faults.setdefault("timeout_seconds", []).append(str(error))
        return 15.0


def _schedule(draft: Draft, faults: dict[str, list[str]]) -> list[str] | None:
    if draft.retries not in (OWN, SERVICE):
        faults.setdefault("schedule", []).append(f"expected {OWN} or {SERVICE}, got {draft.retries[:40]!r}")
    if draft.retries != OWN:
        return None
    return [pause.strip() for pause in draft.schedule.split(",") if pause.strip()]


def _headers(
    rows: Iterable[HeaderDraft], standing: Mapping[str, HeaderValue], faults: dict[str, list[str]]
) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    found: list[str] = []
    for row in rows:
        if not row.name and not row.value:
            continue
        if row.name in headers:
            found.append(f"header {row.name!r}: expected each header once, got it again; join the values into one")
        elif row.lost:
            found.append(f"header {row.name!r}: {AGAIN}")
        elif row.secret and not row.value:
            if isinstance(standing.get(row.name, ""), str):
                found.append(f"header {row.name!r}: expected a value, got none; type it, or remove the header")
            headers[row.name] = KEPT
        else:
            headers[row.name] = row.value
    if found:
        faults["headers"] = found
    return headers


def by_field(faults: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Faults of `parse_spec` (labelled LABEL) and of `check`, or warnings, in the page's words by field."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        key, colon, words = fault.removeprefix(f"{LABEL}: ").partition(": ")
        name, _, place = key.partition(".")
        if not colon or name not in ConnectorSpec.model_fields:
            name, place, words = GENERAL, "", fault
        if place and name == "headers":
            words = f"header {place!r}: {words}"
        elif place and name == "schedule":
            words = f"pause {int(place) + 1}: {words}"
        for theirs, ours in _OUR_WORDS:
            words = words.replace(theirs, ours)
        found.setdefault(name, []).append(words)
    return {key: tuple(dict.fromkeys(words)) for key, words in found.items()}


def joined(*several: Faults) -> dict[str, tuple[str, ...]]:
    """Faults of several steps together, in the order of the fields."""
    order = [*ConnectorSpec.model_fields, GENERAL]
    keys = sorted({key for faults in several for key in faults}, key=order.index)
    return {key: tuple(dict.fromkeys(one for faults in several for one in faults.get(key, ()))) for key in keys}


def proposed_name(url: str, units: Iterable[str], taken: Collection[str]) -> str:
    """A name for a connector that has none: its first business unit and the receiver's host, numbered where taken."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    unit = next(iter(units), "")
    words = " to ".join(part for part in (unit, host) if part) or "Webhook"
    plain = "".join(sign if sign.isprintable() else " " for sign in words).strip()[: LONGEST_NAME - 10].strip()
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain} {number}"
    return name
