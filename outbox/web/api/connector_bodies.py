"""A connector as calls write and read it: its fields are those of ConnectorSpec, its secrets go in and never out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from outbox.connector import LONGEST_NAME, LONGEST_PAUSE_SECONDS, ConnectorSpec, MappingLine
from outbox.model import ContentType, DataChoice, FormStyle, Order, Outcome, Trigger
from outbox.web.api.bodies import Body

KEEP_WORDS = "Never shown. Left out: what stands is kept; null: none."
EXAMPLE: Final[Mapping[str, Any]] = {
    "name": "Provider reporting",
    "business_units": ["Provider BU"],
    "triggers": ["create", "update", "send"],
    "url": "https://example.com/webhook",
    "content_type": "application/json",
    "secret": "your_secret_key",
    "ssl_verification": True,
    "data": "everything",
    "company_fields": ["vat_number"],
    "field_mapping": [{"field": "number", "property": "contract.number"}],
}


def _said(key: str, *, add: str = "", **rules: Any) -> Any:  # noqa: ANN401 (what Field takes and gives)
    """The configuration page's words for this field."""
    known = ConnectorSpec.model_fields[key]
    return Field(title=known.title, description=". ".join(filter(None, (known.description, add))) or None, **rules)


class SetHeader(Body):
    """A header whose value is secret: so it is shown, and written so it stays what it is."""

    secret: Literal["set"]


class Mapped(Body):
    """One line of the field mapping."""

    field: Annotated[str, Field(description="Field of the contract; one that lies deeper by dots.")]
    property: Annotated[str, Field(description="Property of the report; one that lies deeper by dots.")]


Header: TypeAlias = str | SetHeader
Pause: TypeAlias = Annotated[float, Field(ge=0, le=LONGEST_PAUSE_SECONDS)] | str


class ConnectorBody(Body):
    """A connector to be made, or to stand instead of one: what is left out has its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [dict(EXAMPLE)]})

    name: Annotated[str, _said("name", add="No two have the same.", min_length=1, max_length=LONGEST_NAME)]
    business_units: Annotated[
        list[str], _said("business_units", add="Ids, or unambiguous names; * alone for all.", min_length=1)
    ]
    triggers: Annotated[list[Trigger], _said("triggers", min_length=1)]
    url: Annotated[str, _said("url")]
    content_type: Annotated[ContentType, _said("content_type")] = ContentType.JSON
    username: Annotated[str, _said("username", min_length=1)] = "webhook"
    secret: Annotated[str | None, _said("secret", add=KEEP_WORDS, json_schema_extra={"writeOnly": True})] = None
    ssl_verification: Annotated[bool, _said("ssl_verification")] = True
    data: Annotated[DataChoice, _said("data")] = DataChoice.EVERYTHING
    company_fields: Annotated[tuple[str, ...], _said("company_fields")] = ()
    field_mapping: Annotated[tuple[Mapped, ...], _said("field_mapping")] = ()
    form_style: Annotated[FormStyle, _said("form_style")] = FormStyle.FIELDS
    order: Annotated[Order, _said("order")] = Order.CONTRACT
    max_in_flight: Annotated[int, _said("max_in_flight", ge=1, le=1000)] = 8
    rate_per_second: Annotated[
        Annotated[float, Field(gt=0, le=10_000)] | None, _said("rate_per_second", add="null: no limit.")
    ] = None
    timeout_seconds: Annotated[float, _said("timeout_seconds", add="Seconds.", gt=0, le=300)] = 15.0
    schedule: Annotated[
        Annotated[list[Pause], Field(max_length=50)] | None,
        _said("schedule", add="Pauses before the 2nd, 3rd, ... attempt, in seconds or as 5m; null: the service's own."),
    ] = None
    headers: Annotated[
        Mapping[str, Header], _said("headers", add="A secret one is shown, and kept, as {secret: set}.")
    ] = {}
    signing_secret: Annotated[
        str | None, _said("signing_secret", add=KEEP_WORDS, json_schema_extra={"writeOnly": True})
    ] = None
    enabled: Annotated[bool | None, _said("enabled", add="Left out: as it stands; of a new one, true.")] = None


def _without_defaults(schema: dict[str, Any]) -> None:
    for known in schema.get("properties", {}).values():
        known.pop("default", None)
    schema["examples"] = [{"url": "https://example.com/new", "headers": {"X-Team": None}}]


def _patched(key: str) -> tuple[Any, Any]:
    """The field as a merge patch may have it: left out, or null for its default."""
    known = ConnectorBody.model_fields[key]
    kind: Any = dict[str, Header | None] if key == "headers" else known.annotation
    rules = tuple(known.metadata)
    plain: Any = Annotated[(kind, *rules)] if rules else kind
    extra = known.json_schema_extra if isinstance(known.json_schema_extra, dict) else None
    return plain | None, Field(default=None, title=known.title, description=known.description, json_schema_extra=extra)


class _Patch(Body):
    """Keys that are left out have no default: they change nothing."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


ConnectorPatch: type[Body] = create_model(
    "ConnectorPatch",
    __base__=_Patch,
    __doc__="What is to change, as a JSON Merge Patch (RFC 7396): left out, it stays; null: back to the default.",
    **{key: _patched(key) for key in ConnectorBody.model_fields},
)  # type: ignore[call-overload]


