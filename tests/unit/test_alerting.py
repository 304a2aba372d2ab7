"""Alerts, decided: what begins, stands and ends, what is told of it and when, in which words."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from outbox.alerting import (
    TRY_SECONDS,
    WELL_SECONDS,
    Alert,
    Changes,
    Severity,
    Telling,
    Trouble,
    body,
    compare,
    listed,
    request,
    sample,
    to_tell,
)

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
LAG = Trouble("lag", "", Severity.CRITICAL, "Reports are late", "events wait", "start more", {"lag_seconds": 400})
HELD = Trouble("connector_held", "crm", Severity.WARNING, "Connector crm is held", "it fails", "mend it")
RAISED = Alert(1, HELD, NOW - timedelta(hours=2))
TOLD = replace(RAISED, told=1, told_at=NOW - timedelta(hours=1), tried_at=NOW - timedelta(hours=1))


def ago(seconds: float) -> datetime:
    """So long before now."""
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("alerts", "troubles", "unknown", "expected"),
    [
        pytest.param([], [], (), Changes(), id="nothing was and is"),
        pytest.param([], [HELD], (), Changes(begin=(HELD,)), id="begins"),
        pytest.param([TOLD], [HELD], (), Changes(stand=(HELD,)), id="stands"),
        pytest.param([TOLD], [], (), Changes(gone=(1,)), id="is gone, and not yet well"),
        pytest.param([replace(TOLD, gone_at=ago(WELL_SECONDS - 1))], [], (), Changes(gone=(1,)), id="is still gone"),
        pytest.param([replace(TOLD, gone_at=ago(WELL_SECONDS))], [], (), Changes(ended=(1,)), id="has ended"),
        pytest.param([replace(TOLD, gone_at=ago(30))], [HELD], (), Changes(stand=(HELD,)), id="came back in time"),
        pytest.param([TOLD], [], ("connector_held",), Changes(), id="could not be looked at"),
        pytest.param([replace(TOLD, ended_at=NOW)], [HELD], (), Changes(begin=(HELD,)), id="begins anew once ended"),
        pytest.param(
            [TOLD], [replace(HELD, subject="erp")], (), Changes(begin=(replace(HELD, subject="erp"),), gone=(1,)),
            id="another subject is another trouble",
        ),
    ],
)  # fmt: skip
def test_a_look_is_held_against_the_record(
    alerts: list[Alert], troubles: list[Trouble], unknown: tuple[str, ...], expected: Changes
) -> None:
    """A trouble is itself by rule and subject; only what stays away for a while has ended."""
    assert compare(alerts, troubles, unknown=unknown, now=NOW) == expected


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        pytest.param(RAISED, Telling.RAISED, id="never told"),
        pytest.param(TOLD, None, id="told within the hours"),
        pytest.param(replace(TOLD, told_at=NOW - timedelta(hours=24)), Telling.STANDS, id="told so long ago"),
        pytest.param(replace(RAISED, tried_at=ago(TRY_SECONDS - 1)), None, id="somebody may be telling it"),
        pytest.param(replace(RAISED, tried_at=ago(TRY_SECONDS)), Telling.RAISED, id="it was not taken"),
        pytest.param(replace(RAISED, gone_at=ago(1)), None, id="gone before it was told"),
        pytest.param(replace(TOLD, gone_at=ago(90), ended_at=ago(1)), Telling.WELL, id="well again"),
        pytest.param(replace(RAISED, gone_at=ago(90), ended_at=ago(1)), None, id="well again, and never told"),
    ],
)
def test_what_is_told_of_an_alert(alert: Alert, expected: Telling | None) -> None:
    """Once, again after so many hours, and once that it is well: by whoever has taken it."""
    told = to_tell([alert], repeat_hours=24, now=NOW)
    assert [what for _, what in told] == ([] if expected is None else [expected])


def test_without_repetition_it_is_told_once() -> None:
    """Zero hours mean never again."""
    assert to_tell([replace(TOLD, told_at=NOW - timedelta(days=300))], repeat_hours=0, now=NOW) == []


def test_the_worst_is_told_first() -> None:
    """Critical before warnings, older before younger."""
    alerts = [RAISED, Alert(2, LAG, NOW), Alert(3, replace(LAG, rule="capture_errors"), NOW)]
    assert [one.id for one, _ in to_tell(alerts, repeat_hours=24, now=NOW)] == [2, 3, 1]


@dataclass
class Record:
    """What the table does, in memory."""

    alerts: dict[int, Alert]
    told: list[tuple[int, Telling, datetime]]

    def look(self, troubles: list[Trouble], unknown: set[str], now: datetime, *, taken: bool) -> None:
        """One round: look, write, tell."""
        changes = compare(self.alerts.values(), troubles, unknown=unknown, now=now)
        for one in changes.begin:
            self.alerts[len(self.alerts) + 1] = Alert(len(self.alerts) + 1, one, now)
        for alert in list(self.alerts.values()):
            if alert.ended_at is None and alert.trouble.key in {one.key for one in changes.stand}:
                self.alerts[alert.id] = replace(alert, gone_at=None)
            if alert.id in (*changes.gone, *changes.ended):
                ended = now if alert.id in changes.ended else None
                self.alerts[alert.id] = replace(alert, gone_at=alert.gone_at or now, ended_at=ended)
        live = [one for one in self.alerts.values() if (one.id, Telling.WELL) not in {t[:2] for t in self.told}]
        for alert, what in to_tell(live, repeat_hours=1, now=now):
            self.alerts[alert.id] = replace(alert, tried_at=now)
            if taken:
                self.told.append((alert.id, what, now))
                told = self.alerts[alert.id]
                self.alerts[alert.id] = replace(told, told=told.told + (what is not Telling.WELL), told_at=now)


rounds = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()), max_size=200)


@given(rounds)
def test_whatever_comes_and_goes_nobody_is_told_too_much_or_too_little(
    history: list[tuple[bool, bool, bool, bool]],
) -> None:
    """Over any history of troubles, looks that fail and a hook that is deaf at times, the rules hold.

    Raised once and first, repeated no sooner than said, well once and last, and only what was raised; at most one
    alert of a trouble is open; and once the hook hears for good, all that stands or stood is told to the end.
    """
    record = Record({}, [])
    now = NOW
    for lags, holds, blind, taken in history:
        now += timedelta(seconds=30)
        troubles = [LAG] * (lags and not blind) + [HELD] * holds
        record.look(troubles, {"lag"} if blind else set(), now, taken=taken)
        open_keys = [one.trouble.key for one in record.alerts.values() if one.ended_at is None]
        assert len(open_keys) == len(set(open_keys))
    for _ in range(5):
        now += timedelta(seconds=30)
        record.look([], set(), now, taken=True)

    for alert in record.alerts.values():
        told = [(what, at) for id_, what, at in record.told if id_ == alert.id]
        assert alert.ended_at is not None
        assert [what for what, _ in told[:1]] in ([], [Telling.RAISED])
        assert [what for what, _ in told[1:-1]] == [Telling.STANDS] * len(told[1:-1])
        assert not told or told[-1][0] is Telling.WELL
        times = [at for what, at in told if what is not Telling.WELL]
        assert all(later - sooner >= timedelta(hours=1) for sooner, later in pairwise(times))


def test_the_body_is_for_people_and_programs() -> None:
    """`text` says all in one line; the rest has its own keys."""
    written = json.loads(body(replace(TOLD, trouble=LAG), Telling.RAISED, database="sales", now=NOW))
    assert written == {
        "text": "[critical] sales: Reports are late: events wait. What to do: start more",
        "telling": "raised",
        "alert_id": 1,
        "rule": "lag",
        "subject": None,
        "severity": "critical",
        "title": "Reports are late",
        "words": "events wait",
        "mend": "start more",
        "facts": {"lag_seconds": 400},
        "database": "sales",
        "began_at": "2026-11-25T01:00:00.000000Z",
        "ended_at": None,
    }


@pytest.mark.parametrize(
    ("telling", "expected"),
    [
        (Telling.STANDS, "[warning] sales: Connector crm is held: it fails. It has lasted 2h. What to do: mend it"),
        (Telling.WELL, "[all well again] sales: Connector crm is held: no more. It lasted 1h."),
    ],
)
def test_the_text_says_how_long(telling: Telling, expected: str) -> None:
    """So far, or from begin to end."""
    alert = replace(TOLD, ended_at=ago(3600) if telling is Telling.WELL else None)
    assert json.loads(body(alert, telling, database="sales", now=NOW))["text"] == expected


def test_a_request_is_signed_and_known_again() -> None:
    """The standard library of receivers verifies it; the id is the same for one telling, another for the next."""
    secret = "whsec_" + "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMgb2YgdGV4dA=="
    now = datetime.now(UTC)
    made = request(TOLD, Telling.STANDS, url="https://hook.example/x", secret=secret, database="sales", now=now)
    headers = dict(made.headers)

    assert Webhook(secret).verify(made.body, headers)["alert_id"] == 1
    assert headers["webhook-id"] == "alert_1_stands_1"
    plain = request(sample(now), Telling.TEST, url="https://hook.example/x", secret=None, database="sales", now=now)
    assert "webhook-signature" not in dict(plain.headers)


def test_long_lists_are_cut() -> None:
    """The first five, and how many more there are."""
    assert listed(["a", "b"]) == "a; b"
    assert listed([str(n) for n in range(7)]) == "0; 1; 2; 3; 4; and 2 more"
