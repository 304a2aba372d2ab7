"""The audit pages: every named question as a form, its answer as table, file and document, and who may ask what."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.questions.library import shelf
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.web import settings_for, signed_in


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """A site with a configuration folder of the test's own."""
    (tmp_path / "questions").mkdir()
    made = Site(settings_for(database).model_copy(update={"folder": tmp_path}))
    yield made
    made.close()


def own(site: Site, name: str, text: str) -> None:
    """Puts a question into the configuration folder."""
    (site.settings.folder / "questions" / f"{name}.sql").write_text(text, encoding="utf-8")


def asked(client: TestClient, name: str, **values: Any) -> str:
    """The page of a question that was asked."""
    answer = client.get(f"/audit/questions/{name}", params={"ask-now": "yes", **values})
    assert answer.status_code == 200, answer.text
    return answer.text


def recorded(db: Connection) -> list[tuple[object, ...]]:
    """What was asked, as it stands on record."""
    return db.execute(
        "SELECT who, object, detail, business_units FROM outbox.access_record WHERE act = 'asked' ORDER BY id"
    ).fetchall()


def test_every_question_has_a_form_made_of_its_declaration(site: Site) -> None:
    """Each of ours is listed, and its page has a field with help for every parameter; nothing is asked yet."""
    with signed_in(site) as client:
        listed = client.get("/audit").text
        for name, shelved in shelf(site.settings.folder).items():
            assert f'href="/audit/questions/{name}"' in listed
            page = client.get(f"/audit/questions/{name}").text
            assert shelved.question is not None
            for one in shelved.question.parameters:
                assert f'name="{one.name}"' in page
                assert f'id="asked-{one.name}-help"' in page
            assert "Download CSV" not in page
        assert client.get("/audit/questions/nothing").status_code == 404


def test_an_answer_is_a_table_and_on_record(site: Site, db: Connection) -> None:
    """With what was typed, for whom, and a way to the contract; the link to a file says the same."""
    crm = insert_connector(db, "crm <b>")
    event = insert_open(db, crm, "k/1 ä")

    with signed_in(site) as client:
        page = asked(client, "never-confirmed", connector="crm <b>")
        empty = asked(client, "never-confirmed", connector="crm <b>", until="1h")

    assert f">{event}</td>" in page
    assert 'href="/contracts/k%2F1%20%C3%A4"' in page
    assert '<option value="crm &lt;b&gt;" selected>' in page
    assert "/audit/questions/never-confirmed/answer.csv?connector=crm+%3Cb%3E" in page
    assert "no row answers this question" in empty
    assert recorded(db)[0] == ("ada", "question 'never-confirmed'", {"connector": "crm <b>"}, None)


def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(site: Site, db: Connection) -> None:
    """Each in words; one that is about two fields at both."""
    insert_connector(db, "crm")
    with signed_in(site) as client:
        wrong = client.get("/audit/questions/why-not", params={"event": "one", "connector": "crn"})
        neither = client.get("/audit/questions/proof", params={"connector": "crm"})

    assert wrong.status_code == neither.status_code == 422
    assert "expected a whole number, got &#39;one&#39;" in fault(wrong.text, "event")
    assert "did you mean &#39;crm&#39;?" in fault(wrong.text, "connector")
    assert 'value="one"' in wrong.text
    assert '<option value="crn" selected>' in wrong.text
    assert "expected one of them, got neither" in fault(neither.text, "contract")
    assert "expected one of them, got neither" in fault(neither.text, "event")
    assert recorded(db) == []


def fault(page: str, name: str) -> str:
    """What is said below a field."""
    found = re.search(rf'id="asked-{name}-fault">(.*?)</p>', page, re.DOTALL)
    return found[1] if found else ""


def test_a_page_has_the_first_rows_and_a_file_has_all(site: Site) -> None:
    """Few enough rows, and small enough ones, for a page under 100 kB; what is longer is cut and said to be."""
    own(site, "many", "-- Many?\nSELECT n, repeat('x', 2000) AS words FROM generate_series(1, 1200) AS n")
    with signed_in(site) as client:
        page = asked(client, "many")
        file = client.get("/audit/questions/many/answer.csv")
        exact = client.get("/audit/questions/many/answer.json").json()

    assert len(page) < 100_000
    assert "rows; a download has all of them" in page
    assert "x" * 401 not in page
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [int(row["n"]) for row in rows] == [row["n"] for row in exact] == list(range(1, 1201))
    assert rows[-1]["words"] == "x" * 2000
    assert file.headers["content-disposition"] == 'attachment; filename="many.csv"'
    assert len(file.content) == int(file.headers["content-length"])


