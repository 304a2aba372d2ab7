"""The preview beside the form: the request of a recent event that its person may see, and what is to be mended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from outbox.connector import ConnectorSpec
from outbox.connector_asked import Faults, asked_by, by_field, proposed_name
from outbox.connector_preview import Buildable, Preview, buildable, preview, readable, used
from outbox.connectors import standing_connectors
from outbox.insight.form import (
    Recent,
    company_fields,
    contract_fields,
    read_event,
    recent_events,
    source_names,
    units_seen,
)
from outbox.model import ALL_BUSINESS_UNITS, Event, Trigger
from outbox.source_names import check_connector
from outbox.web.configuring.editing import Editing
from outbox.web.visit import Visit, same_token

LONGEST_BODY = 16_000
MANDATORY = ("business_units", "triggers", "url")
TRIGGER, EVENT = "trigger:", "event:"


@dataclass(frozen=True, slots=True)
class Body:
    """A body as text, for people and as it is; what is too long for a page is cut."""

    pretty: str
    raw: str
    octets: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything that stands beside the form."""

    spec: ConnectorSpec
    preview: Preview
    body: Body | None
    recent: tuple[Recent, ...]
    chosen: str
    missing: tuple[str, ...]
    wrong: Faults
    urlless: bool
    warnings: Faults
    contract_fields: tuple[str, ...]
    company_fields: tuple[str, ...]
    name: str
    looked: str


def beside(visit: Visit, connection: Connection, editing: Editing) -> Beside:
    """The preview and what the form can suggest, for what is chosen in it now."""
    within, site = visit.access.within, visit.site
    name = editing.draft.name or ("" if editing.standing else proposal(visit, connection, editing))
    built = buildable(asked_by(replace(editing.draft, name=name), editing.standing_spec))
    units = () if "business_units" in built.faults else built.spec.business_units
    recent = recent_events(connection, units, built.spec.triggers, within=within)
    event, trigger = chosen_event(visit, connection, editing, built.spec, recent)
    connector = used(built.spec, editing.standing, drop_old=editing.draft.drop_old_signing_secret)
    shown = preview(connection, connector, event, trigger=trigger, max_bytes=site.settings.report.max_bytes)
    names = source_names(connection, within=within)
    missing = tuple(key for key in built.faults if key in MANDATORY and not getattr(editing.draft, key))
    return Beside(
        spec=built.spec,
        preview=shown,
        body=None if shown.request is None else body_of(shown.request.body, built.spec.content_type),
        recent=recent,
        chosen=editing.chosen,
        missing=missing,
        wrong={key: words for key, words in built.faults.items() if key not in missing},
        urlless="url" in built.faults,
        warnings=_warnings(visit, connection, editing, built),
        contract_fields=contract_fields(names.contract_fields, event),
        company_fields=company_fields(connection, units, within=within),
        name=name,
        looked=looked_sign(visit, event),
    )


def chosen_event(
    visit: Visit, connection: Connection, editing: Editing, spec: ConnectorSpec, recent: tuple[Recent, ...]
) -> tuple[Event | None, Trigger | None]:
    """The event to show, of those that its person may see, and the trigger that was asked for; the newest, if none."""
    within, units = visit.access.within, spec.business_units
    if editing.chosen.startswith(EVENT):
        number = editing.chosen.removeprefix(EVENT)
        wanted = next((one for one in recent if str(one.event_id) == number), None)
        if wanted is not None:
            return read_event(connection, wanted.event_id, units, within=within), wanted.trigger
    trigger = next((one for one in spec.triggers if editing.chosen == TRIGGER + one), None)
    if trigger is not None:
        recent = recent_events(connection, units, [trigger], within=within)
    if not recent:
        return None, trigger
    return read_event(connection, recent[0].event_id, units, within=within), trigger


def record_look(visit: Visit, editing: Editing, shown: Beside) -> None:
    """Puts on record that its person saw a real contract's content, once for each event that is shown running."""
    event = shown.preview.event
    if not shown.preview.real or same_token(editing.looked, shown.looked):
        return
    units = [event.business_unit] if event.business_unit is not None else []
    with visit.site.writing() as connection:
        visit.record(connection, "looked", f"event {event.id}", units, contract=event.contract_id, by="a preview")


def looked_sign(visit: Visit, event: Event | None) -> str:
    """What the form carries once its person has seen the event; nobody can make it up."""
    if event is None:
        return ""
    return str(visit.site.form_signer.get_signature(f"looked {visit.token} {event.id}".encode()).decode())


def proposal(visit: Visit, connection: Connection, editing: Editing) -> str:
    """The name that a connector gets that was given none."""
    taken = {one.spec.name for one in standing_connectors(connection, visit.site.box)}
    names: Mapping[str, str] = visit.unit_names
    seen = [unit for unit in editing.draft.business_units if unit != ALL_BUSINESS_UNITS and visit.access.sees(unit)]
    units = [names.get(unit, unit) for unit in seen]
    return proposed_name(editing.draft.url, units, taken)


def body_of(body: bytes, content_type: str) -> Body:
    """The body as the page shows it."""
    pretty, raw = readable(body, content_type), body.decode("utf-8", "replace")
    cut = max(len(pretty), len(raw)) > LONGEST_BODY
    return Body(pretty[:LONGEST_BODY], raw[:LONGEST_BODY], len(body), cut)


def _warnings(visit: Visit, connection: Connection, editing: Editing, built: Buildable) -> Faults:
    """What its author should know of the fields that are sound."""
    seen = units_seen(built.spec.business_units, within=visit.access.within)
    checked = check_connector(
        connection,
        built.spec if seen is None else built.spec.model_copy(update={"business_units": seen}),
        source_names(connection, within=visit.access.within),
        standing_units=editing.standing.spec.business_units if editing.standing else (),
        allow_unknown=True,
        allow_networks=visit.site.settings.sender.allow_networks,
    )
    return {key: words for key, words in by_field(checked.warnings).items() if key not in built.faults}
