"""`studium notifications`, `studium bookmarks` and `studium people`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from datetime import datetime

    from studium.client.shapes import Dataset, Notebook

notifications = group("What you were told: answers, mentions, comments, votes, copies, failed runs.")
people = group("People as others see them, and your own page.")
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@notifications.command("list")
def list_notifications(
    unread: Annotated[bool, typer.Option("--unread", help="Only what you have not read.")] = False,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List notifications, the newest first; listing marks none as read."""
    with server() as client:
        found = client.notifications.page(unread=unread, limit=limit).items
    if as_json:
        output.show_json(found)
        return
    rows = [
        (n.id, "" if n.read_at else "new", f"{n.words}{f' ({n.detail})' if n.detail else ''}", output.ago(n.at), n.url)
        for n in found
    ]
    output.table([">id", "!", "what", "!when", "where"], rows, "All read." if unread else "Nothing yet.")


@notifications.command("read")
def read(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Their ids.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Mark notifications as read."""
    if bool(ids) == everything:
        raise fail("Say which.", "Give their ids, or --all.")
    with server() as client:
        count = (
            client.notifications.read_all() if everything else len([client.notifications.read(n) for n in ids or []])
        )
    if as_json:
        output.show_json({"read": count})
        return
    output.say(f"{count} marked as read.")


def bookmarks(limit: Limit = 50, as_json: JsonFlag = False) -> None:
    """List the notebooks and datasets that you bookmarked, the newest first."""
    with server() as client:
        notebooks = client.bookmarks.page(limit=limit).items
        datasets = client.bookmarks.datasets(limit=limit).items
    if as_json:
        output.show_json({"notebooks": notebooks, "datasets": datasets})
        return
    found: list[tuple[str, str, Notebook | Dataset | None, datetime]] = [
        *(("notebook", each.notebook_id, each.notebook, each.created_at) for each in notebooks),
        *(("dataset", each.dataset_id, each.dataset, each.created_at) for each in datasets),
    ]
    found.sort(key=lambda each: each[3], reverse=True)
    rows = [
        (kind, about.name, about.title, about.votes or "", output.ago(at))
        if about
        else (kind, id_, "(not there for you any more)", "", output.ago(at))
        for kind, id_, about, at in found[:limit]
    ]
    output.table(
        ["kind", "name", "title", ">votes", "!marked"],
        rows,
        "No bookmarks. Set one: studium notebooks bookmark NAME, or studium datasets bookmark NAME",
    )


@people.command("show")
def show(
    username: Annotated[str, typer.Argument(help="A username.", show_default=False)], as_json: JsonFlag = False
) -> None:
    """Show a person with the public notebooks they made, those with most votes first."""
    with server() as client:
        found = client.people.get(username)
        made = client.notebooks.page(which="public", by=username, sort="votes", limit=20).items
    if as_json:
        output.show_json(found)
        return
    output.facts(
        [
            ("name", found.username),
            ("here since", f"{found.joined_at:%Y-%m-%d}"),
            ("about", found.bio),
            ("link", found.link),
            ("page", found.url),
            ("comments", found.comments),
            ("public notebooks", found.notebooks),
        ]
    )
    if made:
        rows = [(n.name, n.title, n.votes or "", n.comments or "", output.ago(n.changed_at)) for n in made]
        output.table(["name", "title", ">votes", ">comments", "!changed"], rows, "")


@people.command("page")
def page(
    bio: Annotated[str | None, typer.Option(help="What it says of you, in markdown; empty for nothing.")] = None,
    link: Annotated[str | None, typer.Option(help="An address that begins with https://; empty for none.")] = None,
    mail: Annotated[
        list[str] | None, typer.Option("--mail", help="A kind of notification to be mailed too; repeat it for more.")
    ] = None,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Mail me nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show your own page and what is mailed to you; change what is given."""
    if mail and no_mail:
        raise fail("--mail and --no-mail do not go together.", "Leave out one.")
    mailed = [] if no_mail else mail
    with server() as client:
        given = bio is not None or link is not None or mailed is not None
        found = client.people.change_own_page(bio=bio, link=link, mailed=mailed) if given else client.people.own_page()
    if as_json:
        output.show_json(found)
        return
    output.facts([("about", found.bio), ("link", found.link), ("mailed", ", ".join(found.mailed) or "nothing")])
