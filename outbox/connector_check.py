"""Holds a connector against what the source has: business units, captured triggers, company fields (pure)."""

from collections.abc import Collection
from dataclasses import dataclass

from outbox.connector import ConnectorSpec, FieldError
from outbox.model import ALL_BUSINESS_UNITS, Trigger
from outbox.suggest import suggestion

ALLOW_UNKNOWN = "--allow-unknown takes it as an id that will come"


@dataclass(frozen=True, slots=True)
class BusinessUnit:
    """A business unit of the source."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class SourceNames:
    """What the installed source has; each part None where it can't be told."""

    business_units: tuple[BusinessUnit, ...] | None = None
    triggers: frozenset[Trigger] | None = None
    company_fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The spec with business units by id, what forbids it, and what its author should know."""

    spec: ConnectorSpec
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def check(
    spec: ConnectorSpec, source: SourceNames, *, standing_units: Collection[str] = (), allow_unknown: bool = False
) -> Checked:
    """`spec` with its units resolved; `standing_units`, ids that the connector has already, are taken as they are."""
    ids: list[str] = []
    faults: list[str] = []
    for written in spec.business_units:
        try:
            ids.append(_resolve(written, source, taken=allow_unknown or written in standing_units))
        except FieldError as error:
            faults += [f"business_units: {fault}" for fault in error.faults]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    faults += [f"business_units: expected each business unit once, got {one!r} by id and by name" for one in twice]
    resolved = spec if faults else spec.model_copy(update={"business_units": tuple(ids)})
    return Checked(resolved, tuple(faults), (*_trigger_warnings(spec, source), *_field_warnings(spec, source)))


def _resolve(written: str, source: SourceNames, *, taken: bool) -> str:
    """The id that `written` means; raises FieldError for none, unless it is taken as it stands."""
    units = source.business_units or ()
    if written == ALL_BUSINESS_UNITS or any(unit.id == written for unit in units):
        return written
    named = sorted(unit.id for unit in units if unit.name == written)
    if len(named) == 1:
        return named[0]
    if named:
        fault = (
            f"expected one business unit, got {written!r}, a name that {len(named)} have; use an id: {', '.join(named)}"
        )
    elif taken:
        return written
    elif source.business_units is None:
        fault = (
            f"expected an installed source to look up {written!r} in, got none;"
            f" run `outbox install` first, or {ALLOW_UNKNOWN}"
        )
    else:
        known = [word for unit in units for word in (unit.id, unit.name) if word]
        fault = (
            f"expected a business unit that the source has, got {written!r};"
            f" {suggestion(written, known)} ({ALLOW_UNKNOWN})"
        )
    raise FieldError([fault])


def _trigger_warnings(spec: ConnectorSpec, source: SourceNames) -> list[str]:
    if source.triggers is None:
        return []
    return [
        f"triggers: no rule of the source mapping captures {trigger.value!r} yet, so it will report nothing"
        for trigger in spec.triggers
        if trigger not in source.triggers
    ]


def _field_warnings(spec: ConnectorSpec, source: SourceNames) -> list[str]:
    if not source.company_fields:
        return []
    return [
        f"company_fields: no company seen lately has {name!r}, so it will be null;"
        f" {suggestion(name, source.company_fields)}"
        for name in spec.company_fields
        if name not in source.company_fields
    ]
