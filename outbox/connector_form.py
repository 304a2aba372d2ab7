"""The configuration page's form: every field as somebody typed it, and what it asks for in a connector's own terms.

A field that can't be read stays as it was typed, so that nothing is lost while it is mended.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from outbox.connector import ConnectorSpec, Secret
from outbox.duration import write_duration
from outbox.model import ContentType, DataChoice, FormStyle, Order
from outbox.request import looks_secret

ENABLE, DISABLE = "enable", "disable"
OWN, SERVICE = "own", "service"
Pairs: TypeAlias = Sequence[tuple[str, str]]
"""A form as it is sent: names and values, in order."""
Opening: TypeAlias = Callable[[str, str], str | None]
"""What was typed into a secret field before, from what stands for it in the page; None where that can't be opened."""


class SecretChoice(StrEnum):
    """What becomes of a secret."""

    KEEP = "keep"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class SecretDraft:
    """A secret's field; `lost`: something was typed before and is no longer at hand."""

    choice: SecretChoice = SecretChoice.REPLACE
    typed: str = field(default="", repr=False)
    lost: bool = False


@dataclass(frozen=True, slots=True)
class HeaderDraft:
    """A row of the own headers; of one whose name looks secret, no value keeps the one that stands."""

    name: str = ""
    value: str = field(default="", repr=False)
    lost: bool = False

    @property
    def secret(self) -> bool:
        """Whether its value may never be shown again."""
        return looks_secret(self.name)


@dataclass(frozen=True, slots=True)
class MappingDraft:
    """A row of the field mapping."""

    field: str = ""
    property: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The whole form. Names of attributes are those of ConnectorSpec where one stands for such a field."""

    name: str = ""
    business_units: tuple[str, ...] = ()
    unknown_units: bool = False
    triggers: tuple[str, ...] = ()
    url: str = ""
    content_type: str = ContentType.JSON.value
    username: str = "webhook"
    secret: SecretDraft = SecretDraft()
    ssl_verification: str = ENABLE
    ssl_confirmed: bool = False
    data: str = DataChoice.EVERYTHING.value
    company_fields: tuple[str, ...] = ()
    field_mapping: tuple[MappingDraft, ...] = ()
    form_style: str = FormStyle.FIELDS.value
    order: str = Order.CONTRACT.value
    max_in_flight: str = "8"
    rate_per_second: str = ""
    timeout_seconds: str = "15s"
    retries: str = SERVICE
    schedule: str = ""
    headers: tuple[HeaderDraft, ...] = ()
    signing_secret: SecretDraft = SecretDraft()
    drop_old_signing_secret: bool = False
    disabled: bool = False


def draft_of(spec: ConnectorSpec) -> Draft:
    """The form of a connector as it stands: its secrets are kept, and none is in it."""
    return Draft(
        name=spec.name,
        business_units=spec.business_units,
        triggers=tuple(map(str, spec.triggers)),
        url=spec.url,
        content_type=str(spec.content_type),
        username=spec.username,
        secret=_standing(spec.secret),
        ssl_verification=ENABLE if spec.ssl_verification else DISABLE,
        ssl_confirmed=not spec.ssl_verification,
        data=str(spec.data),
        company_fields=spec.company_fields,
        field_mapping=tuple(MappingDraft(line.field, line.property) for line in spec.field_mapping),
        form_style=str(spec.form_style),
        order=str(spec.order),
        max_in_flight=str(spec.max_in_flight),
        rate_per_second="" if spec.rate_per_second is None else repr(spec.rate_per_second).removesuffix(".0"),
        timeout_seconds=write_duration(spec.timeout_seconds),
        retries=SERVICE if spec.schedule is None else OWN,
        schedule=", ".join(map(write_duration, spec.schedule or ())),
        headers=tuple(
            HeaderDraft(name, value if isinstance(value, str) else "") for name, value in spec.headers.items()
        ),
        signing_secret=_standing(spec.signing_secret),
    )


def copied(draft: Draft, units: Iterable[str]) -> Draft:
    """The form of a copy, for those of these units: no secret goes with it, and it needs a name of its own."""
    return replace(draft, name="", business_units=tuple(units), secret=SecretDraft(), signing_secret=SecretDraft())


def _standing(secret: Secret) -> SecretDraft:
    return SecretDraft(SecretChoice.REPLACE if secret is None else SecretChoice.KEEP)


def read_draft(pairs: Pairs, opening: Opening) -> Draft:
    """The form as it was sent; what was typed into a secret field before is opened where nothing new was typed."""
    fields = _Fields(pairs)
    return Draft(
        name=fields.one("name").strip(),
        business_units=tuple(dict.fromkeys(unit for unit in fields.all("business_units") if unit.strip())),
        unknown_units=fields.ticked("unknown_units"),
        triggers=tuple(fields.all("triggers")),
        url=fields.one("url").strip(),
        content_type=fields.one("content_type", ContentType.JSON),
        username=fields.one("username", "webhook"),
        secret=_typed_secret(fields, "secret", opening),
        ssl_verification=fields.one("ssl_verification", ENABLE),
        ssl_confirmed=fields.ticked("ssl_confirmed"),
        data=fields.one("data", DataChoice.EVERYTHING),
        company_fields=tuple(fields.all("company_fields")),
        field_mapping=tuple(
            MappingDraft(name, target.strip()) for name, target in fields.rows("mapping_field", "mapping_property")
        ),
        form_style=fields.one("form_style", FormStyle.FIELDS),
        order=fields.one("order", Order.CONTRACT),
        max_in_flight=fields.one("max_in_flight", "8").strip(),
        rate_per_second=fields.one("rate_per_second").strip(),
        timeout_seconds=fields.one("timeout_seconds", "15s").strip(),
        retries=fields.one("retries", SERVICE),
        schedule=fields.one("schedule").strip(),
        headers=tuple(
            _typed_header(row, opening) for row in fields.rows("header_name", "header_value", "header_sealed")
        ),
        signing_secret=_typed_secret(fields, "signing_secret", opening),
        drop_old_signing_secret=fields.ticked("drop_old_signing_secret"),
        disabled=fields.ticked("disabled"),
    )


class _Fields:
    """Access to the pairs by name."""

    def __init__(self, pairs: Pairs) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str, otherwise: str = "") -> str:
        """The last value; a hidden one before a box is what an empty box means."""
        return self._values.get(name, [otherwise])[-1]

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def ticked(self, name: str) -> bool:
        return self.one(name) == "yes"

    def rows(self, *names: str) -> Iterator[tuple[str, ...]]:
        """Repeated fields side by side; a shorter list is filled up."""
        columns = [self.all(name) for name in names]
        for place in range(max(map(len, columns))):
            yield tuple(column[place] if place < len(column) else "" for column in columns)


def _typed_secret(fields: _Fields, name: str, opening: Opening) -> SecretDraft:
    written = fields.one(f"{name}_choice", SecretChoice.REPLACE)
    choice = SecretChoice(written) if written in set(SecretChoice) else SecretChoice.REPLACE
    typed, sealed = fields.one(name), fields.one(f"{name}_sealed")
    if typed or not sealed:
        return SecretDraft(choice, typed)
    before = opening(name, sealed)
    return SecretDraft(choice, before or "", lost=before is None)


def _typed_header(row: tuple[str, ...], opening: Opening) -> HeaderDraft:
    name, value, sealed = row[0].strip(), row[1].strip(), row[2]
    if value or not sealed:
        return HeaderDraft(name, value)
    before = opening("headers", sealed) if looks_secret(name) else None  # under another name it would be shown
    return HeaderDraft(name, before or "", lost=before is None)
