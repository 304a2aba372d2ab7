"""What a connector is asked to be: its fields, the rules for each, and how two of them differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from outbox.duration import parse_duration
from outbox.model import (
    ALL_BUSINESS_UNITS,
    ContentType,
    DataChoice,
    FieldMapping,
    FormStyle,
    Order,
    Trigger,
)
from outbox.report import mapping_faults
from outbox.request import header_faults, looks_secret, signing_secret_faults, url_faults

LONGEST_NAME = 200
LONGEST_PAUSE_SECONDS = 30 * 86_400.0


TRIGGER_WORDS: Final[Mapping[Trigger, str]] = {
    Trigger.CREATE: "when the transaction (contract) is created",
    Trigger.UPDATE: "when the transaction (contract) is updated",
    Trigger.SEND: "when the transaction (contract) email is sent to the recipient client",
    Trigger.REVIEW: "when the transaction (contract) is reviewed by someone through the checkout",
    Trigger.EXPIRED: "when the transaction (contract) expires",
}
RECEIVED_WORDS: Final[Mapping[DataChoice, str]] = {
    DataChoice.STATUS: "Only Update Status",
    DataChoice.EVERYTHING: "Send me everything",
}
SSL_WORDS: Final[Mapping[bool, str]] = {True: "Enable SSL verification", False: "Disable SSL verification"}
"""The configuration page's own words, as everything that people see has them."""


class FieldError(ValueError):
    """Everything wrong with one field, a sentence each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Kept(Enum):
    """The place of a secret that stays what it is in the database."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT
Secret: TypeAlias = SecretStr | InstanceOf[Kept] | None
"""A secret as asked for: this one, the one that stands, or none."""
HeaderValue: TypeAlias = str | SecretStr | InstanceOf[Kept]
"""A header's value; one whose name looks secret becomes a SecretStr: encrypted, never shown."""


def _refuse(faults: Iterable[str]) -> None:
    found = tuple(faults)
    if found:
        raise FieldError(found)


