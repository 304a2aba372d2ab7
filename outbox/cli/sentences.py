"""Groups of commands whose help says of each command a whole sentence."""

from typing import Any

import typer
from typer.core import TyperGroup


class SentencesGroup(TyperGroup):
    """Lists its commands with the first sentence of their help; click cuts it to what fits one line."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override] # noqa: ANN401 (typer carries a click of its own)
        """Writes the list."""
        for command in self.commands.values():
            command.short_help = (command.help or "").partition(". ")[0].replace("\n", " ").removesuffix(".") + "."
        super().format_commands(ctx, formatter)
