"""The command replay: says what it would do, asks, does it, tells what it did."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from outbox import audit
from outbox.cli.author import As, name_of
from outbox.cli.context import confirm, engine_of
from outbox.cli.filters import BusinessUnit, ConnectorName, Contract, Filters, Since, StateWord, TriggerWord, Until
from outbox.errors import ConfigurationError, RefusedError
from outbox.model import State
from outbox.replay import Judged, Verdict, find_delivery, judge, replay

_COUNTED = {
    Verdict.AGAIN: "due again",
    Verdict.FORWARD: "waiting, due now instead of later",
    Verdict.DUE: "due already",
    Verdict.LEASED: "being sent at this moment",
    Verdict.BLOCKED: "blocked, the head of their lane is due now",
    Verdict.DISABLED: "refused: connector is disabled, enable it first (`outbox connectors enable`)",
    Verdict.REMOVED: "refused: connector is removed",
    Verdict.NO_BODY: "refused: there is no report to send, it could not be built",
    Verdict.ERASED: "refused: its report was erased",
    Verdict.TEST: "refused: was a test",
}

_SENDS = "what is due is sent by `outbox run`"


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("replay")(_replay)


def _replay(
    context: typer.Context,
    event: Annotated[int | None, typer.Argument(metavar="EVENT", help="Id of the event.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="CONNECTOR", help="Name of the connector.")] = None,
    *,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    since: Since = None,
    until: Until = None,
    by: As = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Make one delivery due again (EVENT CONNECTOR), or all that filters find: dead ones unless --state says others."""
    filters = Filters(
        contract=contract,
        business_unit=business_unit,
        trigger=trigger,
        connector=connector,
        state=state,
        since=since,
        until=until,
    )
    if event is not None:
        _replay_one(context, event, name, filters, by=name_of(by), yes=yes)
    elif filters.any():
        _replay_found(context, filters, by=name_of(by), yes=yes)
    else:
        raise ConfigurationError("replay: expected EVENT CONNECTOR, or a filter such as --state dead; got neither")


def _replay_one(context: typer.Context, event: int, name: str | None, filters: Filters, *, by: str, yes: bool) -> None:
    if name is None:
        raise ConfigurationError(f"replay: expected EVENT CONNECTOR, got event {event} alone; name the connector")
    if filters.any():
        raise ConfigurationError("replay: expected EVENT CONNECTOR or filters, got both; leave one of them out")
    with engine_of(context) as engine:
        with engine.connect() as connection:
            found = find_delivery(connection, event, name)
        if found.verdict.refused:
            raise RefusedError(_sentence(found))
        confirm(f"1 delivery: event {event} to {name}, {_COUNTED[found.verdict]}. Replay?", yes=yes)
        for done in replay(engine, [found.key], asked_by=by):
            if done.verdict.refused:
                raise RefusedError(_sentence(done))
            typer.echo(_sentence(done))
            typer.echo(_SENDS)


def _replay_found(context: typer.Context, filters: Filters, *, by: str, yes: bool) -> None:
    with engine_of(context) as engine:
        with engine.connect() as connection:
            asked = filters.question(connection, limit=None, state=State.DEAD)
            keys = audit.delivery_keys(connection, asked)
            found = list(judge(connection, keys))
        if not found:
            typer.echo(f"no {asked.state} delivery found; nothing to do")
            return
        typer.echo(f"{_deliveries(len(found))} {asked.state}:\n{_counts(found)}")
        able = [one.key for one in found if not one.verdict.refused]
        if not able:
            raise RefusedError("none of them can be replayed; nothing was done")
        confirm(f"Replay {_deliveries(len(able))}?", yes=yes)
        done = list(replay(engine, able, asked_by=by))
    typer.echo(f"done:\n{_counts(done)}\n{_SENDS}")


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"


def _sentence(one: Judged) -> str:
    return f"event {one.event_id} to {one.connector}: {one.words}"


def _counts(judged: Sequence[Judged]) -> str:
    """A line for each verdict: how many of which connector."""
    counted = Counter((one.verdict, one.connector) for one in judged)
    order = list(Verdict)
    lines = sorted(counted.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1]))
    return "\n".join(f"  {count:>7}  {connector}: {_COUNTED[verdict]}" for (verdict, connector), count in lines)
