"""A database in which every page of the dashboard has something to show: alike for each business unit, marked by words.

What is planted for one unit carries one word in whatever is text, and numbers of its own in whatever is an id: a page
that shows either to somebody who may not see the unit has leaked it.
"""

import json
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql as sql_of
from sqlalchemy import create_engine, text

from outbox.connector_edits import Author, create_connector, edit_connector
from outbox.connector_input import parse_spec
from outbox.connectors import find_connector
from outbox.install import install
from outbox.mapping import Mapping
from outbox.resources import folder
from outbox.secret_box import SecretBox
from outbox_demo.sample import SAMPLE
from tests.conftest import Database
from tests.factories import (
    Connection,
    hold,
    insert_attempt,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_queued,
)
from tests.postgres import Server

SECRET = "planted-secret"
"""How every secret begins that is planted here; none may ever be seen again."""
SCRIPT = "<script>window.planted = 1</script>"
"""What receivers answer: text, wherever it is shown."""
AGE = timedelta(hours=3, minutes=30)


@dataclass(frozen=True)
class Unit:
    """One business unit, and what marks all that is its: a word, and how its contracts' and events' ids begin."""

    id: str
    word: str
    contracts: int
    events: int

    @property
    def name(self) -> str:
        """Of the business unit itself."""
        return f"{self.word.title()} unit"


ALFA = Unit("9011", "alfa", 4_711_000, 1_000)
ZULU = Unit("9012", "zulu", 9_922_000, 880_000)
UNCOVERED = Unit("9013", "kilo", 5_533_000, 550_000)
"""Nobody's: no connector is there for it."""
UNITS = (ALFA, ZULU, UNCOVERED)
_NAMED = "INSERT INTO business_unit (id, name, country) OVERRIDING SYSTEM VALUE VALUES (:id, :name, 'CH')"


@dataclass(frozen=True)
class Planted:
    """What there is of a unit, by what became of it: event and connector of each delivery, connectors, contracts."""

    unit: Unit
    connectors: dict[str, int]
    deliveries: dict[str, tuple[int, int]]
    contract: str

    @property
    def parts(self) -> dict[str, str]:
        """What stands for each variable part of a path."""
        event, connector = self.deliveries["delivered"]
        named = {"connector": str(connector), "connector_name": f"{self.unit.word} crm", "event": str(event)}
        return {**named, "contract": self.contract}


def install_dashboard_sample(server: Server, database: str) -> None:
    """The sample contract application, with three further business units, and the example mapping, installed."""
    engine = create_engine(server.sqlalchemy_url(database))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(SAMPLE.read_text(encoding="utf-8"))
            for unit in UNITS:
                connection.execute(text(_NAMED), {"id": int(unit.id), "name": unit.name})
        install(engine, Mapping.model_validate(tomllib.loads((folder("config") / "source.toml").read_text())))
    finally:
        engine.dispose()


