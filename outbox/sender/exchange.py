"""One exchange with a receiver: its deadline, how far it came, what took how long, and how it failed."""

import time
from enum import StrEnum

from outbox.model import Outcome, Response
from outbox.sender.answer import words_of


class Phase(StrEnum):
    """How far an exchange has come."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    FIRST_BYTE = "first_byte"
    HEADERS = "headers"
    BODY = "body"


DOING = {
    Phase.DNS: "looking up the name",
    Phase.CONNECT: "connecting",
    Phase.TLS: "in the TLS handshake",
    Phase.SEND: "sending the report",
    Phase.FIRST_BYTE: "waiting for an answer",
    Phase.HEADERS: "reading the answer's headers",
    Phase.BODY: "reading the answer's body",
}
_TIMED = (Phase.DNS, Phase.CONNECT, Phase.TLS)


class Failure(Exception):  # noqa: N818 - it never leaves this package, where it becomes a Response
    """How an exchange failed. Not an OSError, so that no library between wraps it or tries again."""

    def __init__(self, outcome: Outcome, code: str, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.code = code
        self.words = words


class Exchange:
    """The state of one send, used by one thread; durations in seconds inside, milliseconds in the Response."""

    def __init__(self, *, timeout_seconds: float, max_header_bytes: int) -> None:
        self._started = time.monotonic()
        self._timeout_seconds = timeout_seconds
        self._header_budget = max_header_bytes
        self._max_header_bytes = max_header_bytes
        self._timings: dict[str, float] = {}
        self.status = 0
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = bytearray()
        self.begin()

    def begin(self) -> None:
        """Starts over on another connection; the deadline stays."""
        self.phase = Phase.DNS
        self._entered = time.monotonic()
        self.dialed = False
        self.sent = False

    def may_resend(self, failure: Failure) -> bool:
        """Whether a kept-open connection proved dead before the whole request was handed over.

        The receiver can't have got a complete request then, so that sending it again is no second delivery. Once the
        whole request was handed over, it may have: then the failure stands and the schedule tries again, visibly.
        """
        dead = failure.outcome is Outcome.PROTOCOL and self.phase in (Phase.SEND, Phase.FIRST_BYTE)
        return dead and not self.dialed and not self.sent

    def enter(self, phase: Phase) -> None:
        """Notes that `phase` begins now, and how long the one before it took."""
        now = time.monotonic()
        if self.phase in _TIMED and phase is not self.phase:
            spent = self._timings.get(self.phase, 0.0)
            self._timings[self.phase] = spent + _milliseconds(now - self._entered)
        if phase is not self.phase:
            self.phase, self._entered = phase, now

    def took(self, phase: Phase, seconds: float) -> None:
        """Notes what a phase took, where a library knows it and we don't."""
        self._timings[phase] = _milliseconds(seconds)

    def remaining(self) -> float:
        """Seconds left, above zero; the Failure `timeout` when there are none."""
        left = self._started + self._timeout_seconds - time.monotonic()
        if left <= 0:
            raise self.timeout()
        return left

    def received(self, count: int) -> None:
        """Counts bytes of the answer: the first one is timed, and those before the body are bounded."""
        if self.phase is Phase.FIRST_BYTE and count:
            self._timings["first_byte"] = _milliseconds(time.monotonic() - self._started)
            self.enter(Phase.HEADERS)
        if self.phase is Phase.HEADERS:
            self._header_budget -= count
            if self._header_budget < 0:
                raise self.header_too_large()

    def timeout(self) -> Failure:
        """The Failure of a deadline that passed in the present phase."""
        words = f"no complete answer within {self._timeout_seconds:g} s: time ran out while {DOING[self.phase]}"
        return Failure(Outcome.TIMEOUT, f"timeout_{self.phase}", words)

    def header_too_large(self) -> Failure:
        """The Failure of an answer whose status line and headers don't end."""
        words = f"the answer's headers are larger than {self._max_header_bytes} bytes, or one line or their number is"
        return Failure(Outcome.PROTOCOL, "header_too_large", words)

    def answered(self, *, max_response_bytes: int) -> Response:
        """The Response of a complete answer, or of one that is longer than is kept."""
        well = 200 <= self.status <= 299  # noqa: PLR2004 - the 2xx class
        return Response(
            outcome=Outcome.OK if well else Outcome.HTTP_ERROR,
            duration_ms=self._total(),
            status=self.status,
            headers=self.headers,
            body=bytes(self.body[:max_response_bytes]),
            cut=len(self.body) > max_response_bytes,
            error_code=None if well else f"status_{self.status}",
            error=None if well else words_of(self.status, self.headers),
            timings=self._timings,
        )

    def failed(self, failure: Failure) -> Response:
        """The Response of a Failure, with as much of an answer as had come."""
        total = self._total()
        return Response(
            outcome=failure.outcome,
            duration_ms=total,
            status=self.status or None,
            headers=self.headers,
            body=bytes(self.body),
            cut=self.status > 0,
            error_code=failure.code,
            error=failure.words,
            timings=self._timings,
        )

    def _total(self) -> float:
        self._timings["total"] = _milliseconds(time.monotonic() - self._started)
        return self._timings["total"]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
