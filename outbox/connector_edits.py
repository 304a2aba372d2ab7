"""Changes to connectors: each is a new version, with who made it, when and from where."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from outbox.connector import KEPT, ConnectorSpec, Kept, Secret
from outbox.connector_change import Change, changes, history
from outbox.connectors import SEALED, StandingConnector
from outbox.errors import ConfigurationError, RefusedError
from outbox.model import Json
from outbox.resources import query
from outbox.secret_box import SecretBox

Action: TypeAlias = Literal["edit", "enable", "disable"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and from where: `code` (connectors.toml), `command`, `page`, `api` or `relay`."""

    name: str
    origin: Literal["code", "command", "page", "api", "relay"] = "command"


def create_connector(connection: Connection, spec: ConnectorSpec, *, box: SecretBox, author: Author) -> int:
    """Adds a connector and returns its id; raises ConfigurationError when the name is taken."""
    asked = spec.model_copy(update={"enabled": spec.enabled is not False})
    reason = None if asked.enabled else f"{author.name} created it disabled"
    columns = _columns(asked, {}, box) | {
        "disabled_reason": reason,
        "origin": author.origin,
        "changed_by": author.name,
        "spec": json.dumps(history(asked, _given(asked)) | _disabling(reason)),
    }
    row = connection.execute(query("connector_insert"), columns).one_or_none()
    if row is None:
        raise ConfigurationError(
            f"expected a new name, got {spec.name!r}, which a connector has; edit that one, or choose another"
        )
    return int(row.connector_id)


def edit_connector(
    connection: Connection,
    standing: StandingConnector,
    spec: ConnectorSpec,
    *,
    box: SecretBox,
    author: Author,
    reason: str | None = None,
    discard: bool = False,
    drop_old_signing_secret: bool = False,
) -> tuple[Change, ...]:
    """Makes `standing` what `spec` asks, as its next version, and returns what changed: nothing, no version.

    `reason` and `discard` say more where `spec` disables it. Raises RefusedError when somebody else changed it
    since `standing` was read, and ConfigurationError when the new name is taken.
    """
    found = changes(standing.spec, spec)
    if drop_old_signing_secret and standing.old_signing_secret is not None:
        found += (Change("signing_secret_old", "set", "none"),)
    enabled = standing.enabled if spec.enabled is None else spec.enabled
    discard = not enabled and (discard or (standing.discard and not standing.enabled))
    if not found and discard == standing.discard:
        return ()
    asked = _keeping(standing, spec).model_copy(update={"enabled": enabled})
    disabled_reason = None if enabled else (reason or standing.disabled_reason or f"disabled by {author.name}")
    columns = _columns(asked, standing.sealed_headers, box) | {
        "id": standing.id,
        "version": standing.version,
        "action": _action(found, enabled=enabled),
        "keep_secret": asked.secret is KEPT,
        "keep_signing_secret": asked.signing_secret is KEPT,
        "drop_old_signing_secret": drop_old_signing_secret,
        "disabled_reason": disabled_reason,
        "discard": discard,
        "changed_by": author.name,
        "origin": author.origin,
        "spec": json.dumps(history(asked, found) | _disabling(disabled_reason, discard=discard)),
    }
    try:
        row = connection.execute(query("connector_update"), columns).one_or_none()
    except IntegrityError as error:
        if "connector_name" not in str(error.orig):
            raise
        raise ConfigurationError(f"expected a free name, got {spec.name!r}, which another connector has") from None
    if row is None:
        raise _changed_meanwhile(standing)
    return found


def enable_connector(connection: Connection, connector_id: int, *, author: Author) -> bool:
    """Lets its deliveries go out; False when it was enabled and not held."""
    return _switch(connection, connector_id, enabled=True, reason=None, discard=False, author=author) is not None


def disable_connector(
    connection: Connection,
    connector_id: int,
    *,
    reason: str,
    author: Author,
    discard: bool = False,
    most: int | None = None,
) -> int | None:
    """Stops its deliveries: they wait, or with `discard` are cancelled, and further ones not made.

    Returns how many were cancelled, or None when it was disabled so already (or is removed). With `most` no more than
    so many in this transaction, which holds their lanes: `cancel_waiting` and the sweep cancel the others.
    """
    version = _switch(connection, connector_id, enabled=False, reason=reason, discard=discard, author=author)
    if version is None:
        return None
    if not discard:
        return 0
    return _cancel(connection, connector_id, version, discarded_by(author), author, most=most)


def remove_connector(
    connection: Connection, standing: StandingConnector, *, author: Author, most: int | None = None
) -> int:
    """Removes it and cancels what waits for it: how many deliveries. Its history stays, its secrets don't.

    `most` as for disable_connector.
    """
    row = connection.execute(
        query("connector_remove"),
        {"id": standing.id, "version": standing.version, "changed_by": author.name, "origin": author.origin},
    ).one_or_none()
    if row is None:
        raise _changed_meanwhile(standing)
    return _cancel(connection, standing.id, row.version, removed_by(author), author, most=most)


def cancel_waiting(connection: Connection, connector_id: int, *, words: str, author: Author, most: int) -> int:
    """Cancels the first so many that wait for a connector that is removed or discards them: how many."""
    row = connection.execute(query("connector_emptying"), {"connector_id": connector_id}).one_or_none()
    return 0 if row is None else _cancel(connection, connector_id, row.version, words, author, most=most)


