"""What becomes of a batch of events."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Event, Json, Reason, Trigger
from outbox.routing import ConnectorIndex, Decision, coalesce, route, unite
from tests.routing_sample import DOCUMENT, connector, event


def reasons(decisions: Iterable[Decision]) -> list[tuple[int, Reason, int | None]]:
    """Shorten decisions to event, reason, connector."""
    return [(one.event_id, one.reason, one.connector_id) for one in decisions]


class TestWhoGetsIt:
    """Each connector that shares the business unit gets a decision."""

    def test_every_connector_of_the_unit_is_decided_by_its_triggers(self) -> None:
        """Delivered where the trigger is chosen; where not, said so; other units' connectors aren't touched."""
        index = ConnectorIndex(
            (
                connector(3, "*"),
                connector(1, "bu", "x"),
                connector(2, triggers=frozenset({Trigger.SEND})),
                connector(4, "x"),
            )
        )

        routed = route([event(7)], index)

        assert routed.decisions == (
            Decision(7, Reason.DELIVER, 1, 10),
            Decision(7, Reason.TRIGGER_NOT_CHOSEN, 2, 20),
            Decision(7, Reason.DELIVER, 3, 30),
        )
        assert [(one.event.id, one.connector.id) for one in routed.deliveries] == [(7, 1), (7, 3)]

    def test_held_and_disabled_connectors_are_routed_to(self) -> None:
        """Their deliveries wait; only discarding drops them, with that reason, and only while disabled."""
        index = ConnectorIndex(
            (
                connector(1, enabled=False),
                connector(2, held_reason="fails"),
                connector(3, enabled=False, discard=True),
                connector(4, discard=True),
                connector(5, enabled=False, discard=True, triggers=frozenset()),
            )
        )

        assert reasons(route([event(7)], index).decisions) == [
            (7, Reason.DELIVER, 1),
            (7, Reason.DELIVER, 2),
            (7, Reason.DISCARDED, 3),
            (7, Reason.DELIVER, 4),
            (7, Reason.TRIGGER_NOT_CHOSEN, 5),
        ]

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"business_unit": "other"}, Reason.NO_CONNECTOR),
            ({"business_unit": "BU"}, Reason.NO_CONNECTOR),
            ({"business_unit": ""}, Reason.NO_CONNECTOR),
            ({"business_unit": None}, Reason.NO_BUSINESS_UNIT),
            ({"document": None}, Reason.CONTRACT_GONE),
            ({"document": None, "business_unit": None}, Reason.CONTRACT_GONE),
        ],
    )
    def test_an_event_for_nobody_says_why(self, fields: Mapping[str, Any], reason: Reason) -> None:
        """Nothing is silent: one decision without a connector."""
        routed = route([event(7, **fields)], ConnectorIndex((connector(1),)))

        assert routed.decisions == (Decision(7, reason),)
        assert routed.deliveries == ()

    def test_a_connector_for_all_units_gets_no_event_without_one(self) -> None:
        """`*` means every business unit; a contract that has none belongs to nobody."""
        index = ConnectorIndex((connector(1, "*"),))

        assert reasons(route([event(7, business_unit=None)], index).decisions) == [(7, Reason.NO_BUSINESS_UNIT, None)]
        assert reasons(route([event(7, business_unit="any")], index).decisions) == [(7, Reason.DELIVER, 1)]

    def test_a_connector_named_for_a_unit_and_for_all_is_told_once(self) -> None:
        """Sharing twice is sharing."""
        index = ConnectorIndex((connector(1, "*", "bu", "bu"),))

        assert reasons(route([event(7)], index).decisions) == [(7, Reason.DELIVER, 1)]

    def test_a_document_read_again_is_marked_in_each_decision(self) -> None:
        """`reread` follows the event's overlap, with connectors and without."""
        batch = [
            event(7, overlaps=True),
            event(8, overlaps=True, business_unit=None, contract_id="d"),
            event(9, xid=101),
        ]

        found = {one.event_id: one.reread for one in route(batch, ConnectorIndex((connector(1),))).decisions}

        assert found == {7: True, 8: True, 9: False}

    def test_the_index_finds_connectors_by_id(self) -> None:
        """The relay looks up what it claimed."""
        index = ConnectorIndex((connector(3), connector(1)))

        assert index.by_id[3] is index.connectors[0]


