"""Writes who did what, or looked at what, by page, API or command."""

from collections.abc import Sequence

from sqlalchemy import Connection

from outbox import canonical
from outbox.access import Access
from outbox.model import Json
from outbox.resources import query

SIGN_IN_REFUSED = "sign-in refused"


def record_access(
    connection: Connection,
    access: Access,
    act: str,
    object_: str,
    *,
    units: Sequence[str] | None = None,
    address: str | None = None,
    **detail: Json,
) -> None:
    """Writes that `access.who` did `act` to `object_`, which is these business units'; never a secret or content."""
    write_record(
        connection,
        who=access.who,
        via=access.via,
        act=act,
        object_=object_,
        units=units,
        address=address,
        detail=detail,
    )


def write_record(
    connection: Connection,
    *,
    who: str,
    via: str,
    act: str,
    object_: str,
    units: Sequence[str] | None = None,
    address: str | None = None,
    detail: dict[str, Json] | None = None,
) -> None:
    """As record_access, where nobody is signed in."""
    connection.execute(
        query("access_record"),
        {
            "who": who,
            "via": via,
            "act": act,
            "object": object_,
            "business_units": None if units is None else sorted(units),
            "detail": canonical.dumps(detail or {}).decode(),
            "address": address,
        },
    )
