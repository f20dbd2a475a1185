"""`studium environments`: locked sets of packages that notebooks run in."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Build, BuildDetail, Environment

app = group("Environments: locked sets of packages that notebooks run in.")
Name = Annotated[
    str,
    typer.Argument(metavar="ENVIRONMENT", help="An id, team/name, or a name in one of your teams.", show_default=False),
]
File = Annotated[
    Path | None, typer.Option("--file", "-f", help="A requirements.txt or pyproject.toml; '-' reads requirements.")
]
Packages = Annotated[list[str] | None, typer.Argument(metavar="[PACKAGE]...", help="Packages, as 'pandas>=2'.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until the build has ended.")]
_ASK_EVERY = 0.5


@app.command("list")
def list_environments(
    team: Annotated[str, typer.Option("--team", help="One team's.")] = "", as_json: JsonFlag = False
) -> None:
    """List the environments that you can choose for a notebook."""
    with server() as client:
        found = client.environments.all(team)
    if as_json:
        output.show_json(found)
        return
    rows = [(each.name, each.title, _present(each), _latest(each)) for each in found]
    empty = "No environments. Make one: studium environments create NAME PACKAGE..."
    output.table(["!name", "title", "present build", "newest"], rows, empty)


def _present(environment: Environment) -> str:
    build = environment.present
    if build is None:
        return "none"
    return f"{build.number}: {build.package_count} packages, {size_words(build.size_bytes)}"


def _latest(environment: Environment) -> str:
    build = environment.latest
    return f"{build.number} {build.state}, {output.ago(build.created_at)}" if build else ""


@app.command("show")
def show(
    name: Name,
    build: Annotated[int | None, typer.Option("--build", "-b", help="A build; the present one when left out.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a build with its packages, and why it failed if it did."""
    with server() as client:
        found = client.environments.find(name)
        shown = found.present or found.latest
        if build is None and shown is None:
            raise fail(f"{found.name} has no build.", f"Make one: studium environments build {found.name} PACKAGE...")
        number = build or (shown.number if shown else 0)
        detail = client.environments.one_build(found.id, number)
        builds = client.environments.builds(found.id)
    if as_json:
        output.show_json(detail)
        return
    output.facts(_facts(found, detail))
    if detail.fault:
        output.say(f"\n{detail.fault}\n")
    output.table(["!package", "version"], [(p.name, p.version) for p in detail.packages], "No packages.")
    others = ", ".join(f"{each.number} ({each.state})" for each in builds)
    output.note(f"Builds: {others}")


def _facts(environment: Environment, build: BuildDetail) -> list[tuple[str, object]]:
    return [
        ("environment", f"{environment.name} ({environment.title})"),
        ("build", f"{build.number}, {build.state}"),
        ("python", build.python),
        ("size", size_words(build.size_bytes)),
        ("lock", build.lock_digest[:16]),
        ("made", f"{output.ago(build.created_at)} by {build.created_by or 'the platform'}"),
        ("last used", output.ago(build.used_at)),
    ]


def _asked(packages: list[str] | None, file: Path | None) -> tuple[str, str]:
    """Kind and source. Exactly one of the two ways has to be taken."""
    if bool(packages) == bool(file):
        raise fail("Say what to build, in one way.", "Give packages, or --file requirements.txt or pyproject.toml.")
    if packages:
        return "packages", "\n".join(packages)
    assert file is not None
    if str(file) == "-":
        return "requirements", sys.stdin.read()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} cannot be read: {error}.", "Give a requirements.txt or a pyproject.toml.") from None
    return ("pyproject" if file.suffix == ".toml" else "requirements"), text


@app.command("create")
def create(
    title: Annotated[str, typer.Argument(metavar="NAME", help="Its name.", show_default=False)],
    packages: Packages = None,
    file: File = None,
    team: Annotated[str, typer.Option("--team", help="The team's; your own team's when left out.")] = "",
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Make an environment from packages or a file, and build it."""
    kind, source = _asked(packages, file)
    with server() as client:
        made = client.environments.create(title, source, kind=kind, team=team)
        assert made.latest is not None
        _follow(client, made, made.latest, wait=wait, as_json=as_json)


@app.command("build")
def build(
    name: Name, packages: Packages = None, file: File = None, wait: Wait = True, as_json: JsonFlag = False
) -> None:
    """Build an environment anew; notebooks that follow it get the build when it is ready."""
    kind, source = _asked(packages, file)
    with server() as client:
        found = client.environments.find(name)
        made = client.environments.build(found.id, source, kind=kind)
        _follow(client, found, made, wait=wait, as_json=as_json)


def _follow(client: Client, environment: Environment, build: Build, *, wait: bool, as_json: bool) -> None:
    """Wait for the build and say what came of it. Exit code 1 where it failed, with the reason."""
    if not as_json:
        output.note(f"Building {environment.name}, build {build.number}")
    while wait and build.state == "building":
        time.sleep(_ASK_EVERY)
        build = client.environments.one_build(environment.id, build.number)
    if as_json:
        output.show_json(build)
    elif build.state == "ready":
        output.say(
            f"{environment.name} build {build.number} is ready: {build.package_count} packages, "
            f"{size_words(build.size_bytes)}. Use it: studium environments use {environment.name} NOTEBOOK"
        )
    elif build.state == "building":
        output.say(
            f"{environment.name} build {build.number} is under way: studium environments show {environment.name}"
        )
    if build.state == "failed":
        if not as_json:
            output.note(build.fault)
            output.note(f"Build {build.number} of {environment.name} failed.")
        raise typer.Exit(1)


@app.command("use")
def use(
    name: Name,
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="An id, team/name, or name.", show_default=False)],
    build: Annotated[int | None, typer.Option("--build", "-b", help="Stay with this build; else the newest.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a notebook run in an environment, from the next start on; `default` is the platform's."""
    with server() as client:
        chosen = client.environments.find(name)
        found = client.notebooks.find(notebook)
        changed = client.notebooks.update(found.id, environment=chosen.id, environment_build=build)
    if as_json:
        output.show_json(changed)
        return
    which = f"build {build} of {chosen.name}" if build else chosen.name
    output.say(f"{found.name} runs in {which} from the next start on.")


@app.command("lock")
def lock(
    name: Name,
    build: Annotated[int | None, typer.Option("--build", "-b", help="A build; the present one when left out.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the lock of a build: every package by exact version and hash, as requirements.txt."""
    with server() as client:
        found = client.environments.find(name)
        number = build or (found.present.number if found.present else 0)
        content = client.environments.lock(found.id, number)
    if as_json:
        output.show_json({"build": number, "lock": content.decode()})
        return
    sys.stdout.write(content.decode())


@app.command("rename")
def rename(
    name: Name,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What people read.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Give an environment another title. Its name stays."""
    with server() as client:
        changed = client.environments.rename(client.environments.find(name).id, title)
    if as_json:
        output.show_json(changed)
        return
    output.say(f"{changed.name} is called {changed.title}.")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete an environment. Notebooks that use it must choose another to start again."""
    with server() as client:
        found = client.environments.find(name)
        if not yes and not output.ask(
            f"Delete {found.name}? Notebooks that use it cannot start until they choose another."
        ):
            raise fail("Nothing was deleted.", "Add --yes where nobody can be asked.")
        client.environments.delete(found.id)
    if as_json:
        output.show_json({"deleted": found.name})
        return
    output.say(f"Deleted {found.name}.")
