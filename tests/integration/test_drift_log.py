"""What the daemon logs of drift: each difference once, at its own level."""

from structlog.testing import capture_logs

from outbox.chores import CHORES
from tests.conftest import Database
from tests.relays import hands
from tests.sources import Source


def test_drift_is_logged_when_it_is_new(database: Database) -> None:
    """A warning as one, a fault as an error; again only after it was gone, or when another comes."""
    source = Source(database)
    source.install()
    source.run("ALTER TABLE contract ADD COLUMN colour text")
    chore = next(one for one in CHORES if one.name == "drift")
    own = hands(database.engine, worker="w1")

    def told() -> list[tuple[str, str]]:
        source.run("DELETE FROM outbox.periodic")
        with capture_logs() as lines:
            chore.run(own, chore)
        return [(str(one["log_level"]), str(one["words"])) for one in lines]

    [(level, words)] = told()
    assert level == "warning"
    assert 'column "colour" of public.contract came after install' in words
    assert told() == []

    source.run("ALTER TABLE contract DISABLE TRIGGER USER")
    assert {level for level, _ in told()} == {"error"}
    assert told() == []

    source.run("ALTER TABLE contract ENABLE TRIGGER USER; ALTER TABLE contract DROP COLUMN colour")
    assert told() == []
    source.run("ALTER TABLE contract ADD COLUMN colour text")
    assert [level for level, _ in told()] == ["warning"]