class Disabling(Body):
    """Why it is disabled, and whether what waits for it is given up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "CRM is being moved"}]})

    reason: Annotated[str | None, Field(min_length=1, max_length=500, description="In words.")] = None
    discard: Annotated[bool, Field(description="Cancels what waits, and makes no further deliveries meanwhile.")] = (
        False
    )


class ConnectorAnswer(BaseModel):
    """A connector as it stands. Of its secrets only whether they are set."""

    id: Annotated[int, Field(description="Its number, which stays when the name changes.")]
    version: Annotated[int, Field(description="Counted up with every change; its ETag is this number in quotes.")]
    kind: Annotated[Literal["reporting"], Field(description="What it is for.")]
    type: Annotated[Literal["webhook"], Field(description="How it reports.")]
    name: Annotated[str, _said("name")]
    state: Annotated[
        Literal["enabled", "held", "disabled"], Field(description="Held: its receiver fails, so it waits.")
    ]
    state_reason: Annotated[str | None, Field(description="Why it is held or disabled.")]
    state_since: Annotated[datetime | None, Field(description="Since when it is held or disabled.")]
    next_probe_at: Annotated[datetime | None, Field(description="While held: when its receiver is tried next.")]
    business_units: Annotated[list[str], Field(description="Ids; only those that the token is for. * for all.")]
    shared: Annotated[bool, Field(description="Whether it has further ones, so that this token can't change it.")]
    triggers: list[Trigger]
    url: str
    content_type: ContentType
    username: str
    has_secret: bool
    ssl_verification: bool
    data: DataChoice
    company_fields: list[str]
    field_mapping: list[MappingLine]
    form_style: FormStyle
    order: Order
    max_in_flight: int
    rate_per_second: float | None
    timeout_seconds: float
    schedule: Annotated[list[float] | None, Field(description="Seconds.")]
    headers: dict[str, str | SetHeader]
    has_signing_secret: bool
    has_old_signing_secret: Annotated[
        bool, Field(description="Whether one that was replaced signs too, for the change.")
    ]
    enabled: bool
    discard: Annotated[bool, Field(description="Whether, while disabled, its deliveries are dropped and not kept.")]
    origin: Annotated[str, Field(description="Who keeps it: code (connectors.toml), command, page or api.")]
    created_at: datetime
    updated_at: datetime
    updated_by: str


class ConnectorMade(ConnectorAnswer):
    """A connector as a change left it."""

    warnings: Annotated[list[str], Field(description="What its author should know; nothing of it was refused.")]


class ConnectorList(BaseModel):
    """A page of connectors, by name."""

    connectors: list[ConnectorAnswer]
    next: Annotated[str | None, Field(description="The URL of the next page; null on the last.")]


class Disabled(ConnectorAnswer):
    """A connector that is disabled."""

    cancelled: Annotated[int, Field(description="Deliveries that waited and were cancelled.")]
    left: Annotated[bool, Field(description="Whether there are more, which the service cancels within a minute.")]


class Probed(BaseModel):
    """Whether a probe was asked for."""

    due: Annotated[bool, Field(description="False where it isn't held, or a probe is out already.")]


class Changed(BaseModel):
    """A field that differs from the version before, in words; of a secret only whether it was set."""

    field: str
    before: str
    after: str


class VersionAnswer(BaseModel):
    """What a connector was from one change to the next; no secret."""

    version: int
    action: Annotated[str, Field(description="create, edit, enable, disable, remove.")]
    changed_at: datetime
    changed_by: str
    origin: Annotated[str, Field(description="From where: code, command, page, api or relay.")]
    changes: Annotated[list[Changed], Field(description="What differs from the version before.")]
    connector: Annotated[dict[str, Any], Field(description="Its fields then; of secrets whether they were set.")]


class VersionList(BaseModel):
    """A connector's versions, newest first."""

    versions: list[VersionAnswer]
    next: Annotated[str | None, Field(description="The URL of the next page; null on the last.")]


class Removed(BaseModel):
    """What became of what waited for a connector that is removed."""

    cancelled: Annotated[int, Field(description="Deliveries that waited and are cancelled; history stays.")]
    left: Annotated[bool, Field(description="Whether there are more, which the service cancels within a minute.")]


class SentRequest(BaseModel):
    """What was sent, as history shows it."""

    url: str
    headers: Annotated[dict[str, str], Field(description="Secret values are redacted.")]
    body: Annotated[str, Field(description="As text; what is no UTF-8 as data:;base64,...")]


class ReceivedHeader(BaseModel):
    """A header of an answer; a name may come several times."""

    name: str
    value: str


class ReceivedAnswer(BaseModel):
    """What the receiver answered; its secrets are redacted where it echoes them."""

    headers: list[ReceivedHeader]
    body: Annotated[str, Field(description="Its first bytes as text; what is no UTF-8 as data:;base64,...")]
    cut: Annotated[bool, Field(description="Whether more came than is kept.")]


class Tried(BaseModel):
    """What came of a test."""

    event_id: Annotated[int, Field(description="The test's own number.")]
    taken_from: Annotated[int | None, Field(description="The event whose report it repeats; null: a made-up one.")]
    request: SentRequest
    outcome: Outcome
    status_code: int | None
    duration_ms: float
    timings: Annotated[dict[str, float], Field(description="Milliseconds by phase.")]
    error_code: str | None
    error: str | None
    response: ReceivedAnswer
