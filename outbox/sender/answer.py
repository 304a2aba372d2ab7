"""What an answer says: its headers as they may be kept, its status in words (pure)."""

import re
from collections.abc import Iterable
from http import HTTPStatus

SWITCHING_PROTOCOLS = 101
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_REDIRECTS = (301, 302, 303, 307, 308)
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")


def is_interim(status: int) -> bool:
    """Whether another answer follows this one."""
    return 100 <= status < 200 and status != SWITCHING_PROTOCOLS  # noqa: PLR2004 - the 1xx class


def printable(text: str) -> str:
    """Without control characters, which a database can't store or a terminal would obey."""
    return text if text.isprintable() else text.translate(_UNPRINTABLE)


def printable_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers as history keeps them."""
    return tuple([(printable(name), printable(value)) for name, value in headers])


def words_of(status: int, headers: Iterable[tuple[str, str]]) -> str:
    """What a status outside 2xx means, for the history."""
    words = f"the receiver answered {status} {_PHRASES.get(status, '')}".rstrip()
    if status in _REDIRECTS:
        location = next((value for name, value in headers if name.lower() == "location"), None)
        if location is not None:
            # Without its query, which may echo a secret, cut or encoded so that nothing finds it again.
            target = re.split(r"[?#]", location, maxsplit=1)[0]
            words += f", to {target[:200]}; redirects are not followed: correct the URL"
    return words
