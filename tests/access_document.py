"""Writes docs/access.md, who may what, as it turned out: `make schema`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from outbox.access import ROLE_WORDS, Role
from outbox.embedded import binaries
from outbox.migrations import migrate
from tests.conftest import Database
from tests.dashboard_sample import ALFA, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import connect
from tests.postgres import DEFAULT_VERSION, Server
from tests.web import site_on
from tests.web_roles import KINDS, NO, NOBODY, OWN, YES, Everybody, everybody, observe
from tests.web_routes import OPEN, Call, calls

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "access.md"
MARK = "<!-- From here on `make schema` writes, by making every call as every role. -->\n"
COLUMNS = (NOBODY, *sorted(KINDS, key=lambda kind: list(Role).index(KINDS[kind][0])))
SIGNS = {YES: "✓", OWN: "own", NO: "no"}


@contextmanager
def peopled(database: Database) -> Iterator[tuple[Everybody, Planted, Planted]]:
    """Everybody on a database of two business units, the first of which the limited are limited to."""
    with site_on(database) as site, connect(database) as sql:
        own, other = plant(database, sql, site.box, ALFA), plant(database, sql, site.box, ZULU)
        with everybody(site) as people:
            yield people, own, other


def observed(people: Everybody, own: Planted, other: Planted) -> dict[Call, dict[str, str]]:
    """All calls by everybody; those that end something last."""
    asked = [call for call in calls() if call != OPEN]
    made = {call: observe(people, call, own, other) for call in sorted(asked, key=lambda one: one.harm)}
    return {call: made[call] for call in asked}


def document(seen: dict[Call, dict[str, str]]) -> str:
    """The part of docs/access.md that is observed."""
    roles = "\n".join(f"| {role} | {words} |" for role, words in ROLE_WORDS.items())
    parts = [f"| role | |\n|---|---|\n{roles}\n"]
    for title, api in (("Pages", False), ("API", True)):
        parts += [f"## {title}\n", _table({call: may for call, may in seen.items() if call.api is api})]
    return "\n".join(parts)


def _table(seen: dict[Call, dict[str, str]]) -> str:
    lines = [f"| | {' | '.join(COLUMNS)} |", f"|---|{':-:|' * len(COLUMNS)}"]
    for call, may in seen.items():
        lines.append(f"| `{call}` | {' | '.join(SIGNS[may[kind]] for kind in COLUMNS)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Makes every call and writes the file."""
    with Server(binaries(DEFAULT_VERSION)) as server:
        engine = create_engine(server.sqlalchemy_url())
        migrate(engine)
        engine.dispose()
        install_dashboard_sample(server, "test")
        database = Database(server, "test")
        with peopled(database) as (people, own, other):
            written = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
            DOCUMENT.write_text(written + MARK + "\n" + document(observed(people, own, other)), encoding="utf-8")
        database.dispose()


if __name__ == "__main__":
    main()
