"""The nearest known word, for messages about an unknown one."""

import difflib
from collections.abc import Iterable

MOST_NAMED = 10


def suggestion(written: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the known words where none is near."""
    words = sorted(set(known) - {written})
    folded = {word.casefold(): word for word in words}
    near = difflib.get_close_matches(written.casefold(), folded, n=1)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    if not words:
        return "there is none yet"
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return f"known: {', '.join(words[:MOST_NAMED])}{more}"
