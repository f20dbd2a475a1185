"""`studium storage`: what members do with providers, and beside it what an operator does with the platform's own store."""

import typer

from studium.cli import providers
from studium.cli.lazy import Beside

app = typer.Typer(cls=Beside, help="What is stored, here and elsewhere.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(providers.app, name="providers")
