"""Changes, acts and the system: who did what, told to whom it concerns."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from outbox.access import Role
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector, install_source
from tests.web import KEY, signed_in, site_on

URL = "/audit/changes"


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site."""
    with site_on(database) as site:
        yield site


def version(db: Connection, connector: int, number: int, by: str, units: list[str], **spec: Any) -> None:
    """A version of a connector."""
    sane = {"name": "crm", "business_units": units, "triggers": ["create"], "url": "https://crm.example/one"}
    action = "create" if number == 1 else "edit"
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)"
        " VALUES (%s, %s, %s, %s, %s, 'page')",
        (connector, number, action, Jsonb({**sane, **spec}), by),
    )


def act(db: Connection, who: str, act: str, of: str, units: list[str] | None) -> None:
    """Something on record."""
    db.execute(
        "INSERT INTO outbox.access_record (who, via, act, object, business_units, detail)"
        " VALUES (%s, 'page', %s, %s, %s, %s)",
        (who, act, of, units, Jsonb({"count": 24})),
    )


def test_changes_are_told_in_words_to_whom_they_concern(site: Site, db: Connection) -> None:
    """Field by field, by whom and from where; of other business units no connector, no version, no name."""
    crm = insert_connector(db, "crm", business_units=["bu1", "bu2"])
    hidden = insert_connector(db, "secretive", business_units=["bu2"])
    version(db, crm, 1, "ben", ["bu2"], url="https://crm.example/of-bu2")
    version(db, crm, 2, "carl", ["bu1", "bu2"])
    version(db, crm, 3, "ada", ["bu1", "bu2"], url="https://crm.example/two", secret="set", secret_changed=True)
    version(db, hidden, 1, "ben", ["bu2"], name="secretive")

    with signed_in(site) as client:
        whole = client.get(URL).text
    with signed_in(site, "dora", Role.VIEWER, ("bu1",)) as client:
        scoped = client.get(URL).text
        file = client.get(f"{URL}/answer.csv").text

    assert "<strong>Payload URL</strong>: https://crm.example/one -&gt; https://crm.example/two" in whole
    assert "secretive" in whole
    assert "of-bu2" in whole
    assert "by ben" not in scoped
    assert "https://crm.example/two" in scoped
    assert "since then it reports for your business units" in scoped
    for told in (scoped, file):
        for word in ("secretive", "of-bu2", "bu2", "ben"):
            assert word not in told
    (newest, first) = csv.DictReader(io.StringIO(file))
    assert (newest["changed_by"], newest["version"], first["changed_by"]) == ("ada", "3", "carl")
    assert "https://crm.example/one -> https://crm.example/two" in newest["differences"]


