"""A connector as one of its versions had it, for what depends on how it was configured then (pure)."""

from outbox import canonical
from outbox.connector import ConnectorSpec, MappingLine
from outbox.model import (
    Connector,
    ContentType,
    DataChoice,
    FieldMapping,
    FormStyle,
    Json,
    Trigger,
)


def connector_of(connector_id: int, version: int, written: str | None) -> Connector | None:
    """What decides about routing and reports, from `connector_version.spec`; no secrets, which no version keeps.

    None where the version is not on record, or only that it was switched.
    """
    spec: Json = None if written is None else canonical.loads(written)
    if not spec or "business_units" not in spec:
        return None
    known = ConnectorSpec.model_construct(**spec)
    lines = [MappingLine.model_validate(line) for line in known.field_mapping]
    return Connector(
        id=connector_id,
        version=version,
        name=known.name,
        business_units=tuple(known.business_units),
        triggers=frozenset(map(Trigger, known.triggers)),
        url=known.url,
        content_type=ContentType(known.content_type),
        data=DataChoice(known.data),
        company_fields=tuple(known.company_fields),
        field_mapping=tuple(FieldMapping(line.field, line.property) for line in lines),
        form_style=FormStyle(known.form_style),
        enabled=known.enabled is not False,
        discard=bool(spec.get("discard", False)),
    )
