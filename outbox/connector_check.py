"""Holds a connector against what the source has: business units, captured triggers, company fields (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from outbox.connector import ConnectorSpec, FieldError
from outbox.model import ALL_BUSINESS_UNITS, ContentType, FormStyle, Trigger
from outbox.sender.guard import read_networks, refusal
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
    contract_fields: frozenset[str] | None = None


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
    return Checked(
        resolved,
        tuple(faults),
        (*_trigger_warnings(spec, source), *_mapping_warnings(spec, source), *_form_warnings(spec)),
    )


def _resolve(written: str, source: SourceNames, *, taken: bool) -> str:
    """The id that `written` means; raises FieldError for none, unless it is taken as it stands."""
    units = source.business_units or ()
    if written == ALL_BUSINESS_UNITS:
        return written
    named = sorted(unit.id for unit in units if unit.name == written)
    same = [unit for unit in units if unit.id == written]
    if same and named in ([], [written]):
        return written
    if not same and len(named) == 1:
        return named[0]
    if same:
        fault = (
            f"expected one business unit, got {written!r}, the id of {same[0].name or 'one'} and the"
            f" name of {', '.join(one for one in named if one != written)}; give the other word of the one meant"
        )
    elif named:
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


def _form_warnings(spec: ConnectorSpec) -> list[str]:
    if spec.form_style is FormStyle.FIELDS or spec.content_type is ContentType.FORM:
        return []
    return [f"form_style: {spec.form_style} is for forms; with {spec.content_type} it changes nothing"]


def address_warnings(spec: ConnectorSpec, allow_networks: Collection[str]) -> list[str]:
    """Where the URL's host is an address that the sender will refuse; names are looked up when something is sent."""
    host = urlsplit(spec.url).hostname or ""
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return []
    why = refusal(address, read_networks(allow_networks))
    if why is None:
        return []
    return [f"url: {host} will be refused when something is sent ({why}); open it with sender.allow_networks"]


def _mapping_warnings(spec: ConnectorSpec, source: SourceNames) -> list[str]:
    """A mapped field may lie deeper, as `items.price`: its first part is what the contract query gives."""
    known = source.contract_fields
    if known is None:
        return []
    return [
        f"field_mapping: the contract query gives no {line.field!r}, so {line.property!r} will be null;"
        f" {suggestion(line.field, known)}"
        for line in spec.field_mapping
        if line.field not in known and line.field.partition(".")[0] not in known
    ]


def field_warnings(spec: ConnectorSpec, known: Collection[str]) -> list[str]:
    """Which of the connector's company fields are not among those that companies of its business units have."""
    if not known:
        return ["company_fields: no company of these business units is there yet, so their names were not checked"]
    return [
        f"company_fields: no company of these business units has {name!r}, so it will be null;"
        f" {suggestion(name, known)}"
        for name in spec.company_fields
        if name not in known
    ]
