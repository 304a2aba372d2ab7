"""The report: what a connector gets to know of an event, as the exact bytes to send.

Order of keys: the envelope, then mapped properties (in the order of the mapping), then `contract`, `changed`,
`detail` and `company` or `companies`. "Only Update Status" sends the envelope and nothing else.
`changed` is null or {column: {"old": ..., "new": ...}}, with null for a column whose values aren't kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from outbox import canonical
from outbox.model import (
    Company,
    Connector,
    ContentType,
    DataChoice,
    Event,
    FieldMapping,
    FormStyle,
    Json,
    Report,
)

ENVELOPE = ("id", "trigger", "occurred_at", "business_unit", "contract_id", "status")
SECTIONS = ("contract", "changed", "detail", "company", "companies")

# Columns of the document that stand elsewhere in the report; a mapping may name them all the same.
_NOT_IN_CONTRACT = frozenset({"contract_id", "business_unit", "status", "company"})


def build_report(event: Event, connector: Connector, *, companies: Iterable[Company], max_bytes: int) -> Report:
    """Build the report of `event` for `connector`; where that fails, `error` says why and there is no body.

    `companies` holds at least those of `company_ids(event)` that the source knows. The connector's field
    mapping is one that `mapping_faults` passed. `max_bytes` bounds the body as sent.
    """
    content_type = connector.content_type.value
    try:
        body = _write(_compose(event, connector, companies=companies), connector)
    except (ValueError, TypeError, RecursionError) as fault:
        return Report(None, content_type, error=f"the report can't be built: {fault}")
    if len(body) > max_bytes:
        return Report(
            None,
            content_type,
            error=f"the report has {len(body):,} bytes, more than the {max_bytes:,} of report.max_bytes:"
            " let the contract query give less, or raise that setting",
        )
    return Report(body, content_type)


def company_ids(event: Event) -> tuple[str, ...]:
    """Name the companies of the event's contract, in the mapping's order, each once."""
    named = (event.document or {}).get("company")
    several = named if isinstance(named, list) else [named]
    return tuple(dict.fromkeys(_text(one) for one in several if one is not None))


def mapping_faults(mapping: Sequence[FieldMapping]) -> list[str]:
    """Say everything that is wrong with a field mapping, one sentence each; an empty list where nothing is."""
    faults = [fault for line in mapping for fault in _line_faults(line)]
    for place, line in enumerate(mapping):
        for earlier in mapping[:place]:
            if line.property == earlier.property:
                faults.append(
                    f"field mapping: property {line.property!r} is given to both {earlier.field!r}"
                    f" and {line.field!r}; give each its own"
                )
            elif _nests(line.property, earlier.property) or _nests(earlier.property, line.property):
                inner, outer = sorted((line.property, earlier.property), key=len, reverse=True)
                faults.append(
                    f"field mapping: property {inner!r} nests into {outer!r}, which holds a value of its own;"
                    " rename one of them"
                )
    return list(dict.fromkeys(faults))


def _line_faults(line: FieldMapping) -> Iterator[str]:
    where = f"field mapping: property {line.property!r}"
    if not line.field.strip():
        yield f"{where}: expected the name of a contract field to fill it, got {line.field!r}; name one"
    parts = line.property.split(".")
    if not all(part and part == part.strip() for part in parts):
        yield (
            f"{where} (of field {line.field!r}): expected a name, or names joined by dots, got a part that is"
            " empty or has blanks at its edge; name every part"
        )
    elif not line.property.isprintable() or set("[]") & set(line.property):
        yield (
            f"{where} (of field {line.field!r}): expected printable characters without [ and ]"
            " (forms write nesting with them); nest with a dot"
        )
    elif parts[0] in ENVELOPE:
        yield (f"{where} (of field {line.field!r}) touches {parts[0]!r}, which every report has; choose another name")
    elif parts[0] in SECTIONS:
        yield (
            f"{where} (of field {line.field!r}) touches {parts[0]!r}, which is a part of the report;"
            " choose another name"
        )


def _nests(inner: str, outer: str) -> bool:
    return inner.startswith(outer + ".")


def _compose(event: Event, connector: Connector, *, companies: Iterable[Company]) -> dict[str, Json]:
    report: dict[str, Json] = {
        "id": event.id,
        "trigger": event.trigger.value,
        "occurred_at": _utc(event.occurred_at),
        "business_unit": event.business_unit,
        "contract_id": event.contract_id,
        "status": event.status,
    }
    if connector.data is DataChoice.STATUS:
        return report
    if event.document is None:
        raise ValueError("the contract is gone and left no document")
    if event.unreadable is not None:
        raise ValueError(event.unreadable)
    contract: Mapping[str, Json] = {
        field: value for field, value in event.document.items() if field not in _NOT_IN_CONTRACT
    }
    for line in connector.field_mapping:
        path = _path(event.document, line.field)
        _place(report, line.property, _at(event.document, path))
        contract = _without(contract, path)
    report["contract"] = contract
    report["changed"] = None if event.changed is None else changes(event.changed)
    report["detail"] = event.detail
    known = {company.id: company for company in companies}
    described = [_describe(id_, known.get(id_), connector.company_fields) for id_ in company_ids(event)]
    if isinstance(event.document.get("company"), list):
        report["companies"] = described
    else:
        report["company"] = described[0] if described else None
    return report


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def changes(changed: Mapping[str, Json]) -> dict[str, Json]:
    """What changed as a report says it: the old and the new value of each column, null where they aren't kept."""
    return {column: None if pair is None else {"old": pair[0], "new": pair[1]} for column, pair in changed.items()}


