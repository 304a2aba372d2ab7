"""What people do to a connector: enable, disable, remove, probe. Each says first what becomes of what waits."""

from typing import Final

from fastapi import APIRouter, Response

from outbox.connector_acts import Emptied, discard, probe_now, remove
from outbox.connector_edits import disable_connector, enable_connector
from outbox.connectors import connector_of_id, waiting_deliveries
from outbox.errors import RefusedError
from outbox.insight.connector_page import Standing
from outbox.web.errors import NotFoundError
from outbox.web.pages.connector import NO_SUCH, owned
from outbox.web.pages.connectors import LIST
from outbox.web.visit import Configuring, Operating, Visit

router = APIRouter()
LONGEST_REASON: Final = 500


@router.get(LIST + "/{connector_id:int}/enable")
def enabling(visit: Operating, connector_id: int) -> Response:
    """How many will go out."""
    return _asked(visit, "connectors/enable.html", connector_id)


@router.post(LIST + "/{connector_id:int}/enable")
def enable(visit: Operating, connector_id: int) -> Response:
    """Lets its deliveries go out."""
    with visit.site.writing() as connection:
        one = owned(visit, connection, connector_id).connector
        if one.state == "held":
            raise RefusedError(
                f"connector {one.name!r} is enabled, and held since its receiver fails; probe it instead"
            )
        waiting = waiting_deliveries(connection, [one.id])[one.id]
        done = enable_connector(connection, one.id, author=visit.author)
        if done:
            visit.record(connection, "enabled", f"connector {one.name!r}", one.units, waiting=waiting)
    words = f"{one.name} is enabled; {_go(waiting)}." if done else f"{one.name} was enabled already."
    return _back(visit, one.id, words)


@router.get(LIST + "/{connector_id:int}/disable")
def disabling(visit: Operating, connector_id: int) -> Response:
    """What waits, and the choice what becomes of it."""
    return _asked(visit, "connectors/disable.html", connector_id)


@router.post(LIST + "/{connector_id:int}/disable")
def disable(visit: Operating, connector_id: int) -> Response:
    """Stops it: deliveries wait, or are dropped."""
    chosen, reason = str(visit.form.get("deliveries", "")), str(visit.form.get("reason", "")).strip()
    faults = {}
    if chosen not in ("hold", "discard"):
        faults["deliveries"] = ["Say what becomes of its deliveries."]
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        faults["reason"] = [f"Expected one line of at most {LONGEST_REASON} characters."]
    if faults:
        return _asked(visit, "connectors/disable.html", connector_id, faults=faults)
    with visit.site.writing() as connection:
        one = owned(visit, connection, connector_id).connector
        words = reason or f"disabled by {visit.author.name}"
        if chosen == "hold":
            done = disable_connector(connection, one.id, reason=words, author=visit.author)
            visit.record(connection, "disabled", f"connector {one.name!r}", one.units, deliveries=chosen)
            return _back(visit, one.id, _held(one.name, already=done is None))
    emptied = discard(visit.site.engine, one.id, reason=words, author=visit.author)
    with visit.site.writing() as connection:
        visit.record(connection, "disabled", f"connector {one.name!r}", one.units, deliveries=chosen)
    return _back(visit, one.id, _dropped(f"{one.name} is disabled", emptied))


@router.get(LIST + "/{connector_id:int}/remove")
def removing(visit: Configuring, connector_id: int) -> Response:
    """What waits and will be cancelled, and what stays."""
    return _asked(visit, "connectors/remove.html", connector_id)


@router.post(LIST + "/{connector_id:int}/remove")
def removed(visit: Configuring, connector_id: int) -> Response:
    """Removes it, where its name was typed and nobody changed it since it was looked at."""
    typed, version = str(visit.form.get("name", "")), str(visit.form.get("version", ""))
    with visit.site.reading() as connection:
        one = owned(visit, connection, connector_id).connector
        standing = connector_of_id(connection, visit.site.box, one.id)
    if standing is None:
        raise NotFoundError(NO_SUCH)
    if typed.strip() != one.name:
        faults = {"name": [f"Expected {one.name}, got {typed or 'nothing'}."]}
        return _asked(visit, "connectors/remove.html", connector_id, faults=faults)
    if version != str(standing.version):
        raise RefusedError(f"connector {one.name!r} was changed meanwhile; look at it again and repeat")
    emptied = remove(visit.site.engine, standing, author=visit.author)
    with visit.site.writing() as connection:
        visit.record(connection, "removed", f"connector {one.name!r}", one.units, cancelled=emptied.cancelled)
    return visit.redirect(LIST, said=_dropped(f"{one.name} is removed", emptied))


@router.post(LIST + "/{connector_id:int}/probe")
def probe(visit: Operating, connector_id: int) -> Response:
    """Lets a held one be tried at once."""
    with visit.site.writing() as connection:
        one = owned(visit, connection, connector_id).connector
        done = one.state == "held" and probe_now(connection, one.id)
        if done:
            visit.record(connection, "probed", f"connector {one.name!r}", one.units)
    if done:
        words = f"{one.name} is probed with the oldest delivery that is due; if it is answered, all go out."
    else:
        words = f"{one.name} is not held, or is being probed at this moment."
    return _back(visit, one.id, words)


def _asked(visit: Visit, template: str, connector_id: int, *, faults: dict[str, list[str]] | None = None) -> Response:
    with visit.site.reading() as connection:
        found: Standing = owned(visit, connection, connector_id)
        waiting = waiting_deliveries(connection, [connector_id])[connector_id]
        standing = connector_of_id(connection, visit.site.box, connector_id)
    return visit.page(
        template,
        status=422 if faults else 200,
        connector=found.connector,
        in_flight=None if standing is None else standing.spec.max_in_flight,
        waiting=waiting,
        form=visit.form,
        faults=faults or {},
        coming_from=_coming_from(visit),
    )


def _coming_from(visit: Visit) -> str:
    given = visit.form.get("from") or visit.request.query_params.get("from")
    return "list" if given == "list" else ""


def _back(visit: Visit, connector_id: int, said: str) -> Response:
    """To where the act was asked for."""
    return visit.redirect(LIST if _coming_from(visit) == "list" else f"{LIST}/{connector_id}", said=said)


def _deliveries(number: int) -> str:
    return f"{number:,} {'delivery' if number == 1 else 'deliveries'}"


def _go(waiting: int) -> str:
    if not waiting:
        return "nothing waited for it"
    return f"{_deliveries(waiting)} that waited {'goes' if waiting == 1 else 'go'} out now"


def _held(name: str, *, already: bool) -> str:
    if already:
        return f"{name} was disabled already, its deliveries held."
    return f"{name} is disabled; its deliveries are held until it is enabled."


def _dropped(begin: str, emptied: Emptied | None) -> str:
    if emptied is None:
        return f"{begin} already."
    words = f"{begin}; {_deliveries(emptied.cancelled)} cancelled."
    return f"{words} More waited: the service cancels them within the next minutes." if emptied.left else words
