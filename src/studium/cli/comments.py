"""`studium notebooks comments`, `studium datasets comments`, and what else people say and do about either."""

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
    from studium.client import Client
    from studium.client.datasets import Datasets
    from studium.client.notebooks import Notebooks
    from studium.client.shapes import Comment

CommentId = Annotated[int, typer.Argument(metavar="ID", help="The comment's id, as `comments` lists it.", min=1)]
Text = Annotated[str, typer.Argument(help="Markdown; `-` reads it from standard input.", show_default=False)]
OfComment = Annotated[int | None, typer.Option("--comment", help="For this comment of it instead.", min=1)]


def _side(ctx: typer.Context, client: Client) -> Notebooks | Datasets:
    """Those of which the command is: `studium notebooks ...` or `studium datasets ...`."""
    return client.datasets if ctx.parent and ctx.parent.info_name == "datasets" else client.notebooks


def _typed(text: str) -> str:
    """A text that was given, from standard input where it is a dash."""
    return sys.stdin.read() if text == "-" else text


def _told(shown: Any, as_json: bool, words: str) -> None:
    """What came of it, for people or for programs."""
    if as_json:
        output.show_json(shown)
    else:
        output.say(words)


def list_comments(
    ctx: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List comments of a notebook, newest first, each with its id and what it answers."""
    with server() as client:
        found = list(islice(_side(ctx, client).comments.all(_side(ctx, client).find(name).id), limit))
    _show(found, as_json)


def _show(found: list[Comment], as_json: bool) -> None:
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
    ctx: typer.Context,
    name: Name,
    text: Text,
    reply_to: Annotated[int | None, typer.Option("--reply-to", help="The id of a comment to answer.", min=1)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Comment on a notebook, or answer a comment; who is concerned is told."""
    with server() as client:
        found = _side(ctx, client).find(name)
        made = _side(ctx, client).comments.write(found.id, _typed(text), parent=reply_to)
    _told(made, as_json, f"Said, as comment {made.id} on {found.name}: {made.url}")


def edit(ctx: typer.Context, name: Name, comment_id: CommentId, text: Text, as_json: JsonFlag = False) -> None:
    """Say a comment of yours otherwise."""
    with server() as client:
        changed = _side(ctx, client).comments.edit(_side(ctx, client).find(name).id, comment_id, _typed(text))
    _told(changed, as_json, f"Comment {comment_id} is changed.")


def delete(
    ctx: typer.Context,
    name: Name,
    comment_id: CommentId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a comment of yours; answers to it stay."""
    with server() as client:
        found = _side(ctx, client).find(name)
        if not yes and not output.ask(f"Delete comment {comment_id} on {found.name}?"):
            raise fail("Nothing was deleted.", "Say yes, or use --yes.")
        _side(ctx, client).comments.delete(found.id, comment_id)
    _told({"deleted": comment_id}, as_json, f"Comment {comment_id} is deleted.")


def hide(
    ctx: typer.Context,
    name: Name,
    comment_id: CommentId,
    reason: Annotated[str, typer.Option(help="Told to its author and shown in its place.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Hide a comment on a notebook of yours, or of a team that you lead."""
    with server() as client:
        hidden = _side(ctx, client).comments.hide(_side(ctx, client).find(name).id, comment_id, reason)
    _told(hidden, as_json, f"Comment {comment_id} of {hidden.author} is hidden; they are told.")


def unhide(ctx: typer.Context, name: Name, comment_id: CommentId, as_json: JsonFlag = False) -> None:
    """Show a hidden comment again."""
    with server() as client:
        shown = _side(ctx, client).comments.unhide(_side(ctx, client).find(name).id, comment_id)
    _told(shown, as_json, f"Comment {comment_id} of {shown.author} is shown again.")


def _votes(count: int) -> str:
    """So many votes, in words."""
    return f"{count} vote{'' if count == 1 else 's'}"


def vote(ctx: typer.Context, name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Vote for a notebook, or for a comment of it."""
    with server() as client:
        found = _side(ctx, client).find(name)
        if of_comment:
            said = _side(ctx, client).comments.vote(found.id, of_comment)
            return _told(said, as_json, f"Comment {of_comment} has {_votes(said.votes)}, yours among them.")
        tally = _side(ctx, client).favour.vote(found.id)
    return _told(tally, as_json, f"{found.name} has {_votes(tally.votes)}, yours among them.")


def unvote(ctx: typer.Context, name: Name, of_comment: OfComment = None, as_json: JsonFlag = False) -> None:
    """Take back your vote for a notebook, or for a comment of it."""
    with server() as client:
        found = _side(ctx, client).find(name)
        if of_comment:
            said = _side(ctx, client).comments.unvote(found.id, of_comment)
            return _told(said, as_json, f"Comment {of_comment} has {_votes(said.votes)}.")
        tally = _side(ctx, client).favour.unvote(found.id)
    return _told(tally, as_json, f"{found.name} has {_votes(tally.votes)}.")


def bookmark(ctx: typer.Context, name: Name, as_json: JsonFlag = False) -> None:
    """Bookmark a notebook; nobody else sees that."""
    with server() as client:
        found = _side(ctx, client).find(name)
        tally = _side(ctx, client).favour.bookmark(found.id)
    _told(tally, as_json, f"{found.name} is bookmarked. See them: studium bookmarks")


def unbookmark(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="As `bookmark` takes it, or the id of one that is gone.")],
    as_json: JsonFlag = False,
) -> None:
    """Remove a bookmark, also of a notebook that is not there for you any more."""
    with server() as client:
        side = _side(ctx, client)
        rows = side.page(name=name, limit=20).items
        wanted = side.find(name).id if rows else name
        if side is client.datasets:
            client.bookmarks.remove_dataset(wanted)
        else:
            client.bookmarks.remove(wanted)
    _told({"removed": wanted}, as_json, f"{name} is not bookmarked.")


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
    _told(made, as_json, f"{found.name} is reported. You are told what comes of it: studium notifications list")


_BOTH = (
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
)


def register(notebooks: typer.Typer, datasets: typer.Typer) -> None:
    """Put these among the commands of `studium notebooks` and `studium datasets`."""
    for name, function in _BOTH:
        notebooks.command(name)(function)
        datasets.command(name, help=(function.__doc__ or "").replace("notebook", "dataset"))(function)
    notebooks.command("report")(report)
