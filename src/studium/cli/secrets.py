"""`studium secrets`: set values that runs get and nobody can read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Secret

app = group("Secrets of teams, projects and notebooks: runs get them, nobody can read them back.")
Name = Annotated[str, typer.Argument(help="The secret's name, such as API_TOKEN.", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="The secrets' names.", show_default=False)]
NotebookName = Annotated[
    str,
    typer.Argument(metavar="NOTEBOOK", help="An id, team/name, or a name in one of your teams.", show_default=False),
]
TeamName = Annotated[str, typer.Option("--team", help="A team's; your own team's when no option is given.")]
ProjectName = Annotated[str, typer.Option("--project", help="A project's, in the team.")]
NotebookOption = Annotated[str, typer.Option("--notebook", help="A notebook's: its id, team/name, or name.")]


def _place(client: Client, team: str, project: str, notebook: str) -> dict[str, str]:
    """Where a secret belongs, as the client takes it."""
    if notebook:
        if team or project:
            raise fail("A notebook's secret belongs to the notebook alone.", "Leave out --team and --project.")
        return {"notebook_id": client.notebooks.find(notebook).id}
    return {"team": team or client.me().team, "project": project}


def _words(place: dict[str, str], notebook: str) -> str:
    if notebook:
        return f"notebook {notebook}"
    return f"project {place['team']}/{place['project']}" if place["project"] else f"team {place['team']}"


@app.command("list")
def list_secrets(
    team: TeamName = "", project: ProjectName = "", notebook: NotebookOption = "", as_json: JsonFlag = False
) -> None:
    """List secrets without their values: of a team and its projects, of one project, or all a notebook can use."""
    with server() as client:
        place = _place(client, team, project, notebook)
        if notebook:
            found = client.secrets.of_notebook(place["notebook_id"])
        elif project:
            found = client.secrets.of_project(place["team"], project)
        else:
            found = client.secrets.of_team(place["team"])
    _show(found, as_json, of_notebook=bool(notebook))


_NONE = "No secrets. Set one: studium secrets set NAME"


def _show(found: list[Secret], as_json: bool, *, of_notebook: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    rows = []
    for secret in found:
        used = ("hidden by a narrower one" if secret.hidden else "yes") if secret.attached else ""
        where = f"project {secret.project}" if secret.project else secret.scope
        changed = f"{output.ago(secret.changed_at)} by {secret.changed_by or 'somebody who left'}"
        rows.append((secret.name, where, *([used] if of_notebook else []), changed, output.ago(secret.given_at)))
    used_column = ["used"] if of_notebook else []
    empty = _NONE if of_notebook else f"{_NONE} Those of one notebook: studium secrets list --notebook NAME"
    output.table(["!name", "of", *used_column, "set", "!last given"], rows, empty)


@app.command("set")
def set_secret(
    name: Name,
    team: TeamName = "",
    project: ProjectName = "",
    notebook: NotebookOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Set a secret; the value is asked for, or read from standard input. A notebook's is attached to it at once."""
    value = output.read_hidden("Value")
    with server() as client:
        place = _place(client, team, project, notebook)
        made = client.secrets.set(name, value, **place)
    if as_json:
        output.show_json(made)
        return
    use = "" if notebook else f" Let a notebook use it: studium secrets attach NOTEBOOK {made.name}"
    output.say(f"Set {made.name} of {_words(place, notebook)}.{use}")


@app.command("delete")
def delete(
    name: Name,
    team: TeamName = "",
    project: ProjectName = "",
    notebook: NotebookOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a secret of exactly this team, project or notebook."""
    with server() as client:
        place = _place(client, team, project, notebook)
        if not yes and not output.ask(f"Delete {name} of {_words(place, notebook)}? Its value is lost."):
            raise fail("Nothing was deleted.", "Add --yes where nobody can be asked.")
        client.secrets.delete(name, **place)
    if as_json:
        output.show_json({"deleted": name})
        return
    output.say(f"Deleted {name} of {_words(place, notebook)}.")


@app.command("attach")
def attach(notebook: NotebookName, names: Names, as_json: JsonFlag = False) -> None:
    """Let a notebook use secrets: its runs get them from the next start on."""
    with server() as client:
        found = client.notebooks.find(notebook)
        for name in names:
            shown = client.secrets.attach(found.id, name)
    if as_json:
        output.show_json(shown)
        return
    output.say(f"{found.name} gets {', '.join(names)} from the next start on.")


@app.command("detach")
def detach(notebook: NotebookName, names: Names, as_json: JsonFlag = False) -> None:
    """Let a notebook use secrets no more, from the next start on."""
    with server() as client:
        found = client.notebooks.find(notebook)
        for name in names:
            shown = client.secrets.detach(found.id, name)
    if as_json:
        output.show_json(shown)
        return
    output.say(f"{found.name} no longer gets {', '.join(names)} from the next start on.")
