"""`studium notebooks` for people: share, accept, leave; and for finding: search, tag."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Hit, Notebook, ShareLink

Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="Tags, such as time-series.", show_default=False)]


def register(notebooks: typer.Typer) -> None:
    """Put the commands beside those of notebooks."""
    for name, command in (
        ("share", share),
        ("shares", shares),
        ("accept", accept),
        ("leave", leave),
        ("search", search),
        ("tag", tag),
        ("untag", untag),
        ("tags", tags),
    ):
        notebooks.command(name)(command)


def share(
    name: Name,
    person: Annotated[
        str, typer.Option("--with", metavar="USER", help="A username; an e-mail address where that finds people.")
    ] = "",
    role: Annotated[str, typer.Option("--as", metavar="ROLE", help="reader or editor.")] = "reader",
    link: Annotated[bool, typer.Option("--link", help="Make a link and print it; it is shown only now.")] = False,
    days: Annotated[int, typer.Option("--days", min=0, help="How long the link works; 0 for no end.")] = 30,
    uses: Annotated[int, typer.Option("--uses", min=0, help="For how many people; 0 for any number.")] = 0,
    revoke: Annotated[
        str, typer.Option("--revoke", metavar="WHO", help="Remove a person, or revoke a link by its id.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Share a notebook with somebody or by a link, or end that.

    An editor runs code on the allowance of the notebook's team, and code can read the secrets the notebook uses.
    """
    if sum([bool(person), link, bool(revoke)]) != 1:
        raise fail("Say one of --with USER, --link and --revoke WHO.", f"`studium notebooks shares {name}` lists both.")
    with server() as client:
        notebook = client.notebooks.find(name)
        if revoke:
            _revoke(client, notebook, revoke, as_json)
        elif link:
            made = client.notebooks.shares.make_link(notebook.id, role, days=days or None, most_uses=uses or None)
            _link_made(made, notebook, as_json)
        else:
            added = client.notebooks.shares.add(notebook.id, person, role)
            if as_json:
                output.show_json(added)
            else:
                output.say(f"{added.username} is {added.role} of {notebook.name}.")
        if not as_json and not revoke and role == "editor":
            _warn(client, notebook)


def _link_made(made: ShareLink, notebook: Notebook, as_json: bool) -> None:
    if as_json:
        output.show_json(made)
        return
    typer.echo(made.url)
    ends = f"It ends {output.until(made.expires_at)}." if made.expires_at else "It has no end."
    output.note(f"Whoever opens this becomes {made.role} of {notebook.name}. {ends} Revoke it: --revoke {made.id}")


def _warn(client: Client, notebook: Notebook) -> None:
    """What an editor can do beside editing."""
    given = client.notebooks.shares.get(notebook.id).given_secrets
    secrets = f" and can read the secrets it uses ({', '.join(given)})" if given else ""
    output.note(
        f"An editor runs code in it, on the allowance of {notebook.team},{secrets or ' and reads its workspace'}."
    )


def _revoke(client: Client, notebook: Notebook, who: str, as_json: bool) -> None:
    """A link's id, else somebody's name: no id is a username that the notebook is shared with and a link at once."""
    found = client.notebooks.shares.get(notebook.id)
    if any(each.username == who for each in found.people):
        client.notebooks.shares.remove(notebook.id, who)
        words = f"{notebook.name} is no longer shared with {who}."
    else:
        client.notebooks.shares.revoke_link(notebook.id, who)
        words = f"The link {who} lets nobody in any more; who came by it stays."
    if as_json:
        output.show_json({"revoked": who})
    else:
        output.say(words)


def shares(name: Name, as_json: JsonFlag = False) -> None:
    """List with whom a notebook is shared, and its links."""
    with server() as client:
        notebook = client.notebooks.find(name)
        found = client.notebooks.shares.get(notebook.id)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (p.username + ("" if p.active else " (deactivated)"), p.role, p.added_by or "", output.ago(p.added_at))
        for p in found.people
    ]
    rows += [
        (f"link {link.id}", link.role, link.created_by, f"{link.state}, used by {link.used}{_bounds(link)}")
        for link in found.links
    ]
    empty = f"Shared with nobody. Share it: studium notebooks share {name} --with USER --as reader"
    output.table(["!with", "!as", "!by", "since"], rows, empty)


def _bounds(link: ShareLink) -> str:
    most = f" of {link.most_uses}" if link.most_uses else ""
    ends = f", ends {output.until(link.expires_at)}" if link.expires_at and link.state == "open" else ""
    return most + ends


def accept(
    link: Annotated[str, typer.Argument(help="The link somebody sent you.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Open a notebook that somebody shares by a link; its team sees that you did."""
    with server() as client:
        found = client.notebooks.shares.accept(link)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.name} is yours to {'edit' if found.may_change else 'read'}: {found.url}")


def leave(name: Name, as_json: JsonFlag = False) -> None:
    """Leave a notebook that is shared with you; what you run in it is stopped."""
    with server() as client:
        notebook = client.notebooks.find(name)
        client.notebooks.shares.remove(notebook.id, client.me().username)
    if as_json:
        output.show_json({"left": notebook.id})
        return
    output.say(f"{notebook.name} is no longer shared with you.")


def search(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help='Words, "phrases", code, tag:x, language:x, by:username.', show_default=False
        ),
    ],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Search the titles, text and code of every notebook you may read."""
    with server() as client:
        found = list(islice(client.notebooks.search(" ".join(text)), limit))
    if as_json:
        output.show_json(found)
        return
    rows = [(hit.notebook.name, hit.notebook.title, _place(hit), output.ago(hit.notebook.changed_at)) for hit in found]
    output.table(["!name", "title", "found", "changed"], rows, "Nothing found. All words must be in one notebook.")


def _place(hit: Hit) -> str:
    """`cell 3: np.linalg.norm(x)`."""
    if hit.place is None:
        return ""
    return f"cell {hit.place.cell}: {''.join(part.text for part in hit.place.parts).strip()}"


def tag(name: Name, words: Tags, as_json: JsonFlag = False) -> None:
    """Put tags on a notebook."""
    with server() as client:
        _tagged(client.notebooks.tag(client.notebooks.find(name).id, add=words), as_json)


def untag(name: Name, words: Tags, as_json: JsonFlag = False) -> None:
    """Take tags off a notebook."""
    with server() as client:
        _tagged(client.notebooks.tag(client.notebooks.find(name).id, remove=words), as_json)


def _tagged(notebook: Notebook, as_json: bool) -> None:
    if as_json:
        output.show_json(notebook)
        return
    output.say(f"{notebook.name}: {', '.join(notebook.tags)}" if notebook.tags else f"{notebook.name} has no tags.")


def tags(as_json: JsonFlag = False) -> None:
    """List the tags of notebooks you may read, the most used first."""
    with server() as client:
        found = client.notebooks.used_tags()
    if as_json:
        output.show_json(found)
        return
    output.table(["tag", ">notebooks"], [(each.name, each.notebooks) for each in found], "No tags yet.")
