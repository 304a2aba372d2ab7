"""Connectors as they stand in the database: read for the relay and for people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Row

from outbox.connector import KEPT, ConnectorSpec, HeaderValue, Kept, MappingLine, Secret, plain
from outbox.errors import ConfigurationError, SecretError
from outbox.model import Connector, ContentType, DataChoice, FieldMapping, FormStyle, Json, Order, Trigger
from outbox.resources import query
from outbox.secret_box import SecretBox
from outbox.suggest import suggestion

UNOPENED = "its secret can't be opened with the keys at hand"
SEALED = "sealed"
"""The key under which a header's ciphertext stands in the `headers` column."""


@dataclass(frozen=True, slots=True)
class StandingConnector:
    """A connector in the database: what it is asked to be, and what became of it.

    In `spec` a secret that no key opens is `KEPT`; `unopened` says that there is one.
    `sealed_headers` is the column as it stands, secret values encrypted.
    """

    id: int
    version: int
    spec: ConnectorSpec
    origin: str
    changed_by: str
    changed_origin: str
    created_at: datetime
    updated_at: datetime
    disabled_reason: str | None
    disabled_at: datetime | None
    discard: bool
    held_reason: str | None
    held_at: datetime | None
    probe_at: datetime | None
    unopened: bool
    old_signing_secret: Secret = field(repr=False)
    sealed_headers: Mapping[str, Json] = field(repr=False)

    @property
    def enabled(self) -> bool:
        """Whether nobody disabled it."""
        return self.disabled_at is None

    @property
    def state(self) -> str:
        """One word for people: enabled, held or disabled."""
        if not self.enabled:
            return "disabled"
        return "held" if self.held_reason or self.unopened else "enabled"

    def connector(self) -> Connector:
        """As the relay uses it; held where a secret can't be opened."""
        return replace(
            as_used(self.spec, connector_id=self.id, version=self.version, old_signing_secret=self.old_signing_secret),
            enabled=self.enabled,
            discard=self.discard,
            held_reason=UNOPENED if self.unopened else self.held_reason,
            probed=self.enabled and self.held_reason is not None and not self.unopened,
        )


def as_used(spec: ConnectorSpec, *, connector_id: int, version: int, old_signing_secret: Secret = None) -> Connector:
    """A connector as `spec` asks for it, with those of its secrets that are at hand; enabled, and not held."""
    signing = (opened(spec.signing_secret), opened(old_signing_secret))
    return Connector(
        id=connector_id,
        version=version,
        name=spec.name,
        business_units=spec.business_units,
        triggers=frozenset(spec.triggers),
        url=spec.url,
        content_type=spec.content_type,
        ssl_verification=spec.ssl_verification,
        data=spec.data,
        company_fields=spec.company_fields,
        field_mapping=tuple(FieldMapping(line.field, line.property) for line in spec.field_mapping),
        form_style=spec.form_style,
        order=spec.order,
        max_in_flight=spec.max_in_flight,
        rate_per_second=spec.rate_per_second,
        timeout_seconds=spec.timeout_seconds,
        schedule=spec.schedule,
        headers=tuple((name, plain(value)) for name, value in spec.headers.items()),
        username=spec.username,
        secret=opened(spec.secret),
        signing_secrets=tuple(secret for secret in signing if secret is not None),
    )


def opened(secret: Secret) -> str | None:
    """The secret itself, where there is one and it could be opened."""
    return secret.get_secret_value() if isinstance(secret, SecretStr) else None


def standing_connectors(connection: Connection, box: SecretBox) -> tuple[StandingConnector, ...]:
    """Every connector that is not removed, by name."""
    return tuple(_standing(row, box) for row in connection.execute(query("connector_all")))


def connector_of_id(connection: Connection, box: SecretBox, connector_id: int) -> StandingConnector | None:
    """The connector of this id, removed ones too; None where there is none."""
    row = connection.execute(query("connector_one"), {"id": connector_id}).one_or_none()
    return None if row is None else _standing(row, box)


def load_connectors(connection: Connection, box: SecretBox) -> tuple[Connector, ...]:
    """Every connector that is not removed, as the relay uses it."""
    return tuple(standing.connector() for standing in standing_connectors(connection, box))


