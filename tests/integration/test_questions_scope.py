"""Questions of somebody who is limited to business units: nothing of another unit shows, whatever is asked and how."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from outbox.access import Within
from outbox.errors import ConfigurationError, RefusedError
from outbox.model import Json
from outbox.questions import answer
from outbox.questions.library import shelf
from outbox.questions.reading import Asked, Rows, read_only
from outbox.questions.values import values_of
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    create_source,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_queued,
)

OURS: Within = ("bu1",)


class Ground:
    """Two business units: `crm` reports for one, `hidden` for the other, `both` for both; contract k1 moved."""

    def __init__(self, database: Database, db: Connection) -> None:
        self._database = database
        self.db = db
        create_source(db)
        self.ids: dict[str, int] = {}
        for name, units in (("crm", ["bu1"]), ("hidden", ["bu2"]), ("both", ["bu1", "bu2"])):
            self.connector(name, units)

    def connector(self, name: str, units: list[str], *, then: list[str] | None = None) -> None:
        """A connector of these business units, whose first version had others where `then` says so."""
        self.ids[name] = insert_connector(self.db, name, business_units=units)
        spec = {
            "name": name,
            "business_units": then or units,
            "triggers": ["update"],
            "url": "https://crm.example/hook",
        }
        self.db.execute(
            "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_at, changed_by)"
            " VALUES (%s, 1, 'create', %s, '2020-01-01', 'somebody')",
            (self.ids[name], Jsonb(spec)),
        )

    def sent(self, unit: str, contract: str = "k1", connector: str = "both", **attempt: Any) -> int:
        """An event of the unit that was reported to the connector; its id."""
        event = insert_event(self.db, contract, business_unit=unit, document={"title": f"of {unit}"})
        insert_decision(self.db, event, "deliver", connector_id=self.ids[connector])
        body = json.dumps({"id": event, "business_unit": unit, "contract_id": contract, "contract": {"title": unit}})
        insert_delivery(self.db, event, self.ids[connector], body=body.encode())
        insert_attempt(self.db, event, self.ids[connector], error=f"told {unit}", **attempt)
        return event

    def waiting(self, unit: str, contract: str = "k1", **queued: Any) -> int:
        """An event of the unit that waits for the connector of both; its id."""
        event = insert_event(self.db, contract, business_unit=unit)
        insert_delivery(self.db, event, self.ids["both"])
        insert_queued(self.db, event, self.ids["both"], **queued)
        return event

    def ask(self, name: str, within: Within, **written: str | bool) -> list[dict[str, Json]] | str:
        """The rows of an answer, or its page."""
        shelved = shelf(Path("config"))[name]
        assert shelved.question is not None
        with read_only(self._database.engine, seconds=10) as reading:
            values = values_of(reading.connection, shelved.question, written, within=within)
            given = answer(shelved, Asked(reading, shelved.question.statement, values, 1_000_000))
            return list(given.rows) if isinstance(given, Rows) else given.html

    def rows(self, name: str, within: Within, **written: str | bool) -> list[dict[str, Any]]:
        """The rows of an answer that has rows."""
        found = self.ask(name, within, **written)
        assert isinstance(found, list)
        return found


@pytest.fixture
def ground(database: Database) -> Iterator[Ground]:
    """The two units."""
    with connect(database) as db:
        yield Ground(database, db)


def test_every_question_of_ours_keeps_to_the_units_of_who_asks(ground: Ground) -> None:
    """Each uses `within`; one that does not, such as one of one's own, is refused to who is limited."""
    shelved = shelf(Path("config"))

    assert [name for name, one in shelved.items() if one.question is None or not one.question.scoped] == []
    assert ground.ask("slowest-receivers", OURS) == []


def test_names_of_others_are_as_unknown_as_those_of_nobody(ground: Ground) -> None:
    """A connector and a business unit of another unit are answered like ones that don't exist, and never suggested."""
    refused = []
    for name in ("hidden", "hiddem"):
        with pytest.raises(ConfigurationError) as fault:
            ground.ask("never-confirmed", OURS, connector=name)
        refused.append(str(fault.value).replace(name, "X"))

    assert refused[0] == refused[1]
    assert "hidden" not in refused[1].replace("hiddem", "")
    assert ground.ask("never-confirmed", OURS, connector="both") == []


