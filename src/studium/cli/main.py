"""The `studium` command.

Everything but an operator's own commands talks to a server through the Python client. Heavy libraries are imported
inside the commands that need them, so that help and completion answer at once.
"""

from typing import Annotated

import typer

from studium import __version__
from studium.cli import (
    admin,
    comments,
    datasets,
    environments,
    git,
    inputs,
    machines,
    moderation,
    notebooks,
    people,
    plans,
    run,
    runs,
    schedules,
    secrets,
    sharing,
    sign_in,
    snapshots,
    storage,
    teams,
    tokens,
    versions,
    volumes,
)
from studium.cli.lazy import Commands

HELP = "Notebooks on your own machines: run them, watch them, share them."
app = typer.Typer(
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"studium {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Notebooks on your own machines: run them, watch them, share them.

    STUDIUM_URL and STUDIUM_TOKEN say which server and whose token; `studium login` keeps both.
    """


app.command("login")(sign_in.login)
app.command("logout")(sign_in.logout)
app.command("run")(run.run)
app.command("machines")(machines.machines)
app.command("queue")(machines.queue)
app.command("usage")(machines.usage)
app.command("bookmarks")(people.bookmarks)
versions.register(notebooks.app)
snapshots.register(notebooks.app)
comments.register(notebooks.app, datasets.app)
moderation.register(admin.app)
sharing.register(notebooks.app)
notebooks.app.add_typer(schedules.app, name="schedule")
notebooks.app.add_typer(git.app, name="git")
notebooks.app.add_typer(inputs.app, name="inputs")
app.add_typer(notebooks.app, name="notebooks")
app.add_typer(datasets.app, name="datasets")
app.add_typer(runs.app, name="runs")
app.add_typer(plans.app, name="plans")
app.add_typer(storage.app, name="storage")
app.add_typer(teams.app, name="teams")
app.add_typer(environments.app, name="environments")
app.add_typer(volumes.app, name="volumes")
app.add_typer(secrets.app, name="secrets")
app.add_typer(storage.app, name="storage")
app.add_typer(people.notifications, name="notifications")
app.add_typer(people.people, name="people")
app.add_typer(tokens.app, name="tokens")
app.add_typer(admin.app, name="admin")


def main() -> None:
    """The console script."""
    app(prog_name="studium")


if __name__ == "__main__":
    main()
