"""The configuration page: a new connector, a copy, an edit; its preview, its test, its business units."""

import base64
import secrets
from dataclasses import replace

from fastapi import APIRouter, Response

from outbox.connector import FieldError
from outbox.connector_form import Draft, SecretChoice, SecretDraft, copied, draft_of
from outbox.connector_rows import is_row_act, mapping_rows, rearranged
from outbox.connectors import StandingConnector
from outbox.insight.form import units_seen
from outbox.model import ALL_BUSINESS_UNITS
from outbox.request import SIGNING_PREFIX
from outbox.web.configuring.editing import (
    NEW,
    Editing,
    opened_editing,
    owned_connector,
    seen_connector,
    sent_editing,
)
from outbox.web.configuring.saving import save
from outbox.web.configuring.sending import send_test
from outbox.web.configuring.showing import show, show_answer, show_preview, show_units
from outbox.web.visit import Configuring, Visit

router = APIRouter()
EDIT = "/configurations/connectors/{connector_id:int}/edit"
SIGNING_BYTES = 32


@router.get(NEW)
def new(visit: Configuring) -> Response:
    """An empty form; the one business unit of somebody who has no choice is chosen."""
    only = visit.access.within if visit.access.within is not None and len(visit.access.within) == 1 else ()
    return show(visit, Editing(Draft(business_units=only)))


@router.get("/configurations/connectors/{connector_id:int}/copy")
def copy(visit: Configuring, connector_id: int) -> Response:
    """A new connector's form, filled in as another's; without secrets, and for one's own business units alone."""
    with visit.site.reading() as connection:
        standing = seen_connector(visit, connection, connector_id)
    units = units_seen(standing.spec.business_units, within=visit.access.within)
    draft = copied(draft_of(standing.spec), (ALL_BUSINESS_UNITS,) if units is None else units)
    return show(visit, Editing(draft), copy_of=standing.spec.name)


@router.get(EDIT)
def edit(visit: Configuring, connector_id: int) -> Response:
    """The form of a connector as it stands."""
    return show(visit, opened_editing(_standing(visit, connector_id)))


@router.post(NEW)
def send_new(visit: Configuring) -> Response:
    """What a button of the form asks for: save, preview, test, or a change of its rows."""
    return _acted(visit, sent_editing(visit, None))


@router.post(EDIT)
def send_edit(visit: Configuring, connector_id: int) -> Response:
    """As send_new, for a connector that stands."""
    return _acted(visit, sent_editing(visit, _standing(visit, connector_id)))


@router.post(f"{NEW}/preview")
def preview_new(visit: Configuring) -> Response:
    """The preview of a new connector, as its form stands."""
    return show_preview(visit, sent_editing(visit, None))


@router.post(f"{EDIT}/preview")
def preview_edit(visit: Configuring, connector_id: int) -> Response:
    """The preview of a connector, as its form stands."""
    return show_preview(visit, sent_editing(visit, _standing(visit, connector_id)))


@router.post(f"{NEW}/business-units")
def units_new(visit: Configuring) -> Response:
    """The business units that match the words of the search."""
    return show_units(visit, sent_editing(visit, None))


@router.post(f"{EDIT}/business-units")
def units_edit(visit: Configuring, connector_id: int) -> Response:
    """As units_new, for a connector that stands."""
    return show_units(visit, sent_editing(visit, _standing(visit, connector_id)))


@router.post(f"{NEW}/test")
def test_new(visit: Configuring) -> Response:
    """Sends a test of a connector that isn't saved, and shows the answer."""
    editing = sent_editing(visit, None)
    return show_answer(visit, editing, send_test(visit, editing))


@router.post(f"{EDIT}/test")
def test_edit(visit: Configuring, connector_id: int) -> Response:
    """Sends a test of a connector as its form stands, and shows the answer."""
    editing = sent_editing(visit, _standing(visit, connector_id))
    return show_answer(visit, editing, send_test(visit, editing))


def _standing(visit: Visit, connector_id: int) -> StandingConnector:
    with visit.site.reading() as connection:
        return owned_connector(visit, connection, connector_id)


def _acted(visit: Visit, editing: Editing) -> Response:
    act = str(visit.form.get("act", "save"))
    if is_row_act(act):
        return show(visit, replace(editing, draft=rearranged(editing.draft, act), mapping_written=None))
    match act:
        case "save":
            return save(visit, editing)
        case "test":
            return show(visit, editing, answer=send_test(visit, editing))
        case "mapping.read":
            return _mapping_read(visit, editing)
        case "signing.make":
            return _signing_made(visit, editing)
        case _:
            return show(visit, editing)


def _mapping_read(visit: Visit, editing: Editing) -> Response:
    """The field mapping that was pasted as JSON, as rows."""
    try:
        rows = mapping_rows(editing.mapping_written or "")
    except FieldError as error:
        return show(visit, editing, mapping_faults=error.faults, status=422)
    return show(visit, replace(editing, draft=replace(editing.draft, field_mapping=rows), mapping_written=None))


def _signing_made(visit: Visit, editing: Editing) -> Response:
    """A new signing secret, shown on this page and never again."""
    made = SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(SIGNING_BYTES)).decode()
    draft = replace(editing.draft, signing_secret=SecretDraft(SecretChoice.REPLACE, made))
    return show(visit, replace(editing, draft=draft), made=made)
