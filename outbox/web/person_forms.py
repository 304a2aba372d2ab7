"""What the forms of people and tokens share: a role, a limit to business units, faults at their fields."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData

from outbox.access import ROLE_WORDS, Role, Within

_FIELD = re.compile(r"(?P<field>name|password|business units|days): (?P<words>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a form grants, as it was typed: nothing of it is lost where another field is wrong."""

    name: str = ""
    role: Role = Role.VIEWER
    limited: bool = False
    units: tuple[str, ...] = ()

    @property
    def within(self) -> Within:
        """The limit; an empty one where the form says that there is one and names none, which no store takes."""
        return self.units if self.limited else None


def granted(form: FormData) -> Granted:
    """What the form grants; a role that there isn't is the least one."""
    role = str(form.get("role", ""))
    return Granted(
        name=str(form.get("name", "")).strip(),
        role=Role(role) if role in set(Role) else Role.VIEWER,
        limited=form.get("limit") == "some",
        units=tuple(str(one) for one in form.getlist("business_unit")),
    )


def placed(faults: Sequence[str]) -> dict[str, list[str]]:
    """Faults by the field that they are about; those about none under the empty name."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        at = _FIELD.fullmatch(fault)
        found.setdefault(at["field"] if at else "", []).append(at["words"] if at else fault)
    return found


def units_offered(names: Mapping[str, str], chosen: Sequence[str]) -> list[tuple[str, str]]:
    """Business units to tick, by name; one that the source no longer has stays where it was chosen."""
    known = {**{unit: unit for unit in chosen}, **names}
    return sorted(known.items(), key=lambda one: (one[1].lower(), one[0]))


def roles_offered() -> list[tuple[str, str]]:
    """Roles with what each may."""
    return [(role.value, words) for role, words in ROLE_WORDS.items()]
