"""From libcurl's error numbers and words to what Python's libraries raise for the same fault, which `explain` reads.

libcurl's words for a number are its own English sentences; where one number stands for several faults, they decide.
"""

import re
import ssl
from collections.abc import Callable
from functools import partial
from http.client import BadStatusLine, HTTPException, IncompleteRead, LineTooLong, RemoteDisconnected

import pycurl

_UNSPECIFIED, _HOSTNAME_MISMATCH = 1, 62
"""OpenSSL's numbers; libcurl compares names itself, before it asks OpenSSL."""
_TLS_REASON = re.compile(r"error:[0-9A-F]{8}:[^:]*:[^:]*:([^:(),]+)", re.IGNORECASE)
_TLS_CLOSED = re.compile(r"SSL_ERROR_SYSCALL|SSL_ERROR_ZERO_RETURN|unexpected eof|reset by peer", re.IGNORECASE)
_RESET = re.compile(r"reset by peer|broken pipe|errno (104|32)\b", re.IGNORECASE)
_NO_HTTP = re.compile(r"HTTP/0\.9|status line|HTTP version|Version mismatch|Unsupported HTTP", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too (large|long|many)|larger than allowed", re.IGNORECASE)
_CERTIFICATE_WORDS = re.compile(r"(?:verify result|certificate problem): (?P<words>.+?)(?: \(\d+\))?$")

_BY_NUMBER: dict[int, Callable[[], Exception]] = {
    pycurl.E_OPERATION_TIMEDOUT: TimeoutError,
    pycurl.E_SEND_ERROR: ConnectionResetError,
    pycurl.E_GOT_NOTHING: partial(RemoteDisconnected, ""),
    pycurl.E_PARTIAL_FILE: partial(IncompleteRead, b""),
}


def raised(number: int, words: str, *, verify_result: int) -> Exception:
    """The exception that stands for an error of libcurl; `verify_result` is OpenSSL's about the certificate."""
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]()
    if number == pycurl.E_PEER_FAILED_VERIFICATION:
        return _certificate_error(words, verify_result)
    if number == pycurl.E_SSL_CONNECT_ERROR:
        return ssl.SSLEOFError() if _TLS_CLOSED.search(words) else _tls_error(words)
    return _of_words(words)


def _of_words(words: str) -> Exception:
    """Faults that share libcurl's numbers for receiving and for strange answers."""
    if _TLS_REASON.search(words):
        return ssl.SSLEOFError() if _TLS_CLOSED.search(words) else _tls_error(words)
    if _RESET.search(words):
        return ConnectionResetError()
    if _TOO_LARGE.search(words):
        return LineTooLong("header")
    if _NO_HTTP.search(words):
        return BadStatusLine("something else")
    return HTTPException(words)


def _certificate_error(words: str, verify_result: int) -> ssl.SSLCertVerificationError:
    found = _CERTIFICATE_WORDS.search(words)
    error = ssl.SSLCertVerificationError(words)
    error.verify_code = verify_result if verify_result > _UNSPECIFIED else _HOSTNAME_MISMATCH
    error.verify_message = words.removeprefix("SSL: ") if found is None else found["words"]
    return error


def _tls_error(words: str) -> ssl.SSLError:
    error = ssl.SSLError(words)
    if (found := _TLS_REASON.search(words)) is not None:
        error.reason = found[1].strip().upper().replace(" ", "_").replace("/", "_")
    return error
