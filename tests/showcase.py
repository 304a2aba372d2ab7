"""Two days of a contract company for the screenshots: made by the product itself, then put back in time."""

import hashlib
import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from outbox.connector_edits import Author, create_connector, edit_connector
from outbox.connector_input import parse_spec
from outbox.connectors import find_connector
from outbox.daily import close_days
from outbox.figuring import count_figures
from outbox.install import install
from outbox.mapping import Mapping
from outbox.migrations import migrate
from outbox.resources import folder
from outbox.secret_box import SecretBox
from outbox_demo.sample import SAMPLE
from tests.conftest import Database
from tests.factories import ALLOW_REWRITE, Connection, connect
from tests.receiver import Answer, Received, receiver
from tests.relays import relay_on
from tests.web import KEY

BACK = Path(__file__).with_suffix(".sql")
CONTRACTS = 240
HOURS = 47.0
NIGHT_GAP = 7.0
GOODS = ("Framework agreement", "Maintenance 2027", "Power supply", "Lease of office", "Licences", "Freight rates")
EVERYTHING = ["create", "update", "send", "review", "expired"]
CONNECTORS: tuple[tuple[str, str, list[str], list[str], int], ...] = (
    ("CRM", "crm", ["2", "3"], EVERYTHING, 38),
    ("ERP bookings", "erp", ["3", "4"], ["create", "update"], 130),
    ("Signing desk", "desk", ["1", "2"], ["send", "review"], 62),
    ("Data lake", "lake", ["*"], ["create", "update", "send", "review"], 24),
    ("Group reporting", "group", ["1", "4"], ["create", "send", "review", "expired"], 310),
    ("Partner portal", "partners", ["4"], ["create", "send"], 95),
    ("Legacy archive", "archive", ["1"], ["update"], 70),
)
"""Name, path, business units, triggers, and how long an answer takes in milliseconds."""


def _answer(got: Received) -> Answer:
    """The partners are down, the archive misses some, the lake fails a few at first; the others are well."""
    die = hashlib.sha256(got.headers["webhook-id"].encode()).digest()[0]
    headers = {"content-type": "application/json", "server": "nginx"}
    match got.path:
        case "/partners":
            return Answer(503, headers, b'{"error":"maintenance","until":"later today"}')
        case "/archive" if die < 10:
            return Answer(404, headers, b'{"error":"no such contract"}')
        case "/lake" if die < 30 and got.headers["outbox-attempt"] == "1":
            return Answer(500, headers, b'{"error":"upstream timed out"}')
    return Answer(200, headers, b'{"status":"accepted"}')


@contextmanager
def showcase(database: Database) -> Iterator[Connection]:
    """Fills the database, and keeps a connection to it."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(SAMPLE.read_text(encoding="utf-8"))
    migrate(database.engine)
    mapping = (folder("config") / "source.toml").read_text(encoding="utf-8")
    install(database.engine, Mapping.model_validate(tomllib.loads(mapping)))
    with connect(database) as sql, receiver(_answer) as remote:
        _make_connectors(database, remote.url)
        _live(sql)
        with relay_on(database, keys=[KEY], hold_after_failures=12) as relay:
            relay.run_until_idle()
        _put_back(sql, remote.url)
        count_figures(database.engine, chore="figures", seconds=60)
        close_days(database.engine, chore="close days", seconds=600)
        yield sql


def _make_connectors(database: Database, url: str) -> None:
    box = SecretBox([SecretStr(KEY)])
    for name, path, units, triggers, _ in CONNECTORS:
        written: dict[str, Any] = {"name": name, "business_units": units, "triggers": triggers, "url": f"{url}/{path}"}
        written |= {"secret": "your_secret_key", "schedule": [0.01, 0.01], "order": "none"}
        if path == "crm":
            pairs = (("amount", "DealValue"), ("number", "Deal.Number"))
            written["field_mapping"] = [{"field": field, "property": one} for field, one in pairs]
        with database.engine.begin() as connection:
            asked = parse_spec(written, label=name)
            create_connector(connection, asked, box=box, author=Author("l.keller", "page"))
    with database.engine.begin() as connection:
        standing = find_connector(connection, box, "CRM")
        asked = standing.spec.model_copy(update={"company_fields": ("segment", "account_manager")})
        edit_connector(connection, standing, asked, box=box, author=Author("s.akesson", "page"))


def _live(sql: Connection) -> None:
    """What people do with contracts, each in a transaction of its own: the same at every run."""
    dice = random.Random(4711)
    companies = sql.execute("SELECT id, business_unit_id FROM public.company ORDER BY id").fetchall()
    contracts: list[int] = []
    for number in range(CONTRACTS):
        company, unit = dice.choice(companies)
        row = sql.execute(
            "INSERT INTO public.contract (number, title, business_unit_id, company_id, amount, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, now() + make_interval(days => %s)) RETURNING id",
            [
                *(f"C-{4_100 + number}", dice.choice(GOODS), unit, company),
                *(dice.randrange(500, 90_000) / 4, dice.randrange(2, 90)),
            ],
        ).fetchall()[0]
        contracts.append(int(str(row[0])))
        for _ in range(dice.randrange(1, 4)):
            _act(sql, dice.choice(contracts[-12:]), dice)


def _act(sql: Connection, contract: int, dice: random.Random) -> None:
    match dice.choice(("amount", "amount", "send", "send", "review")):
        case "amount":
            sql.execute("UPDATE public.contract SET amount = amount + 100 WHERE id = %s", [contract])
        case "send":
            sql.execute(
                "INSERT INTO public.contract_email (contract_id, recipient_email, kind) VALUES (%s, %s, 'invitation')",
                [contract, f"{contract}.signer@example.com"],
            )
        case "review":
            sql.execute(
                "INSERT INTO public.checkout_review (contract_id, reviewer, verdict)"
                " VALUES (%s, 'N. Lefèvre', 'approved')",
                [contract],
            )


def _moments(events: list[int]) -> list[datetime]:
    """When each event was: over two days, fewer by night than by day, the last a moment ago."""
    now = datetime.now(UTC) - timedelta(seconds=15)
    even = [now - timedelta(hours=HOURS) * (1 - place / len(events)) for place, _ in enumerate(events, start=1)]
    passed = list(accumulate(NIGHT_GAP if one.hour >= 20 or one.hour < 5 else 1.0 for one in even))
    return [now - timedelta(hours=HOURS) * (1 - one / passed[-1]) for one in passed]


def _put_back(sql: Connection, url: str) -> None:
    """As if it had all happened then, and at hosts that have names."""
    events = [int(str(row[0])) for row in sql.execute("SELECT id FROM outbox.event ORDER BY id").fetchall()]
    with sql.transaction():
        sql.execute(ALLOW_REWRITE)
        sql.execute("CREATE TEMPORARY TABLE moved (event_id bigint PRIMARY KEY, at timestamptz) ON COMMIT DROP")
        with sql.cursor() as cursor, cursor.copy("COPY moved FROM STDIN") as copy:
            for row in zip(events, _moments(events), strict=True):
                copy.write_row(row)
        sql.execute("CREATE TEMPORARY TABLE pace (path text, ms numeric) ON COMMIT DROP")
        for _, path, _, _, milliseconds in CONNECTORS:
            sql.execute("INSERT INTO pace VALUES (%s, %s)", [path, milliseconds])
        for name, value in (("url", url), ("host", url.rpartition("/")[2])):
            sql.execute("SELECT set_config('showcase.' || %s, %s, true)", [name, value])
        sql.execute(BACK.read_bytes())
    sql.execute("ANALYZE")
