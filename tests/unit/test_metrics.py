"""What a process counts: the names that are documented, series that come and go with connectors, a batch at a time."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from outbox.gauges import Reading, families
from outbox.metrics import Measures
from outbox.model import Attempt, Kind, Leased, Outcome, Response, Settled, Trigger
from outbox.standing import Backlog, ConnectorStanding, Standing
from tests.source_tree import ROOT

STANDS = Standing(
    unrouted_seconds=3.0,
    workers=2,
    connectors=(ConnectorStanding("crm", "enabled", None, 7.0), ConnectorStanding("erp", "held", "it fails", 0.0)),
    room=10,
    range_size=5,
    strays=("outbox.event_default",),
    chores={"drift": 1e9},
)
BACKLOG = Backlog(unrouted=4, capture_errors=1, deliveries={("crm", "pending"): 5})


class Line(NamedTuple):
    """A line of the table in docs/alerts.md."""

    name: str
    kind: str
    labels: frozenset[str]


def attempt(event_id: int = 1, outcome: Outcome = Outcome.OK, settled: Settled | None = Settled.DELIVERED) -> Attempt:
    """An attempt at connector 1 that took half a second."""
    leased = Leased(event_id, 1, "k1", Trigger.UPDATE, 1, 1, Kind.AUTO, 5, b"{}")
    url = None if outcome is Outcome.REPORT else "https://crm.example/hook"
    return Attempt(leased, 1, datetime(2026, 11, 1, tzinfo=UTC), Response(outcome, 500.0), url, {}, settled)


def everything() -> list[Metric]:
    """Every metric that there is, each told of once."""
    measures = Measures(transport="requests")
    measures.keep({"crm"})
    measures.beat()
    measures.count_in_hand(lambda: 3)
    measures.routed(2, seconds=0.1)
    measures.claimed(2, lost=1, seconds=0.1)
    measures.settled([("crm", attempt())], late=(), seconds=0.1)
    measures.poll_failed()
    measures.chore_failed("drift")
    measures.expiry_scanned(seconds=0.1, raised=1)
    measures.alert_sent(Outcome.TIMEOUT)
    alerts: Mapping[str, int] = {"lag": 1}
    reading = Reading((STANDS, alerts), 0.1, time.time())
    return [*measures.registry.collect(), *families(reading, Reading(BACKLOG, 0.2, time.time()), answers=True)]


def value(measures: Measures, name: str, **labels: str) -> float | None:
    """A sample of the registry; None where there is no such series."""
    return measures.registry.get_sample_value(f"outbox_{name}", labels)


def test_the_documents_name_every_metric_its_kind_and_its_labels() -> None:
    """docs/alerts.md has one line for each, and none for what isn't there."""
    written = re.findall(
        r"^\| `(outbox_\w+)`(?: \*)? \| (\w+) \| ([\w, ]*)\|", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE
    )
    documented = {Line(name, kind, frozenset(labels.replace(",", " ").split())) for name, kind, labels in written}
    there = {
        Line(
            metric.name + ("_total" if metric.type == "counter" else "_info" if metric.type == "info" else ""),
            "gauge" if metric.type == "info" else metric.type,
            frozenset(label for sample in metric.samples for label in sample.labels if label != "le"),
        )
        for metric in everything()
        if metric.name.startswith("outbox_")
    }
    assert documented == there
    assert len(written) == len(documented)


def test_what_is_marked_is_read_from_the_database() -> None:
    """The star in docs/alerts.md stands at what only the first process has, and nowhere else."""
    starred = re.findall(r"^\| `(outbox_\w+)` \* \|", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    assert sorted(starred) == sorted(family.name for family in families(None, None, answers=False))


def test_a_connector_is_counted_from_zero_and_dropped_when_it_is_removed() -> None:
    """Or its first dead letter would be no increase, and names that are gone would stay for ever."""
    measures = Measures()
    measures.keep({"crm", "erp"})
    assert value(measures, "deliveries_settled_total", connector="crm", settled="dead") == 0
    measures.settled([("crm", attempt(outcome=Outcome.TIMEOUT, settled=None))], late=(), seconds=0.1)

    measures.keep({"erp"})

    left = {sample.labels.get("connector") for metric in measures.registry.collect() for sample in metric.samples}
    assert left == {None, "erp"}


def test_a_batch_counts_outcomes_ends_and_times() -> None:
    """What came late settled nothing; what was never sent took no time."""
    measures = Measures()
    batch = [attempt(1), attempt(2), attempt(3, Outcome.REPORT, Settled.DEAD), attempt(4, Outcome.TIMEOUT, None)]

    measures.settled([("crm", one) for one in batch], late={(1, 2)}, seconds=0.25)

    outcomes = {
        outcome: value(measures, "attempts_total", connector="crm", outcome=outcome)
        for outcome in ("ok", "late", "report", "timeout")
    }
    assert outcomes == {"ok": 1, "late": 1, "report": 1, "timeout": 1}
    assert value(measures, "deliveries_settled_total", connector="crm", settled="delivered") == 1
    assert value(measures, "deliveries_settled_total", connector="crm", settled="dead") == 1
    assert value(measures, "attempt_seconds_count", connector="crm") == 3
    assert value(measures, "attempt_seconds_sum", connector="crm") == 1.5
    assert value(measures, "settle_seconds_sum") == 0.25


def test_registries_of_two_processes_share_nothing() -> None:
    """Each object has a registry of its own: none of the library's, none of another's."""
    one, other = Measures(), Measures()
    one.poll_failed()
    assert (value(one, "poll_failures_total"), value(other, "poll_failures_total")) == (1, 0)


class _Told(Collector):
    """What a reading gives, as a registry collects it."""

    def __init__(self, *readings: object, answers: bool) -> None:
        self._readings = readings
        self._answers = answers

    def collect(self) -> list[Metric]:
        """The families."""
        return list(families(*self._readings, answers=self._answers))  # type: ignore[arg-type]


def test_the_lag_is_the_longest_of_all_waits() -> None:
    """The oldest note, or what is overdue at whatever connector; nothing where nothing waits."""
    assert STANDS.lag_seconds == 7.0
    assert Standing(9.0, 0, STANDS.connectors, 0, 0, (), {}).lag_seconds == 9.0
    assert Standing(0.0, 0, (), 0, 0, (), {}).lag_seconds == 0.0


def test_without_the_database_nothing_stale_is_told() -> None:
    """`outbox_database_up` is 0 and everything else absent; without the counts only they are."""
    registry = CollectorRegistry()
    registry.register(_Told(None, None, answers=False))
    assert [(s.name, s.value) for metric in registry.collect() for s in metric.samples] == [("outbox_database_up", 0)]

    registry = CollectorRegistry()
    registry.register(_Told(Reading((STANDS, {}), 0.1, 1.0), None, answers=True))
    assert registry.get_sample_value("outbox_lag_seconds") == 7.0
    assert registry.get_sample_value("outbox_connector_state", {"connector": "erp", "state": "held"}) == 1
    assert registry.get_sample_value("outbox_unrouted_events") is None
