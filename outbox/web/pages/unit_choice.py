"""The filter by business unit that lists share: what was chosen, and what is proposed."""

from collections.abc import Mapping
from dataclasses import dataclass

from outbox.web.visit import Visit

PROPOSED = 200
"""So many units are proposed by name; another one is typed."""


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """`chosen` is an id, None for all that may be seen; `typed` what stands in the field."""

    typed: str
    chosen: str | None
    proposed: Mapping[str, str]


def unit_choice(visit: Visit, typed: str) -> UnitChoice:
    """By id, or by a name that one unit alone has."""
    names = visit.unit_names
    within = visit.access.within
    seen = {unit: name for unit, name in names.items() if within is None or unit in within}
    written = typed.strip().replace("\0", "")
    called = [unit for unit, name in seen.items() if name == written]
    chosen = called[0] if written not in seen and len(called) == 1 else written or None
    return UnitChoice(written, chosen, dict(list(seen.items())[:PROPOSED]))
