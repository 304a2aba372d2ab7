"""Encrypts every stored secret anew with the first key, so that older keys can be let go."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from outbox.connectors import SEALED
from outbox.errors import SecretError
from outbox.model import Json
from outbox.resources import query
from outbox.secret_box import SecretBox

COLUMNS = ("secret", "signing_secret", "signing_secret_old")


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many connectors have their secrets under the first key now, and the names of those no key opens."""

    done: int
    unopened: tuple[str, ...]


def rekey(connection: Connection, box: SecretBox) -> Rekeyed:
    """Encrypts anew what can be opened, in the caller's transaction; what no key opens stays as it is."""
    resealed: list[dict[str, object]] = []
    unopened: list[str] = []
    for row in connection.execute(query("connector_sealed")):
        try:
            resealed += _resealed(row, box)
        except SecretError:
            unopened.append(row.name)
    if resealed:
        connection.execute(query("connector_reseal"), _by_column(resealed))
    return Rekeyed(len(resealed), tuple(unopened))


def _resealed(row: Row[Any], box: SecretBox) -> list[dict[str, object]]:
    """The row's ciphertexts anew; nothing for a connector without secrets."""
    headers: dict[str, Json] = json.loads(row.headers)
    sealed = {name: value[SEALED] for name, value in headers.items() if not isinstance(value, str)}
    columns = {name: getattr(row, name) for name in COLUMNS}
    if not sealed and not any(columns.values()):
        return []
    headers |= {name: {SEALED: box.reseal(text.encode()).decode()} for name, text in sealed.items()}
    opened = {name: None if value is None else box.reseal(bytes(value)) for name, value in columns.items()}
    return [{"id": row.id, "headers": json.dumps(headers), **opened}]


def _by_column(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    binds = {"secret": "secrets", "signing_secret": "signing_secrets", "signing_secret_old": "signing_secrets_old"}
    names = {"id": "ids", "headers": "headers", **binds}
    return {bind: [row[column] for row in rows] for column, bind in names.items()}
