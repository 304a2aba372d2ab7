"""Send test, from the form: through the real sender, as the connector would send once it is saved."""

from dataclasses import dataclass, field, replace

from outbox.connector_asked import GENERAL, Faults, asked_by
from outbox.connector_change import changes
from outbox.connector_preview import Buildable, buildable, sendable
from outbox.connectors import UNOPENED
from outbox.errors import RefusedError
from outbox.insight.form import recent_events
from outbox.model import Connector, Response
from outbox.trial import Trial, prepare_trial, record_trial, run_trial
from outbox.web.configuring.editing import Editing
from outbox.web.configuring.previewing import Body, body_of, chosen_event
from outbox.web.visit import Visit

NOT_YOURS = "expected business units of yours, got {}; choose yours"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a test: a response, or `faults` that kept it from being sent.

    `recorded`: it stands among the connector's tests, for the form is what is saved; `withheld`: secrets that stand
    were not sent, for the address is another.
    """

    response: Response | None = None
    body: Body | None = None
    url: str = ""
    recorded: bool = False
    withheld: bool = False
    repeated: int | None = None
    faults: Faults = field(default_factory=dict)


def send_test(visit: Visit, editing: Editing) -> Answer:
    """Sends the previewed event, or a made-up one, and puts on record that it did."""
    built = buildable(asked_by(editing.draft, editing.standing_spec))
    faults = {key: words for key, words in built.faults.items() if key != "name"}
    faults |= unit_faults(visit, built.spec.business_units) if "business_units" not in faults else {}
    if editing.standing is not None and editing.standing.unopened:
        faults[GENERAL] = (f"{UNOPENED}; add the key, or set the secret again",)
    if faults:
        return Answer(faults=faults)
    connector, withheld = sendable(built.spec, editing.standing, drop_old=editing.draft.drop_old_signing_secret)
    saved = _is_saved(editing, built)
    try:
        trial = _prepared(visit, editing, built, connector)
    except RefusedError as error:
        return Answer(faults={GENERAL: (str(error),)})
    response = run_trial(trial, visit.site.transport)
    _record(visit, trial, response, saved=saved)
    return answer_of(trial, response, recorded=saved, withheld=withheld)


def answer_of(trial: Trial, response: Response, *, recorded: bool, withheld: bool = False) -> Answer:
    """The answer as it is shown."""
    kind = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    return Answer(
        response=response,
        body=body_of(response.body, kind.partition(";")[0].strip().lower()) if response.body else None,
        url=trial.request.url,
        recorded=recorded,
        withheld=withheld,
        repeated=trial.taken_from,
    )


def unit_faults(visit: Visit, units: tuple[str, ...]) -> Faults:
    """What forbids a connector of these business units to this person."""
    if visit.access.owns(units):
        return {}
    others = [unit for unit in units if not visit.access.owns([unit])]
    return {"business_units": tuple(NOT_YOURS.format("all of them" if one == "*" else repr(one)) for one in others)}


def _prepared(visit: Visit, editing: Editing, built: Buildable, connector: Connector) -> Trial:
    within, max_bytes = visit.access.within, visit.site.settings.report.max_bytes
    with visit.site.reading() as connection:
        recent = recent_events(connection, built.spec.business_units, built.spec.triggers, within=within)
        event, trigger = chosen_event(visit, connection, editing, built.spec, recent)
    if trigger is not None:
        connector = replace(connector, triggers=frozenset({trigger}))
    with visit.site.writing() as connection:
        return prepare_trial(connection, connector, max_bytes=max_bytes, chosen=event)


def _is_saved(editing: Editing, built: Buildable) -> bool:
    """Whether the form is what stands, so that the test is one of that version."""
    standing = editing.standing
    if standing is None or editing.draft.drop_old_signing_secret or standing.version != editing.version:
        return False
    return not changes(standing.spec, built.spec)


def _record(visit: Visit, trial: Trial, response: Response, *, saved: bool) -> None:
    units = [unit for unit in [trial.event.business_unit] if unit is not None]
    with visit.site.writing() as connection:
        if saved:
            record_trial(connection, trial, response, worker=visit.access.who)
        visit.record(
            connection,
            "tested",
            f"connector {trial.connector.name!r}" if saved else "a connector that is not saved",
            units,
            url=trial.request.url,
            event=trial.taken_from,
            outcome=response.outcome.value,
            status=response.status,
        )
