"""What a report told its receiver, as flat fields, and how two reports differ (pure)."""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from outbox import canonical
from outbox.model import ContentType, Json

OF_THE_EVENT = frozenset({"id", "trigger", "occurred_at", "changed", "detail"})
"""Parts of a report that tell of the occurrence, not of how the contract stands."""


def told(body: bytes, content_type: str) -> dict[str, Json]:
    """Each field of a report by its path, but those that tell of the event alone; ValueError where it can't be read."""
    if content_type != ContentType.FORM.value:
        return _of_report(canonical.loads(body))
    fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
    if set(fields) == {"payload"}:
        return _of_report(canonical.loads(fields["payload"]))
    return {name: value for name, value in fields.items() if name.partition("[")[0] not in OF_THE_EVENT}


def _of_report(report: Json) -> dict[str, Json]:
    if not isinstance(report, Mapping):
        raise ValueError("the report is no JSON object")  # noqa: TRY004 (what a body holds is a value, not a type)
    return dict(_flat({name: value for name, value in report.items() if name not in OF_THE_EVENT}, ""))


def _flat(fields: Mapping[str, Json], path: str) -> Iterator[tuple[str, Json]]:
    """Objects are followed; a list is one value, for its places say little about what changed in it."""
    for name, value in fields.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield path + name, value


def differences(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """The fields that differ, to the digit; one that is missing on a side counts as null there."""
    return {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in dict.fromkeys((*old, *new))
        if canonical.dumps(old.get(name)) != canonical.dumps(new.get(name))
    }
