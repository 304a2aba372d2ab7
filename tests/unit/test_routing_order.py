"""In which order the events of a contract are told."""

from itertools import combinations
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Event
from outbox.routing import ConnectorIndex, in_order, route, visible
from tests.routing_sample import connector, event


class TestOrder:
    """Events of a contract are told in the order in which its transactions saw each other."""

    @pytest.mark.parametrize(
        ("xid", "snapshot", "expected"),
        [
            (9, "10:20:10,15", True),
            (10, "10:20:10,15", False),
            (11, "10:20:10,15", True),
            (15, "10:20:10,15", False),
            (19, "10:20:10,15", True),
            (20, "10:20:10,15", False),
            (21, "10:20:10,15", False),
            (9, "10:10:", True),
            (10, "10:10:", False),
            (2**63, f"{2**63 + 1}:{2**63 + 1}:", True),
        ],
    )
    def test_visibility_is_postgresqls(self, xid: int, snapshot: str, *, expected: bool) -> None:
        """Below xmax and not among the running, as pg_visible_in_snapshot says."""
        assert visible(xid, snapshot) is expected

    def test_an_event_that_another_saw_goes_before_it(self) -> None:
        """A higher id that committed before the lower one's document was read is told first."""
        late = event(4, xid=101, snapshot="101:103:")
        early = event(5, xid=102, snapshot="101:102:101")

        assert [one.id for one in in_order([late, early])] == [5, 4]

    def test_without_that_ids_decide(self) -> None:
        """Mutually invisible transactions, and those that saw each other in turn, go by id."""
        blind = [event(5, xid=102, snapshot="101:101:"), event(4, xid=101, snapshot="101:101:")]
        turns = [event(7, xid=104, snapshot="104:104:"), event(6, xid=103, snapshot="103:103:")]

        assert [one.id for one in in_order(turns + blind)] == [4, 5, 6, 7]

    def test_other_contracts_keep_their_places(self) -> None:
        """Only the lane that needs it is rearranged, on the places that its ids have in the batch."""
        batch = [
            event(4, xid=101, snapshot="101:103:"),
            event(5, contract_id="d"),
            event(6, xid=102, snapshot="101:102:101"),
        ]

        assert [one.id for one in in_order(batch)] == [6, 5, 4]

    def test_deliveries_come_in_that_order(self) -> None:
        """Each connector's lane gets the contract's events as they saw each other."""
        batch = [event(4, xid=101, snapshot="101:103:"), event(5, xid=102, snapshot="101:102:101")]

        routed = route(batch, ConnectorIndex((connector(1), connector(2))))

        assert [(one.event.id, one.connector.id) for one in routed.deliveries] == [(5, 1), (5, 2), (4, 1), (4, 2)]
        assert [one.event_id for one in routed.decisions] == [4, 4, 5, 5]

    @given(st.data())
    def test_order_respects_what_was_visible_in_any_history(self, data: st.DataObject) -> None:
        """Of any two events, one that the other's transaction saw comes first; one transaction's go by id."""
        history, saw = histories(data)

        places = {one.id: place for place, one in enumerate(in_order(history))}

        assert len(places) == len(history)
        for one, other in combinations(history, 2):
            if one.xid == other.xid:
                assert (places[one.id] < places[other.id]) == (one.id < other.id)
            elif (one.xid, other.xid) in saw:
                assert places[other.id] < places[one.id]
            elif (other.xid, one.xid) in saw:
                assert places[one.id] < places[other.id]

    def test_a_contract_with_very_many_events_is_ordered_quickly(self) -> None:
        """Ten thousand transactions on one contract cost no comparing of pairs."""
        batch = [event(n, xid=1000 + n, snapshot=f"{1000 + n}:{1001 + n}:") for n in range(10_000)]
        started = process_time()

        assert in_order(reversed(batch)) == batch
        assert process_time() - started < 2


def histories(data: st.DataObject) -> tuple[list[Event], set[tuple[int, int]]]:
    """Play out concurrent transactions on one contract, each noting, reading twice at its end, and committing.

    Returns the events, and the pairs (xid, xid) where the first saw the second, told by the clock of the play.
    """
    count = data.draw(st.integers(min_value=1, max_value=6))
    steps = data.draw(st.permutations([xid for xid in range(100, 100 + count) for _ in range(4)]))
    ids = iter(data.draw(st.permutations(range(2 * count))))
    stage: dict[int, int] = {}
    committed: list[int] = []
    snapshots: dict[int, list[str]] = {}
    saw: set[tuple[int, int]] = set()
    xids: dict[int, int] = {}
    for transaction in steps:
        stage[transaction] = stage.get(transaction, 0) + 1
        xid = xids.setdefault(transaction, 100 + len(xids))
        if stage[transaction] in {2, 3}:
            running = sorted({xids[other] for other in stage if stage[other] < 4} - {xid})
            xmax = max(committed, default=99) + 1
            below = [other for other in running if other < xmax]
            xmin = min([*running, xid, xmax])
            snapshots.setdefault(xid, []).append(f"{xmin}:{xmax}:{','.join(map(str, below))}")
            saw.update((xid, other) for other in committed)
        elif stage[transaction] == 4:
            committed.append(xid)
    events = []
    for xid, [first, second] in snapshots.items():
        low, high = sorted((next(ids), next(ids)))
        events += [event(low, xid=xid, snapshot=first), event(high, xid=xid, snapshot=second, detail=high)]
    return events, saw
