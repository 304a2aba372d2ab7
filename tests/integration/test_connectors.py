"""Connectors in the database: versions with their authors, secrets as ciphertext, what happens to what waits."""

import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from outbox.connector_edits import (
    create_connector,
    edit_connector,
    enable_connector,
    remove_connector,
)
from outbox.connector_rekey import rekey
from outbox.connectors import (
    UNOPENED,
    connectors_stamp,
    disable,
    find_connector,
    load_connectors,
    standing_connectors,
)
from outbox.errors import ConfigurationError, RefusedError
from outbox.secret_box import SecretBox, make_key
from tests.conftest import Database
from tests.connectors import ADA, BOB, box_with, edit, find, load, make, spec
from tests.factories import Connection, connect, hold

SIGNING, SIGNING_NEW = "signing-secret-number-one", "signing-secret-number-two"


@pytest.fixture
def box() -> SecretBox:
    """A box with one key."""
    return box_with(make_key())


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A plain connection to look with."""
    with connect(database) as connection:
        yield connection


def test_a_connector_comes_back_as_it_was_asked_for(database: Database, box: SecretBox) -> None:
    """Every field survives the database, secrets plain for the relay only."""
    asked = spec(
        triggers=["create", "send"],
        content_type="application/x-www-form-urlencoded",
        secret="grüße",
        signing_secret=SIGNING,
        ssl_verification=False,
        data="status",
        company_fields=["vat", "segment"],
        field_mapping=[{"field": "amount", "property": "deal.value"}],
        form_style="payload",
        order="none",
        max_in_flight=3,
        rate_per_second=0.5,
        timeout_seconds=2.5,
        schedule=["1s", "5m"],
        headers={"X-Colour": "red", "X-Api-Key": "k1"},
        username="me",
    )
    with database.engine.begin() as connection:
        create_connector(connection, asked, box=box, author=ADA)

    standing, loaded = find(database, box), load(database, box)

    assert standing.spec == asked.model_copy(update={"enabled": True})
    assert (loaded.secret, loaded.signing_secrets) == ("grüße", (SIGNING,))
    assert loaded.headers == (("X-Colour", "red"), ("X-Api-Key", "k1"))
    assert (loaded.schedule, loaded.timeout_seconds) == ((1.0, 300.0), 2.5)
    assert (loaded.max_in_flight, loaded.rate_per_second) == (3, 0.5)
    assert loaded.sends


def test_every_change_is_a_version_with_who_and_when(database: Database, box: SecretBox, sql: Connection) -> None:
    """Create, edit, disable, enable and remove each count the version up and keep what was; no change adds none."""
    standing = make(database, box)
    assert edit(database, standing, box, url="https://crm.example/other") == 1
    assert edit(database, find(database, box), box) == 0
    with database.engine.begin() as connection:
        assert not disable(connection, standing.id, version=1, reason="410 Gone", by="host:1")
        assert disable(connection, standing.id, version=2, reason="410 Gone", by="host:1")
        assert not disable(connection, standing.id, version=3, reason="410 Gone", by="host:1")
        assert enable_connector(connection, standing.id, author=ADA)
        assert not enable_connector(connection, standing.id, author=ADA)
        remove_connector(connection, find_connector(connection, box, "crm"), author=BOB)

    rows = sql.execute(
        "SELECT version, action, changed_by, origin, spec ->> 'url', spec ->> 'enabled', changed_at IS NOT NULL"
        " FROM outbox.connector_version ORDER BY version"
    ).fetchall()

    first, other = "https://crm.example/hook", "https://crm.example/other"
    assert rows == [
        (1, "create", "ada", "command", first, "true", True),
        (2, "edit", "bob", "page", other, "true", True),
        (3, "disable", "host:1", "relay", other, "false", True),
        (4, "enable", "ada", "command", other, "true", True),
        (5, "remove", "bob", "page", other, "true", True),
    ]


def test_two_edits_of_one_version_are_one(database: Database, box: SecretBox) -> None:
    """Whoever edits what was changed meanwhile is told, and changes nothing."""
    standing = make(database, box)
    edit(database, standing, box, max_in_flight=2)

    with pytest.raises(RefusedError, match="version 1 still, but it was changed"):
        edit(database, standing, box, max_in_flight=3)
    with database.engine.begin() as connection, pytest.raises(RefusedError, match="version 1 still"):
        remove_connector(connection, standing, author=ADA)

    assert (find(database, box).version, find(database, box).spec.max_in_flight) == (2, 2)


def test_a_name_stands_for_one_connector(database: Database, box: SecretBox) -> None:
    """Neither create nor edit takes a name that stands; a removed connector's name is free again."""
    first = make(database, box)
    other = make(database, box, name="erp")

    with (
        database.engine.begin() as connection,
        pytest.raises(ConfigurationError, match="got 'crm', which a connector has"),
    ):
        create_connector(connection, spec(), box=box, author=ADA)
    with pytest.raises(ConfigurationError, match="got 'crm', which another connector has"):
        edit(database, other, box, name="crm")
    with database.engine.connect() as connection, pytest.raises(ConfigurationError, match="did you mean 'crm'"):
        find_connector(connection, box, "crn")
    with database.engine.begin() as connection:
        remove_connector(connection, first, author=ADA)

    assert make(database, box).id != first.id


