"""A connector's versions: who changed what, when, from where; and an older one made the present one."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from sqlalchemy import Connection

from outbox.connector import ConnectorSpec
from outbox.connector_change import changes
from outbox.connector_edits import edit_connector
from outbox.connector_input import parse_spec
from outbox.connector_words import restored
from outbox.connectors import StandingConnector, connector_of_id
from outbox.errors import ConfigurationError, RefusedError
from outbox.insight.connector_versions import SHOWN, version, versions
from outbox.source_names import check_connector, read_source_names
from outbox.web.errors import NotFoundError
from outbox.web.pages.connector import NO_SUCH, owned, seen
from outbox.web.pages.connectors import LIST, Number
from outbox.web.render import link
from outbox.web.visit import Configuring, Looking, Visit

router = APIRouter()
VersionNumber = Annotated[int, Path(ge=1, le=2**31 - 2)]
ORIGIN_WORDS: Final[Mapping[str, str]] = {
    "code": "as code (connectors.toml)",
    "command": "by command",
    "page": "on the page",
    "api": "by the API",
    "relay": "by the service itself",
}
ACTION_WORDS: Final[Mapping[str, str]] = {
    "create": "created",
    "edit": "edited",
    "enable": "enabled",
    "disable": "disabled",
    "remove": "removed",
}


@router.get(LIST + "/{connector_id:int}/versions")
def connector_versions(visit: Looking, connector_id: int, below: Number | None = None) -> Response:
    """The versions, newest first."""
    with visit.site.reading() as connection:
        one = seen(visit, connection, connector_id).connector
        names = visit.unit_names
        found = versions(connection, connector_id, within=visit.access.within, names=names, below=below)
    here = f"{LIST}/{connector_id}/versions"
    more = len(found) == SHOWN and found[-1].number > 1
    return visit.page(
        "connectors/versions.html",
        connector=one,
        versions=found,
        older_url=link(here, below=found[-1].number) if more else None,
        newest_url=here if below is not None else None,
        action_words=ACTION_WORDS,
        origin_words=ORIGIN_WORDS,
    )


@router.get(LIST + "/{connector_id:int}/versions/{number:int}/restore")
def restoring(visit: Configuring, connector_id: int, number: VersionNumber) -> Response:
    """What restoring the version would change."""
    with visit.site.reading() as connection:
        standing, asked = _asked(visit, connection, connector_id, number)
        one = owned(visit, connection, connector_id).connector
    return visit.page(
        "connectors/restore.html", connector=one, number=number, coming_from="", changes=changes(standing.spec, asked)
    )


@router.post(LIST + "/{connector_id:int}/versions/{number:int}/restore")
def restore(visit: Configuring, connector_id: int, number: VersionNumber) -> Response:
    """Makes the version the present one, as a new version; secrets stay as they are."""
    with visit.site.writing() as connection:
        standing, asked = _asked(visit, connection, connector_id, number)
        if str(visit.form.get("version")) != str(standing.version):
            raise RefusedError(f"connector {standing.spec.name!r} was changed meanwhile; look at it again and repeat")
        found = edit_connector(connection, standing, asked, box=visit.site.box, author=visit.author)
        if found:
            units = sorted({*standing.spec.business_units, *asked.business_units})
            visit.record(connection, "restored", f"connector {asked.name!r}", units, version=number)
    words = f"{asked.name} is as in version {number} again." if found else f"{asked.name} is as in version {number}."
    return visit.redirect(f"{LIST}/{connector_id}", said=words)


def _asked(
    visit: Visit, connection: Connection, connector_id: int, number: int
) -> tuple[StandingConnector, ConnectorSpec]:
    """The connector, and what restoring the version asks of it, checked as an edit is."""
    owned(visit, connection, connector_id)
    standing = connector_of_id(connection, visit.site.box, connector_id)
    wanted = version(connection, connector_id, number, within=visit.access.within)
    if standing is None or wanted is None:
        raise NotFoundError(NO_SUCH if standing is None else "There is no such version.")
    asked = restored(wanted.kept, standing.spec)
    label = f"connector {asked.name!r}"
    spec = parse_spec({key: getattr(asked, key) for key in ConnectorSpec.model_fields}, label=label)
    checked = check_connector(
        connection,
        spec,
        read_source_names(connection),
        standing_units=standing.spec.business_units,
        allow_networks=visit.site.settings.sender.allow_networks,
    )
    if checked.faults:
        raise ConfigurationError(*(f"{label}: {fault}" for fault in checked.faults))
    if not visit.access.owns(checked.spec.business_units):
        raise NotFoundError("There is no such version.")
    return standing, checked.spec
