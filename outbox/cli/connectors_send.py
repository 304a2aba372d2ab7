"""Commands that send: test, backfill."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.text import Text

from outbox.backfill import Wanted, backfill, check_backfill, count_missing
from outbox.cli.author import As, name_of
from outbox.cli.context import box_of, confirm, engine_of, settings_of
from outbox.cli.filters import Contract, Filters, Since, TriggerWord, Until
from outbox.connectors import UNOPENED, find_connector
from outbox.errors import RefusedError
from outbox.model import Outcome, Response
from outbox.request import redacted_headers
from outbox.sender import make_transport
from outbox.trial import Trial, prepare_trial, record_trial, run_trial

_BODY_SHOWN = 10_000


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("test")(_test)
    app.command("backfill")(_backfill)


def _test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the connector.")],
    *,
    by: As = None,
) -> None:
    """Send a sample report through the real sender, show request and answer, record it as a test."""
    author, settings, box = name_of(by), settings_of(context), box_of(context)
    with engine_of(context) as engine:
        with engine.begin() as connection:
            standing = find_connector(connection, box, name)
            if standing.unopened:
                raise RefusedError(f"connector {name!r}: {UNOPENED}; add the key, or set the secret again")
            trial = prepare_trial(connection, standing.connector(), max_bytes=settings.report.max_bytes)
        transport = make_transport(settings.sender)
        try:
            response = run_trial(trial, transport)
        finally:
            transport.close()
        with engine.begin() as connection:
            record_trial(connection, trial, response, worker=author)
    _print(trial, response)
    if response.outcome is not Outcome.OK:
        raise typer.Exit(1)


def _backfill(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the connector.")],
    *,
    since: Since = None,
    until: Until = None,
    contract: Contract = None,
    trigger: TriggerWord = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    by: As = None,
) -> None:
    """Give a connector the recorded events that it would get now and has no delivery for: count, ask, make."""
    author, settings, box = name_of(by), settings_of(context), box_of(context)
    typed = Filters(
        contract=contract, business_unit=None, trigger=trigger, connector=None, state=None, since=since, until=until
    )
    with engine_of(context) as engine:
        with engine.connect() as connection:
            asked = typed.question(connection, limit=None)
            wanted = Wanted(asked.since, asked.until, contract, asked.trigger)
            standing = find_connector(connection, box, name)
            connector = standing.connector()
            check_backfill(connector, wanted)
            missing = count_missing(connection, connector, wanted)
        if not missing:
            typer.echo(f"no recorded event is missing at {name!r}; nothing to do")
            return
        held = "" if connector.sends else f" It is {standing.state}, so they will wait."
        confirm(
            f"{missing} recorded {'event' if missing == 1 else 'events'} for {name!r}.{held} Make the deliveries?",
            yes=yes,
        )
        made = 0
        with _progress() as progress:
            task = progress.add_task("deliveries", total=missing)
            for count in backfill(engine, connector, wanted, max_bytes=settings.report.max_bytes, worker=author):
                made += count
                progress.update(task, completed=made)
    typer.echo(f"{made} {'delivery' if made == 1 else 'deliveries'} made for {name!r}")


def _progress() -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _print(trial: Trial, response: Response) -> None:
    console = Console(
        width=None if sys.stdout.isatty() else 1_000, highlight=False, markup=False, emoji=False, soft_wrap=True
    )
    source = f"as event {trial.taken_from}" if trial.taken_from is not None else "a made-up sample, no event fits"
    console.print(Text(f"test {trial.leased.event_id} to {trial.connector.name} ({source})", "dim"))
    console.print(Text(f"POST {trial.request.url}", "bold"))
    for header, value in redacted_headers(trial.request).items():
        console.print(f"{header}: {value}")
    console.print(f"\n{_text(trial.request.body)}\n")
    well = response.outcome is Outcome.OK
    status = "no answer" if response.status is None else f"HTTP {response.status}"
    console.print(
        Text(f"{status} ({response.outcome.value}) after {response.duration_ms:.0f} ms", "green" if well else "red")
    )
    for header, value in response.headers:
        console.print(f"{header}: {value}")
    if response.body:
        console.print(f"\n{_text(response.body)}{' [cut]' if response.cut else ''}")
    if response.error:
        console.print(Text(response.error, "red"))


def _text(body: bytes) -> str:
    shown = body[:_BODY_SHOWN].decode("utf-8", "replace")
    return shown + (f" [{len(body) - _BODY_SHOWN} bytes more]" if len(body) > _BODY_SHOWN else "")