def _name(written: str) -> str:
    if not written or written != written.strip() or not written.isprintable() or len(written) > LONGEST_NAME:
        raise FieldError(
            [f"expected a name of 1 to {LONGEST_NAME} printable characters without space around it, got {written!r}"]
        )
    return written


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _distinct(label: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        _refuse(f"expected each {label} once, got {value!r} again" for value in _repeated(values))
        _refuse(f"expected the name of a {label}, got an empty text" for value in values if not value.strip())
        return values

    return check


def _repeated(values: Sequence[str]) -> list[str]:
    return sorted({value for value in values if values.count(value) > 1})


def _text(value: object) -> object:
    if value is None or isinstance(value, str | SecretStr | Kept):
        return value
    raise FieldError([f"expected a text, got {type(value).__name__}"])


def _header_text(value: object) -> object:
    return _text("" if value is None else value)


def _pause(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise FieldError([str(error)]) from None


def plain(value: HeaderValue) -> str:
    """The header's value as sent; a kept one is not known here and stands as a word."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Kept():
            return value.value
        case str():
            return value


def _secret(value: Secret) -> Secret:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if not text.strip():
            raise FieldError(["expected a secret, got an empty one; leave the key out for none"])
        if any(sign in text for sign in "\r\n\0"):
            raise FieldError(["expected a secret of one line, got one with a line break or NUL in it"])
    return value


Units: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_list), AfterValidator(_distinct("business unit"))]
Pause: TypeAlias = Annotated[float, BeforeValidator(_pause), Field(ge=0, le=LONGEST_PAUSE_SECONDS, allow_inf_nan=False)]
CheckedSecret: TypeAlias = Annotated[Secret, BeforeValidator(_text), AfterValidator(_secret)]


class MappingLine(BaseModel):
    """One line of the field mapping, as written: the contract's `field` goes to the report's `property`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    property: str


class ConnectorSpec(BaseModel):
    """A connector as somebody asks for it; titles and descriptions are the words of the configuration page.

    `business_units` are ids or names until resolved, then ids. `schedule` is seconds before the 2nd, 3rd, ...
    attempt (None: the service's own; empty: one attempt). `enabled` None leaves it as it stands (new: enabled).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_name), Field(title="Name")]
    business_units: Annotated[
        Units,
        Field(
            title="Business Units",
            description="Select the Business Units to which this configuration will be linked",
        ),
    ]
    triggers: Annotated[
        tuple[Trigger, ...],
        Field(title="Triggers", description="; ".join(f"{one}: {words}" for one, words in TRIGGER_WORDS.items())),
    ]
    url: Annotated[str, Field(title="Payload URL")]
    content_type: Annotated[ContentType, Field(title="Content-Type")] = ContentType.JSON
    username: Annotated[str, Field(title="User name")] = "webhook"
    secret: Annotated[
        CheckedSecret,
        Field(title="Secret", description="used to authorize the Webhook call using basic authentication"),
    ] = None
    ssl_verification: Annotated[bool, Field(title="SSL Verification", strict=True)] = True
    data: Annotated[DataChoice, Field(title="Data to Receive")] = DataChoice.EVERYTHING
    company_fields: Annotated[
        tuple[str, ...],
        AfterValidator(_distinct("company extra field")),
        Field(
            title="Company extra fields",
            description="an array of field names that define which extra field data to report for each company"
            " that belongs to the Business Units",
        ),
    ] = ()
    field_mapping: Annotated[
        tuple[MappingLine, ...],
        Field(
            title="Field mapping",
            description="an array of field names that define how each field in the transaction (contract) is mapped"
            " to the properties in the pushback report",
        ),
    ] = ()
    form_style: Annotated[FormStyle, Field(title="Form style")] = FormStyle.FIELDS
    order: Annotated[Order, Field(title="Order")] = Order.CONTRACT
    max_in_flight: Annotated[int, Field(title="Most in flight", ge=1, le=1000, strict=True)] = 8
    rate_per_second: Annotated[float | None, Field(title="Most per second", gt=0, le=10_000, allow_inf_nan=False)] = (
        None
    )
    timeout_seconds: Annotated[float, Field(title="Timeout", gt=0, le=300, allow_inf_nan=False)] = 15.0
    schedule: Annotated[tuple[Pause, ...] | None, Field(title="Retry schedule", max_length=50)] = None
    headers: Annotated[Mapping[str, Annotated[HeaderValue, BeforeValidator(_header_text)]], Field(title="Headers")] = {}
    signing_secret: Annotated[CheckedSecret, Field(title="Signing secret")] = None
    enabled: Annotated[bool | None, Field(title="Enabled", strict=True)] = None

    @field_validator("business_units")
    @classmethod
    def _some_units(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        if not units:
            raise FieldError([f"expected at least one business unit or {ALL_BUSINESS_UNITS!r} for all, got none"])
        if ALL_BUSINESS_UNITS in units and len(units) > 1:
            raise FieldError(
                [f"expected {ALL_BUSINESS_UNITS!r} alone, got it beside others; name the units or all of them"]
            )
        return units

    @field_validator("triggers")
    @classmethod
    def _some_triggers(cls, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        if not triggers:
            raise FieldError([f"expected at least one of {', '.join(Trigger)}, got none"])
        return tuple(trigger for trigger in Trigger if trigger in triggers)

    @field_validator("url")
    @classmethod
    def _reachable_url(cls, url: str) -> str:
        _refuse(url_faults(url))
        return url

    @field_validator("username")
    @classmethod
    def _plain_username(cls, username: str) -> str:
        if not username or ":" in username or not username.isprintable():
            raise FieldError([f"expected a user name without colon or control characters, got {username!r}"])
        return username

    @field_validator("field_mapping")
    @classmethod
    def _sound_mapping(cls, mapping: tuple[MappingLine, ...]) -> tuple[MappingLine, ...]:
        _refuse(mapping_faults(tuple(FieldMapping(line.field, line.property) for line in mapping)))
        return mapping

    @field_validator("headers")
    @classmethod
    def _sound_headers(cls, headers: Mapping[str, HeaderValue], others: ValidationInfo) -> Mapping[str, HeaderValue]:
        values = tuple((name, plain(value)) for name, value in headers.items())
        _refuse(header_faults(values, has_secret=others.data.get("secret") is not None))
        return {
            name: SecretStr(value) if isinstance(value, str) and looks_secret(name) else value
            for name, value in headers.items()
        }

    @field_validator("signing_secret")
    @classmethod
    def _usable_signing_secret(cls, secret: Secret) -> Secret:
        if isinstance(secret, SecretStr):
            _refuse(signing_secret_faults(secret.get_secret_value()))
        return secret
