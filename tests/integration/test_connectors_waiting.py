"""What waits for a connector when it is disabled, enabled or removed."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from outbox.connector_acts import Emptied, Pace, discard, probe_now, remove
from outbox.connector_edits import (
    cancel_waiting,
    disable_connector,
    enable_connector,
    remove_connector,
)
from outbox.connectors import waiting_deliveries
from outbox.mending import mend
from outbox.secret_box import SecretBox, make_key
from tests.conftest import Database
from tests.connectors import ADA, box_with, find, load, make, queue
from tests.factories import Connection, connect, hold
from tests.relays import in_thread, wait_for


@pytest.fixture
def box() -> SecretBox:
    """A box with one key."""
    return box_with(make_key())


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A plain connection to look with."""
    with connect(database) as connection:
        yield connection


def test_removing_cancels_what_waits(database: Database, box: SecretBox, sql: Connection) -> None:
    """Each waiting delivery ends with one more attempt that says so; numbers have no hole."""
    standing, other = make(database, box), make(database, box, name="erp")
    fresh = queue(sql, standing.id)
    retried = queue(sql, standing.id, attempts=2, tries=2, ready=False)
    leased = queue(sql, standing.id, contract_id="k2", attempts=3, tries=1, leased="host:1", kind="replay")
    queue(sql, other.id)

    with database.engine.begin() as connection:
        assert waiting_deliveries(connection, [standing.id, other.id]) == {standing.id: 3, other.id: 1}
        assert remove_connector(connection, standing, author=ADA) == 3
        assert waiting_deliveries(connection, [standing.id, other.id]) == {standing.id: 0, other.id: 1}

    rows = sql.execute(
        "SELECT event_id, number, kind, outcome, settled, error, worker, connector_version FROM outbox.attempt"
        " ORDER BY event_id"
    ).fetchall()
    words = "cancelled: connector removed by ada"
    assert rows == [
        (fresh, 1, "auto", "interrupted", "cancelled", words, "ada", 2),
        (retried, 3, "auto", "interrupted", "cancelled", words, "ada", 2),
        (leased, 3, "replay", "interrupted", "cancelled", words, "ada", 2),
    ]
    assert sql.execute(
        "SELECT secret, removed_at IS NOT NULL FROM outbox.connector WHERE id = %s", [standing.id]
    ).fetchall() == [(None, True)]


def test_cancelling_and_settling_never_wait_for_each_other(database: Database, box: SecretBox, sql: Connection) -> None:
    """Who cancels takes the lanes first, as who settles does: neither holds a row that the other waits for."""
    standing = make(database, box)
    first, second = queue(sql, standing.id), queue(sql, standing.id, contract_id="k2")
    cancelled: list[int | None] = []

    def discard() -> None:
        with database.engine.begin() as connection:
            cancelled.append(disable_connector(connection, standing.id, reason="down", author=ADA, discard=True))

    with database.connect() as settling:
        settling.execute("SELECT pg_advisory_xact_lock(7231002, hashtext(k) & 1023) FROM unnest('{k1,k2}'::text[]) k")
        settling.execute("SELECT FROM outbox.queue WHERE event_id = %s FOR UPDATE", [second])
        with in_thread(discard):
            wait_for(lambda: sql.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall() != [])
            settling.execute("SELECT FROM outbox.queue WHERE event_id = %s FOR UPDATE", [first])
            settling.commit()

    assert cancelled == [2]


def test_disabling_keeps_what_waits_and_discarding_drops_it(
    database: Database, box: SecretBox, sql: Connection
) -> None:
    """Deliveries wait while it is disabled; only with `discard` they are cancelled, with that reason."""
    standing = make(database, box)
    event_id = queue(sql, standing.id)

    with database.engine.begin() as connection:
        assert disable_connector(connection, standing.id, reason="down", author=ADA) == 0
    disabled = find(database, box)
    assert (disabled.state, disabled.disabled_reason, disabled.connector().sends) == ("disabled", "down", False)
    with database.engine.begin() as connection:
        assert disable_connector(connection, standing.id, reason="down", author=ADA) is None
        assert waiting_deliveries(connection, [standing.id]) == {standing.id: 1}
        assert disable_connector(connection, standing.id, reason="down", author=ADA, discard=True) == 1

    assert load(database, box).discard
    assert sql.execute("SELECT event_id, settled, error FROM outbox.attempt").fetchall() == [
        (event_id, "cancelled", "discarded: connector disabled by ada")
    ]
    with database.engine.begin() as connection:
        assert enable_connector(connection, standing.id, author=ADA)
    assert (load(database, box).sends, load(database, box).discard) == (True, False)


def test_enabling_lets_go_of_a_hold(database: Database, box: SecretBox, sql: Connection) -> None:
    """Whoever enables a held connector wants it tried now."""
    standing = make(database, box)
    hold(sql, standing.id)
    assert not load(database, box).sends

    with database.engine.begin() as connection:
        assert enable_connector(connection, standing.id, author=ADA)

    assert load(database, box).sends


