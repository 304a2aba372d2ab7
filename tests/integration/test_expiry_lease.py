"""Who may scan, and for how long; scans that fail, are followed by others, or find a new mapping."""

import pytest
from sqlalchemy.exc import DBAPIError

from tests.conftest import Database
from tests.expiries import OPEN, SEND, contract, contracts, expiring, many, raised, scan, scanner, since, window
from tests.factories import connect
from tests.relays import in_thread, wait_for
from tests.sources import Source


@pytest.fixture
def source(database: Database) -> Source:
    """The application with [expired] open, installed a year ago."""
    made = expiring(database)
    since(made)
    return made


def test_a_scan_that_fails_lets_go(source: Source) -> None:
    """It is tried again within a minute, by anybody, and what it had found out is not taken for done."""
    many(source, 3)
    source.run("ALTER TABLE contract RENAME expires_at TO ends_at")
    with pytest.raises(DBAPIError, match="expires_at"):
        scan(source)
    assert source.rows(
        "SELECT worker, swept_at, ended_at, due_at BETWEEN now() + interval '50 s' AND now() + interval '60 s'"
        " FROM outbox.expiry_scan"
    ) == [(None, None, None, True)]
    source.run("ALTER TABLE contract RENAME ends_at TO expires_at", "UPDATE outbox.expiry_scan SET due_at = now()")
    assert scanner(source, by="w2").scan().raised == 3


@pytest.mark.parametrize(
    ("holder", "row", "raised"),
    [
        ("w1", None, 1),
        ("w2", None, None),
        ("w2", "seen_at = now()", None),
        ("w2", "seen_at = now() - interval '31 s'", 1),
        ("w2", "stopped_at = now()", 1),
    ],
)
def test_whose_lease_holds(source: Source, holder: str, row: str | None, raised: int | None) -> None:
    """Another's, for as long as it says, unless its worker stopped or is silent; never one's own."""
    contract(source, 1, "now() - interval '1 hour'")
    source.run(f"UPDATE outbox.expiry_scan SET worker = '{holder}', due_at = now() + interval '9 minutes'")  # noqa: S608 (ours)
    if row:
        source.run(
            "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w2', 'h', 1, '0', 'curl')",
            f"UPDATE outbox.worker SET {row}",  # noqa: S608 (ours)
        )
    assert scanner(source).scan().raised == raised


@pytest.mark.parametrize(("lives", "seconds"), [(False, 60), (True, 600)])
def test_how_long_a_look_may_take(source: Source, lives: bool, seconds: int) -> None:  # noqa: FBT001 (a case)
    """Before the first batch others see already how long it holds: ten minutes for a worker, whose death is seen."""
    many(source, 1)
    if lives:
        source.run("INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w1', 'h', 1, '0', 'curl')")
    source.run("UPDATE outbox.expiry_scan SET worker = 'w1'")
    with connect(source.database) as holding:
        holding.execute("BEGIN")
        holding.execute("LOCK TABLE outbox.expiry IN ACCESS EXCLUSIVE MODE")
        with in_thread(lambda: scanner(source).scan()):
            wait_for(
                lambda: (
                    source.rows(
                        f"SELECT due_at - now() BETWEEN interval '{seconds - 20} s' AND interval '{seconds} s'"  # noqa: S608 (ours)
                        " AND EXISTS (SELECT FROM pg_locks WHERE relation = 'outbox.expiry'::regclass AND NOT granted)"
                        " FROM outbox.expiry_scan"
                    )
                    == [(True,)]
                )
            )
            holding.execute("COMMIT")
    assert contracts(source) == ["1"]


def test_a_backfill_that_met_what_it_could_not_read(database: Database) -> None:
    """Is counted, and `outbox recapture` raises it with its true deadline, though no scan looks so far back.

    Nothing else is raised that has the same deadline and that nobody asked for.
    """
    source = Source(database)
    query = (
        "SELECT id AS contract_id, unit_id AS business_unit, status, expires_at, 1 / (amount - 7) AS rate FROM contract"
    )
    source.install(contract={"query": query}, company=None, capture=SEND, expired={"open": "true"})
    many(source, 9)
    source.run("SET session_replication_role = replica", "UPDATE contract SET amount = id")
    backfill = scanner(source)
    assert sum(backfill.raise_all(window(source))) == 8
    assert backfill.failures == 1
    source.run(
        "UPDATE contract SET amount = 1 WHERE id = 7",
        "INSERT INTO contract (id, unit_id, status, amount, expires_at)"
        " SELECT 70, unit_id, status, 1, expires_at FROM contract WHERE id = 7",
    )
    assert source.rows("SELECT recaptured, failed FROM outbox.recapture(0, 10)") == [(1, 0)]
    assert raised(source)[-1] == ("7", source.rows("SELECT expires_at FROM contract WHERE id = 7")[0][0])
    assert source.rows("SELECT event_ids = ARRAY[(SELECT max(id) FROM outbox.event)] FROM outbox.capture_error") == [
        (True,)
    ]
    assert source.rows("SELECT count(*) FROM outbox.inbox WHERE trigger = 'expired'") == [(9,)]
    assert scan(source, sweep=True).raised == 0


def test_a_mapping_that_reckons_deadlines_anew_says_so(source: Source) -> None:
    """Before it is installed: how many the next scan would raise again; not where nothing changes."""
    contract(source, 1, "now() - interval '2 days'")
    contract(source, 2, "now() - interval '3 days'")
    assert scan(source).raised == 2
    later = (
        "SELECT id AS contract_id, unit_id AS business_unit, status, expires_at + interval '1 hour' AS expires_at"
        " FROM contract"
    )
    changed = source.install(contract={"query": later}, company=None, capture=SEND, expired=OPEN)
    (warned,) = [one for one in changed.inspected.warnings if "raised nothing yet" in one]
    assert warned.startswith("expired: 2 deadlines passed after ")
    again = source.install(contract={"query": later}, company=None, capture=SEND, expired=OPEN)
    assert [one for one in again.inspected.warnings if "raised nothing yet" in one] == []
    assert scan(source).raised == 2
