"""The demo's comparison of three books: what must be reported, and every way in which the books can disagree."""

import ast
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from outbox_demo.books import Balance, Occurrence, compare, demanded, report
from outbox_demo.ledgers import Answer, Books, Captured, Connector, Done

IGNORED = frozenset({"updated_at", "view_count"})
CRM = Connector("CRM", "/crm", frozenset({"Nordics"}), frozenset({"create", "update", "send"}))
LAKE = Connector("Data lake", "/lake", frozenset({"*"}), frozenset({"update"}))
RECIPIENT = '{"recipient": "a@example.com"}'


def deed(did: str, contract: str = "7", *, template: bool = False, **more: Any) -> dict[str, Any]:
    """One deed of the application on a contract of the Nordics."""
    return {"did": did, "contract": contract, "unit": "Nordics", "template": template, **more}


def edit(old: str, new: str, column: str = "title", **more: Any) -> dict[str, Any]:
    """A column of the contract was set."""
    return deed("edit", changed={column: [old, new]}, **more)


def invitation(detail: str = RECIPIENT, **more: Any) -> dict[str, Any]:
    """An invitation went out."""
    return deed("mail", kind="invitation", detail=detail, **more)


def answer(event: int, connector: Connector = CRM, *, status: int | None = 200, **more: Any) -> Answer:
    """A receiver's answer to the report of one event."""
    given = {"webhook_id": f"{connector.name}-{event}", "sha256": f"bytes of {event}", **more}
    return Answer(connector.path.strip("/"), connector.name, event=str(event), status=status, **given)


def books() -> Books:
    """Two events, a create and an update, three deliveries, everything well."""
    return Books(
        transactions=[Done("100", True, (deed("insert"), deed("item"))), Done("101", True, (edit("a", "b"),))],
        ignored=IGNORED,
        connectors=[CRM, LAKE],
        events=[
            Captured(1, "100", "7", "create", "null", routed=True, stands=True),
            Captured(2, "100", "7", "update", "null", routed=True, stands=False),
            Captured(3, "101", "7", "update", "null", routed=True, stands=True),
        ],
        states={(1, "CRM"): "delivered", (3, "CRM"): "delivered", (3, "Data lake"): "delivered"},
        bodies={(1, "CRM"): "bytes of 1", (3, "CRM"): "bytes of 3", (3, "Data lake"): "bytes of 3"},
        answers=[answer(1), answer(3, status=503), answer(3), answer(3, LAKE)],
    )


def test_what_somebody_touched_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A connector that was changed, tested or replayed at by hand owes nothing that a book could tell."""
    twice = replace(books(), answers=[*books().answers, answer(3)], bodies={}, touched=["CRM", "of their own"])

    balance = compare(twice)

    assert (balance.deliveries, balance.duplicated, balance.touched) == (1, 0, ("CRM",))
    assert balance.faults == ("other bytes than the outbox keeps: event 3 at lake",)
    report(balance)
    assert "somebody changed or sent something there: CRM\n" in capsys.readouterr().out


def test_books_that_agree_balance() -> None:
    """Everything committed was captured and delivered once; refused tries are no duplicates."""
    assert compare(books()) == Balance(
        committed=2, captured=2, deliveries=3, delivered=3, waiting=0, dead=0, lost=0, duplicated=0, faults=()
    )


def test_summary_is_the_last_line_and_agreement_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's last line has exactly this form."""
    assert report(compare(books())) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "demo: committed=2 captured=2 deliveries=3 delivered=3 waiting=0 dead=0 lost=0 duplicated=0"


def test_dropped_report_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """What the outbox calls delivered but no receiver has seen is lost, and the demo fails."""
    balance = compare(replace(books(), answers=books().answers[:-1]))
    assert (balance.lost, balance.duplicated, balance.agrees) == (1, 0, False)
    assert report(balance) == 1
    assert "lost: update of contract 7 in transaction 101 for Data lake (event 3)" in capsys.readouterr().out


def test_doubled_report_is_duplicated() -> None:
    """A webhook-id that one receiver accepted twice is a duplicate, and the demo fails."""
    balance = compare(replace(books(), answers=[*books().answers, answer(1)]))
    assert (balance.lost, balance.duplicated, balance.agrees) == (0, 1, False)


def test_same_report_under_two_ids_disagrees() -> None:
    """A second webhook-id doesn't hide a duplicate."""
    balance = compare(replace(books(), answers=[*books().answers, answer(1, webhook_id="another")]))
    assert not balance.agrees
    assert balance.faults == ("event 1 came to CRM under 2 webhook-ids",)