def test_secrets_are_ciphertext_everywhere(database: Database, box: SecretBox, sql: Connection) -> None:
    """No row of ours holds a secret, whatever was done with it; history marks that it was set and changed."""
    standing = make(database, box, secret="hush-1", signing_secret="hush-" * 6, headers={"X-Api-Key": "hush-2"})
    edit(database, standing, box, secret=SecretStr("hush-3"))

    rows = sql.execute(
        "SELECT convert_from(secret, 'UTF8') || convert_from(signing_secret, 'UTF8') || c::text"
        " FROM outbox.connector c UNION ALL SELECT v::text FROM outbox.connector_version v"
    ).fetchall()
    marks = sql.execute(
        "SELECT spec ->> 'secret', spec ->> 'secret_changed', spec ->> 'signing_secret_changed'"
        " FROM outbox.connector_version ORDER BY version"
    ).fetchall()

    assert len(rows) == 3
    assert "hush" not in repr(rows) + repr(standing) + repr(load(database, box))
    assert marks == [("set", "true", "true"), ("set", "true", None)]


def test_a_kept_secret_keeps_its_ciphertext(database: Database, box: SecretBox, sql: Connection) -> None:
    """An edit of something else, or to the same secret, writes none anew."""
    standing = make(database, box, secret="hush", headers={"X-Api-Key": "k1"})
    before = sql.execute("SELECT secret, headers FROM outbox.connector").fetchall()

    edit(database, standing, box, max_in_flight=2, secret=SecretStr("hush"), headers={"X-Api-Key": SecretStr("k1")})

    assert sql.execute("SELECT secret, headers FROM outbox.connector").fetchall() == before
    edit(database, find(database, box), box, secret=None, headers={})
    assert (load(database, box).secret, load(database, box).headers) == (None, ())


def test_without_a_key_a_secret_is_refused(database: Database) -> None:
    """And the words say how to make a key; a connector without secrets needs none."""
    keyless = box_with()

    with database.engine.begin() as connection, pytest.raises(ConfigurationError, match="outbox secret-key"):
        create_connector(connection, spec(secret="hush"), box=keyless, author=ADA)

    assert make(database, keyless).spec.secret is None


def test_a_secret_that_no_key_opens_holds_its_connector(database: Database, box: SecretBox, sql: Connection) -> None:
    """It is not sent to, with that reason; the table is left alone; other connectors go on."""
    make(database, box, secret="hush")
    make(database, box, name="erp")
    stood = sql.execute("SELECT xmin, version FROM outbox.connector ORDER BY id").fetchall()

    for other in (box_with(), box_with(make_key())):
        with database.engine.connect() as connection:
            crm, erp = load_connectors(connection, other)
        assert (crm.held_reason, crm.sends, crm.secret) == (UNOPENED, False, None)
        assert erp.sends
        assert find(database, other).state == "held"

    assert sql.execute("SELECT xmin, version FROM outbox.connector ORDER BY id").fetchall() == stood
    with database.engine.connect() as connection:
        assert all(one.sends for one in load_connectors(connection, box))


