"""Cells of tables whose columns are not known beforehand: what each shows, and where it leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from outbox.answers import told, written
from outbox.web.render import link, quoted


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: its text, or the moment that it is; `cut` where more of it was there."""

    text: str
    at: datetime | None = None
    url: str | None = None
    number: bool = False
    cut: bool = False


def cell(name: str, row: Mapping[str, Any], longest: int) -> Cell:
    """What a column of a row shows."""
    value = row[name]
    if isinstance(value, datetime):
        return Cell("", at=value)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    text = written(told(value))
    number = isinstance(value, int | float | Decimal) and not name.endswith("_id")
    return Cell(text[:longest], url=_url(name, value), number=number, cut=len(text) > longest)


def _url(name: str, value: object) -> str | None:
    """Where a column of that name leads by convention: what stands in the views of outbox_audit by these names."""
    if value is None:
        return None
    match name:
        case "contract_id":
            return f"/contracts/{quoted(value)}"
        case "connector":
            return link("/deliveries", connector=value)
        case _:
            return None