@pytest.mark.parametrize(("state", "named"), [("pending", "waiting"), ("held", "waiting"), ("dead", "dead")])
def test_waiting_and_dead_deliveries_are_not_lost(state: str, named: str) -> None:
    """What the outbox still has, or has given up on record, is not lost."""
    whole = books()
    balance = compare(replace(whole, answers=whole.answers[:-1], states={**whole.states, (3, "Data lake"): state}))
    assert (balance.lost, getattr(balance, named), balance.delivered, balance.agrees) == (0, 1, 2, True)


@pytest.mark.parametrize("state", ["cancelled", None])
def test_delivery_that_nobody_will_make_is_lost(state: str | None) -> None:
    """No delivery row, or a cancelled one, for a demanded delivery is a loss."""
    whole = books()
    states = {key: value for key, value in whole.states.items() if key != (3, "Data lake")}
    states |= {(3, "Data lake"): state} if state else {}
    assert compare(replace(whole, answers=whole.answers[:-1], states=states)).lost == 1


def test_event_not_routed_yet_waits() -> None:
    """An event in the inbox is captured, and its deliveries wait, though no row of theirs exists."""
    whole = books()
    events = [*whole.events[:2], replace(whole.events[2], routed=False)]
    balance = compare(replace(whole, events=events, states={(1, "CRM"): "delivered"}, answers=whole.answers[:1]))
    assert (balance.captured, balance.waiting, balance.lost, balance.agrees) == (2, 2, 0, True)


def test_event_that_was_not_captured_loses_its_deliveries() -> None:
    """A committed change without an event shows in captured and in lost."""
    whole = books()
    balance = compare(replace(whole, events=whole.events[:2], answers=whole.answers[:1]))
    assert (balance.committed, balance.captured, balance.lost) == (2, 1, 2)


def test_equal_totals_with_another_event_disagree() -> None:
    """Identity counts, not only totals: the right number of the wrong events is no agreement."""
    whole = books()
    balance = compare(replace(whole, events=[*whole.events[:2], replace(whole.events[2], contract="8")]))
    assert balance.captured == balance.committed
    assert not balance.agrees


def test_event_captured_twice_disagrees() -> None:
    """One occurrence is one event."""
    whole = books()
    balance = compare(replace(whole, events=[*whole.events, replace(whole.events[2], id=4)]))
    assert (balance.committed, balance.captured, balance.agrees) == (2, 3, False)


@pytest.mark.parametrize(
    "stray", [answer(1, LAKE), answer(9), answer(1, sha256="others", webhook_id="CRM-1", status=500)]
)
def test_report_that_nobody_demanded_disagrees(stray: Answer) -> None:
    """A report to the wrong connector, of an unknown event, or with other bytes is named."""
    assert not compare(replace(books(), answers=[*books().answers, stray])).agrees


@pytest.mark.parametrize(
    ("deeds", "triggers"),
    [
        ([deed("insert"), deed("item"), edit("a", "b")], ["create"]),
        ([edit("a", "b"), edit("b", "c")], ["update"]),
        ([edit("a", "b"), edit("b", "a")], []),
        ([edit("a", "b"), edit("b", "a"), edit("1", "2", "amount")], ["update"]),
        ([edit("a", "a")], []),
        ([edit("1", "2", "view_count")], []),
        ([deed("item"), edit("a", "b")], ["update"]),
        ([invitation(), invitation()], ["send"]),
        ([invitation(), invitation('{"recipient": "b@example.com"}')], ["send", "send"]),
        ([deed("mail", kind="reminder", detail=RECIPIENT)], []),
        ([deed("review", detail='{"verdict": "approved"}')], ["review"]),
        ([invitation(), edit("draft", "sent", "status")], ["update", "send"]),
        ([edit("a", "b"), deed("delete")], []),
        ([deed("insert", template=True), invitation(template=True)], []),
        ([deed("insert"), deed("insert", "8")], ["create", "create"]),
    ],
)
def test_deeds_of_one_transaction_demand(deeds: list[dict[str, Any]], triggers: list[str]) -> None:
    """What one transaction's deeds must raise after coalescing."""
    assert [one.trigger for one in demanded([Done("5", True, tuple(deeds))], IGNORED)] == triggers
    assert not demanded([Done("5", False, tuple(deeds))], IGNORED)


def test_occurrence_says_what_it_is() -> None:
    """Faults name the event in words."""
    assert str(Occurrence("5", "7", "send", RECIPIENT)) == f"send of contract 7 in transaction 5 {RECIPIENT}"


def test_books_share_no_code_with_the_product() -> None:
    """Nothing that the comparison imports, directly or not, is of the package outbox."""
    seen: set[str] = set()
    ahead = ["outbox_demo.books"]
    while ahead:
        name = ahead.pop()
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        seen.add(name)
        for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [one for one in names if one.split(".")[0] == "outbox"], name
            ahead += [one for one in names if one.split(".")[0] == "outbox_demo" and one not in seen]
    assert "outbox_demo.ledgers" in seen
