"""A connector's form as one request has it: what was typed, and which connector, at which version, it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from outbox.connector import ConnectorSpec
from outbox.connector_form import Draft, Pairs, draft_of, read_draft
from outbox.connector_merge import Take
from outbox.connectors import StandingConnector, standing_connectors
from outbox.web.configuring.sealing import Sealing
from outbox.web.errors import ForbiddenError, NotFoundError
from outbox.web.visit import Visit

NEW: Final = "/configurations/connectors/new/reporting/webhook"
NO_CONNECTOR = "There is no such connector."
SHARED = (
    "expected a connector of your business units alone, got one that it shares with others;"
    " ask an admin who isn't limited to business units"
)
_TAKE = "take."


@dataclass(frozen=True, slots=True)
class Editing:
    """The form. `standing` is what is edited, None for a new connector; `version` is the one that the form was read at.

    `before` is an older one, where another changed it meanwhile; 0: nobody did. `chosen` is what is previewed, `words`
    what business units are searched for, `mapping_written` a field mapping in JSON that is not read yet.
    `looked` is the sign that its person looked at the previewed event before.
    """

    draft: Draft
    standing: StandingConnector | None = None
    version: int = 0
    before: int = 0
    chosen: str = ""
    words: str = ""
    mapping_written: str | None = None
    looked: str = ""
    takes: Mapping[str, Take] = field(default_factory=dict)

    @property
    def standing_spec(self) -> ConnectorSpec | None:
        """What is edited, as it stands."""
        return None if self.standing is None else self.standing.spec

    @property
    def url(self) -> str:
        """Where the form is sent to."""
        return NEW if self.standing is None else f"/configurations/connectors/{self.standing.id}/edit"


def opened_editing(standing: StandingConnector) -> Editing:
    """The form of a connector as it stands."""
    return Editing(draft_of(standing.spec), standing, standing.version)


def sent_editing(visit: Visit, standing: StandingConnector | None) -> Editing:
    """The form as it was sent."""
    pairs: Pairs = [(name, value) for name, value in visit.form.multi_items() if isinstance(value, str)]
    fields = dict(pairs)
    takes = {
        name.removeprefix(_TAKE): Take(value)
        for name, value in fields.items()
        if name.startswith(_TAKE) and value in set(Take)
    }
    return Editing(
        read_draft(pairs, sealing_of(visit).open),
        standing,
        version=_number(fields.get("version", "")),
        before=_number(fields.get("before", "")),
        chosen=fields.get("chosen", ""),
        words=fields.get("words", "").strip(),
        mapping_written=fields.get("mapping_json"),
        looked=fields.get("looked", ""),
        takes=takes,
    )


def sealing_of(visit: Visit) -> Sealing:
    """What keeps secrets in pages of this session."""
    return Sealing(visit.site.box, visit.token)


def seen_connector(visit: Visit, connection: Connection, connector_id: int) -> StandingConnector:
    """The connector, where its person may see it; NotFoundError otherwise, as where there is none."""
    for one in standing_connectors(connection, visit.site.box):
        if one.id == connector_id and visit.access.sees_connector(one.spec.business_units):
            return one
    raise NotFoundError(NO_CONNECTOR)


def owned_connector(visit: Visit, connection: Connection, connector_id: int) -> StandingConnector:
    """The connector, where its person may change it; raises ForbiddenError where they only see it."""
    found = seen_connector(visit, connection, connector_id)
    if not visit.access.owns(found.spec.business_units):
        raise ForbiddenError(SHARED)
    return found


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0  # noqa: PLR2004
