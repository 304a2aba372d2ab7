"""Finds `sql/` and `config/`: beside the package in a checkout, inside it in an installed wheel."""

from functools import cache
from pathlib import Path

from sqlalchemy import TextClause, text

_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """The folder `sql` or `config` that came with this installation."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def query(name: str) -> TextClause:
    """The named statement `sql/queries/<name>.sql`, ready for binds."""
    return text((folder("sql") / "queries" / f"{name}.sql").read_text(encoding="utf-8"))