def discarded_by(author: Author) -> str:
    """What stands at a delivery that was dropped since its connector is disabled."""
    return f"discarded: connector disabled by {author.name}"


def removed_by(author: Author) -> str:
    """What stands at a delivery that was dropped since its connector is removed."""
    return f"cancelled: connector removed by {author.name}"


def emptying(connection: Connection) -> Mapping[int, str]:
    """Connectors that are removed or discard what waits, and for which something waits still; what to say of that.

    It was routed meanwhile, or was more than was cancelled at once: `cancel_waiting` is the sweep's work.
    """
    return {row.id: _orphaned(removed=row.removed) for row in connection.execute(query("connector_orphans"))}


def _orphaned(*, removed: bool) -> str:
    return "cancelled: its connector is removed" if removed else "discarded: its connector is disabled"


def _switch(
    connection: Connection, connector_id: int, *, enabled: bool, reason: str | None, discard: bool, author: Author
) -> int | None:
    row = connection.execute(
        query("connector_switch"),
        {
            "id": connector_id,
            "version": None,
            "enabled": enabled,
            "reason": reason,
            "discard": discard,
            "changed_by": author.name,
            "origin": author.origin,
        },
    ).one_or_none()
    return None if row is None else int(row.version)


def _cancel(
    connection: Connection, connector_id: int, version: int, error: str, author: Author, *, most: int | None = None
) -> int:
    batch: dict[str, object] = {"connector_id": connector_id, "last": None}
    if most is not None:
        batch["last"] = connection.execute(
            query("connector_batch_end"), {"connector_id": connector_id, "most": most}
        ).scalar_one()
        if batch["last"] is None:
            return 0
    connection.execute(query("connector_lanes"), batch)
    return connection.execute(
        query("connector_cancel"), batch | {"version": version, "error": error, "worker": author.name}
    ).rowcount


def _changed_meanwhile(standing: StandingConnector) -> RefusedError:
    return RefusedError(
        f"expected connector {standing.spec.name!r} to be version {standing.version} still, but it was changed or"
        " removed meanwhile; look at it again and repeat"
    )


def _action(found: tuple[Change, ...], *, enabled: bool) -> Action:
    if {change.key for change in found} <= {"enabled"}:
        return "enable" if enabled else "disable"
    return "edit"


def _disabling(reason: str | None, *, discard: bool = False) -> dict[str, Json]:
    return {"disabled_reason": reason, "discard": discard}


def _keeping(standing: StandingConnector, spec: ConnectorSpec) -> ConnectorSpec:
    """`spec` with secrets that are what they were as kept, so that their ciphertext stays."""
    old = standing.spec
    headers = {
        name: KEPT if name in old.headers and _same(old.headers[name], value) else value
        for name, value in spec.headers.items()
    }
    return spec.model_copy(
        update={
            "secret": _kept(old.secret, spec.secret),
            "signing_secret": _kept(old.signing_secret, spec.signing_secret),
            "headers": headers,
        }
    )


def _kept(old: Secret, asked: Secret) -> Secret:
    if old is None:
        return None if asked is KEPT else asked
    return KEPT if _same(old, asked) else asked


def _same(old: object, asked: object) -> bool:
    """Whether a secret stays; open values are no secrets."""
    return asked is KEPT or (isinstance(asked, SecretStr) and old == asked)


def _given(spec: ConnectorSpec) -> tuple[Change, ...]:
    """The secrets that a new connector comes with."""
    named = {"secret": spec.secret, "signing_secret": spec.signing_secret}
    named |= {f"headers.{name}": value for name, value in spec.headers.items() if isinstance(value, SecretStr)}
    return tuple(Change(key, "none", "set") for key, value in named.items() if value is not None)


def _columns(spec: ConnectorSpec, sealed_headers: Mapping[str, Json], box: SecretBox) -> dict[str, object]:
    """The columns that both statements write, secrets encrypted; kept ones are the statement's own business."""
    return {
        "name": spec.name,
        "business_units": list(spec.business_units),
        "triggers": list(spec.triggers),
        "url": spec.url,
        "content_type": spec.content_type,
        "ssl_verification": spec.ssl_verification,
        "data": spec.data,
        "company_fields": list(spec.company_fields),
        "field_mapping": json.dumps([line.model_dump() for line in spec.field_mapping]),
        "form_style": spec.form_style,
        "lane_order": spec.order,
        "max_in_flight": spec.max_in_flight,
        "rate_per_second": spec.rate_per_second,
        "timeout_seconds": spec.timeout_seconds,
        "schedule": None if spec.schedule is None else list(spec.schedule),
        "headers": json.dumps(
            {name: _sealed_header(value, sealed_headers.get(name), box) for name, value in spec.headers.items()}
        ),
        "username": spec.username,
        "secret": _sealed(spec.secret, box),
        "signing_secret": _sealed(spec.signing_secret, box),
        "enabled": spec.enabled,
    }


def _sealed(secret: Secret, box: SecretBox) -> bytes | None:
    return box.seal(secret.get_secret_value()) if isinstance(secret, SecretStr) else None


def _sealed_header(value: object, standing: Json, box: SecretBox) -> Json:
    match value:
        case SecretStr():
            return {SEALED: box.seal(value.get_secret_value()).decode()}
        case Kept():
            return standing
        case _:
            return value
