"""The command ask: every named question is a command of its own, made of what its file declares."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from sqlalchemy.exc import DBAPIError
from typer.main import get_command as command_of

from outbox.answers import print_csv, print_json, told
from outbox.cli.context import engine_of, settings_of
from outbox.cli.forms import Format, FormatWord, chosen_format
from outbox.cli.sentences import SentencesGroup
from outbox.cli.tables import Column, Shape, print_table
from outbox.errors import ConfigurationError, RefusedError
from outbox.questions import PAGES, answer
from outbox.questions.declaration import WRITTEN, Kind, NamedQuestion, Parameter
from outbox.questions.library import OWN_FOLDER, Shelved, shelf
from outbox.questions.reading import Answered, Asked, Page, Rows, read_only
from outbox.questions.values import values_of

Seconds: TypeAlias = Annotated[
    float, typer.Option("--timeout", help="Seconds after which the database gives up.", min=0.1, metavar="SECONDS")
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(help="At most so many rows.  [default: 50 in a table, all in JSON and CSV]", min=1, metavar="NUMBER"),
]
Output: TypeAlias = Annotated[
    Path | None, typer.Option(help="Write the page to this file.  [default: standard output]", dir_okay=False)
]
_SECONDS = 60.0
_OUT_OF_TIME = "57014"
_TABLE_LIMIT = 50
_LONG = 40
"""A text that is longer stands below its row where the terminal is narrow."""
_ASKED = "asked_"
"""Before the names of parameters in a signature, so that none is a word of Python or of ours."""
_COLOURED = ("state", "verdict", "outcome")


class QuestionsGroup(SentencesGroup):
    """Its commands are the questions on the shelf: ours, and those in the configuration folder."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (typer carries a click of its own)
        """The name of every question that can be asked."""
        return sorted(name for name, one in shelf(settings_of(ctx).folder).items() if one.question is not None)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 (typer carries a click of its own)
        """The question as a command, None where there is none of that name."""
        shelved = shelf(settings_of(ctx).folder).get(cmd_name)
        if shelved is None:
            return None
        if shelved.question is None:
            raise ConfigurationError(*shelved.faults)
        return _command(shelved, shelved.question)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 (typer carries a click of its own)
        """As it is, but that the nearest known name is suggested among the questions."""
        self.commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=QuestionsGroup,
    help="Ask the history a named question; without a name, list the questions.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def _list(context: typer.Context, *, form: FormatWord = None) -> None:
    if context.invoked_subcommand is not None:
        return
    chosen = chosen_format(form)
    _print(_catalogue(settings_of(context).folder), chosen, None)


def _catalogue(folder: Path) -> Rows:
    rows = (_described(one) for _, one in sorted(shelf(folder).items()))
    columns = ("question", "asks", "answers", "parameters", "from")
    return Rows(columns, rows, only_exported=frozenset({"answers"}))


def _described(shelved: Shelved) -> Answered:
    question = shelved.question
    faults = "can't be asked: " + "; ".join(shelved.faults)
    return {
        "question": shelved.name,
        "asks": faults if question is None else question.title,
        "answers": None if question is None else question.answers,
        "parameters": None if question is None else " ".join(map(_usage, question.parameters)),
        "from": OWN_FOLDER if shelved.own else "outbox",
    }


def _usage(parameter: Parameter) -> str:
    written = f"{parameter.option} {WRITTEN[parameter.kind]}".strip()
    return written if parameter.required else f"[{written}]"


def _command(shelved: Shelved, question: NamedQuestion) -> Any:  # noqa: ANN401 (typer carries a click of its own)
    """A command of one question; typer reads its options from the signature that is made here."""

    def ask(context: typer.Context, **words: Any) -> None:  # noqa: ANN401 (whatever typer read)
        written = {one.name: words.pop(_ASKED + one.name) for one in question.parameters}
        _ask(context, shelved, question, written, **{"form": None, "limit": None, "output": None, **words})

    own = [inspect.Parameter("seconds", inspect.Parameter.KEYWORD_ONLY, annotation=Seconds, default=_SECONDS)]
    forms = {"output": Output} if not shelved.own and shelved.name in PAGES else {"form": FormatWord, "limit": Limit}
    own += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=of, default=None)
        for name, of in forms.items()
    ]
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    asked = [_option(parameter) for parameter in question.parameters]
    ask.__signature__ = inspect.Signature([first, *asked, *own])  # type: ignore[attr-defined]
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(question.name, help=question.answers, short_help=question.title)(ask)
    return command_of(single)


def _option(parameter: Parameter) -> inspect.Parameter:
    default = f"  [default: {parameter.default}]" if parameter.default is not None else ""
    words = parameter.words[0].upper() + parameter.words[1:] + f".{default}"
    kind: Any = bool if parameter.kind is Kind.FLAG else str if parameter.required else str | None
    metavar = WRITTEN[parameter.kind] or None
    option = typer.Option(parameter.option, help=words, metavar=metavar, show_default=False)
    left_out: Any = inspect.Parameter.empty if parameter.required else False if kind is bool else None
    return inspect.Parameter(
        _ASKED + parameter.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=left_out
    )


def _ask(
    context: typer.Context,
    shelved: Shelved,
    question: NamedQuestion,
    written: dict[str, str | bool | None],
    *,
    seconds: float,
    form: str | None,
    limit: int | None,
    output: Path | None,
) -> None:
    chosen = chosen_format(form)
    with engine_of(context) as engine, _in_time(seconds), read_only(engine, seconds=seconds) as reading:
        values = values_of(reading.connection, question, written, within=None)
        asked = Asked(reading, question.statement, values, settings_of(context).report.max_bytes)
        match answer(shelved, asked):
            case Rows() as rows:
                _print(rows, chosen, limit)
            case Page() as page:
                _write(page, output)


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """Says how to give a question more time, where that is what it lacked."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _OUT_OF_TIME:
            raise RefusedError(
                f"the database had no answer within {seconds:g} s; narrow the question, or give it more with --timeout"
            ) from None
        raise


def _write(page: Page, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(page.html)
        return
    try:
        output.write_text(page.html, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--output: expected a file that can be written, got: {error}") from None
    typer.echo(f"wrote {output}")


def _print(answered: Rows, form: Format, limit: int | None) -> None:
    most = _TABLE_LIMIT if limit is None and form is Format.TABLE else limit
    rows = iter(answered.rows)
    shown: Iterator[Answered] = rows if most is None else islice(rows, most)
    match form:
        case Format.TABLE:
            listed = list(shown)
            print_table(listed, _shape(answered, listed), sys.stdout)
        case Format.JSON:
            print_json(shown, answered.columns, sys.stdout)
        case Format.CSV:
            print_csv(shown, answered.columns, sys.stdout)
    if most is not None and next(rows, None) is not None:
        typer.echo(f"the first {most}; more with --limit", err=True)


def _shape(answered: Rows, listed: list[Answered]) -> Shape:
    shown = [name for name in answered.columns if name not in answered.only_exported]
    return Shape("answers", tuple(_column(name, listed) for name in shown))


def _column(name: str, listed: list[Answered]) -> Column:
    values = [row[name] for row in listed]
    changes = any(isinstance(value, dict) for value in values)
    zone = " (UTC)" if any(isinstance(value, datetime) for value in values) else ""
    texts = [value for value in values if isinstance(value, str)]
    return Column(
        name.replace("_", " ") + zone,
        (lambda row: told(row[name])) if changes else name,
        long=changes or any(len(text) > _LONG for text in texts),
        folds=bool(texts),
        coloured=name in _COLOURED,
    )
