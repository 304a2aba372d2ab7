"""The commands outbox alerts: test."""

import typer

from outbox.cli.context import engine_of, settings_of
from outbox.errors import ConfigurationError
from outbox.model import Outcome

_commands = typer.Typer(name="alerts", help="Whom to tell when something is wrong.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(_commands)


@_commands.callback()
def _alerts() -> None:
    """Whom to tell when something is wrong."""


@_commands.command("test")
def _test(context: typer.Context) -> None:
    """Send a test alert to the hook of [alerts] and say what it answered; exit code 1 when it did not take it."""
    from outbox.alert_hook import send_test, why

    settings = settings_of(context)
    if not settings.alerts.wanted:
        raise ConfigurationError(
            "alerts.url: expected the URL of a webhook, got none; set it in outbox.toml, or OUTBOX_ALERTS_URL"
        )
    with engine_of(context) as engine:
        response = send_test(engine, settings)
    if response.outcome is not Outcome.OK:
        typer.echo(f"the hook did not take the alert: {why(response)}")
        raise typer.Exit(1)
    typer.echo(f"the hook took the alert: HTTP {response.status}, {response.duration_ms:.0f} ms")
