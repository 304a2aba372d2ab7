"""What every command needs: the settings that --config names, an engine, the secret box, an answer to a question."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from sqlalchemy import Engine

from outbox.db import make_engine
from outbox.errors import RefusedError
from outbox.log import configure_log
from outbox.migrations import check_schema
from outbox.secret_box import SecretBox
from outbox.settings import Settings, load_settings


class Chosen:
    """What the words before the command chose; settings are read once, when first asked for."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings; raises ConfigurationError."""
        if self._settings is None:
            self._settings = load_settings(self._folder)
            configure_log(self._settings.log)
        return self._settings


def settings_of(context: typer.Context) -> Settings:
    """The settings of this call."""
    chosen = context.find_object(Chosen)
    return (chosen or Chosen(None)).settings


def box_of(context: typer.Context) -> SecretBox:
    """The secret box with the keys at hand."""
    return SecretBox(settings_of(context).secret_keys)


@contextmanager
def engine_of(context: typer.Context, *, checked: bool = True) -> Iterator[Engine]:
    """An engine on the contract database, disposed of afterwards; `checked`: our schema must be this version's."""
    engine = make_engine(settings_of(context))
    try:
        if checked:
            with engine.connect() as connection:
                check_schema(connection)
        yield engine
    finally:
        engine.dispose()


def confirm(question: str, *, yes: bool) -> None:
    """Asks before something is changed; raises RefusedError for a no, or when nobody can be asked."""
    if yes:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise RefusedError(f"{question} Nobody is here to answer, so nothing was done; say --yes")
    if not typer.confirm(question):
        raise RefusedError("nothing was done")
