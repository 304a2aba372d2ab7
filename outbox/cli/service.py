"""Commands of the service itself: migrate, run, secret-key."""

from typing import Annotated

import typer

from outbox.cli.context import engine_of, settings_of
from outbox.errors import ConfigurationError
from outbox.migrations import as_sql, migrate, migrations, version_of
from outbox.roles import ROLES, act_as_owner
from outbox.secret_box import make_key
from outbox.supervisor import Supervisor, cores, end_with_supervisor, part

WORKER = "--worker"
"""What the supervisor adds to its own command line for each of its workers, before the worker's number."""
PAGES = "--pages"
"""What it adds for the one process that serves the dashboard."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("migrate")(_migrate)
    app.command("run")(_run)
    app.command("secret-key")(_secret_key)


def _migrate(
    context: typer.Context,
    *,
    roles: Annotated[
        bool, typer.Option("--roles", help="Make the roles with least rights too, and hand them what stands.")
    ] = False,
    sql: Annotated[
        bool,
        typer.Option(
            "--sql",
            help="Print the script instead of running it: what is missing in the database, or all of it without one.",
        ),
    ] = False,
    after: Annotated[
        int | None,
        typer.Option("--from", min=0, help="With --sql: connect to none, and print what comes after this version."),
    ] = None,
) -> None:
    """Create or upgrade the schemas outbox and outbox_audit."""
    if after is not None and not sql:
        raise ConfigurationError("migrate: expected --from only beside --sql; leave it out")
    if sql:
        granted = False
        if after is None and settings_of(context).database_url.get_secret_value():
            with engine_of(context, checked=False) as engine, engine.connect() as connection:
                granted = act_as_owner(connection)
                after = version_of(connection)
        typer.echo(as_sql(after or 0, with_roles=roles, granted=granted), nl=False)
        return
    with engine_of(context, checked=False) as engine:
        applied = migrate(engine, with_roles=roles)
    for one in applied:
        typer.echo(f"applied {one.number:04d} {one.name}")
    typer.echo(f"schema outbox is at version {migrations()[-1].number}" + ("" if applied else "; nothing to do"))
    if roles:
        typer.echo(f"{', '.join(ROLES)} have their rights: make logins members of them (docs/roles.md)")
        typer.echo(
            'before plan: grant outbox_owner what it needs on the application\'s tables ("On your tables" there)'
        )


def _run(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Route and deliver all that is due, then exit.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Worker processes.  [default: relay.processes, else the cores]")
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the dashboard and the API too, as `outbox web` does.")
    ] = False,
    worker: Annotated[
        int | None,
        typer.Option(WORKER, hidden=True, min=0, help="Be this one of a supervisor's, until standard input ends."),
    ] = None,
    pages: Annotated[
        bool, typer.Option(PAGES, hidden=True, help="Be a supervisor's that serves the dashboard, likewise.")
    ] = False,
) -> None:
    """Run the daemon: route, deliver, record, until SIGTERM."""
    if once and processes is not None:
        raise ConfigurationError(
            "run: expected --processes without --once, got both; one process does what is due once"
        )
    if once and web:
        raise ConfigurationError(
            "run: expected --web without --once, got both; `outbox web` serves the dashboard alone"
        )
    settings = settings_of(context)
    wanted = 1 if once else processes or settings.relay.processes or cores()
    supervised = pages or worker is not None
    if (wanted > 1 or web) and not supervised:
        parts = [part("worker", WORKER, str(number)) for number in range(wanted)]
        # Delivering doesn't depend on being looked at: a taken port, say, ends no worker.
        parts += [part("web", PAGES, vital=False)] if web else []
        raise typer.Exit(Supervisor(parts, drain_seconds=settings.relay.drain_seconds).run())
    if supervised:
        end_with_supervisor()
    if pages:
        from outbox.web.serving import serve

        raise typer.Exit(serve(settings))
    from scheduler import run

    raise typer.Exit(run(settings, once=once, place=worker or 0))


def _secret_key() -> None:
    """Make a key for OUTBOX_SECRET_KEYS."""
    typer.echo(make_key())
