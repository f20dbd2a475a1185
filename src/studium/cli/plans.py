"""`studium plans`: what is loaded; loading and assigning them, for administrators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client.shapes import Plan

app = group("See plans; load and assign them as an administrator.")


def _limits(plan: Plan) -> str:
    """The rules people ask for first."""
    rules, words = plan.rules, []
    session = rules.get("session_seconds") or {}
    if session.get("default"):
        words.append(f"sessions of {duration_words(session['default'])}")
    if rules.get("idle_seconds"):
        words.append(f"idle {duration_words(rules['idle_seconds'])}")
    words += [f"{duration_words(w['seconds'])} {w['resource']} {w['kind']}" for w in rules.get("windows") or []]
    if rules.get("storage_bytes_team"):
        words.append(f"{size_words(rules['storage_bytes_team'])} of storage")
    if rules.get("running_notebooks"):
        words.append(f"{rules['running_notebooks']} running notebooks")
    return ", ".join(words) or "no limits"


def _show(plans: list[Plan], as_json: bool) -> None:
    if as_json:
        output.show_json(plans)
        return
    rows = [(plan.slug, plan.name, plan.price, _limits(plan)) for plan in plans]
    output.table(
        ["!plan", "name", "!price", "limits"], rows, "No plans. An administrator loads some: studium plans load open"
    )


@app.command("list")
def list_plans(as_json: JsonFlag = False) -> None:
    """List the loaded plans."""
    with server() as client:
        found = client.plans.all()
    _show(found, as_json)


@app.command("load")
def load(
    sets: Annotated[list[str], typer.Argument(help="Shipped sets by name (open, kaggle, gradient), or plan files.")],
    as_json: JsonFlag = False,
) -> None:
    """Load sets of plans with their machine types; loading again replaces the rules."""
    names = [word for word in sets if not _is_file(word)]
    contents = [_read(Path(word)) for word in sets if _is_file(word)]
    with server() as client:
        loaded = client.plans.load(names) if names else []
        for content in contents:
            loaded += client.plans.load([], content)
    _show(loaded, as_json)


def _is_file(word: str) -> bool:
    return word.endswith(".json") or "/" in word


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}.", "Check the name and the folder.") from None
    except (ValueError, RecursionError) as error:
        raise fail(f"{path} is not JSON: {error}.", "Mend it and load it again.") from None
    if not isinstance(data, dict):
        raise fail(f"{path} is not a plan file.", "docs/operators/plans.md shows one.")
    return data


@app.command("assign")
def assign(
    team: Annotated[str, typer.Argument(help="The team's short name.", show_default=False)],
    plan: Annotated[str, typer.Argument(help="The plan's short name.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Put a team on a plan."""
    with server() as client:
        done = client.plans.assign(team, plan)
    if as_json:
        output.show_json(done)
        return
    output.say(f"{done.team} is on the plan {done.plan}. Running sessions keep their limits until they end.")