class TestCoalescing:
    """Notes of one transaction, contract, trigger and detail are one report."""

    def test_the_first_note_stands_with_all_changes(self) -> None:
        """First old and last new; the others name the one that stands for them."""
        batch = [
            event(5, changed={"amount": [2, 3], "title": ["a", "b"]}),
            event(4, changed={"amount": [1, 2], "secret": None}),
            event(6, changed={"title": ["b", "a"], "note": [None, "x"], "secret": [1, 2]}),
        ]

        made = coalesce(batch)

        [standing] = made.standing
        assert standing.id == 4
        assert standing.changed == {"amount": [1, 3], "secret": None, "note": [None, "x"]}
        assert [(one.event_id, one.reason, one.into_event_id) for one in made.explained] == [
            (5, Reason.COALESCED, 4),
            (6, Reason.COALESCED, 4),
        ]

    @pytest.mark.parametrize(
        "other",
        [
            {"xid": 101},
            {"contract_id": "d"},
            {"trigger": Trigger.SEND},
            {"detail": {"recipient": "ada"}},
            {"detail": False},
        ],
    )
    def test_what_differs_in_any_of_them_stays_apart(self, other: Mapping[str, Any]) -> None:
        """Another transaction, contract, trigger or detail is another report."""
        batch = [event(4, detail=0), replace(event(5, detail=0), **other)]

        assert [one.id for one in coalesce(batch).standing] == [4, 5]

    @pytest.mark.parametrize(("create", "update"), [(4, 5), (5, 4)])
    def test_an_update_in_the_creating_transaction_is_part_of_the_create(self, create: int, update: int) -> None:
        """Whatever its detail and whichever was noted first; the create has no changes of its own."""
        batch = [
            event(create, Trigger.CREATE),
            event(update, changed={"amount": [1, 2]}, detail="x"),
            event(9, xid=101),
        ]

        made = coalesce(batch)

        assert [(one.id, one.changed) for one in made.standing] == [(create, None), (9, None)]
        assert made.explained == (Decision(update, Reason.COALESCED, into_event_id=create),)

    def test_a_send_in_the_creating_transaction_is_its_own_report(self) -> None:
        """Only updates are part of a create."""
        batch = [event(4, Trigger.CREATE), event(5, Trigger.SEND)]

        assert coalesce(batch).standing == tuple(batch)

    def test_changes_that_were_taken_back_raise_nothing(self) -> None:
        """An update whose changes cancel out within the transaction is unchanged; its notes are all explained."""
        batch = [event(4, changed={"amount": [1, 2]}), event(5, changed={"amount": [2, 1]})]

        routed = route(batch, ConnectorIndex((connector(1),)))

        assert routed.decisions == (
            Decision(4, Reason.UNCHANGED),
            Decision(5, Reason.COALESCED, into_event_id=4),
        )

    @pytest.mark.parametrize("changes", [[None], [{}], [None, {"a": [1, 2]}, {"a": [2, 1]}], [{"a": None}]])
    def test_an_update_of_which_something_is_unknown_stays(self, changes: list[Mapping[str, Json] | None]) -> None:
        """A child row's note has no changes of columns, a column not kept has no values: the update is told."""
        batch = [event(number, changed=changed) for number, changed in enumerate(changes)]

        assert [one.id for one in coalesce(batch).standing] == [0]

    def test_the_transactions_last_word_is_reported(self) -> None:
        """Where notes of one transaction read different documents, the last read is the true one."""
        batch = [
            event(4, document={"amount": 1}, status="draft", business_unit="a"),
            event(5, document={"amount": 2}, overlaps=True),
        ]

        [standing] = coalesce(batch).standing

        assert standing == event(4, document={"amount": 2}, overlaps=True)

    def test_an_event_that_could_not_be_read_is_routed_all_the_same(self) -> None:
        """What stands for an unreadable note is unreadable too: its report says why, nothing is silent."""
        batch = [event(4), event(5, document={}, unreadable="nested too deeply")]

        [planned] = route(batch, ConnectorIndex((connector(1),))).deliveries

        assert (planned.event.id, planned.event.unreadable) == (4, "nested too deeply")

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (Decimal("1.5"), Decimal("1.50"), False),
            (1, True, False),
            (None, False, False),
            ({"a": [1]}, {"a": [1]}, True),
            ("", "", True),
        ],
    )
    def test_values_are_equal_to_the_digit_or_not_at_all(self, old: Json, new: Json, *, expected: bool) -> None:
        """Equality is that of what would be sent."""
        assert (unite([{"x": [old, new]}]) == {}) is expected


