"""`studium notebooks git`: notebooks whose workspace is a clone of a git repository."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.groups import group
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Git, GitWork, Notebook

app = group("Pull and push notebooks whose workspace is a clone of a git repository.")
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the run has ended.")]
SECRET = "The name of a secret of the project or team with a token."  # noqa: S105 (words)
USERNAME = "Who the token belongs to; many servers take any name."
_PAUSE = 0.5


@app.command("show")
def show(name: Name, as_json: JsonFlag = False) -> None:
    """Show where a notebook comes from and how it stood when git last looked."""
    with server() as client:
        found = client.notebooks.git.get(client.notebooks.find(name).id)
    if as_json:
        output.show_json(found)
        return
    _show(found)


def _show(found: Git) -> None:
    output.facts(
        [
            ("repository", found.url),
            ("is", f"{found.kind} {found.branch or found.ref}" if found.kind else found.state),
            ("state", found.state if found.state != "ready" else ""),
            ("trouble", found.trouble),
            ("commit", f"{found.commit[:10]} {found.subject} ({found.author})" if found.commit else ""),
            ("here", f"{found.ahead} commits ahead, {found.behind} behind, {found.dirty} files changed"),
            ("secret", found.secret),
            ("looked", output.ago(found.looked_at)),
            ("notes", " ".join(found.notes)),
            ("notebooks", ", ".join(found.candidates) if found.state == "choosing" else ""),
        ]
    )


@app.command("choose")
def choose(
    name: Name,
    path: Annotated[str, typer.Argument(help="A notebook of the repository; a blank one where it has none.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Choose which of the repository's notebooks this one is, or begin a blank one where it has none."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.git.choose(notebook.id, path)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{notebook.name} is {path or 'a blank notebook'}. Start it: studium notebooks start {notebook.name}")


@app.command("credentials")
def credentials(
    name: Name,
    secret: Annotated[str, typer.Option("--secret", help=SECRET + " None when left out.")] = "",
    username: Annotated[str, typer.Option("--username", help=USERNAME)] = "",
    as_json: JsonFlag = False,
) -> None:
    """Change the secret that git uses from now on."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.git.set_credentials(notebook.id, secret, username)
    if as_json:
        output.show_json(found)
        return
    output.say(f"Git uses {found.secret or 'no secret'} for {notebook.name}.")


@app.command("clone")
def clone(
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Another address.")] = "",
    ref: Annotated[str | None, typer.Option("--ref", help="Another branch, tag or commit.")] = None,
    secret: Annotated[str | None, typer.Option("--secret", help=SECRET)] = None,
    username: Annotated[str | None, typer.Option("--username", help=USERNAME)] = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Clone again after a clone that failed, with what is given changed."""
    with server() as client:
        notebook = client.notebooks.find(name)
        now = client.notebooks.git.get(notebook.id)
        work = client.notebooks.git.clone(
            notebook.id,
            url or now.url,
            ref=now.ref if ref is None else ref,
            path=now.path,
            secret=now.secret if secret is None else secret,
            username=now.username if username is None else username,
            submodules=now.submodules,
            depth=now.depth,
        )
        follow(client, notebook, work, wait=wait, as_json=as_json)


@app.command("check")
def check(name: Name, wait: Wait = True, as_json: JsonFlag = False) -> None:
    """Look at the server, and say how the workspace stands to it."""
    with server() as client:
        notebook = client.notebooks.find(name)
        follow(client, notebook, client.notebooks.git.check(notebook.id), wait=wait, as_json=as_json)


@app.command("pull")
def pull(
    name: Name,
    keep: Annotated[
        bool, typer.Option("--keep", help="Give changed files of yours that are in the way another name.")
    ] = False,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Go forward to the server's commits. Where anything would be lost nothing is changed."""
    with server() as client:
        notebook = client.notebooks.find(name)
        follow(client, notebook, client.notebooks.git.pull(notebook.id, keep=keep), wait=wait, as_json=as_json)


@app.command("push")
def push(
    name: Name,
    message: Annotated[str, typer.Option("--message", "-m", help="What was changed.", show_default=False)],
    branch: Annotated[str, typer.Option("--branch", help="Another branch than the one it is on.")] = "",
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Commit what was changed in the workspace, as you, and send it to the server. Never by force."""
    with server() as client:
        notebook = client.notebooks.find(name)
        work = client.notebooks.git.push(notebook.id, message, branch=branch)
        follow(client, notebook, work, wait=wait, as_json=as_json)


def follow(client: Client, notebook: Notebook, work: GitWork, *, wait: bool, as_json: bool) -> None:
    """Wait until a piece of work is through and say how it went; exit code 1 where it failed."""
    if wait:
        said = ""
        while work.state == "live":
            words = client.runs.get(work.run).words
            if words != said and not as_json and sys.stderr.isatty():
                output.note(words)
                said = words
            time.sleep(_PAUSE)
            work = client.notebooks.git.work(notebook.id, work.id)
    if as_json:
        output.show_json(work)
    elif work.state == "live":
        output.say(f"Git is at work in run {work.run}: studium notebooks git show {notebook.name}")
    elif work.state == "done":
        _say_done(client, notebook, work)
    if work.state == "failed":
        if as_json:
            raise typer.Exit(int(Exit.RUN_FAILED))
        raise fail(work.message, work.next_step, Exit.RUN_FAILED)


def _say_done(client: Client, notebook: Notebook, work: GitWork) -> None:
    found = client.notebooks.git.get(notebook.id)
    if work.verb == "pull":
        output.say(f"Pulled {work.changed} commits." if work.changed else "There was nothing to pull.")
    elif work.verb == "push":
        output.say(f"Pushed {work.pushed} commits." if work.pushed else "There was nothing to push.")
    for name in work.kept:
        output.say(f"Yours is kept as {name}.")
    _show(found)
    if found.state == "choosing":
        output.say(f"Choose its notebook: studium notebooks git choose {notebook.name} PATH")
    elif found.state == "none":
        output.say(f"It has no notebook. Begin one: studium notebooks git choose {notebook.name}")


def create(client: Client, url: str, *, as_json: bool, wait: bool, **more: object) -> None:
    """For `notebooks create --git`: make it and wait for the clone."""
    made = client.notebooks.git.create(url, **more)  # type: ignore[arg-type]
    if not as_json:
        output.say(f"Made {made.name} from {url}.")
    work = client.notebooks.git.all_work(made.id, limit=1)[0]
    if as_json and not wait:
        output.show_json(made)
        return
    follow(client, made, work, wait=wait, as_json=as_json)
