"""The commands `outbox expiry scan`, `upcoming` and `backfill`."""

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.command import Command, command
from tests.conftest import Database
from tests.expiries import INBOX, contract, contracts, expiring, since
from tests.sources import Source


@pytest.fixture
def outbox(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command on the test's database."""
    return command(tmp_path, database.url, keys=Fernet.generate_key().decode(), monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def source(database: Database) -> Source:
    """Contracts past, before the install too, and to come."""
    made = expiring(database)
    since(made, "now() - interval '10 days'")
    for number, days in ((1, -40), (2, -4), (3, -3), (4, 2), (5, 20)):
        contract(made, number, f"date_trunc('second', now()) + interval '{days} days'")
    return made


def listed(said: str) -> list[str]:
    """The contracts of an answer in JSON."""
    return [row["contract_id"] for row in json.loads(said)]


def test_scan(outbox: Command, source: Source) -> None:
    """A dry run lists, in any form, and changes nothing; a scan raises all that passed, though nothing is due."""
    assert listed(outbox("expiry", "scan", "--dry-run")) == ["2", "3"]
    assert listed(outbox("expiry", "scan", "--dry-run", "--limit", "1")) == ["2"]
    assert outbox("expiry", "scan", "--dry-run", "--format", "csv").splitlines()[0] == "deadline,contract_id,subject"
    assert "deadline (UTC)" in outbox("expiry", "scan", "--dry-run", "--format", "table")
    assert contracts(source) == []
    source.run("UPDATE outbox.expiry_scan SET due_at = now() + interval '1 minute'")
    assert outbox("expiry", "scan") == "raised 2 deadlines\n"
    assert outbox("expiry", "scan") == "raised 0 deadlines\n"
    assert outbox("expiry", "scan", "--dry-run", "--format", "table") == "no deadlines found\n"
    assert contracts(source) == ["2", "3"]


def test_upcoming(outbox: Command, source: Source) -> None:
    """What will pass within the time that is said."""
    assert listed(outbox("expiry", "upcoming")) == ["4"]
    assert listed(outbox("expiry", "upcoming", "--within", "30d")) == ["4", "5"]
    assert listed(outbox("expiry", "upcoming", "--within", "1h30m")) == []
    assert "--within: expected seconds or a duration" in outbox("expiry", "upcoming", "--within", "soon", code=2)
    assert contracts(source) == []


def test_backfill(outbox: Command, source: Source) -> None:
    """Says first how many, needs a yes, raises those from before the install alone, and none twice."""
    said = outbox("expiry", "backfill", "--since", "60d", code=1)
    assert "1 deadline passed before the install" in said
    assert contracts(source) == []
    assert outbox("expiry", "backfill", "--since", "60d", "--yes") == "raised 1 deadline\n"
    assert "nothing to do" in outbox("expiry", "backfill", "--since", "60d", "--yes")
    assert contracts(source) == ["1"]
    assert "--since: expected a moment" in outbox("expiry", "backfill", "--since", "then", code=2)


def test_a_mapping_that_no_longer_fits(outbox: Command, source: Source) -> None:
    """Each says what is wrong, and the mend."""
    source.run("ALTER TABLE contract RENAME expires_at TO ends_at")
    for words in (("scan",), ("scan", "--dry-run"), ("upcoming",), ("backfill", "--since", "1d")):
        said = outbox("expiry", *words, code=1)
        assert "the installed mapping no longer fits: column" in said
        assert "mend source.toml, `outbox install`" in said


def test_a_scan_that_fails_keeps_no_report_back(outbox: Command, source: Source) -> None:
    """`outbox run --once` routes and sends all the same, and ends with 1."""
    assert source.rows(INBOX) == [(5,)]
    source.run("ALTER TABLE contract RENAME expires_at TO ends_at")
    outbox("run", "--once", code=1)
    assert source.rows(INBOX) == [(0,)]


def test_nothing_is_installed(outbox: Command) -> None:
    """Each says so."""
    for words in (("scan",), ("scan", "--dry-run"), ("upcoming",), ("backfill", "--since", "1d")):
        assert "no mapping with [expired] is installed" in outbox("expiry", *words, code=1)