class Planter:
    """Plants what belongs to one unit, `AGE` ago, so that two looks at it find the same."""

    def __init__(self, database: Database, sql: Connection, box: SecretBox, unit: Unit) -> None:
        self._database, self._sql, self._box, self._unit = database, sql, box, unit
        self._at = datetime.now(UTC) - AGE
        self._deliveries: dict[str, tuple[int, int]] = {}

    def plant(self) -> Planted:
        """All of it."""
        unit, sql = self._unit, self._sql
        sql.execute("SELECT setval('outbox.event_id', %s)", [unit.events])
        self._plant_source()
        connectors = {} if unit is UNCOVERED else self._plant_connectors()
        if connectors:
            self._plant_deliveries(connectors)
        self._plant_not_sent(connectors)
        self._plant_records(connectors)
        return Planted(unit, connectors, self._deliveries, str(unit.contracts))

    def _plant_source(self) -> None:
        """Contracts of the application, as they stand; no capture trigger sees them come."""
        word, unit = self._unit.word, self._unit.id
        with self._sql.transaction():
            self._sql.execute("SET LOCAL session_replication_role = replica")
            extra = {"segment": f"{word}-segment", f"{word}_key": 1}
            company = {"id": int(unit), "business_unit_id": int(unit), "name": f"{word} company", "extra": extra}
            self._insert("company", **company)
            for number in range(8):
                self._insert(
                    "contract",
                    id=self._unit.contracts + number,
                    number=f"{word}-C-{number}",
                    title=f"{word} agreement {number}",
                    business_unit_id=int(unit),
                    company_id=int(unit),
                    status="sent",
                    amount=1200.50 + number,
                    expires_at=self._at + timedelta(days=3 + number),
                )

    def _insert(self, table: str, **values: Any) -> None:
        statement = sql_of.SQL("INSERT INTO public.{} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
            sql_of.Identifier(table),
            sql_of.SQL(", ").join(map(sql_of.Identifier, values)),
            sql_of.SQL(", ").join(map(sql_of.Placeholder, values)),
        )
        written = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in values.items()}
        self._sql.execute(statement, written)

    def _plant_connectors(self) -> dict[str, int]:
        """One that is well, and edited; one that is held; one that is disabled."""
        made = {name: self._connector(name) for name in ("crm", "erp", "desk")}
        with self._database.engine.begin() as connection:
            standing = find_connector(connection, self._box, f"{self._unit.word} crm")
            asked = standing.spec.model_copy(update={"url": f"http://127.0.0.1:9/{self._unit.word}/crm/v2"})
            edit_connector(connection, standing, asked, box=self._box, author=Author(f"{self._unit.word}-ed", "page"))
            standing = find_connector(connection, self._box, f"{self._unit.word} desk")
            asked = standing.spec.model_copy(update={"enabled": False})
            edit_connector(connection, standing, asked, box=self._box, author=Author(f"{self._unit.word}-ed", "page"))
        hold(self._sql, made["erp"], f"10 attempts in a row failed: {self._unit.word} is down")
        return made

    def _connector(self, name: str) -> int:
        word = self._unit.word
        spec = parse_spec(
            {
                "name": f"{word} {name}",
                "business_units": [self._unit.id],
                "triggers": ["create", "update", "send"],
                "url": f"http://127.0.0.1:9/{word}/{name}",
                "secret": f"{SECRET}-basic-{word}",
                "signing_secret": "whsec_cGxhbnRlZC1zZWNyZXQtc2lnbmluZy0wMTIz",
                "headers": {"X-Api-Key": f"{SECRET}-header-{word}"},
                "company_fields": ["segment"],
                "field_mapping": [{"field": "title", "property": f"{word}.Title"}],
            },
            label="planted",
        )
        with self._database.engine.begin() as connection:
            return create_connector(connection, spec, box=self._box, author=Author(f"{word}-ed", "page"))

    def _event(self, contract: int, trigger: str = "update", **values: Any) -> int:
        word, number = self._unit.word, self._unit.contracts + contract
        self._at += timedelta(seconds=7)
        sane = {
            "occurred_at": self._at,
            "business_unit": self._unit.id,
            "status": "sent",
            "document": {"title": f"{word} agreement {contract}", "number": f"{word}-C-{contract}", "amount": 1200.5},
            "changed": {"title": [f"{word} before", f"{word} agreement {contract}"]} if trigger == "update" else None,
        }
        return insert_event(self._sql, str(number), trigger, **{**sane, **values})

    def _delivery(self, became: str, connector: int, contract: int, trigger: str = "update") -> int:
        event = self._event(contract, trigger)
        insert_decision(self._sql, event, "deliver", connector_id=connector, decided_at=self._at)
        body = json.dumps({"id": event, "trigger": trigger, "contract": {"title": f"{self._unit.word} {SCRIPT}"}})
        insert_delivery(self._sql, event, connector, body=body.encode(), created_at=self._at)
        self._deliveries[became] = (event, connector)
        return event

    def _attempt(self, event: int, connector: int, number: int = 1, **values: Any) -> None:
        word = self._unit.word
        self._at += timedelta(seconds=3)
        sane = {
            "started_at": self._at,
            "url": f"https://{word}.example/crm",
            "worker": f"{word}-host:1",
            "timings": {"dns": 1.0, "connect": 2.0, "tls": 3.0, "first_byte": 20.0},
            "request_headers": {"Content-Type": "application/json", "Authorization": "(redacted)"},
            "response_headers": {"Server": f"{word}-server", "X-Note": SCRIPT},
            "response_body": f"{word} says {SCRIPT}".encode(),
        }
        insert_attempt(self._sql, event, connector, number, **{**sane, **values})

    def _plant_deliveries(self, connectors: dict[str, int]) -> None:
        """One in each state, with attempts of several outcomes; two stand behind each other in a lane."""
        word, crm, erp = self._unit.word, connectors["crm"], connectors["erp"]
        event = self._delivery("delivered", crm, 0, "create")
        self._attempt(event, crm, 1, outcome="http_error", status_code=503, error=f"{word}: HTTP 503")
        self._attempt(event, crm, 2, outcome="timeout", status_code=None, error=f"{word}: no answer within 15 s")
        self._attempt(event, crm, 3)
        event = self._delivery("dead", crm, 1)
        dead = {"outcome": "http_error", "status_code": 404, "error_code": "http_404", "settled": "dead"}
        self._attempt(event, crm, 1, error=f"{word}: HTTP 404 Not Found", **dead)
        event = self._delivery("pending", crm, 2)
        self._attempt(event, crm, 1, outcome="connect", status_code=None, error=f"{word}: connection refused")
        queued = {"due_in": 86_400, "attempts": 1, "tries": 1, "last_error": f"{word}: connection refused"}
        insert_queued(self._sql, event, crm, **queued)
        insert_queued(self._sql, self._delivery("blocked", crm, 2, "send"), crm, ready=False)
        insert_queued(self._sql, self._delivery("leased", crm, 3), crm, leased=f"{word}-host:1", due_in=86_400)
        insert_queued(self._sql, self._delivery("held", erp, 4), erp, last_error=f"{word}: HTTP 500")
        event = self._delivery("cancelled", connectors["desk"], 5)
        gone = {"outcome": "interrupted", "status_code": None, "error_code": "cancelled", "settled": "cancelled"}
        self._attempt(event, connectors["desk"], 1, error=f"cancelled by {word}-ed", **gone)
        event, crm = self._deliveries["delivered"]
        self._sql.execute(
            "INSERT INTO outbox.replay VALUES (%s, %s, 'again', %s, %s)", [event, crm, self._at, f"{word}-ed"]
        )

    def _plant_not_sent(self, connectors: dict[str, int]) -> None:
        """An event for every reason that there is to send nothing."""
        event = self._event(6, "review", detail={"reviewer": f"{self._unit.word} reviewer", "verdict": "approved"})
        if not connectors:
            insert_decision(self._sql, event, "no_connector", decided_at=self._at)
            return
        insert_decision(self._sql, event, "trigger_not_chosen", connector_id=connectors["crm"], decided_at=self._at)
        insert_decision(self._sql, self._event(6), "discarded", connector_id=connectors["desk"], decided_at=self._at)
        insert_decision(self._sql, self._event(7), "coalesced", into_event_id=event, decided_at=self._at)
        for reason in ("unchanged", "contract_gone", "no_connector"):
            insert_decision(self._sql, self._event(7, "expired"), reason, decided_at=self._at)

    def _plant_records(self, connectors: dict[str, int]) -> None:
        """Faults of capture, an erasure, and what people of this unit looked at."""
        word, contract = self._unit.word, str(self._unit.contracts + 5)
        if not connectors:
            return
        self._sql.execute(
            "INSERT INTO outbox.capture_error (occurred_at, rule, table_name, operation, trigger, contract_id, new_row,"
            " sqlstate, message) VALUES (%s, 'update_contract', 'public.contract', 'UPDATE', 'update', %s, %s,"
            " '42703', %s)",
            [self._at, contract, json.dumps({"title": word}), f"column {word} does not exist"],
        )
        self._sql.execute(
            "INSERT INTO outbox.access_record (at, who, via, act, object, business_units, address)"
            " VALUES (%s, %s, 'page', 'looked', %s, %s, '192.0.2.1')",
            [self._at, f"{word}-ed", f"contract '{contract}'", [self._unit.id]],
        )


def plant(database: Database, sql: Connection, box: SecretBox, unit: Unit) -> Planted:
    """Plants a unit."""
    return Planter(database, sql, box, unit).plant()