def _path(fields: Mapping[str, Json], name: str) -> tuple[str, ...]:
    """Find where a field stands: a key first, else a dotted path into nested objects; () where nowhere."""
    if name in fields:
        return (name,)
    head, _, rest = name.partition(".")
    nested = fields.get(head)
    inner = _path(nested, rest) if rest and isinstance(nested, Mapping) else ()
    return (head, *inner) if inner else ()


def _at(fields: Mapping[str, Json], path: tuple[str, ...]) -> Json:
    found: Any = fields if path else None
    for key in path:
        found = found[key]
    return found


def _without(fields: Mapping[str, Json], path: tuple[str, ...]) -> Mapping[str, Json]:
    """Copy `fields` without what stands at `path`; the original is the event's and stays as it is."""
    if not path or path[0] not in fields:
        return fields
    head, *rest = path
    if not rest:
        return {key: value for key, value in fields.items() if key != head}
    return {**fields, head: _without(fields[head], tuple(rest))}


def _place(report: dict[str, Json], prop: str, value: Json) -> None:
    *outer, last = prop.split(".")
    for part in outer:
        report = report.setdefault(part, {})
    report[last] = value


def _describe(id_: str, company: Company | None, fields: Sequence[str]) -> dict[str, Json]:
    """Report a company: id, name, then exactly the asked fields, null where it lacks one or isn't known."""
    own: Mapping[str, Json] = {}
    if company is not None:
        own = {**company.fields, "name": company.name, "business_unit": company.business_unit}
    return {"id": id_} | {field: own.get(field) for field in ("name", *fields) if field != "id"}


def _write(report: dict[str, Json], connector: Connector) -> bytes:
    if connector.content_type is ContentType.JSON:
        return canonical.dumps(report)
    if connector.form_style is FormStyle.PAYLOAD:
        return urlencode({"payload": canonical.dumps(report)}).encode("ascii")
    return urlencode(list(_flatten(report)), errors="backslashreplace").encode("ascii")


def _flatten(report: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Write nesting into names, `contract[items][0][price]`; what is null or empty gets an empty value."""
    for name, value in report.items():
        yield from _fields(name, value)


def _fields(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _fields(f"{name}[{key}]", inner)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _fields(f"{name}[{place}]", inner)
    else:
        yield name, "" if value is None or value in ([], {}) else _text(value)


def _text(value: Json) -> str:
    """Write a scalar as plain text: strings as they are, true and false, numbers by their digits."""
    return value if isinstance(value, str) else canonical.dumps(value).decode("utf-8")
