"""The nouns that every module shares: immutable, without behaviour beyond their own fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A JSON value as `outbox.canonical` reads it: numbers are int or Decimal, never float."""


class Trigger(StrEnum):
    """The business occurrences that a connector can choose."""

    CREATE = "create"
    UPDATE = "update"
    SEND = "send"
    REVIEW = "review"
    EXPIRED = "expired"


class ContentType(StrEnum):
    """How a report is written."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"


class DataChoice(StrEnum):
    """The page's "Data to Receive"."""

    STATUS = "status"
    EVERYTHING = "everything"


class FormStyle(StrEnum):
    """How a form carries the report: flattened fields, or the JSON in one parameter `payload`."""

    FIELDS = "fields"
    PAYLOAD = "payload"


class Order(StrEnum):
    """What a connector is promised: each contract's reports in commit order, or no order."""

    CONTRACT = "contract"
    NONE = "none"


class Kind(StrEnum):
    """Why an attempt was made."""

    AUTO = "auto"
    REPLAY = "replay"
    TEST = "test"


class Outcome(StrEnum):
    """How an attempt ended: the closed list."""

    OK = "ok"
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    BLOCKED = "blocked"
    PROTOCOL = "protocol"
    REPORT = "report"
    LOST = "lost"
    LATE = "late"
    INTERRUPTED = "interrupted"


class Settled(StrEnum):
    """The final state that an attempt gave its delivery."""

    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class State(StrEnum):
    """Where a delivery stands, read from facts: the first four while it is open, then what an attempt settled."""

    PENDING = "pending"
    LEASED = "leased"
    HELD = "held"
    BLOCKED = "blocked"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why an event was, or was not, delivered to a connector."""

    DELIVER = "deliver"
    BACKFILL = "backfill"
    TRIGGER_NOT_CHOSEN = "trigger_not_chosen"
    DISCARDED = "discarded"
    NO_CONNECTOR = "no_connector"
    NO_BUSINESS_UNIT = "no_business_unit"
    COALESCED = "coalesced"
    UNCHANGED = "unchanged"
    CONTRACT_GONE = "contract_gone"
    ERASED = "erased"


ALL_BUSINESS_UNITS = "*"


@dataclass(frozen=True, slots=True)
class Event:
    """One captured occurrence; `document` is the contract query's row, None when the contract is gone.

    `changed` maps a column to [old, new], or to None where the column changed but its values are not kept.
    `snapshot` is pg_current_snapshot() of the document's own SELECT, as text (`xmin:xmax:xip,...`).
    `overlaps` says that a committed event of the contract and this one did not see each other.
    `unreadable` says why its JSON could not be read (then `changed` and `detail` are None, `document` is empty).
    """

    id: int
    occurred_at: datetime
    xid: int
    snapshot: str
    trigger: Trigger
    contract_id: str
    business_unit: str | None
    status: str | None
    changed: Mapping[str, Json] | None = None
    detail: Json = None
    document: Mapping[str, Json] | None = None
    overlaps: bool = False
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the source: `fields` holds every further column and the keys of `extra`."""

    id: str
    name: str | None
    business_unit: str | None
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One line of a connector's field mapping: the contract's `field` goes to the report's `property` path."""

    field: str
    property: str


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector's current version, as the relay uses it; the secrets are plain here and never printed.

    `schedule` is seconds before the 2nd, 3rd, ... attempt (None: the service's own).
    `held_reason` is set while deliveries wait for something to be mended; `probed` where that is its receiver, which
    one delivery at a time may try. `discard` is set only while disabled.
    """

    id: int
    version: int
    name: str
    business_units: tuple[str, ...]
    triggers: frozenset[Trigger]
    url: str
    content_type: ContentType = ContentType.JSON
    ssl_verification: bool = True
    data: DataChoice = DataChoice.EVERYTHING
    company_fields: tuple[str, ...] = ()
    field_mapping: tuple[FieldMapping, ...] = ()
    form_style: FormStyle = FormStyle.FIELDS
    order: Order = Order.CONTRACT
    max_in_flight: int = 8
    rate_per_second: float | None = None
    timeout_seconds: float = 15.0
    schedule: tuple[float, ...] | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    username: str = "webhook"
    secret: str | None = field(default=None, repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    enabled: bool = True
    discard: bool = False
    held_reason: str | None = None
    probed: bool = False

    @property
    def sends(self) -> bool:
        """Whether deliveries may be claimed for it now."""
        return self.enabled and self.held_reason is None


@dataclass(frozen=True, slots=True)
class Report:
    """The exact bytes to send and their Content-Type header; or, in `error`, why they could not be built."""

    body: bytes | None
    content_type: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery that this worker has the right to send; `attempt` is the number of this try, from 1.

    `tries` counts the tries of the present schedule (a replay starts anew), this one included.
    """

    event_id: int
    connector_id: int
    contract_id: str
    trigger: Trigger
    attempt: int
    tries: int
    kind: Kind
    token: int
    body: bytes | None = field(repr=False)
    content_type: str = ContentType.JSON.value


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP POST, complete; `timeout_seconds` bounds the whole exchange from name lookup to last byte."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_seconds: float
    ssl_verification: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came of one Request. Every failure is one of these, never an exception.

    `error_code` is a short stable word for machines (such as `certificate_expired`), `error` words for people.
    `body` holds the first bytes up to the cap, `cut` says that more came. `timings` is milliseconds by phase.
    """

    outcome: Outcome
    duration_ms: float
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False
    error_code: str | None = None
    error: str | None = None
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as it is written, and what it means: settled for good, or due again after `delay_seconds`.

    Where not `counted`, the try is not one of those that the schedule allows. `probe`: its connector was held.
    """

    leased: Leased
    connector_version: int
    started_at: datetime
    response: Response
    url: str | None
    request_headers: Mapping[str, str]
    settled: Settled | None
    delay_seconds: float = 0.0
    counted: bool = True
    probe: bool = False
