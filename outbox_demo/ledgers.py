"""Reads the three books into plain values; knows files and SQL, and none of the product's code.

In a demo's folder: `journal.jsonl` (the application), `outbox.jsonl` (copied from the database by `copy_outbox`),
`receivers/*.jsonl` (one log each), `config/` (the mapping and the connectors as written).
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

EVENTS = """
  SELECT e.id, e.xid::text, e.contract_id, e.trigger, coalesce(e.detail, 'null')::text,
         i.event_id IS NULL,
         NOT EXISTS (SELECT FROM outbox.decision d
                     WHERE d.event_id = e.id AND d.reason IN ('coalesced', 'unchanged', 'contract_gone'))
  FROM outbox.event e LEFT JOIN outbox.inbox i ON i.event_id = e.id
  ORDER BY e.id
"""
DELIVERIES = """
  SELECT v.event_id, v.connector, v.state::text, encode(sha256(d.body), 'hex')
  FROM outbox_audit.deliveries v
  JOIN outbox.connector c ON c.name = v.connector AND c.removed_at IS NULL
  JOIN outbox.delivery d ON d.event_id = v.event_id AND d.connector_id = c.id
"""
TOUCHED = """
  SELECT c.name FROM outbox.connector c
  WHERE c.version > 1 OR c.removed_at IS NOT NULL
     OR EXISTS (SELECT FROM outbox.connector o WHERE o.id <> c.id AND o.url = c.url)
     OR EXISTS (SELECT FROM outbox.replay r WHERE r.connector_id = c.id)
     OR EXISTS (SELECT FROM outbox.attempt a
                WHERE a.connector_id = c.id AND (a.kind <> 'auto' OR a.settled = 'cancelled'))
  ORDER BY c.name
"""


@dataclass(frozen=True)
class Done:
    """One transaction of the application; `detail` in its deeds is canonical JSON."""

    xid: str
    committed: bool
    deeds: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Captured:
    """One event as the outbox has it; it stands unless it was coalesced, unchanged, or its contract is gone."""

    id: int
    xid: str
    contract: str
    trigger: str
    detail: str
    routed: bool
    stands: bool


@dataclass(frozen=True)
class Answer:
    """One request that a receiver has answered; `status` None: closed without an answer."""

    receiver: str
    connector: str
    webhook_id: str | None
    event: str | None
    status: int | None
    sha256: str

    @property
    def accepted(self) -> bool:
        """Whether the sender was told that all is well."""
        return self.status in range(200, 300)


@dataclass(frozen=True)
class Connector:
    """A connector as written: what it takes, and the path of its URL, by which its receiver's log names it."""

    name: str
    path: str
    units: frozenset[str]
    triggers: frozenset[str]

    def takes(self, *, unit: str, trigger: str) -> bool:
        """Whether a delivery is due to it."""
        return trigger in self.triggers and ("*" in self.units or unit in self.units)


@dataclass(frozen=True)
class Books:
    """All three books, and what was written about who gets what.

    `touched`: connectors that somebody changed, copied, tested, replayed or cancelled at: no book says what they owe.
    """

    transactions: Sequence[Done]
    ignored: frozenset[str]
    connectors: Sequence[Connector]
    events: Sequence[Captured]
    states: Mapping[tuple[int | None, str], str]
    bodies: Mapping[tuple[int, str], str]
    answers: Sequence[Answer]
    touched: Sequence[str] = ()

    @property
    def unrouted(self) -> frozenset[int]:
        """Events that the relay has not decided on yet."""
        return frozenset(event.id for event in self.events if not event.routed)


def copy_outbox(dsn: str, folder: Path) -> None:
    """Writes what the outbox says into the folder, so that the books can be compared without the server."""
    with psycopg.connect(dsn) as connection, (folder / "outbox.jsonl").open("w", encoding="utf-8") as out:
        for row in connection.execute(EVENTS):
            out.write(json.dumps({"event": row}) + "\n")
        for row in connection.execute(DELIVERIES):
            out.write(json.dumps({"delivery": row}) + "\n")
        for (name,) in connection.execute(TOUCHED):
            out.write(json.dumps({"touched": name}) + "\n")
        for xid in in_doubt(folder):
            [status] = connection.execute("SELECT pg_xact_status(%s::xid8)", [xid]).fetchone() or [None]
            out.write(json.dumps({"transaction": [xid, status]}) + "\n")


def in_doubt(folder: Path) -> list[str]:
    """Transactions whose outcome the journal lacks, since the application ended in between."""
    lines = list(_lines(folder / "journal.jsonl"))
    settled = {line["xid"] for line in lines if "outcome" in line}
    return [line["xid"] for line in lines if "deeds" in line and line["xid"] not in settled]


def read_connectors(folder: Path) -> list[Connector]:
    """The connectors as written in the folder's configuration."""
    written = tomllib.loads((folder / "config" / "connectors.toml").read_text(encoding="utf-8"))["connector"]
    return [
        Connector(one["name"], urlsplit(one["url"]).path, frozenset(one["business_units"]), frozenset(one["triggers"]))
        for one in written
    ]


def read_books(folder: Path) -> Books:
    """The books of one demo; raises FileNotFoundError when one is missing."""
    source = tomllib.loads((folder / "config" / "source.toml").read_text(encoding="utf-8"))
    connectors = read_connectors(folder)
    names = {connector.path: connector.name for connector in connectors}
    outbox = list(_lines(folder / "outbox.jsonl"))
    deliveries = [line["delivery"] for line in outbox if "delivery" in line]
    statuses = dict(line["transaction"] for line in outbox if "transaction" in line)
    return Books(
        transactions=_transactions(folder / "journal.jsonl", statuses),
        ignored=frozenset(name for rule in source["capture"] for name in rule.get("ignore", ())),
        connectors=connectors,
        events=[_event(line["event"]) for line in outbox if "event" in line],
        states={(event, connector): state for event, connector, state, _ in deliveries},
        bodies={(event, connector): sha256 for event, connector, _, sha256 in deliveries},
        answers=[
            Answer(
                line["receiver"], names.get(line["path"], line["path"]), line["webhook_id"],
                line["event"], line["status"], line["sha256"],
            )
            for file in sorted((folder / "receivers").glob("*.jsonl"))
            for line in _lines(file)
        ],
        touched=[line["touched"] for line in outbox if "touched" in line],
    )  # fmt: skip


def _transactions(journal: Path, statuses: Mapping[str, str]) -> list[Done]:
    lines = list(_lines(journal))
    outcomes = {**statuses, **{line["xid"]: line["outcome"] for line in lines if "outcome" in line}}
    return [
        Done(line["xid"], outcomes.get(line["xid"]) == "committed", tuple(map(_deed, line["deeds"])))
        for line in lines
        if "deeds" in line
    ]


def _deed(deed: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**deed, "detail": _canonical(deed["detail"])} if "detail" in deed else deed


def _event(row: Sequence[Any]) -> Captured:
    event, xid, contract, trigger, detail, routed, stands = row
    return Captured(event, xid, contract, trigger, _canonical(json.loads(detail)), routed, stands)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
