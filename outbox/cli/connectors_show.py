"""Commands that show connectors: list, show."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from outbox.answers import print_json
from outbox.cli.context import box_of, engine_of
from outbox.cli.forms import AsJson, PageFormatWord, wants_json
from outbox.cli.tables import Column, Shape, print_table, table_console
from outbox.connector_change import history
from outbox.connector_words import configuration
from outbox.connectors import UNOPENED, StandingConnector, find_connector, standing_connectors, waiting_deliveries
from outbox.moment import write_moment
from outbox.resources import query
from outbox.source_names import unit_labels

_LIST = Shape(
    "connector",
    (
        Column("name", "name", folds=True),
        Column("state", "state", coloured=True),
        Column("waiting", "waiting"),
        Column("business units", "business_units", folds=True),
        Column("triggers", "triggers", folds=True),
        Column("payload URL", "url", long=True),
        Column("why", "reason", long=True),
    ),
)
_HISTORY = Shape(
    "change",
    (
        Column("version", "version"),
        Column("action", "action"),
        Column("changed at (UTC)", "changed_at"),
        Column("changed by", "changed_by", folds=True),
        Column("from", "origin"),
    ),
)
_COLUMNS = (
    *("id", "name", "state", "business_units", "triggers", "url", "waiting"),
    *("version", "changed_by", "changed_at", "reason", "held_at", "next_probe_at"),
)
_VERSIONS_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("list")(_list)
    app.command("show")(_show)


def _list(context: typer.Context, *, form: PageFormatWord = None, as_json: AsJson = False) -> None:
    """List the connectors, how they stand and how much waits for each."""
    as_json = wants_json(form, as_json=as_json)
    with engine_of(context) as engine, engine.connect() as connection:
        standing = standing_connectors(connection, box_of(context))
        waiting = waiting_deliveries(connection, [one.id for one in standing])
        names = {} if as_json else unit_labels(connection)
    rows = [_row(one, waiting[one.id]) for one in standing]
    if as_json:
        print_json(rows, _COLUMNS, sys.stdout)
        return
    for row in rows:
        row["business_units"] = ", ".join(names.get(unit, unit) for unit in row["business_units"])
        row["triggers"] = ", ".join(row["triggers"])
    print_table(rows, _LIST, sys.stdout)


def _show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the connector.")],
    *,
    form: PageFormatWord = None,
    as_json: AsJson = False,
) -> None:
    """Show all of one connector and its last changes; of secrets only whether they are set."""
    as_json = wants_json(form, as_json=as_json)
    with engine_of(context) as engine, engine.connect() as connection:
        standing = find_connector(connection, box_of(context), name)
        lately = dict(connection.execute(query("connector_lately"), {"connector_id": standing.id}).mappings().one())
        versions = _versions(connection, standing.id)
        names = unit_labels(connection)
    if as_json:
        told = [one | {"changed_at": write_moment(one["changed_at"])} for one in versions]
        whole = _row(standing, lately["waiting"]) | lately | history(standing.spec, ()) | {"versions": told}
        print_json([whole], tuple(whole), sys.stdout)
        return
    console = table_console(sys.stdout)
    console.print(_facts(standing, lately, names))
    console.print()
    print_table(versions, _HISTORY, sys.stdout)


def _row(one: StandingConnector, waiting: int) -> dict[str, Any]:
    spec = one.spec
    return {
        "id": one.id,
        "name": spec.name,
        "state": one.state,
        "business_units": list(spec.business_units),
        "triggers": [trigger.value for trigger in spec.triggers],
        "url": spec.url,
        "waiting": waiting,
        "version": one.version,
        "changed_by": one.changed_by,
        "changed_at": one.updated_at,
        "reason": _reason(one),
        "held_at": one.held_at,
        "next_probe_at": one.probe_at if one.state == "held" else None,
    }


def _reason(one: StandingConnector) -> str | None:
    if not one.enabled:
        discards = " (discards what it would get)" if one.discard else ""
        return f"{one.disabled_reason}{discards}"
    return UNOPENED if one.unopened else one.held_reason


def _versions(connection: Connection, connector_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(query("connector_versions"), {"connector_id": connector_id, "limit": _VERSIONS_SHOWN})
    return [
        {
            "version": row.version,
            "action": row.action,
            "changed_at": row.changed_at,
            "changed_by": row.changed_by,
            "origin": row.origin,
            "spec": json.loads(row.spec),
        }
        for row in rows
    ]


def _facts(one: StandingConnector, lately: dict[str, Any], names: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("State", Text(one.state, "green" if one.state == "enabled" else "yellow"))
    if (reason := _reason(one)) is not None:
        table.add_row("Why", Text(reason))
    if one.state == "held" and one.held_at is not None and one.probe_at is not None:
        table.add_row("Held since (UTC)", write_moment(one.held_at))
        table.add_row("Next probe (UTC)", write_moment(one.probe_at))
    table.add_row("Waiting", str(lately["waiting"]))
    if (since := lately["oldest_waits_since"]) is not None:
        table.add_row("The oldest since (UTC)", write_moment(since))
    table.add_row("Last hour", _last_hour(lately))
    for line in configuration(one.spec, units=names, old_signing_secret=one.old_signing_secret is not None):
        table.add_row(Text(line.title), Text(line.value))
    return table


def _last_hour(lately: dict[str, Any]) -> str:
    if not lately["attempts_last_hour"]:
        return "no attempts"
    words = f"attempts {lately['attempts_last_hour']}, answered 2xx {lately['ok_last_hour']}"
    words += f", dead {lately['dead_last_hour']}"
    if lately["answer_p50_ms"] is not None:
        words += f"; answers took {lately['answer_p50_ms']:.0f} ms (p50), {lately['answer_p95_ms']:.0f} ms (p95)"
    return words
