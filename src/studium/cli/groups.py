"""How a group of commands is made, alike for all nouns."""

import typer
from typer.core import TyperGroup


def group(help_text: str, kind: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """A group that shows its help when no command is named."""
    return typer.Typer(cls=kind, help=help_text, no_args_is_help=True, rich_markup_mode=None)
