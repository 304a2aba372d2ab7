"""The values of a question's parameters: what was written, looked up and made what the statement gets."""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sqlalchemy import Connection

from outbox import audit
from outbox.access import Within
from outbox.audit_names import business_unit_id, connector_ids
from outbox.errors import ConfigurationError, RefusedError
from outbox.model import Trigger
from outbox.moment import parse_moment
from outbox.questions.declaration import WITHIN, Kind, NamedQuestion, Parameter
from outbox.suggest import suggestion

UNSCOPED = (
    "question {name}: it tells of all business units, and you are limited to some; it would keep to yours if its"
    " statement used :within"
)


def values_of(
    connection: Connection, question: NamedQuestion, written: Mapping[str, str | bool | None], *, within: Within
) -> dict[str, object]:
    """A value for each parameter, and `within` for who asks; raises ConfigurationError with every fault.

    Who is limited to business units may name what is of these alone, and no question that does not keep to them:
    RefusedError. A connector becomes the ids that had this name, the present one first; a business unit its id; a
    moment is UTC.
    """
    if within is not None and not question.scoped:
        raise RefusedError(UNSCOPED.format(name=question.name))
    unknown = sorted(set(written) - {one.name for one in question.parameters})
    known = [one.option for one in question.parameters]
    faults = [f"--{name}: unknown parameter; {suggestion(f'--{name}', known)}" for name in unknown]
    now = audit.clock(connection)
    values: dict[str, object] = {WITHIN: None if within is None else list(within)}
    for parameter in question.parameters:
        given = written.get(parameter.name)
        given = parameter.default if given is None else given
        if given is None:
            values[parameter.name] = False if parameter.kind is Kind.FLAG else None
            if parameter.required:
                faults.append(f"{parameter.option}: expected {parameter.words}, got none; add it")
            continue
        try:
            values[parameter.name] = _value(connection, parameter, given, now, within)
        except (ValueError, ConfigurationError) as fault:
            faults.append(f"{parameter.option}: {str(fault).removeprefix(f'{parameter.kind.value}: ')}")
    since, until = values.get("since"), values.get("until")
    if isinstance(since, datetime) and isinstance(until, datetime) and since >= until:
        faults.append(f"--since: expected a moment before --until, got {written.get('since')!r}")
    if faults:
        raise ConfigurationError(*faults)
    return values


def _value(connection: Connection, parameter: Parameter, given: str | bool, now: datetime, within: Within) -> object:  # noqa: FBT001 (as it was written)
    written = str(given)
    match parameter.kind:
        case Kind.MOMENT:
            value: object = parse_moment(written, now=now)
        case Kind.CONNECTOR:
            value = list(connector_ids(connection, written, within=within))
        case Kind.BUSINESS_UNIT:
            value = business_unit_id(connection, written, within=within)[0]
        case Kind.FLAG:
            value = _flag(given)
        case Kind.TEXT | Kind.NUMBER | Kind.TRIGGER | Kind.ZONE:
            value = _WORDS[parameter.kind](written)
    return value


def _number(written: str) -> int:
    try:
        number = int(written)
    except ValueError:
        raise ValueError(f"expected a whole number, got {written!r}") from None
    if abs(number) >= 2**63:
        raise ValueError(f"expected a number of at most 64 bits, got {written!r}")
    return number


def _flag(given: str | bool) -> bool:  # noqa: FBT001 (as it was written)
    if isinstance(given, bool):
        return given
    words = {"yes": True, "no": False}
    if given not in words:
        raise ValueError(f"expected yes or no, got {given!r}")
    return words[given]


def _trigger(written: str) -> str:
    if written not in set(Trigger):
        raise ValueError(f"expected a trigger, got {written!r}; {suggestion(written, (one.value for one in Trigger))}")
    return written


def _zone(written: str) -> str:
    try:
        return ZoneInfo(written).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = suggestion(written, available_timezones())
        raise ValueError(f"expected a zone such as Europe/Zurich, got {written!r}; {near}") from None


_WORDS: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: str,
    Kind.NUMBER: _number,
    Kind.TRIGGER: _trigger,
    Kind.ZONE: _zone,
}
