"""Tells people: looks for troubles, decides what is to be told, sends it; one of all workers does, in each slot."""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection, Engine

from outbox import alerting, alerts, troubles, worker
from outbox.alerting import Alert, Telling
from outbox.alerts import Place
from outbox.log import get_log
from outbox.metrics import Measures
from outbox.model import Outcome, Response
from outbox.sender import Transport, make_transport
from outbox.settings import Settings

ROUND_SECONDS = 10.0
"""After so long nothing more is sent in this round: with the last one's timeout it ends before another may begin."""


def watch(engine: Engine, settings: Settings, measures: Measures, *, job: str, seconds: float) -> None:
    """Runs one round, where an alert hook is set and no other worker runs it in this slot."""
    if not settings.alerts.wanted:
        return
    with engine.begin() as connection:
        if not worker.tick(connection, job, seconds=seconds):
            return
        here = alerts.place(connection)
        telling = _look(connection, settings, now=here.now)
    if telling:
        with closing(make_transport(settings.sender)) as transport:
            _tell(engine, settings, transport, measures, telling, here=here)


def send_test(engine: Engine, settings: Settings) -> Response:
    """Sends a test alert, which is not recorded."""
    with engine.connect() as connection:
        here = alerts.place(connection)
    with closing(make_transport(settings.sender)) as transport:
        return _send(settings, transport, alerting.sample(here.now), Telling.TEST, here=here)


def _look(connection: Connection, settings: Settings, *, now: datetime) -> list[tuple[Alert, Telling]]:
    """Brings what is on record up to what is there, and takes what is to be told."""
    seen = troubles.look(connection, settings)
    changes = alerting.compare(alerts.live_alerts(connection), seen.troubles, unknown=seen.unknown, now=now)
    alerts.write_changes(connection, changes)
    telling = alerting.to_tell(alerts.live_alerts(connection), repeat_hours=settings.alerts.repeat_hours, now=now)
    alerts.take(connection, [one for one, _ in telling])
    return telling


def _tell(
    engine: Engine,
    settings: Settings,
    transport: Transport,
    measures: Measures,
    telling: Sequence[tuple[Alert, Telling]],
    *,
    here: Place,
) -> None:
    """Sends one after the other, until one is not taken: they go to the same hook, and the rest waits with it."""
    deadline = time.monotonic() + ROUND_SECONDS
    for alert, what in telling:
        if time.monotonic() > deadline:
            return
        response = _send(settings, transport, alert, what, here=here)
        measures.alert_sent(response.outcome)
        error = None if response.outcome is Outcome.OK else why(response)
        with engine.begin() as connection:
            alerts.told(connection, alert, well=what is Telling.WELL, error=error)
        words = {"rule": alert.trouble.rule, "subject": alert.trouble.subject, "telling": what.value}
        if error is not None:
            get_log().error("alert_not_told", **words, error=error)
            return
        get_log().info("alert_told", **words)


def _send(settings: Settings, transport: Transport, alert: Alert, what: Telling, *, here: Place) -> Response:
    """By the guarded transport, as a report is sent."""
    url, secret = settings.alerts.hook, settings.alerts.signing_secret
    return transport.send(alerting.request(alert, what, url=url, secret=secret, database=here.database, now=here.now))


def why(response: Response) -> str:
    """Why the hook did not take it, in words."""
    return response.error or response.error_code or response.outcome.value
