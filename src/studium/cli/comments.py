"""`studium notebooks comments` and what else people say and do about a notebook."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import fail
from studium.cli.notebooks import Name
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from studium.client.shapes import Comment

CommentId = Annotated[int, typer.Argument(metavar="ID", help="The comment's id, as `comments` lists it.", min=1)]
Text = Annotated[str, typer.Argument(help="Markdown; `-` reads it from standard input.", show_default=False)]
OfComment = Annotated[int | None, typer.Option("--comment", help="For this comment of it instead.", min=1)]


def typed(text: str) -> str:
    """A text that was given, from standard input where it is a dash."""
    return sys.stdin.read() if text == "-" else text


def told(shown: Any, as_json: bool, words: str) -> None:
    """What came of it, for people or for programs."""
    if as_json:
        output.show_json(shown)
    else:
        output.say(words)


def list_comments(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List comments of a notebook, newest first, each with its id and what it answers."""
    with server() as client:
        found = list(islice(client.notebooks.comments.all(client.notebooks.find(name).id), limit))
    show_comments(found, as_json)


def show_comments(found: list[Comment], as_json: bool) -> None:
    """As a table, or for programs."""
    if as_json:
        output.show_json(found)
        return
    rows = [(c.id, c.parent or "", c.author, c.votes or "", output.ago(c.created_at), _text_of(c)) for c in found]
    output.table([">id", ">answers", "by", ">votes", "!said", "text"], rows, "Nobody has said anything yet.")


def _text_of(comment: Comment) -> str:
    if not comment.hidden:
        return comment.text
    reason = f": {comment.hidden_reason}" if comment.hidden_reason else ""
    return f"(hidden{reason}) {comment.text}".strip()


def comment(
    name: Name,
    text: Text,
    reply_to: Annotated[int | None, typer.Option("--reply-to", help="The id of a comment to answer.", min=1)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Comment on a notebook, or answer a comment; who is concerned is told."""
    with server() as client:
        found = client.notebooks.find(name)
        made = client.notebooks.comments.write(found.id, typed(text), parent=reply_to)
    told(made, as_json, f"Said, as comment {made.id} on {found.name}: {made.url}")


def edit(name: Name, comment_id: CommentId, text: Text, as_json: JsonFlag = False) -> None:
    """Say a comment of yours otherwise."""
    with server() as client:
        changed = client.notebooks.comments.edit(client.notebooks.find(name).id, comment_id, typed(text))
    told(changed, as_json, f"Comment {comment_id} is changed.")


def delete(
    name: Name,
    comment_id: CommentId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a comment of yours; answers to it stay."""
    with server() as client:
        found = client.notebooks.find(name)
        if not yes and not output.ask(f"Delete comment {comment_id} on {found.name}?"):
            raise fail("Nothing was deleted.", "Say yes, or use --yes.")
        client.notebooks.comments.delete(found.id, comment_id)
    told({"deleted": comment_id}, as_json, f"Comment {comment_id} is deleted.")


def hide(
    name: Name,
    comment_id: CommentId,
    reason: Annotated[str, typer.Option(help="Told to its author and shown in its place.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Hide a comment on a notebook of yours, or of a team that you lead."""
    with server() as client:
        hidden = client.notebooks.comments.hide(client.notebooks.find(name).id, comment_id, reason)
    told(hidden, as_json, f"Comment {comment_id} of {hidden.author} is hidden; they are told.")


def unhide(name: Name, comment_id: CommentId, as_json: JsonFlag = False) -> None:
    """Show a hidden comment again."""
    with server() as client:
        shown = client.notebooks.comments.unhide(client.notebooks.find(name).id, comment_id)
    told(shown, as_json, f"Comment {comment_id} of {shown.author} is shown again.")


def votes(count: int) -> str:
    """So many votes, in words."""
    return f"{count} vote{'' if count == 1 else 's'}"


def vote(name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Vote for a notebook, or for a comment of it."""
    with server() as client:
        found = client.notebooks.find(name)
        if of_comment:
            said = client.notebooks.comments.vote(found.id, of_comment)
            return told(said, as_json, f"Comment {of_comment} has {votes(said.votes)}, yours among them.")
        tally = client.notebooks.favour.vote(found.id)
    return told(tally, as_json, f"{found.name} has {votes(tally.votes)}, yours among them.")


def unvote(name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Take back your vote for a notebook, or for a comment of it."""
    with server() as client:
        found = client.notebooks.find(name)
        if of_comment:
            said = client.notebooks.comments.unvote(found.id, of_comment)
            return told(said, as_json, f"Comment {of_comment} has {votes(said.votes)}.")
        tally = client.notebooks.favour.unvote(found.id)
    return told(tally, as_json, f"{found.name} has {votes(tally.votes)}.")


def bookmark(name: Name, as_json: JsonFlag = False) -> None:
    """Bookmark a notebook; nobody else sees that."""
    with server() as client:
        found = client.notebooks.find(name)
        tally = client.notebooks.favour.bookmark(found.id)
    told(tally, as_json, f"{found.name} is bookmarked. See them: studium bookmarks")


def unbookmark(
    name: Annotated[str, typer.Argument(help="As `bookmark` takes it, or the id of one that is gone.")],
    as_json: JsonFlag = False,
) -> None:
    """Remove a bookmark, also of a notebook that is not there for you any more."""
    with server() as client:
        rows = client.notebooks.page(name=name, limit=20).items
        wanted = client.notebooks.find(name).id if rows else name
        client.bookmarks.remove(wanted)
    told({"removed": wanted}, as_json, f"{name} is not bookmarked.")


def report(
    name: Name,
    why: Annotated[str, typer.Option("--reason", help="spam, abuse, private, rights, harmful or other.")],
    text: Annotated[str, typer.Option("--text", help="What should be known; needed for other.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Report a public notebook to the administrators; you are told what comes of it."""
    with server() as client:
        found = client.notebooks.find(name)
        made = client.notebooks.favour.report(found.id, why, text)
    told(made, as_json, f"{found.name} is reported. You are told what comes of it: studium notifications list")


def register(app: typer.Typer) -> None:
    """Put these among the commands of `studium notebooks`."""
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
        ("report", report),
    ):
        app.command(name)(function)
