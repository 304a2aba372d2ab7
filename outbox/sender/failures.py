"""From what libraries raise to the closed list of outcomes, each with a stable code and words for people."""

import errno
import re
import socket
import ssl
from http.client import BadStatusLine, HTTPException, IncompleteRead, LineTooLong, RemoteDisconnected, UnknownProtocol

from requests import RequestException
from urllib3.exceptions import HTTPError

from outbox.model import Outcome
from outbox.sender.exchange import DOING, Exchange, Failure, Phase

_CERTIFICATE_CODES = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "self_signed",
    19: "unknown_ca",
    20: "unknown_ca",
    21: "unknown_ca",
    23: "certificate_revoked",
    62: "hostname_mismatch",
    64: "hostname_mismatch",
}
"""OpenSSL's X509_V_ERR numbers."""

_TLS_CODES = {
    "WRONG_VERSION_NUMBER": "not_tls",
    "HTTP_REQUEST": "not_tls",
    "PACKET_LENGTH_TOO_LONG": "not_tls",
    "RECORD_LAYER_FAILURE": "not_tls",
    "UNSUPPORTED_PROTOCOL": "protocol_version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "protocol_version",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "client_certificate_required",
}

_CONNECT_CODES = {
    errno.ECONNREFUSED: ("refused", "nothing listens there"),
    errno.ECONNRESET: ("reset", "the receiver reset the connection"),
    errno.EHOSTUNREACH: ("unreachable", "no way to that address"),
    errno.ENETUNREACH: ("unreachable", "no way to that network"),
    errno.EACCES: ("denied", "this machine's own rules forbid it"),
    errno.EPERM: ("denied", "this machine's own rules forbid it"),
    errno.EMFILE: ("out_of_sockets", "this process has too many files open"),
    errno.ENFILE: ("out_of_sockets", "this machine has too many files open"),
    errno.EAFNOSUPPORT: ("unreachable", "this machine has no addresses of that kind"),
    errno.EADDRNOTAVAIL: ("out_of_sockets", "no free local port or no address of that kind here"),
}

_NOT_FOUND = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def explain(error: BaseException, exchange: Exchange) -> Failure:
    """The Failure that `error`, wrapped by whichever library, is in the exchange's present phase."""
    error = _root(error)
    match error:
        case Failure():
            failure = error
        case TimeoutError():
            failure = exchange.timeout()
        case socket.gaierror() | UnicodeError() if exchange.phase is Phase.DNS:
            failure = _of_lookup(error)
        case ssl.SSLCertVerificationError():
            failure = _of_certificate(error)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | RemoteDisconnected() | ConnectionError():
            failure = _of_close(error, exchange)
        case ssl.SSLError():
            failure = _of_tls(error, exchange)
        case OSError() if exchange.phase is Phase.CONNECT:
            failure = _of_connect(error)
        case _:
            failure = _of_answer(error, exchange)
    return failure


def proxy_refused(words: str) -> Failure:
    """The Failure of a proxy that makes no tunnel; what it answers is its words, not the receiver's."""
    return Failure(Outcome.CONNECT, "proxy_refused", f"the proxy refused: {ascii(words)[:200]}")


def _root(error: BaseException) -> BaseException:
    """The error below the wrappers of requests and urllib3."""
    while isinstance(error, HTTPError | RequestException):
        wrapped = (*error.args, getattr(error, "reason", None), error.__cause__)
        inner = next((one for one in wrapped if isinstance(one, Exception)), None)
        if inner is None:
            break
        error = inner
    return error


def _of_lookup(error: OSError | UnicodeError) -> Failure:
    if isinstance(error, socket.gaierror) and error.errno not in _NOT_FOUND:
        temporary = error.errno == socket.EAI_AGAIN
        return Failure(
            Outcome.DNS,
            "temporary" if temporary else "lookup_failed",
            f"the name could not be looked up: {error.strerror}",
        )
    return Failure(Outcome.DNS, "not_found", "the name in the URL does not exist; correct the URL or the DNS")


def _of_certificate(error: ssl.SSLCertVerificationError) -> Failure:
    code = _CERTIFICATE_CODES.get(error.verify_code, "certificate_invalid")
    return Failure(Outcome.TLS, code, f"the receiver's certificate was refused: {error.verify_message}")


def _of_tls(error: ssl.SSLError, exchange: Exchange) -> Failure:
    reason = error.reason or ""
    code = _TLS_CODES.get(reason, "handshake_failed" if exchange.phase is Phase.TLS else "tls_broken")
    words = reason.replace("_", " ").lower() or "no reason given"
    if code == "not_tls":
        words += "; the receiver speaks no TLS on this port: use http:// or the right port"
    return Failure(Outcome.TLS, code, f"TLS failed while {DOING[exchange.phase]}: {words}")


def _of_connect(error: OSError) -> Failure:
    if error.errno == errno.ETIMEDOUT:
        return Failure(Outcome.TIMEOUT, "timeout_connect", "the receiver's network gave no answer while connecting")
    code, words = _CONNECT_CODES.get(error.errno or 0, ("not_connected", error.strerror or type(error).__name__))
    return Failure(Outcome.CONNECT, code, f"could not connect: {words}")


def _of_close(error: OSError | HTTPException, exchange: Exchange) -> Failure:
    """A connection that the receiver closed or reset."""
    if exchange.phase is Phase.CONNECT and isinstance(error, OSError):
        return _of_connect(error)
    if exchange.phase is Phase.TLS:
        return Failure(Outcome.TLS, "handshake_closed", "the receiver closed the connection in the TLS handshake")
    reset = isinstance(error, ConnectionError) and not isinstance(error, RemoteDisconnected)
    did = "reset" if reset else "closed"
    if not exchange.sent:
        words = f"the receiver {did} the connection before it had the whole report"
    else:
        words = f"the receiver {did} the connection while {DOING[exchange.phase]}; it may have the report"
    return Failure(Outcome.PROTOCOL, "reset" if reset else "closed_early", words)


def _of_answer(error: BaseException, exchange: Exchange) -> Failure:
    """An answer that is not HTTP, or broken HTTP; quotes come from the receiver and are escaped and cut."""
    match error:
        case LineTooLong():
            return exchange.header_too_large()
        case HTTPException() if "more than" in str(error):
            return exchange.header_too_large()
        case BadStatusLine() | UnknownProtocol():
            quoted = ascii(re.sub(r"\s+$", "", str(error.args[0] if error.args else "")))[:120]
            return Failure(Outcome.PROTOCOL, "bad_status_line", f"expected an HTTP answer, got {quoted}")
        case IncompleteRead():
            return Failure(
                Outcome.PROTOCOL, "closed_early", "the receiver closed the connection half way through the answer"
            )
        case _:
            quoted = ascii(f"{type(error).__name__}: {error}")[:200]
            return Failure(Outcome.PROTOCOL, "bad_answer", f"broken HTTP while {DOING[exchange.phase]}: {quoted}")