def connectors_stamp(connection: Connection) -> str:
    """A text that differs as soon as any connector has changed."""
    return str(connection.execute(query("connector_stamp")).scalar_one())


def find_connector(connection: Connection, box: SecretBox, name: str) -> StandingConnector:
    """The connector of that name; raises ConfigurationError with the nearest name."""
    standing = standing_connectors(connection, box)
    for one in standing:
        if one.spec.name == name:
            return one
    known = [one.spec.name for one in standing]
    raise ConfigurationError(f"expected the name of a connector, got {name!r}; {suggestion(name, known)}")


def waiting_deliveries(connection: Connection, connector_ids: list[int]) -> dict[int, int]:
    """Open deliveries by connector, 0 where there are none."""
    rows = connection.execute(query("connector_waiting"), {"connector_ids": connector_ids})
    return dict.fromkeys(connector_ids, 0) | {row.connector_id: row.waiting for row in rows}


def disable(connection: Connection, connector_id: int, *, version: int, reason: str, by: str) -> bool:
    """The relay's way to disable a connector whose receiver said so to this version of it.

    False when it is another by now: what a person did since stands, and the receiver is asked again.
    """
    asked = {"id": connector_id, "version": version, "enabled": False, "reason": reason, "discard": False}
    row = connection.execute(query("connector_switch"), asked | {"changed_by": by, "origin": "relay"}).one_or_none()
    return row is not None


def _standing(row: Row[Any], box: SecretBox) -> StandingConnector:
    sealed_headers: dict[str, Json] = json.loads(row.headers)
    headers = {name: _header(value, box) for name, value in sealed_headers.items()}
    secret, signing, old = (_unseal(one, box) for one in (row.secret, row.signing_secret, row.signing_secret_old))
    return StandingConnector(
        id=row.id,
        version=row.version,
        spec=_spec(row, headers, secret=secret, signing_secret=signing),
        origin=row.origin,
        changed_by=row.changed_by or "unknown",
        changed_origin=row.changed_origin or row.origin,
        created_at=row.created_at,
        updated_at=row.updated_at,
        disabled_reason=row.disabled_reason,
        disabled_at=row.disabled_at,
        discard=row.discard,
        held_reason=row.held_reason,
        held_at=row.held_at,
        probe_at=row.probe_at,
        unopened=any(one is KEPT for one in (secret, signing, old, *headers.values())),
        old_signing_secret=old,
        sealed_headers=sealed_headers,
    )


def _spec(row: Row[Any], headers: dict[str, HeaderValue], *, secret: Secret, signing_secret: Secret) -> ConnectorSpec:
    """The row as a spec, not validated: rules that came later must not stop what already stands."""
    return ConnectorSpec.model_construct(
        name=row.name,
        business_units=tuple(row.business_units),
        triggers=tuple(trigger for trigger in Trigger if trigger in row.triggers),
        url=row.url,
        content_type=ContentType(row.content_type),
        username=row.username,
        secret=secret,
        ssl_verification=row.ssl_verification,
        data=DataChoice(row.data),
        company_fields=tuple(row.company_fields),
        field_mapping=tuple(MappingLine.model_construct(**line) for line in json.loads(row.field_mapping)),
        form_style=FormStyle(row.form_style),
        order=Order(row.lane_order),
        max_in_flight=row.max_in_flight,
        rate_per_second=row.rate_per_second,
        timeout_seconds=row.timeout_seconds,
        schedule=None if row.schedule is None else tuple(row.schedule),
        headers=headers,
        signing_secret=signing_secret,
        enabled=row.enabled,
    )


def _header(value: Json, box: SecretBox) -> HeaderValue:
    return value if isinstance(value, str) else _open(str(value[SEALED]).encode(), box)


def _unseal(sealed: bytes | None, box: SecretBox) -> Secret:
    return None if sealed is None else _open(bytes(sealed), box)


def _open(sealed: bytes, box: SecretBox) -> SecretStr | Kept:
    try:
        return SecretStr(box.open(sealed))
    except SecretError:
        return KEPT
