"""`studium notebooks`: make, find, start, stop, download."""

from __future__ import annotations

import sys
import webbrowser
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import files, notebook_words, output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.following import wait_until_running
from studium.cli.groups import group
from studium.cli.machines import TeamOption
from studium.cli.notebook_words import run_line
from studium.cli.output import JsonFlag
from studium.lib.units import parse_duration, size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Notebook

app = group("Make, find, start and stop notebooks; save, run and compare versions of them.")
Name = Annotated[
    str, typer.Argument(help="An id, team/name, or a name in one of your teams or shared with you.", show_default=False)
]


def duration(text: str) -> int:
    """Seconds of an option such as `90min`. Ends the command if it is none."""
    try:
        return parse_duration(text)
    except ValueError:
        raise fail(f"{text!r} is not a duration.", "Write it as 90min, 2h or 1d.") from None


@app.command("list")
def list_notebooks(
    team: Annotated[str, typer.Option(help="Only this team's.")] = "",
    search: Annotated[str, typer.Option("--search", "-q", help="Words of the title.")] = "",
    public: Annotated[bool, typer.Option("--public", help="Everybody's public ones instead of your teams'.")] = False,
    sort: Annotated[str, typer.Option(help="recent, votes or comments: what comes first.")] = "recent",
    shared: Annotated[bool, typer.Option("--shared", help="Those shared with you instead of your teams'.")] = False,
    tag: Annotated[str, typer.Option("--tag", help="Only those with this tag.")] = "",
    copies_of: Annotated[str, typer.Option(help="The copies of this notebook, whosever they are.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List notebooks, last changed first."""
    if public and shared:
        raise fail("--public and --shared are two listings.", "Leave one of them out.")
    which = "public" if public else "shared" if shared else "team"
    with server() as client:
        original = client.notebooks.find(copies_of).id if copies_of else ""
        rows = client.notebooks.all(team=team, q=search, which=which, tag=tag, sort=sort, copies_of=original)
        found = list(islice(rows, limit))
    if as_json:
        output.show_json(found)
        return
    lines = [(n.name, n.title, n.run.state if n.run else "", n.visibility, output.ago(n.changed_at)) for n in found]
    output.table(
        ["name", "title", "!now", "!seen by", "changed"], lines, "No notebooks. Make one: `studium notebooks create`."
    )


@app.command("create")
def create(
    file: Annotated[Path | None, typer.Argument(help="A .ipynb file; blank when left out.", show_default=False)] = None,
    title: Annotated[str, typer.Option(help="The title; the file's name when left out.")] = "",
    team: TeamOption = "",
    project: Annotated[str, typer.Option(help="The project in the team.")] = "main",
    visibility: Annotated[str, typer.Option(help="private, team or public; as private as the plan allows.")] = "",
    internet: Annotated[bool, typer.Option("--internet", help="Let its sessions reach the internet.")] = False,
    language: Annotated[str, typer.Option(help="Of a blank one: python, r, javascript, typescript; python.")] = "",
    git: Annotated[str, typer.Option("--git", help="The address of a git repository to clone.")] = "",
    ref: Annotated[str, typer.Option("--ref", help="Its branch, tag or commit; the default branch.")] = "",
    path: Annotated[str, typer.Option("--path", help="The notebook in it; the only one when left out.")] = "",
    secret: Annotated[str, typer.Option("--secret", help="The name of a secret with a token for it.")] = "",
    username: Annotated[str, typer.Option("--username", help="Who the token belongs to.")] = "",
    submodules: Annotated[bool, typer.Option("--submodules", help="Fetch its submodules too.")] = False,
    depth: Annotated[int, typer.Option("--depth", min=0, help="Commits of history; all when left out.")] = 0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="With --git, wait for the clone.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Make a notebook: blank, from a file, or from a git repository."""
    if file and language:
        raise fail("A notebook from a file has its own language.", "Leave out --language, or the file.")
    if git:
        if file or language:
            raise fail("A notebook from git has its own content.", "Leave out the file and --language.")
        wanted = {
            "ref": ref,
            "path": path,
            "secret": secret,
            "username": username,
            "submodules": submodules,
            "depth": depth,
        }
        place = {
            "title": title,
            "team": team,
            "project": project,
            "visibility": visibility or None,
            "internet": internet,
        }
        with server() as client:
            from_git(client, git, as_json=as_json, wait=wait, **wanted, **place)
        return
    if ref or path or secret or username or submodules or depth:
        raise fail("These options are for a notebook from git.", "Give --git as well, or leave them out.")
    content = files.read_notebook(file) if file else None
    named = title or (file.name.removesuffix(".ipynb") if file else "")
    with server() as client:
        made = client.notebooks.create(
            named,
            content=content,
            team=team,
            project=project,
            visibility=visibility or None,
            internet=internet,
            language=language,
        )
    if made.upgrade:
        output.note(made.upgrade)
    _told(made, as_json, f"Made {made.name}. Start it: studium notebooks start {made.name}")


def from_git(client: Client, url: str, *, as_json: bool, wait: bool, **more: object) -> None:
    from studium.cli.git import create as create_from_git  # it stands on this module

    create_from_git(client, url, as_json=as_json, wait=wait, **more)


def _told(notebook: Notebook, as_json: bool, words: str) -> None:
    if as_json:
        output.show_json(notebook)
    else:
        output.say(words)


@app.command("show")
def show(name: Name, as_json: JsonFlag = False) -> None:
    """Show one notebook and what runs for it."""
    with server() as client:
        found = client.notebooks.find(name)
    if as_json:
        output.show_json(found)
        return
    output.facts(notebook_words.facts(found))


@app.command("start")
def start(
    name: Name,
    machine: Annotated[str, typer.Option("--machine", "-m", help="The machine type; the last one when left out.")] = "",
    timeout: Annotated[str, typer.Option(help="The longest it may run, as 2h; the plan's when left out.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it runs.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Start a session with JupyterLab."""
    seconds = duration(timeout) if timeout else None
    with server() as client:
        found = client.notebooks.find(name)
        estimate = client.notebooks.estimate(found.id, machine, max_seconds=seconds)
        run = client.notebooks.start(found.id, machine=machine, max_seconds=seconds)
        if wait:
            run = wait_until_running(client, run, quiet=as_json)
    if as_json:
        output.show_json(run)
        return
    output.say(estimate.words)
    output.say(f"{run_line(run)} Open it: studium notebooks open {found.name}")


@app.command("stop")
def stop(name: Name, as_json: JsonFlag = False) -> None:
    """Save and stop what has the notebook's workspace; runs of versions go on."""
    with server() as client:
        found = client.notebooks.stop(client.notebooks.find(name).id)
        others = [] if found.run else client.runs.page(notebook=found.id, state="live").items
    _told(found, as_json, run_line(found.run) if found.run else notebook_words.nothing_runs(found, others))


@app.command("extend")
def extend(
    name: Name, by: Annotated[str, typer.Option(help="How much more, as 1h.")] = "1h", as_json: JsonFlag = False
) -> None:
    """Give a running session more time, as far as the plan goes."""
    with server() as client:
        run = client.notebooks.extend(client.notebooks.find(name).id, duration(by))
    if as_json:
        output.show_json(run)
        return
    output.say(f"{run.title} may run until {run.time_ends_at:%Y-%m-%d %H:%M} UTC." if run.time_ends_at else run.words)


@app.command("change-machine")
def change_machine(
    name: Name,
    machine: Annotated[str, typer.Argument(help="The machine type to go on with.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Go on with another machine type; the session saves, stops and starts again with the same workspace."""
    with server() as client:
        run = client.notebooks.change_machine(client.notebooks.find(name).id, machine)
    if as_json:
        output.show_json(run)
        return
    output.say(run_line(run))


@app.command("open")
def open_session(
    name: Name,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser, if there is one.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Open the running session's JupyterLab; prints the address, which works once."""
    with server() as client:
        opened = client.notebooks.open(client.notebooks.find(name).id)
    if as_json:
        output.show_json(opened)
        return
    typer.echo(opened.url)
    if browser and sys.stdout.isatty():
        webbrowser.open(opened.url)


@app.command("download")
def download(
    name: Name,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; `-` for standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Download the notebook with its newest outputs."""
    with server() as client:
        found = client.notebooks.find(name)
        content = client.notebooks.content(found.id)
    if str(to) == "-":
        sys.stdout.buffer.write(content)
        return
    target = to or Path(f"{found.slug}.ipynb")
    files.write_new(target, content, force=force)
    if as_json:
        output.show_json({"notebook": found.id, "file": str(target), "bytes": len(content)})
        return
    output.say(f"Wrote {target} ({size_words(len(content))}).")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a notebook with its workspace."""
    with server() as client:
        found = client.notebooks.find(name)
        if not yes and not output.ask(f"Delete {found.name} ({found.title}) with its workspace?"):
            raise fail("Nothing was deleted.", "Say yes, or use --yes.")
        client.notebooks.delete(found.id)
    if as_json:
        output.show_json({"deleted": found.id})
        return
    output.say(f"Deleted {found.name}.")
