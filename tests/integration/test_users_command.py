"""The commands `outbox users` and `outbox tokens`: who may sign in, what opens the API; each deed is on record."""

import json
from pathlib import Path

import pytest

from outbox.api_tokens import find_token
from outbox.people import find_session, open_session, sign_in
from outbox.people_edits import find_person
from tests.command import Command
from tests.conftest import Database
from tests.factories import connect, install_source
from tests.web import PASSWORD


@pytest.fixture
def outbox(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command, with a configuration folder of the test's own."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", database.url)
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    return Command(tmp_path, capsys)


def add(outbox: Command, name: str, *words: str, code: int = 0) -> str:
    """Adds somebody with PASSWORD."""
    return outbox("users", "add", name, "--password-file", str(outbox.folder / "password"), *words, code=code)


def acts(database: Database) -> list[tuple[object, ...]]:
    """What is on record: by whom, by which way, what, to what."""
    with connect(database) as connection:
        return connection.execute("SELECT who, via, act, object FROM outbox.access_record ORDER BY id").fetchall()


def test_whoever_is_added_may_sign_in_and_whoever_is_removed_may_not(outbox: Command, database: Database) -> None:
    """Under the name and password that were given, until removed; all of it on record, no password anywhere."""
    add(outbox, "ada", "--role", "admin", "--as", "ben")
    add(outbox, "Carl", "--business-unit", "bu2", "--business-unit", "bu1")

    listed = {row["name"]: row for row in json.loads(outbox("users", "list", "--format", "json"))}
    assert (listed["ada"]["role"], listed["ada"]["business_units"], listed["ada"]["created_by"]) == (
        "admin",
        None,
        "ben",
    )
    assert (listed["Carl"]["role"], listed["Carl"]["business_units"]) == ("viewer", ["bu1", "bu2"])
    assert PASSWORD not in json.dumps(listed)
    with database.engine.begin() as connection:
        carl = sign_in(connection, name="carl", password=PASSWORD, address="127.0.0.1")
        assert carl is not None
        session = open_session(connection, carl, address="127.0.0.1", hours=1)
    outbox("users", "remove", "carl", "--yes")
    with database.engine.begin() as connection:
        assert find_session(connection, session) is None
        assert sign_in(connection, name="carl", password=PASSWORD, address="127.0.0.1") is None
    assert acts(database)[0] == ("ben", "command", "added", "user 'ada'")
    assert ("removed", "user 'carl'") in [(act, object_) for _, _, act, object_ in acts(database)]


def test_a_new_password_ends_every_session(outbox: Command, database: Database) -> None:
    """The old one opens nothing any more."""
    add(outbox, "ada")
    with database.engine.begin() as connection:
        ada = find_person(connection, "ada")
        assert ada is not None
        session = open_session(connection, ada, address="127.0.0.1", hours=1)
    (outbox.folder / "other").write_text("another long password", encoding="utf-8")

    told = outbox("users", "passwd", "ada", "--password-file", str(outbox.folder / "other"))

    assert "1 session ended" in told
    with database.engine.begin() as connection:
        assert find_session(connection, session) is None
        assert sign_in(connection, name="ada", password=PASSWORD, address="127.0.0.1") is None
        assert sign_in(connection, name="ada", password="another long password", address="127.0.0.1") is not None


def test_the_last_admin_of_everything_stays(outbox: Command) -> None:
    """One who is limited is none; with another one the first may go."""
    add(outbox, "ada", "--role", "admin")
    add(outbox, "ben", "--role", "admin", "--business-unit", "bu1")

    assert "the last admin who isn't limited" in outbox("users", "remove", "ada", "--yes", code=1)
    add(outbox, "carl", "--role", "admin")
    outbox("users", "remove", "ada", "--yes")


WRONG = (
    (("--role", "amin"), "--role: unknown role 'amin'; did you mean 'admin'?"),
    (("--business-unit", "nowhere"), "--business-unit: expected a business unit of the source, got 'nowhere'"),
    (("--password-file", "none.txt"), "--password-file: expected a file that can be read"),
    (("--password-file", "short"), "expected a password of 12 to 1000 characters, got 5"),
)


def test_wrong_words_add_nobody(outbox: Command, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is said with what was expected; a password is never taken from the command's own words."""
    install_source(database)
    with connect(database) as connection:
        connection.execute("INSERT INTO public.unit VALUES ('bu1', 'Provider BU')")
    monkeypatch.chdir(outbox.folder)
    Path("short").write_text("short", encoding="utf-8")

    for words, answer in WRONG:
        assert answer in add(outbox, "ada", *words, code=2)
    assert "nobody is here to type a password" in outbox("users", "add", "ada", code=2)
    assert json.loads(outbox("users", "list", "--format", "json")) == []
    add(outbox, "ada", "--business-unit", "Provider BU")
    assert "a new name, got 'ADA'" in add(outbox, "ADA", code=2)
    assert json.loads(outbox("users", "list", "--format", "json"))[0]["business_units"] == ["bu1"]
    assert "expected the name of a user, got 'nobody'" in outbox("users", "remove", "nobody", "--yes", code=2)


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(outbox: Command, database: Database) -> None:
    """The list has its beginning; its record tells no more."""
    told = outbox("tokens", "create", "reporting", "--role", "operator", "--business-unit", "bu1", "--days", "30")
    token = told.splitlines()[0]

    with database.engine.begin() as connection:
        access = find_token(connection, token)
    assert access is not None
    assert (access.who, access.role.value, access.within) == ("reporting", "operator", ("bu1",))
    (row,) = json.loads(outbox("tokens", "list", "--format", "json"))
    assert row["hint"] == token[:11]
    assert row["expires_at"] is not None
    assert token not in json.dumps(row)
    assert "a new name, got 'Reporting'" in outbox("tokens", "create", "Reporting", code=2)
    outbox("tokens", "revoke", "Reporting", "--yes")
    with database.engine.begin() as connection:
        assert find_token(connection, token) is None
    assert [act for _, _, act, _ in acts(database)] == ["made", "revoked"]
    assert "`outbox tokens list` has them" in outbox("tokens", "revoke", "reporting", "--yes", code=2)
    assert "no tokens found" in outbox("tokens", "list")
