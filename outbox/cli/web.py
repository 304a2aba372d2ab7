"""The command `outbox web`."""

from typing import Annotated

import typer
from pydantic import ValidationError

from outbox.cli.context import settings_of
from outbox.errors import ConfigurationError
from outbox.toml_file import faults_of
from outbox.watching import Web


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("web")(_web)


def _web(
    context: typer.Context,
    *,
    address: Annotated[
        str | None, typer.Option(help="Address of this machine to listen on.  [default: web.address, else 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port to listen on.  [default: web.port, else 8800]")
    ] = None,
) -> None:
    """Serve the dashboard and the REST API, until SIGTERM. `outbox run --web` does it beside the daemon."""
    from outbox.web.serving import serve

    settings = settings_of(context)
    chosen = {key: value for key, value in (("address", address), ("port", port)) if value is not None}
    try:
        web = Web.model_validate({**settings.web.model_dump(), **chosen})
    except ValidationError as error:
        raise ConfigurationError(*faults_of(error, "web", Web)) from None
    raise typer.Exit(serve(settings.model_copy(update={"web": web})))
