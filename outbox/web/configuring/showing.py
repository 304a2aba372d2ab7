"""The configuration page and its parts, for a form as it stands: nothing that was typed is lost, no secret is in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response
from sqlalchemy import Connection

from outbox.connector import RECEIVED_WORDS, SSL_WORDS, TRIGGER_WORDS, ConnectorSpec
from outbox.connector_asked import Faults
from outbox.connector_check import BusinessUnit
from outbox.connector_form import HeaderDraft, MappingDraft, SecretChoice
from outbox.connector_merge import Conflict, meanwhile
from outbox.connector_rows import mapping_json
from outbox.duration import write_duration
from outbox.insight.form import read_conflict, source_names
from outbox.model import ALL_BUSINESS_UNITS, ContentType, FormStyle, Order
from outbox.web.configuring.editing import Editing, sealing_of
from outbox.web.configuring.previewing import beside, record_look
from outbox.web.configuring.sending import Answer
from outbox.web.visit import Visit

MOST_UNITS = 100
"""Business units in the list at once; more are found by their words."""
RECEIVED_MEANS: Final = {
    "status": "The envelope alone: id, trigger, time, business unit, contract and its status. Every chosen trigger"
    " sends, whether the status changed or not. Field mapping and company extra fields do not apply.",
    "everything": "Also every field of the contract, what changed, the details of the occurrence, and the company.",
}
TITLES: Final = {key: known.title or key for key, known in ConnectorSpec.model_fields.items()}
HELPS: Final = {
    key: (words := known.description or "")[:1].upper() + words[1:] for key, known in ConnectorSpec.model_fields.items()
}
WORDS: Final[Mapping[str, Any]] = {
    "titles": TITLES,
    "helps": HELPS,
    "trigger_words": TRIGGER_WORDS,
    "received_words": RECEIVED_WORDS,
    "ssl_words": SSL_WORDS,
    "received_means": RECEIVED_MEANS,
    "content_types": tuple(ContentType),
    "form_styles": tuple(FormStyle),
    "orders": tuple(Order),
    "choices": SecretChoice,
    "all_units": ALL_BUSINESS_UNITS,
}
"""The page's own words, as everything that people see has them."""


MORE: Final = frozenset(
    {"name", "order", "max_in_flight", "rate_per_second", "timeout_seconds", "schedule", "headers", "username"}
    | {"form_style", "signing_secret"}
)
"""The fields that are folded away."""


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """A business unit in the list."""

    id: str
    name: str
    chosen: bool
    known: bool


@dataclass(frozen=True, slots=True)
class UnitList:
    """The business units that the list shows; `more` are found by other words, None known: no source is installed."""

    choices: tuple[UnitChoice, ...]
    more: int
    installed: bool


def show(
    visit: Visit,
    editing: Editing,
    *,
    faults: Faults | None = None,
    mapping_faults: tuple[str, ...] = (),
    answer: Answer | None = None,
    made: str = "",
    copy_of: str = "",
    status: int = 200,
) -> Response:
    """The whole page."""
    with visit.site.reading() as connection:
        aside = beside(visit, connection, editing)
        units = unit_list(visit, connection, editing)
        conflict = conflict_of(visit, connection, editing)
    record_look(visit, editing, aside)
    return visit.page(
        "form/page.html",
        status=status,
        **WORDS,
        editing=editing,
        draft=editing.draft,
        faults=faults or {},
        mapping_faults=mapping_faults,
        mapping_json=mapping_json(editing.draft.field_mapping)
        if editing.mapping_written is None
        else editing.mapping_written,
        sealed=_sealed(visit, editing),
        secret_headers=_secret_headers(editing),
        beside=aside,
        unit_list=units,
        conflict=conflict,
        meanwhile=() if conflict is None else meanwhile(editing.draft, conflict, visit.unit_names),
        answer=answer,
        made=made,
        copy_of=copy_of,
        more=bool(made or MORE & set(faults or ()) or _is_of_more(visit)),
        service_schedule=", ".join(map(write_duration, visit.site.settings.relay.schedule_seconds)),
        blank_mapping=MappingDraft(),
        blank_header=HeaderDraft(),
    )


def show_preview(visit: Visit, editing: Editing) -> Response:
    """The preview alone."""
    with visit.site.reading() as connection:
        aside = beside(visit, connection, editing)
    record_look(visit, editing, aside)
    return visit.fragment("form/_preview.html", **WORDS, editing=editing, draft=editing.draft, beside=aside)


def show_units(visit: Visit, editing: Editing) -> Response:
    """The list of business units alone."""
    with visit.site.reading() as connection:
        units = unit_list(visit, connection, editing)
    return visit.fragment("form/_units.html", **WORDS, editing=editing, draft=editing.draft, unit_list=units, faults={})


def show_answer(visit: Visit, editing: Editing, answer: Answer) -> Response:
    """The answer to a test alone."""
    return visit.fragment("form/_answer.html", **WORDS, editing=editing, answer=answer)


def unit_list(visit: Visit, connection: Connection, editing: Editing) -> UnitList:
    """The business units that match the words, and those that are chosen, whatever the words."""
    source = source_names(connection, within=visit.access.within).business_units
    units = _offered(visit, source)
    chosen = [unit for unit in editing.draft.business_units if unit != ALL_BUSINESS_UNITS]
    known = {unit.id for unit in units}
    words = editing.words.casefold()
    matching = [one for one in units if words in (one.name or "").casefold() or words in one.id.casefold()]
    few = len(matching) <= MOST_UNITS
    first = [] if few and not words else [one for one in units if one.id in chosen]
    others = [one for one in matching if one not in first]
    shown = [UnitChoice(unit, unit, chosen=True, known=source is None) for unit in chosen if unit not in known]
    shown += [
        UnitChoice(one.id, one.name or one.id, one.id in chosen, known=True) for one in [*first, *others[:MOST_UNITS]]
    ]
    return UnitList(tuple(shown), max(0, len(others) - MOST_UNITS), source is not None)


def _offered(visit: Visit, source: tuple[BusinessUnit, ...] | None) -> list[BusinessUnit]:
    """The source's units, or where none is installed, those that somebody is limited to."""
    if source is not None:
        return list(source)
    return [BusinessUnit(unit, None) for unit in visit.access.within or ()]


def conflict_of(visit: Visit, connection: Connection, editing: Editing) -> Conflict | None:
    """What another changed since the form was read first."""
    if editing.standing is None or not editing.before or editing.before == editing.standing.version:
        return None
    return read_conflict(connection, editing.standing.id, editing.before, within=visit.access.within)


def _is_of_more(visit: Visit) -> bool:
    """Whether the button that sent the form is among what is folded away."""
    return str(visit.form.get("act", "")).partition(".")[0] in ("headers", "signing")


def _sealed(visit: Visit, editing: Editing) -> dict[str, Any]:
    """What stands in the page for the secrets that were typed."""
    sealing, draft = sealing_of(visit), editing.draft
    return {
        "secret": sealing.seal("secret", draft.secret.typed),
        "signing_secret": sealing.seal("signing_secret", draft.signing_secret.typed),
        "headers": [sealing.seal("headers", row.value) if row.secret else "" for row in draft.headers],
    }


def _secret_headers(editing: Editing) -> frozenset[str]:
    """The names of the headers whose secret value stands and may be kept."""
    if editing.standing is None:
        return frozenset()
    return frozenset(name for name, value in editing.standing.spec.headers.items() if not isinstance(value, str))
