"""`studium admin reports` and what administrators do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.admin import Limit
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studium.client import Client
    from studium.client.shapes import Dataset, Notebook, Page

DatasetFlag = Annotated[bool, typer.Option("--dataset", help="It is a dataset that is named, not a notebook.")]


def reports(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what people reported of public notebooks and datasets and nobody has decided, newest first."""
    with server() as client:
        found = client.admin.reports(everything=everything, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    rows = [(r.id, r.state, r.title, r.why, r.text, r.reporter, output.ago(r.created_at), r.url) for r in found]
    output.table(["!id", "!state", "what", "!why", "said", "by", "!when", "where"], rows, "Nothing to decide.")


def dismiss(
    report: Annotated[str, typer.Argument(help="The report's id.", show_default=False)],
    answer: Annotated[str, typer.Option(help="Told to who made it.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Leave what was reported where it is."""
    with server() as client:
        found = client.admin.dismiss(report, answer)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.title} stays; {found.reporter} is told.")


def takedown(
    name: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="A public one: its id or team/name.")],
    reason: Annotated[str, typer.Option(help="Told to its team, and to those who reported it.")],
    dataset: DatasetFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Take a public notebook or dataset down: only its team reads it from then on. Copies are not touched."""
    found: Notebook | Dataset
    with server() as client:
        if dataset:
            found = client.admin.take_dataset_down(client.datasets.find(name).id, reason)
        else:
            found = client.admin.take_down(client.notebooks.find(name).id, reason)
    if as_json:
        output.show_json(found)
        return
    back = f"studium admin restore {found.name}{' --dataset' if dataset else ''}"
    output.say(f"{found.name} is taken down; its team is told why. Put it back: {back}")


def takedowns(
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List the notebooks and datasets that are taken down, the last of each kind first."""
    with server() as client:
        notebooks = client.admin.takedowns(limit=limit).items
        datasets = client.admin.dataset_takedowns(limit=limit).items
    if as_json:
        output.show_json({"notebooks": notebooks, "datasets": datasets})
        return
    found: Sequence[tuple[str, Notebook | Dataset]] = [
        *(("notebook", each) for each in notebooks),
        *(("dataset", each) for each in datasets),
    ]
    rows = [(kind, n.name, n.title, n.taken_down_reason, output.ago(n.taken_down_at)) for kind, n in found]
    output.table(["kind", "name", "title", "reason", "!when"], rows, "Nothing is taken down.")


def restore(
    name: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="One that is taken down: its id or team/name.")],
    dataset: DatasetFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Put a notebook or dataset back that was taken down."""
    found: Notebook | Dataset
    with server() as client:
        wanted = _taken_down(client, name, dataset)
        found = client.admin.restore_dataset(wanted) if dataset else client.admin.restore(wanted)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.name} is back as its team left it.")


def _taken_down(client: Client, name: str, dataset: bool) -> str:
    """The id of the one that is meant: an administrator may not read it, so it is looked for where those are listed."""
    cursor = ""
    while True:
        page: Page[Notebook] | Page[Dataset]
        if dataset:
            page = client.admin.dataset_takedowns(cursor=cursor, limit=200)
        else:
            page = client.admin.takedowns(cursor=cursor, limit=200)
        for each in page.items:
            if name in (each.id, each.name):
                return each.id
        cursor = page.next_cursor
        if not cursor:
            what, other = ("dataset", "") if dataset else ("notebook", " For a dataset say --dataset.")
            raise fail(f"{name!r} is no {what} that is taken down.", f"See what is: studium admin takedowns.{other}")


def register(admin: typer.Typer) -> None:
    """Put the commands beside the others of administrators."""
    for name, command in (
        ("reports", reports),
        ("dismiss", dismiss),
        ("takedown", takedown),
        ("takedowns", takedowns),
        ("restore", restore),
    ):
        admin.command(name)(command)