def test_no_file_holds_a_formula(site: Site) -> None:
    """A text that a spreadsheet would run begins with an apostrophe; numbers stay numbers, JSON stays exact."""
    own(site, "bad", "-- Bad?\nSELECT '=1+1' AS a, -5 AS b, '+x' AS c, convert_to('@y', 'UTF8') AS d, 'x=1' AS e")
    with signed_in(site) as client:
        (row,) = csv.DictReader(io.StringIO(client.get("/audit/questions/bad/answer.csv").text))
        (exact,) = client.get("/audit/questions/bad/answer.json").json()

    assert row == {"a": "'=1+1", "b": "-5", "c": "'+x", "d": "'@y", "e": "x=1"}
    assert exact["a"] == "=1+1"


def test_a_proof_is_a_document_out_of_this_sites_reach(site: Site, db: Connection) -> None:
    """It keeps its own style by digest, runs no script, asks nothing of this site; and it can be saved."""
    crm = insert_connector(db, "crm")
    event = insert_event(db)
    insert_delivery(db, event, crm, body=b'{"title": "<script>alert(1)</script>"}')
    insert_attempt(db, event, crm)
    with signed_in(site) as client:
        page = asked(client, "proof", connector="crm", event=event)
        read = client.get("/audit/questions/proof/answer", params={"connector": "crm", "event": event})
        saved = client.get("/audit/questions/proof/answer.html", params={"connector": "crm", "event": event})
        assert client.get("/audit/questions/proof/answer.csv", params={"connector": "crm"}).status_code == 404
        assert client.get("/audit/questions/why-not/answer", params={"connector": "crm"}).status_code == 404

    assert "The document is ready" in page
    policy = read.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/]{43}='", policy)
    assert "<script>" not in read.text
    assert "content-disposition" not in read.headers
    assert saved.headers["content-disposition"] == 'attachment; filename="proof.html"'
    assert "Proof of delivery" in saved.text


def test_what_can_not_be_answered_is_said_in_words(site: Site) -> None:
    """Too slow, broken in the database, or not to be read at all: on the page, and instead of a file."""
    own(site, "broken", "-- Broken?\nSELECT 1 / 0 AS x")
    own(site, "unread", "SELECT 1")
    own(site, "slow", "-- Slow?\nSELECT pg_sleep(10)")
    with signed_in(site) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr("outbox.web.pages.audit.PAGE_SECONDS", 0.2)
        slow = client.get("/audit/questions/slow", params={"ask-now": "yes"})
        broken = client.get("/audit/questions/broken/answer.csv")
        listed = client.get("/audit").text

    assert slow.status_code == 409
    assert "the database had no answer within 0.2 s; narrow the question" in slow.text
    assert broken.status_code == 409
    assert "division by zero" in broken.text
    assert "expected a first comment that says what is asked" in listed


def test_only_a_few_questions_are_asked_at_one_time(site: Site) -> None:
    """One more is told to come again, and a place is free once an answer is there."""
    own(site, "one", "-- One?\nSELECT 1 AS n")
    with signed_in(site) as client:
        for _ in range(4):
            site.asking.acquire()
        busy = client.get("/audit/questions/one", params={"ask-now": "yes"})
        for _ in range(4):
            site.asking.release()
        for _ in range(6):
            assert "Download CSV" in asked(client, "one")

    assert busy.status_code == 409
    assert "try again in a moment" in busy.text


def test_who_is_limited_asks_about_their_own_units_alone(site: Site, db: Connection) -> None:
    """Choices, answers and files have nothing of others; a question that tells of all is refused with the reason."""
    insert_connector(db, "ours", business_units=["bu1"])
    insert_connector(db, "secretive", business_units=["bu2"])
    both = insert_connector(db, "both", business_units=["bu1", "bu2"])
    for unit, contract in (("bu1", "mine"), ("bu2", "theirs")):
        event = insert_event(db, contract, business_unit=unit)
        insert_delivery(db, event, both)
        insert_attempt(db, event, both, outcome="http_error", settled="dead")
    own(
        site,
        "all",
        "-- All?\n-- param unit (business unit, optional): whose\nSELECT contract_id FROM outbox_audit.events",
    )

    with signed_in(site, "carl", Role.VIEWER, ("bu1",)) as client:
        form = client.get("/audit/questions/never-confirmed").text
        page = asked(client, "never-confirmed", connector="both")
        file = client.get("/audit/questions/never-confirmed/answer.csv", params={"connector": "both"}).text
        refused = client.get("/audit/questions/all", params={"ask-now": "yes"})
        refused_file = client.get("/audit/questions/all/answer.csv")
        listed = client.get("/audit").text
        unknown = client.get("/audit/questions/never-confirmed", params={"connector": "secretive"})

    assert 'value="both"' in form
    assert 'value="ours"' in form
    assert "mine" in page
    assert "mine" in file
    for told in (form, page, file, refused.text, refused_file.text, listed):
        assert "secretive" not in told
        assert "theirs" not in told
        assert "bu2" not in told
    assert "statement used :within" in refused.text
    assert refused_file.status_code == 409
    assert "expected the name of a connector" in fault(unknown.text, "connector")
    assert recorded(db)[0][3] == ["bu1"]
