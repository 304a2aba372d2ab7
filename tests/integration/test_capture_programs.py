"""Random programs of an application against a model: every committed change one event, every other none."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Database
from tests.factories import ALLOW_REWRITE
from tests.sources import Source

pytestmark = pytest.mark.parametrize("server", [16, 18], indirect=True)

APPLICATION = """
CREATE TABLE contract (id int, region text NOT NULL, title text, seen int, PRIMARY KEY (id, region))
  PARTITION BY LIST (region);
CREATE TABLE contract_a PARTITION OF contract FOR VALUES IN ('a');
CREATE TABLE contract_b PARTITION OF contract FOR VALUES IN ('b');
CREATE TABLE plain (id int PRIMARY KEY, title text, seen int);
CREATE TABLE child (id int, plain_id int REFERENCES plain ON DELETE CASCADE, PRIMARY KEY (id));
CREATE INDEX ON child (plain_id);
"""
MAPPING: dict[str, Any] = {
    "contract": {
        "query": "SELECT id::text AS contract_id, region AS business_unit, 'x' AS status, title FROM contract"
        " UNION ALL SELECT 'p' || id, 'p', 'x', title FROM plain"
    },
    "business_unit": {"query": "SELECT 'a' AS business_unit, 'A' AS name"},
    "capture": [
        {"trigger": trigger, "table": table, "on": on, "contract": contract, **({"ignore": ["seen"]} if ignore else {})}
        for trigger, table, on, contract, ignore in (
            ("create", "contract", "insert", "new.id", False),
            ("update", "contract", "update", "new.id", True),
            ("review", "contract", "delete", "old.id", False),
            ("create", "plain", "insert", "'p' || new.id", False),
            ("update", "plain", "update", "'p' || new.id", True),
            ("review", "plain", "delete", "'p' || old.id", False),
            ("send", "child", ["insert", "delete"], "'p' || coalesce(new.plain_id, old.plain_id)", False),
            ("expired", "child", "insert", "'p' || new.plain_id", False),
        )
    ],
}

IDS = st.integers(1, 4)
TITLES = st.sampled_from(["x", "y", "z"])
REGIONS = st.sampled_from(["a", "b"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["insert", "upsert", "merge", "update", "see"]), IDS, TITLES),
    st.tuples(st.sampled_from(["update_all", "copy"]), TITLES),
    st.tuples(st.sampled_from(["delete", "child", "orphan"]), IDS),
    st.tuples(st.just("move"), IDS, REGIONS, TITLES),
    st.tuples(st.just("arrive"), IDS, REGIONS, TITLES),
    st.tuples(st.sampled_from(["savepoint", "rollback_to", "release", "immediate"])),
)
PROGRAMS = st.lists(st.tuples(st.lists(STEPS, max_size=8), st.booleans()), min_size=1, max_size=4)


@dataclass
class Model:
    """What the tables hold and which events are due, in plain Python."""

    plain: dict[int, str] = field(default_factory=dict)
    moving: dict[int, tuple[str, str]] = field(default_factory=dict)
    children: dict[int, int] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)

    def copy(self) -> "Model":
        """The same, apart."""
        return Model(dict(self.plain), dict(self.moving), dict(self.children), list(self.events))

    def put(self, key: int, title: str) -> None:
        """Inserts or updates a plain row."""
        if key not in self.plain:
            self.events.append(("create", f"p{key}"))
        elif self.plain[key] != title:
            self.events.append(("update", f"p{key}"))
        self.plain[key] = title

    def drop(self, key: int) -> None:
        """Deletes a plain row, and its children after it."""
        if self.plain.pop(key, None) is not None:
            self.events.append(("review", f"p{key}"))
            for child in [one for one, parent in self.children.items() if parent == key]:
                self.events.append(("send", f"p{key}"))
                del self.children[child]


def run(connection: "psycopg.Connection[Any]", model: Model, step: tuple[Any, ...], number: int) -> None:
    """One step, in the database and in the model."""
    match step:
        case ("immediate",):
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
        case ("insert" | "upsert" | "merge" | "update" | "see", _, _):
            run_on_one(connection, model, step)
        case ("update_all" | "copy", title):
            run_on_many(connection, model, step[0], title)
        case ("delete" | "child", key):
            run_cascade(connection, model, step[0], key, number)
        case _:
            run_partitioned(connection, model, step)


def run_on_one(connection: "psycopg.Connection[Any]", model: Model, step: tuple[Any, ...]) -> None:
    """A step on one row of the table that is in one piece."""
    kind, key, title = step
    stood = key in model.plain
    match kind:
        case "insert":
            connection.execute("INSERT INTO plain VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, title))
        case "upsert":
            connection.execute(
                "INSERT INTO plain VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET title = excluded.title", (key, title)
            )
        case "merge":
            connection.execute(
                "MERGE INTO plain p USING (SELECT CAST(%s AS int) AS id, CAST(%s AS text) AS title) s ON p.id = s.id"
                " WHEN MATCHED THEN UPDATE SET title = s.title"
                " WHEN NOT MATCHED THEN INSERT (id, title) VALUES (s.id, s.title)",
                (key, title),
            )
        case "update":
            connection.execute("UPDATE plain SET title = %s WHERE id = %s", (title, key))
        case _:
            connection.execute("UPDATE plain SET seen = coalesce(seen, 0) + 1 WHERE id = %s", (key,))
    if kind in ("upsert", "merge") or (kind, stood) in (("insert", False), ("update", True)):
        model.put(key, title)


def run_on_many(connection: "psycopg.Connection[Any]", model: Model, kind: str, title: str) -> None:
    """A step on many rows of the table that is in one piece."""
    if kind == "update_all":
        connection.execute("UPDATE plain SET title = %s", (title,))
        keys = list(model.plain)
    else:
        keys = [key for key in range(5, 8) if key not in model.plain]
        with connection.cursor() as cursor, cursor.copy("COPY plain (id, title) FROM STDIN") as copy:
            for key in keys:
                copy.write_row((key, title))
    for key in keys:
        model.put(key, title)


def run_cascade(connection: "psycopg.Connection[Any]", model: Model, kind: str, key: int, number: int) -> None:
    """A step on a parent and its children."""
    if kind == "delete":
        connection.execute("DELETE FROM plain WHERE id = %s", (key,))
        model.drop(key)
        return
    connection.execute("INSERT INTO child SELECT %s, id FROM plain WHERE id = %s", (number, key))
    if key in model.plain:
        model.children[number] = key
        model.events.append(("send", f"p{key}"))
        model.events.append(("expired", f"p{key}"))


def run_partitioned(connection: "psycopg.Connection[Any]", model: Model, step: tuple[Any, ...]) -> None:
    """A step on the table in partitions."""
    match step:
        case ("orphan", key):
            connection.execute("DELETE FROM contract WHERE id = %s", (key,))
            if model.moving.pop(key, None):
                model.events.append(("review", str(key)))
        case ("arrive", key, region, title) if key not in model.moving:
            connection.execute("INSERT INTO contract VALUES (%s, %s, %s)", (key, region, title))
            model.moving[key] = (region, title)
            model.events.append(("create", str(key)))
        case ("move", key, region, title):
            connection.execute("UPDATE contract SET region = %s, title = %s WHERE id = %s", (region, title, key))
            if key in model.moving and model.moving[key] != (region, title):
                model.moving[key] = (region, title)
                model.events.append(("update", str(key)))
        case _:  # one that arrives where it is already
            pass


def run_transaction(
    connection: "psycopg.Connection[Any]", model: Model, steps: list[tuple[Any, ...]], first: int
) -> Model:
    """One transaction with its savepoints; the model as the commit would leave it."""
    saved: list[Model] = []
    for number, step in enumerate(steps, start=first):
        match step:
            case ("savepoint",):
                connection.execute("SAVEPOINT s")
                saved.append(model.copy())
            case ("rollback_to",) if saved:
                connection.execute("ROLLBACK TO s")
                model = saved[-1].copy()
            case ("release",) if saved:
                connection.execute("RELEASE s")
                saved.pop()
            case ("rollback_to" | "release",):
                pass
            case _:
                run(connection, model, step, number)
    return model


@pytest.fixture
def source(database: Database) -> Source:
    """Both tables, captured."""
    made = Source(database, APPLICATION)
    made.install(MAPPING)
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=PROGRAMS)
def test_events_equal_a_model(source: Source, program: list[tuple[list[tuple[Any, ...]], bool]]) -> None:
    """Invariants 7 and 8: whatever an application does, its events are exactly those of the model."""
    model = Model()
    with closing(source.database.connect()) as connection:
        connection.execute(ALLOW_REWRITE)
        connection.execute("TRUNCATE contract, plain, child, outbox.inbox, outbox.event, outbox.capture_error")
        connection.commit()
        for at, (steps, commits) in enumerate(program):
            after = run_transaction(connection, model.copy(), steps, at * 100)
            if commits:
                connection.commit()
                model = after
            else:
                connection.rollback()
        events = connection.execute("SELECT trigger, contract_id FROM outbox.event").fetchall()
        left = connection.execute("SELECT count(*) FROM outbox.inbox").fetchone()
        failed = connection.execute("SELECT * FROM outbox.capture_error").fetchall()
    assert failed == []
    assert sorted(events) == sorted(model.events)
    assert left == (len(model.events),)
