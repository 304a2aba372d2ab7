"""Log lines: one a unit of work, for machines or for people, and never a secret."""

import io
import json
from datetime import UTC, datetime
from typing import Literal

import pytest

from outbox.log import configure_log, get_log
from outbox.settings import Log

PLANTED = "hunter2-planted"


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """Says so."""
        return True


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Every line, read as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_level_and_utc_time() -> None:
    """Off a terminal each unit of work is one line that machines read."""
    stream = io.StringIO()
    configure_log(Log(), stream)

    get_log().bind(worker="w1").info("passed", events=3)

    (line,) = lines(stream)
    stamp = datetime.fromisoformat(str(line.pop("timestamp")))
    assert stamp.tzinfo == UTC
    assert line == {"event": "passed", "level": "info", "worker": "w1", "events": 3}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_not_written(
    level: Literal["debug", "info", "warning", "error"], expected: list[str]
) -> None:
    """log.level is the least that is said."""
    stream = io.StringIO()
    configure_log(Log(level=level), stream)

    for name in ("debug", "info", "warning", "error"):
        getattr(get_log(), name)("said")

    assert [line["level"] for line in lines(stream)] == expected


def test_people_on_a_terminal_get_words(capsys: pytest.CaptureFixture[str]) -> None:
    """`auto` looks at the stream, `json` and `console` don't."""
    written: dict[tuple[str, bool], str] = {}
    choices: tuple[Literal["auto", "json", "console"], ...] = ("auto", "json", "console")
    for choice in choices:
        for stream in (io.StringIO(), Terminal()):
            configure_log(Log(format=choice), stream)
            get_log().info("passed", events=3)
            written[choice, stream.isatty()] = stream.getvalue()

    assert {key for key, text in written.items() if text.startswith("{")} == {
        ("auto", False),
        ("json", False),
        ("json", True),
    }
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("choice", ["json", "console"])
@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_traceback_shows_no_local_variable(choice: Literal["json", "console"], stream: io.StringIO) -> None:
    """Locals hold secrets and contracts; a traceback says where, not with what."""
    configure_log(Log(format=choice), stream)

    def fail(secret: str) -> None:
        raise ZeroDivisionError(len(secret))

    try:
        fail(PLANTED.lower())
    except ZeroDivisionError as error:
        get_log().error("statement_failed", exc_info=error)

    assert "ZeroDivisionError" in stream.getvalue()
    assert "in fail" in stream.getvalue()
    assert PLANTED not in stream.getvalue()