def test_an_unopened_secret_survives_edits_and_can_be_set_again(database: Database, box: SecretBox) -> None:
    """Whoever lacks the key can still edit all else, and heal it by setting the secret anew."""
    make(database, box, secret="hush")
    other = box_with(make_key())

    edit(database, find(database, other), other, max_in_flight=2)
    assert load(database, box).secret == "hush"
    edit(database, find(database, other), other, secret=SecretStr("new"))
    assert (load(database, other).secret, load(database, other).sends) == ("new", True)


def test_rekey_lets_an_old_key_go(database: Database) -> None:
    """Everything is under the first key afterwards, without a new version; what no key opens is named and left."""
    old, new, lost = make_key(), make_key(), make_key()
    standing = make(
        database, box_with(old), secret="hush", signing_secret=SIGNING, headers={"X-Api-Key": "k1", "X-Colour": "red"}
    )
    edit(database, standing, box_with(old), signing_secret=SecretStr(SIGNING_NEW))
    make(database, box_with(lost), name="erp", secret="gone")
    make(database, box_with(old), name="open")

    with database.engine.begin() as connection:
        done = rekey(connection, box_with(new, old))

    assert (done.done, done.unopened) == (1, ("erp",))
    crm = find(database, box_with(new)).connector()
    assert (crm.secret, crm.signing_secrets, crm.version) == ("hush", (SIGNING_NEW, SIGNING), 2)
    assert dict(crm.headers) == {"X-Api-Key": "k1", "X-Colour": "red"}
    assert find(database, box_with(lost), "erp").connector().secret == "gone"


def test_a_signing_secret_is_rotated_out(database: Database, box: SecretBox) -> None:
    """The one that is replaced signs beside the new one until it is dropped."""
    standing = make(database, box, signing_secret=SIGNING)
    edit(database, standing, box, signing_secret=SecretStr(SIGNING_NEW))
    assert load(database, box).signing_secrets == (SIGNING_NEW, SIGNING)

    edit(database, find(database, box), box, max_in_flight=2)
    assert load(database, box).signing_secrets == (SIGNING_NEW, SIGNING)
    with database.engine.begin() as connection:
        standing = find_connector(connection, box, "crm")
        edit_connector(connection, standing, standing.spec, box=box, author=ADA, drop_old_signing_secret=True)

    assert load(database, box).signing_secrets == (SIGNING_NEW,)


def test_the_stamp_tells_every_change(database: Database, box: SecretBox, sql: Connection) -> None:
    """Also one that commits after a later one; nothing changed, the same stamp."""
    stamps = []

    def stamp() -> None:
        with database.engine.connect() as connection:
            stamps.append(connectors_stamp(connection))

    stamp()
    standing = make(database, box)
    make(database, box, name="erp")
    stamp()
    asked = standing.spec.model_copy(update={"max_in_flight": 2})
    with database.engine.begin() as early:
        edit_connector(early, standing, asked, box=box, author=ADA)
        edit(database, find(database, box, "erp"), box, max_in_flight=2)
        stamp()
    stamp()
    hold(sql, find(database, box, "erp").id, "fails")
    stamp()
    with database.engine.begin() as connection:
        remove_connector(connection, find_connector(connection, box, "crm"), author=ADA)
    stamp()

    assert len(set(stamps)) == len(stamps) == 6
    stamp()
    assert stamps[-1] == stamps[-2]


def test_edits_at_once_end_as_one_version_each(database: Database, box: SecretBox) -> None:
    """Of ten who edit the same version, one wins and nine are told."""
    standing = make(database, box)
    outcomes: list[str] = []

    def run(number: int) -> None:
        try:
            edit(database, standing, box, max_in_flight=10 + number)
            outcomes.append("won")
        except RefusedError:
            outcomes.append("told")

    threads = [threading.Thread(target=run, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["told"] * 9 + ["won"]
    with database.engine.connect() as connection:
        assert [one.version for one in standing_connectors(connection, box)] == [2]
