"""docs/access.md: who may what, made again."""

from tests.access_document import DOCUMENT, MARK, document, observed, peopled
from tests.conftest import Database
from tests.dashboard_sample import install_dashboard_sample
from tests.web_roles import NO, NOBODY, OWN, YES

RANKS = ("viewer", "operator", "admin")


def test_the_table_is_what_turns_out(database: Database) -> None:
    """Each page and call, made as each role, answers as docs/access.md says; run `make schema` and read its diff."""
    install_dashboard_sample(database.server, database.name)
    with peopled(database) as (people, own, other):
        seen = observed(people, own, other)

    assert document(seen) == DOCUMENT.read_text(encoding="utf-8").partition(MARK)[2].lstrip("\n")
    order = [NO, OWN, YES]
    for call, may in seen.items():
        assert may[NOBODY] == (YES if call.path == "/sign-in" else NO), call
        ranks = [[order.index(may[rank]) for rank in RANKS], [order.index(may[f"{rank}, limited"]) for rank in RANKS]]
        assert ranks == [sorted(rank) for rank in ranks], f"{call}: a higher role may less"
        assert all(a >= b for a, b in zip(*ranks, strict=True)), f"{call}: the limited may more"
        if not call.safe and not call.path.startswith(("/sign-out", "/account", "/questions/")):
            assert may["viewer"] == NO, f"{call}: a viewer changes something"