def test_what_was_routed_during_the_removal_is_cancelled_too(
    database: Database, box: SecretBox, sql: Connection
) -> None:
    """A routing transaction that did not see the removal leaves deliveries behind; the sweep ends them, once."""
    standing, other = make(database, box), make(database, box, name="erp")
    with database.engine.begin() as connection:
        remove_connector(connection, standing, author=ADA)
    event_id = queue(sql, standing.id)
    queue(sql, other.id)

    for _ in range(2):
        mend(database.engine, by="host:1", seconds=0.001)

    assert sql.execute("SELECT event_id, settled, worker FROM outbox.attempt").fetchall() == [
        (event_id, "cancelled", "host:1")
    ]


def errors(sql: Connection) -> list[object]:
    """What stands at the attempts, by event."""
    return [row[0] for row in sql.execute("SELECT error FROM outbox.attempt ORDER BY event_id")]


@pytest.mark.parametrize("removes", [True, False])
def test_a_long_queue_is_cancelled_in_batches_and_by_the_sweep(
    database: Database, box: SecretBox, sql: Connection, *, removes: bool
) -> None:
    """A request cancels so many, oldest first, and says that some are left; the sweep ends them, each on record."""
    standing = make(database, box)
    for n in range(7):
        queue(sql, standing.id, contract_id=f"k{n % 2}", ready=n < 2)
    pace = Pace(batch=2, batches=2)

    if removes:
        emptied: Emptied | None = remove(database.engine, standing, author=ADA, pace=pace)
        by_ada, by_sweep = "cancelled: connector removed by ada", "cancelled: its connector is removed"
    else:
        emptied = discard(database.engine, standing.id, reason="down", author=ADA, pace=pace)
        by_ada, by_sweep = "discarded: connector disabled by ada", "discarded: its connector is disabled"

    assert emptied == Emptied(4, left=True)
    assert errors(sql) == [by_ada] * 4
    with capture_logs() as lines:
        mend(database.engine, by="host:1", seconds=60)
    assert errors(sql) == [by_ada] * 4 + [by_sweep] * 3
    assert [line["event"] for line in lines] == ["orphans_cancelled"]
    assert sql.execute("SELECT count(*) FROM outbox.queue").fetchall() == [(0,)]


def test_the_sweep_leaves_alone_what_is_being_enabled(database: Database, box: SecretBox, sql: Connection) -> None:
    """Who enables it, and commits a moment after the sweep saw that it discards, loses nothing."""
    standing = make(database, box)
    with database.engine.begin() as connection:
        disable_connector(connection, standing.id, reason="down", author=ADA, discard=True)
    event_id = queue(sql, standing.id)

    with database.engine.connect() as enabling:
        enable_connector(enabling, standing.id, author=ADA)
        with in_thread(lambda: mend(database.engine, by="host:1", seconds=60)):
            wait_for(lambda: sql.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall() != [])
            enabling.commit()

    assert sql.execute("SELECT event_id FROM outbox.queue").fetchall() == [(event_id,)]
    assert errors(sql) == []


def test_the_sweep_holds_lanes_of_one_connector_at_a_time(database: Database, box: SecretBox, sql: Connection) -> None:
    """Who holds lanes of the second one gets those of the first: neither waits for the other for ever."""
    first, second = make(database, box), make(database, box, name="erp")
    for standing in (first, second):
        with database.engine.begin() as connection:
            remove_connector(connection, standing, author=ADA)
    queue(sql, first.id, contract_id="k1")
    queue(sql, second.id, contract_id="k2")

    with database.connect() as settling:
        settling.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k2') & 1023)")
        with in_thread(lambda: mend(database.engine, by="host:1", seconds=60)):
            wait_for(lambda: sql.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall() != [])
            settling.execute("SET LOCAL lock_timeout = '500ms'")
            settling.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k1') & 1023)")
            settling.commit()

    assert sql.execute("SELECT count(*) FROM outbox.queue").fetchall() == [(0,)]


def test_a_short_queue_is_cancelled_at_once(database: Database, box: SecretBox, sql: Connection) -> None:
    """Nothing is left then, and discarding what is discarded already is nothing."""
    standing = make(database, box)
    queue(sql, standing.id)

    assert discard(database.engine, standing.id, reason="down", author=ADA) == Emptied(1, left=False)
    assert discard(database.engine, standing.id, reason="down", author=ADA) is None


def test_what_is_enabled_again_is_not_cancelled_further(database: Database, box: SecretBox, sql: Connection) -> None:
    """Between two batches somebody enables it: what is left goes out, and its lanes get their heads from the sweep."""
    standing = make(database, box)
    for n in range(3):
        queue(sql, standing.id, ready=n == 0)
    discard(database.engine, standing.id, reason="down", author=ADA, pace=Pace(batch=1, batches=1))
    with database.engine.begin() as connection:
        enable_connector(connection, standing.id, author=ADA)

    with database.engine.begin() as connection:
        assert cancel_waiting(connection, standing.id, words="late", author=ADA, most=10) == 0
    mend(database.engine, by="host:1", seconds=60)

    assert sql.execute("SELECT ready FROM outbox.queue ORDER BY event_id").fetchall() == [(True,), (False,)]


def test_only_a_held_one_is_probed(database: Database, box: SecretBox) -> None:
    """One that is well has nothing to probe."""
    standing = make(database, box)

    with database.engine.begin() as connection:
        assert not probe_now(connection, standing.id)