def test_pages_go_on_where_the_last_one_ended(site: Site, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands at one moment; nothing twice, nothing left out, and a file has all."""
    crm = insert_connector(db, "crm")
    for number in range(1, 8):
        version(db, crm, number, f"author{number}", ["bu1"])
        act(db, f"actor{number}", "looked", "delivery 1/1", ["bu1"])
    monkeypatch.setattr("outbox.web.pages.changes.PAGE", 3)
    monkeypatch.setattr("outbox.web.pages.changes.BATCH", 2)

    with signed_in(site) as client:
        for what, word in (("changes", "author"), ("acts", "actor")):
            seen, url = [], f"{URL}?what={what}"
            while url:
                page = client.get(url).text
                seen += [number for number in range(7, 0, -1) if f"{word}{number}" in page]
                url = (
                    page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
                    if 'rel="next"' in page
                    else ""
                )
                url = url.replace("&amp;", "&")
            file = client.get(f"{URL}/answer.csv?what={what}").text
            assert seen == [7, 6, 5, 4, 3, 2, 1]
            assert [number for number in range(7, 0, -1) if f"{word}{number}" in file] == seen
        assert client.get(f"{URL}?before=yesterday").status_code == 404


def test_filters_say_what_they_find_and_what_is_wrong(site: Site, db: Connection) -> None:
    """By person, connector, act and time."""
    for name, who in (("crm", "ben"), ("erp", "carl")):
        version(db, insert_connector(db, name), 1, who, ["bu1"], name=name)
    act(db, "ben", "replayed", "12 deliveries", ["bu1"])
    with signed_in(site) as client:
        assert "erp" not in client.get(f"{URL}?who=BEN").text.partition("<tbody>")[2]
        assert "ben" not in client.get(f"{URL}?connector=erp").text.partition("<tbody>")[2]
        assert "No change of a connector like that." in client.get(f"{URL}?until=1h").text
        found = client.get(f"{URL}?what=acts&act=replayed").text
        assert "12 deliveries" in found
        assert "count: 24" in found
        assert "signed in user" not in found
        wrong = client.get(f"{URL}?since=soon&who=ben")
    assert wrong.status_code == 422
    assert "expected a moment such as" in wrong.text
    assert 'value="ben"' in wrong.text


def test_acts_of_others_are_seen_where_they_concern_ones_units_alone(site: Site, db: Connection) -> None:
    """And of sign-ins one's own."""
    act(db, "ben", "looked", "delivery of ours", ["bu1"])
    act(db, "ben", "looked", "delivery of theirs", ["bu2"])
    act(db, "ben", "replayed", "deliveries of both", ["bu1", "bu2"])
    act(db, "ben", "added", "user 'erna'", None)
    act(db, "erna", "signed in", "user 'erna'", None)
    act(db, "ben", "looked", "delivery of nobody", [])

    with signed_in(site, "dora", Role.VIEWER, ("bu1",)) as client:
        scoped = client.get(f"{URL}?what=acts").text
        file = client.get(f"{URL}/answer.csv?what=acts").text

    for told in (scoped, file):
        assert "delivery of ours" in told
        assert "dora" in told
        for word in ("theirs", "both", "erna", "nobody"):
            assert word not in told


def test_the_system_is_told_to_whom_all_business_units_are_open(site: Site, database: Database, db: Connection) -> None:
    """Workers, rules with what stands of them, ranges, migrations, settings without a secret; findings on demand."""
    install_source(database)
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w1', 'app1', 1, '0.1.0', 'curl')"
    )
    with signed_in(site, "dora", Role.VIEWER) as client:
        page = client.get("/system").text
        findings = client.get("/system/doctor").text
        db.execute("ALTER TABLE public.contract DISABLE TRIGGER ALL")
        kept = client.get("/system/doctor").text
        function = client.get("/system/capture", params={"name": "function outbox.read_contract"}).text
        trigger = client.get(
            "/system/capture", params={"name": "trigger 00_outbox_note_insert on public.contract"}
        ).text
        missing = [client.get("/system/capture", params={"name": name}) for name in ("function outbox.erase", "x")]
        disabled = client.get("/system").text

    assert "w1" in page
    assert "create on public.contract" in page
    assert "0 to 4,999,999" in page
    assert "database.url" in page
    assert "secrets.keys" in page
    assert KEY not in page
    assert "capture triggers stand as installed" in findings
    assert kept == findings
    assert "CREATE OR REPLACE FUNCTION outbox.read_contract" in function
    assert "CREATE TRIGGER" in trigger
    assert [one.status_code for one in missing] == [404, 404]
    assert "disabled</span>" in disabled
    with signed_in(site, "erna", Role.ADMIN, ("bu1",)) as client:
        for url in ("/system", "/system/doctor", "/system/capture?name=x"):
            assert client.get(url).status_code == 403


def test_the_doctor_looks_again_when_asked(site: Site, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not each time somebody opens the page, and not twice within seconds."""
    monkeypatch.setattr("outbox.web.examination.LEAST_SECONDS", 0.0)
    insert_connector(db, "crm")
    with signed_in(site) as client:
        assert "connectors</strong>: 1 connector, all enabled" in client.get("/system/doctor").text
        insert_connector(db, "erp")
        assert "1 connector, all enabled" in client.get("/system?look=now").text
        assert "2 connectors, all enabled" in client.get("/system?look=again").text