@st.composite
def batches(draw: st.DrawFn) -> list[Event]:
    """Any batch at all, also one that no database would make."""
    ids = draw(st.lists(st.integers(min_value=1, max_value=99), unique=True, max_size=12))
    values = st.none() | st.lists(st.sampled_from([None, 0, 1, "x"]), min_size=2, max_size=2)
    return [
        event(
            id_,
            draw(st.sampled_from(Trigger)),
            xid=draw(st.integers(min_value=100, max_value=103)),
            snapshot=draw(st.sampled_from(["100:100:", "100:103:101", "101:104:", "100:104:101,102", "104:104:"])),
            contract_id=draw(st.sampled_from("cd")),
            business_unit=draw(st.sampled_from(["bu", "other", "nobody", None])),
            changed=draw(st.none() | st.dictionaries(st.sampled_from("ab"), values, max_size=2)),
            detail=draw(st.sampled_from([None, "x"])),
            document=draw(st.sampled_from([DOCUMENT, None])),
        )
        for id_ in ids
    ]


@given(batches())
def test_every_event_is_delivered_or_explained_and_none_twice(batch: list[Event]) -> None:
    """No event is lost: each has one decision alone, or one for each connector of its unit."""
    connectors = (connector(1), connector(2, "other", "bu", triggers=frozenset({Trigger.UPDATE})))

    routed = route(batch, ConnectorIndex(connectors))

    assert {one.event_id for one in routed.decisions} == {one.id for one in batch}
    told = [(one.event_id, one.connector_id) for one in routed.decisions]
    assert len(told) == len(set(told))
    for one in batch:
        mine = [decision for decision in routed.decisions if decision.event_id == one.id]
        alone = [decision for decision in mine if decision.connector_id is None]
        assert mine == alone[:1] or not alone
    assert [
        (one.event.id, one.connector.id)
        for one in sorted(routed.deliveries, key=lambda one: (one.event.id, one.connector.id))
    ] == [(one.event_id, one.connector_id) for one in routed.decisions if one.reason is Reason.DELIVER]


@given(batches())
def test_what_is_coalesced_names_an_event_that_stands_for_it(batch: list[Event]) -> None:
    """The one it went into is of the same contract and transaction, and was not coalesced itself."""
    by_id = {one.id: one for one in batch}

    made = coalesce(batch)

    gone = {one.event_id: one for one in made.explained}
    assert {one.id for one in made.standing}.isdisjoint(gone)
    for one in made.explained:
        if one.reason is Reason.COALESCED:
            assert one.into_event_id is not None
            into, note = by_id[one.into_event_id], by_id[one.event_id]
            assert (into.contract_id, into.xid) == (note.contract_id, note.xid)
            assert into.trigger in {note.trigger, Trigger.CREATE}
            assert into.id not in gone or gone[into.id].reason is Reason.UNCHANGED