def test_a_story_has_the_chapters_of_ones_units_alone(ground: Ground) -> None:
    """Events, decisions, attempts, what waits, what could not be captured; an erasure where all was ours."""
    ours, theirs = ground.sent("bu1"), ground.sent("bu2", connector="hidden")
    head, behind = ground.waiting("bu2"), ground.waiting("bu1", ready=False)
    for contract in ("k1", "k9", "k3"):
        ground.db.execute(
            "INSERT INTO outbox.erasure (contract_id, erased_by, reason, events, deliveries, attempts, notes,"
            " cancelled, capture_errors, unclear_errors) VALUES (%s, 'officer', 'for k', 1, 1, 1, 0, 0, 0, 0)",
            (contract,),
        )
    ground.db.execute(
        "INSERT INTO outbox.capture_error (rule, contract_id, sqlstate, message) VALUES ('r', 'k1', '42703', 'gone')"
    )
    ground.sent("bu1", "k3")

    whole, scoped = (
        ground.rows("contract-story", None, contract="k1"),
        ground.rows("contract-story", OURS, contract="k1"),
    )

    assert {row["event_id"] for row in whole} == {ours, theirs, head, behind, None}
    assert {row["event_id"] for row in scoped} == {ours, behind}
    assert "hidden" not in json.dumps(scoped, default=str)
    words = next(row["words"] for row in scoped if row["what"] == "waiting")
    assert "behind an earlier event" in words
    assert f"event {head}" not in words
    assert "erasure" in {row["what"] for row in ground.rows("contract-story", OURS, contract="k3")}
    assert ground.rows("contract-story", OURS, contract="k9") == []


def test_what_was_never_confirmed_is_of_ones_units(ground: Ground) -> None:
    """The connector of both is asked, and counts for one."""
    ours, theirs = ground.waiting("bu1"), ground.waiting("bu2", "k2")

    assert [row["event_id"] for row in ground.rows("never-confirmed", None, connector="both")] == [ours, theirs]
    assert [row["event_id"] for row in ground.rows("never-confirmed", OURS, connector="both")] == [ours]


def test_receivers_are_timed_by_ones_own_reports(ground: Ground) -> None:
    """Counts and times of a shared connector are those of one's units; another's connector is not named."""
    ground.sent("bu1", duration_ms=10.0)
    ground.sent("bu2", duration_ms=9_000.0)
    ground.sent("bu2", connector="hidden")

    (row,) = ground.rows("slowest-receivers", OURS)

    assert (row["connector"], row["attempts"], row["slowest_ms"]) == ("both", 1, 10)
    assert len(ground.rows("slowest-receivers", None)) == 2


def test_an_event_of_others_is_as_unknown_as_one_that_never_was(ground: Ground) -> None:
    """`why-not` says the same of both, also where it was a test."""
    theirs = ground.sent("bu2")
    trial = insert_event(ground.db, business_unit="bu2")
    insert_delivery(ground.db, trial, ground.ids["both"], kind="test", business_unit="bu2")
    insert_attempt(ground.db, trial, ground.ids["both"], kind="test")
    told = set()
    for event in (theirs, trial, 4_711):
        with pytest.raises(ConfigurationError) as fault:
            ground.ask("why-not", OURS, event=str(event), connector="both")
        told.add(str(fault.value).replace(str(event), "N"))

    assert len(told) == 1
    assert ground.rows("why-not", None, event=str(theirs), connector="both")[0]["verdict"] == "delivered"


def test_why_not_names_no_other_unit_and_no_other_units_event(ground: Ground) -> None:
    """What a lane waits behind, what a connector reported for, and what its receiver said to others stay theirs."""
    theirs, ours = ground.waiting("bu2"), ground.waiting("bu1", ready=False)
    other = insert_event(ground.db, business_unit="bu1")
    insert_decision(ground.db, other, "no_connector", decided_at="2030-01-01")
    ground.connector("moved", ["bu1"], then=["bu2", "bu3"])

    steps = ground.rows("why-not", OURS, event=str(ours), connector="both")
    (elsewhere,) = ground.rows("why-not", OURS, event=str(other), connector="moved")

    assert [row["event_id"] for row in ground.rows("why-not", None, event=str(ours), connector="both")] == [
        ours,
        theirs,
    ]
    assert [row["event_id"] for row in steps] == [ours]
    assert "behind an earlier event of the same contract" in steps[0]["words"]
    assert "reported for others" in elsewhere["words"]
    assert "bu2" not in elsewhere["words"] + steps[0]["words"]
    disable_connector(ground.db, ground.ids["both"], "answered of bu2")
    (held,) = ground.rows("why-not", OURS, event=str(ours), connector="both")
    assert held["verdict"] == "held"
    assert "bu2" not in held["words"]


