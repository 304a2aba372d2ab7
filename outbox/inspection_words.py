"""How an inspection speaks, and where it keeps what it finds."""

from dataclasses import dataclass, field

from outbox.catalog import Cost, SqlFaultError


@dataclass
class Findings:
    """What an inspection collects on its way."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)


def in_words(key: str, expected: str, error: SqlFaultError) -> str:
    """A fault of the mapping's SQL, with PostgreSQL's own words; or a right that is missing, with its GRANT."""
    if error.lack is not None:
        return f"{key}: {error.lack}"
    return f"{key}: expected {expected}, got: {error}; correct the SQL"


def zoneless(type_name: str) -> bool:
    """Whether values of the type are moments without a zone."""
    return type_name in ("timestamp without time zone", "time without time zone")
