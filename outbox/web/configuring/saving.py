"""Saves the form: as a new connector, or as the next version of one, unless another changed it meanwhile."""

from dataclasses import dataclass, field, replace

from fastapi import Response
from sqlalchemy import Connection

from outbox.connector import ConnectorSpec
from outbox.connector_asked import LABEL, Faults, asked_by, by_field, joined
from outbox.connector_edits import create_connector, edit_connector
from outbox.connector_input import parse_spec
from outbox.connector_merge import merged, taken
from outbox.errors import ConfigurationError, RefusedError
from outbox.insight.form import read_conflict, source_names
from outbox.source_names import check_connector
from outbox.web.configuring.editing import Editing, owned_connector
from outbox.web.configuring.previewing import proposal
from outbox.web.configuring.sending import unit_faults
from outbox.web.configuring.showing import TITLES, show
from outbox.web.visit import Visit

LONGEST_SAID = 900


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved: the connector, and what to say of it; or what is wrong."""

    connector_id: int = 0
    said: str = ""
    faults: Faults = field(default_factory=dict)


def save(visit: Visit, editing: Editing) -> Response:
    """Saves and goes on to the connector's page; shows the form again where something is wrong."""
    if editing.standing is not None and editing.version != editing.standing.version:
        return _overtaken(visit, editing, editing.standing.id)
    editing = _with_takes(visit, editing)
    try:
        with visit.site.writing() as connection:
            saved = _saved(visit, connection, editing)
    except ConfigurationError as error:  # a name that another has; all else is a fault of its field by then
        saved = Saved(faults={"name": error.faults})
    except RefusedError:
        if editing.standing is None:
            raise
        return _overtaken(visit, editing, editing.standing.id)
    if saved.faults:
        return show(visit, editing, faults=saved.faults, status=422)
    return visit.redirect(f"/configurations/connectors/{saved.connector_id}", said=saved.said)


def _saved(visit: Visit, connection: Connection, editing: Editing) -> Saved:
    if editing.standing is None and not editing.draft.name:
        editing = replace(editing, draft=replace(editing.draft, name=proposal(visit, connection, editing)))
    spec, faults, warnings = _checked(visit, connection, editing)
    if spec is None:
        return Saved(faults=faults)
    units = spec.business_units
    if editing.standing is None:
        connector_id = create_connector(connection, spec, box=visit.site.box, author=visit.author)
        visit.record(connection, "created", f"connector {spec.name!r}", units)
        return Saved(connector_id, _said(f"Connector {spec.name} is created.", warnings))
    standing, drop_old = editing.standing, editing.draft.drop_old_signing_secret
    found = edit_connector(
        connection, standing, spec, box=visit.site.box, author=visit.author, drop_old_signing_secret=drop_old
    )
    if not found:
        return Saved(standing.id, f"Connector {spec.name} is what it was; nothing was changed.")
    visit.record(connection, "edited", f"connector {spec.name!r}", units, changed=[one.key for one in found])
    titles = ", ".join(dict.fromkeys(TITLES.get(one.key.partition(".")[0], one.key) for one in found))
    return Saved(standing.id, _said(f"Connector {spec.name} is saved: {titles}.", warnings))


def _checked(visit: Visit, connection: Connection, editing: Editing) -> tuple[ConnectorSpec | None, Faults, Faults]:
    """The spec by the rules and the source, or None; every fault, by field; what its author should know."""
    standing = editing.standing
    asked = asked_by(editing.draft, editing.standing_spec)
    try:
        spec = parse_spec(asked.values, label=LABEL)
    except ConfigurationError as error:
        return None, joined(asked.faults, by_field(error.faults)), {}
    own_units = standing.spec.business_units if standing else ()
    checked = check_connector(
        connection,
        spec,
        source_names(connection, within=visit.access.within),
        standing_units=own_units,
        allow_unknown=editing.draft.unknown_units,
        allow_networks=visit.site.settings.sender.allow_networks,
    )
    faults = joined(
        asked.faults,
        by_field(checked.faults),
        {} if checked.faults else unit_faults(visit, checked.spec.business_units),
    )
    return None if faults else checked.spec, faults, by_field(checked.warnings)


def _said(words: str, warnings: Faults) -> str:
    notes = [f"{TITLES.get(key, key)}: {one}" for key, several in warnings.items() for one in several]
    text = " ".join([words, *(["Worth knowing:", "; ".join(notes)] if notes else [])])
    return text if len(text) <= LONGEST_SAID else text[:LONGEST_SAID] + " ..."


def _with_takes(visit: Visit, editing: Editing) -> Editing:
    """The form with those values of another's change that its person chose."""
    if not editing.takes or editing.standing is None or not editing.before:
        return editing
    with visit.site.reading() as connection:
        conflict = read_conflict(connection, editing.standing.id, editing.before, within=visit.access.within)
    return editing if conflict is None else replace(editing, draft=taken(editing.draft, conflict, editing.takes))


def _overtaken(visit: Visit, editing: Editing, connector_id: int) -> Response:
    """Another saved first: their changes join the form where it was untouched, and all of them are told beside it."""
    with visit.site.reading() as connection:
        standing = owned_connector(visit, connection, connector_id)
        conflict = read_conflict(connection, standing.id, editing.version, within=visit.access.within)
    now = replace(editing, standing=standing, before=editing.version, version=standing.version, takes={})
    if conflict is None:
        return show(visit, now, status=409)
    return _after(visit, replace(now, draft=merged(editing.draft, conflict)), touched=bool(conflict.fields()))


def _after(visit: Visit, editing: Editing, *, touched: bool) -> Response:
    """The form beside what another changed; saved at once where that was nothing which the form has."""
    return show(visit, editing, status=409) if touched else save(visit, replace(editing, before=0))