def test_a_proof_shows_ones_own_reports(ground: Ground) -> None:
    """Of a contract that moved only what was ours; an event of others has nothing to prove."""
    ours, theirs = ground.sent("bu1"), ground.sent("bu2")

    page = ground.ask("proof", OURS, connector="both", contract="k1")

    assert isinstance(page, str)
    assert f"event {ours}" in page
    assert f"event {theirs}" not in page
    assert "bu2" not in page
    assert f"event {theirs}" in str(ground.ask("proof", None, connector="both", contract="k1"))
    with pytest.raises(ConfigurationError, match="expected something that was to be sent"):
        ground.ask("proof", OURS, connector="both", event=str(theirs))


def test_a_dry_run_is_of_ones_own_events(ground: Ground) -> None:
    """Also for a connector of all business units."""
    ours, theirs = ground.sent("bu1"), ground.sent("bu2", "k2")
    ground.connector("all", ["*"])

    for connector in ("both", "all"):
        whole = ground.rows("would-have-sent", None, connector=connector, all=True)
        scoped = ground.rows("would-have-sent", OURS, connector=connector, all=True)
        assert [row["event_id"] for row in whole] == [ours, theirs]
        assert [row["event_id"] for row in scoped] == [ours]
    assert ground.rows("would-have-sent", ("bu9",), connector="all") == []


def test_differences_are_of_contracts_that_are_still_ones_own(ground: Ground) -> None:
    """One that moved away is told like one that is gone; what others got or wait for is no part of it."""
    for contract, unit in (("k1", "bu1"), ("k2", "bu2"), ("k3", "bu2")):
        ground.db.execute(
            "INSERT INTO public.contract VALUES (%s, %s, 'signed', '{\"title\": \"secret\"}')", (contract, unit)
        )
    first = ground.sent("bu1")
    ground.sent("bu2")
    for contract in ("k2", "k4"):
        ground.sent("bu1", contract)
    ground.sent("bu2", "k3")
    ground.waiting("bu2")

    rows = {row["contract_id"]: row for row in ground.rows("differs", OURS, connector="both")}

    assert (rows["k1"]["last_event_id"], rows["k1"]["waiting"]) == (first, 0)
    assert rows["k1"]["differences"]["contract.title"] == {"old": "bu1", "new": "secret"}
    assert rows["k2"] | {"contract_id": "", "last_event_id": 0, "got_at": 0} == rows["k4"] | {
        "contract_id": "",
        "last_event_id": 0,
        "got_at": 0,
    }
    assert "secret" not in json.dumps(rows["k2"], default=str)
    assert "k3" not in rows
    assert ground.rows("differs", None, connector="both")[0]["waiting"] == 1


def test_a_question_of_ones_own_is_refused_to_the_limited_unless_it_keeps_to_their_units(
    ground: Ground, database: Database, tmp_path: Path
) -> None:
    """The reason says what to write; with `:within` it is asked, and each gets what is theirs."""
    (tmp_path / "questions").mkdir()
    filed = "SELECT event_id FROM outbox_audit.events"
    kept = " WHERE CAST(:within AS text[]) IS NULL OR business_unit = ANY (CAST(:within AS text[]))"
    for name, statement in (("all", filed), ("ours", filed + kept)):
        (tmp_path / "questions" / f"{name}.sql").write_text(f"-- Which?\n{statement} ORDER BY 1", encoding="utf-8")
    ours, theirs = ground.sent("bu1"), ground.sent("bu2")
    found: dict[tuple[str, bool], list[Any]] = {}
    for name in ("all", "ours"):
        question = shelf(tmp_path)[name].question
        assert question is not None
        for within in (OURS, None):
            with read_only(database.engine, seconds=10) as reading:
                try:
                    values = values_of(reading.connection, question, {}, within=within)
                except RefusedError as refused:
                    found[name, within is None] = [str(refused)]
                    continue
                asked = Asked(reading, question.statement, values, 1_000)
                found[name, within is None] = [row["event_id"] for row in asked.rows().rows]

    assert found["all", True] == found["ours", True] == [ours, theirs]
    assert found["ours", False] == [ours]
    assert "it would keep to yours if its statement used :within" in found["all", False][0]
