"""Names that people ask by, looked up: connectors, removed ones too, and business units."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from outbox.access import Within
from outbox.errors import ConfigurationError
from outbox.resources import query
from outbox.source_names import read_business_units
from outbox.suggest import suggestion

_NO_RIGHT = "42501"


def connector_ids(connection: Connection, name: str, *, within: Within = None) -> tuple[int, ...]:
    """Ids of the connectors of this name, removed ones too, the present one first; ConfigurationError for none.

    For who is limited to some business units there are those alone that report for one of them.
    """
    rows = _connectors(connection, within)
    found = tuple(row.connector_id for row in rows if row.connector == name)
    if not found:
        near = suggestion(name, (row.connector for row in rows))
        raise ConfigurationError(f"connector: expected the name of a connector, got {name!r}; {near}")
    return found


def connector_names(connection: Connection, *, within: Within) -> list[str]:
    """The names of the connectors that can be seen, removed ones too, each once."""
    return sorted({row.connector for row in _connectors(connection, within)})


def _connectors(connection: Connection, within: Within) -> Sequence[Row[Any]]:
    asked = {"within": None if within is None else list(within)}
    return connection.execute(query("audit_connector_names"), asked).all()


def business_unit_id(connection: Connection, written: str, *, within: Within = None) -> tuple[str, str | None]:
    """The id of the unit of this id or name, and where it is neither, the nearest ones in words.

    It is an id all the same, since history outlives units. Who can't read names asks by ids: what no connector reports
    for may be a name, and is doubted too; so where the mapping's query no longer fits the source.
    For who is limited to some there are no others, by id or by name: ConfigurationError.
    """
    try:
        with connection.begin_nested():
            units = read_business_units(connection)
    except DBAPIError as error:
        if within is not None:
            return _own(written, within), None
        known = connection.execute(query("audit_unit_known"), {"business_unit": written}).scalar_one()
        return written, None if known else _unread(error)
    meant = sorted(
        unit.id for unit in units if written in (unit.id, unit.name) and (within is None or unit.id in within)
    )
    if len(meant) > 1:
        raise ConfigurationError(
            f"business unit: expected what one unit is called, got {written!r}, an id or name of"
            f" {', '.join(meant)}; give {'its' if written in meant else 'the'} {'name' if written in meant else 'id'}"
        )
    if meant:
        return meant[0], None
    if within is not None:
        return _own(written, within), None
    known = [word for unit in units for word in (unit.id, unit.name) if word]
    return written, suggestion(written, known) if known else None


def _own(written: str, within: tuple[str, ...]) -> str:
    if written not in within:
        raise ConfigurationError(
            f"business unit: expected one that you may see, got {written!r}; yours: {', '.join(within)}"
        )
    return written


def _unread(error: DBAPIError) -> str:
    if getattr(error.orig, "sqlstate", None) == _NO_RIGHT:
        return "names can't be read with this role; it was taken as an id"
    return "names can't be read now (`outbox doctor` says why); it was taken as an id"
