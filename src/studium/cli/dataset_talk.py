"""`studium datasets comments` and what else people say and do about a dataset."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from studium.cli import output
from studium.cli.comments import CommentId, OfComment, Text, show_comments, told, typed, votes
from studium.cli.context import server
from studium.cli.dataset_files import Name
from studium.cli.failing import fail
from studium.cli.output import JsonFlag


def list_comments(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List comments of a dataset, newest first, each with its id and what it answers."""
    with server() as client:
        found = list(islice(client.datasets.comments.all(client.datasets.find(name).id), limit))
    show_comments(found, as_json)


def comment(
    name: Name,
    text: Text,
    reply_to: Annotated[int | None, typer.Option("--reply-to", help="The id of a comment to answer.", min=1)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Comment on a dataset, or answer a comment; who is concerned is told."""
    with server() as client:
        found = client.datasets.find(name)
        made = client.datasets.comments.write(found.id, typed(text), parent=reply_to)
    told(made, as_json, f"Said, as comment {made.id} on {found.name}: {made.url}")


def edit(name: Name, comment_id: CommentId, text: Text, as_json: JsonFlag = False) -> None:
    """Say a comment of yours otherwise."""
    with server() as client:
        changed = client.datasets.comments.edit(client.datasets.find(name).id, comment_id, typed(text))
    told(changed, as_json, f"Comment {comment_id} is changed.")


def delete(
    name: Name,
    comment_id: CommentId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a comment of yours; answers to it stay."""
    with server() as client:
        found = client.datasets.find(name)
        if not yes and not output.ask(f"Delete comment {comment_id} on {found.name}?"):
            raise fail("Nothing was deleted.", "Say yes, or use --yes.")
        client.datasets.comments.delete(found.id, comment_id)
    told({"deleted": comment_id}, as_json, f"Comment {comment_id} is deleted.")


def hide(
    name: Name,
    comment_id: CommentId,
    reason: Annotated[str, typer.Option(help="Told to its author and shown in its place.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Hide a comment on a dataset of yours, or of a team that you lead."""
    with server() as client:
        hidden = client.datasets.comments.hide(client.datasets.find(name).id, comment_id, reason)
    told(hidden, as_json, f"Comment {comment_id} of {hidden.author} is hidden; they are told.")


def unhide(name: Name, comment_id: CommentId, as_json: JsonFlag = False) -> None:
    """Show a hidden comment again."""
    with server() as client:
        shown = client.datasets.comments.unhide(client.datasets.find(name).id, comment_id)
    told(shown, as_json, f"Comment {comment_id} of {shown.author} is shown again.")


def vote(name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Vote for a dataset, or for a comment of it."""
    with server() as client:
        found = client.datasets.find(name)
        if of_comment:
            said = client.datasets.comments.vote(found.id, of_comment)
            return told(said, as_json, f"Comment {of_comment} has {votes(said.votes)}, yours among them.")
        tally = client.datasets.favour.vote(found.id)
    return told(tally, as_json, f"{found.name} has {votes(tally.votes)}, yours among them.")


def unvote(name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Take back your vote for a dataset, or for a comment of it."""
    with server() as client:
        found = client.datasets.find(name)
        if of_comment:
            said = client.datasets.comments.unvote(found.id, of_comment)
            return told(said, as_json, f"Comment {of_comment} has {votes(said.votes)}.")
        tally = client.datasets.favour.unvote(found.id)
    return told(tally, as_json, f"{found.name} has {votes(tally.votes)}.")


def bookmark(name: Name, as_json: JsonFlag = False) -> None:
    """Bookmark a dataset; nobody else sees that."""
    with server() as client:
        found = client.datasets.find(name)
        tally = client.datasets.favour.bookmark(found.id)
    told(tally, as_json, f"{found.name} is bookmarked. See them: studium bookmarks")


def unbookmark(
    name: Annotated[str, typer.Argument(help="As `bookmark` takes it, or the id of one that is gone.")],
    as_json: JsonFlag = False,
) -> None:
    """Remove a bookmark, also of a dataset that is not there for you any more."""
    with server() as client:
        rows = client.datasets.page(name=name, limit=20).items
        wanted = client.datasets.find(name).id if rows else name
        client.bookmarks.remove_dataset(wanted)
    told({"removed": wanted}, as_json, f"{name} is not bookmarked.")


def register(app: typer.Typer) -> None:
    """Put these among the commands of `studium datasets`."""
    for name, function in (
        ("comments", list_comments),
        ("comment", comment),
        ("comment-edit", edit),
        ("comment-delete", delete),
        ("comment-hide", hide),
        ("comment-unhide", unhide),
        ("vote", vote),
        ("unvote", unvote),
        ("bookmark", bookmark),
        ("unbookmark", unbookmark),
    ):
        app.command(name)(function)
