"""`studium datasets`: make, list, read, change, share. Files to and from here are in `dataset_files`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import (
    dataset_cards,
    dataset_downloads,
    dataset_files,
    dataset_sources,
    dataset_tables,
    exchange,
    output,
)
from studium.cli.context import server
from studium.cli.dataset_files import Name, VersionOption, numbered
from studium.cli.failing import fail
from studium.cli.files import read_text
from studium.cli.groups import group
from studium.cli.inputs import seen
from studium.cli.machines import TeamOption
from studium.cli.output import JsonFlag
from studium.lib.units import parse_size, size_words

if TYPE_CHECKING:
    from studium.client.shapes import Dataset, DatasetSource, DatasetUse

app = group("Files with a card, in numbered versions, for notebooks to read.")
for _name, _command in (
    ("create", dataset_files.create),
    ("version", dataset_files.version),
    ("files", dataset_files.files),
    ("preview", dataset_files.preview),
    ("rows", dataset_tables.rows),
    ("cover", dataset_cards.cover),
    ("describe", dataset_cards.describe),
    ("download", dataset_downloads.download),
    ("link", dataset_downloads.link),
    ("imports", dataset_sources.imports),
    ("refresh", dataset_sources.refresh),
    ("cancel", dataset_sources.cancel),
):
    app.command(_name)(_command)


@app.command("list")
def list_datasets(
    team: TeamOption = "",
    which: Annotated[str, typer.Option(help="mine, team, shared or public.")] = "team",
    q: Annotated[str, typer.Option("--search", "-q", help="Words of title, subtitle, card or name.")] = "",
    tag: Annotated[str, typer.Option(help="One that they have.")] = "",
    licence: Annotated[str, typer.Option(help="As it is written, such as CC-BY-4.0.")] = "",
    ending: Annotated[str, typer.Option("--type", help="The ending of a file's name, such as csv.")] = "",
    smallest: Annotated[str, typer.Option("--min-size", help="Such as 10 MiB or 1.5g.")] = "",
    largest: Annotated[str, typer.Option("--max-size", help="Such as 10 MiB or 1.5g.")] = "",
    days: Annotated[int, typer.Option(min=0, help="Changed within so many days.")] = 0,
    votes: Annotated[int, typer.Option(min=0, help="At least so many votes.")] = 0,
    by: Annotated[str, typer.Option(help="Who made them.")] = "",
    sort: Annotated[str, typer.Option(help="changed, new, trending, votes, downloads or size.")] = "changed",
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List datasets, last changed first, or as --sort says."""
    wanted = {
        "licence": licence, "ending": ending, "smallest": _bytes(smallest), "largest": _bytes(largest), "days": days,
        "votes": votes, "by": by, "sort": sort,
    }  # fmt: skip
    given = {name: value for name, value in wanted.items() if value}
    with server() as client:
        found = list(islice(client.datasets.all(team=team, which=which, q=q, tag=tag, **given), limit))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (each.name, each.title, each.version or "none", each.files, size_words(each.bytes), each.visibility,
         output.ago(each.changed_at))
        for each in found
    ]  # fmt: skip
    columns = ["!name", "title", ">version", ">files", ">size", "!seen by", "!changed"]
    output.table(columns, rows, _none(which, narrowed=bool(q or tag or set(given) - {"sort"})))


def _none(which: str, *, narrowed: bool) -> str:
    """What is said of an empty list."""
    if which == "public":
        return "No public dataset matches." if narrowed else "No dataset is public."
    searched = {"mine": "yours", "shared": "those shared with you"}.get(which, "yours and those of your teams")
    others = "`--which public` has those of others."
    if narrowed:
        return f"No dataset matches. Only {searched} were searched; {others}"
    if which == "shared":
        return f"No dataset is shared with you. {others}"
    return f"No datasets. Make one from a folder: `studium datasets create DIR`. {others}"


def _bytes(text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_size(text)
    except ValueError:
        raise fail(f"{text[:40]!r} is no size.", "Write it as 10M or 1.5G.") from None


@app.command("show")
def show(name: Name, as_json: JsonFlag = False) -> None:
    """Show a dataset's card and newest version."""
    with server() as client:
        found = client.datasets.find(name)
        source = client.datasets.source(found.id, found.version) if found.version else None
        uses = client.datasets.uses(found.id)
    if as_json:
        output.show_json({**asdict(found), "source": source, "uses": uses})
        return
    output.facts(
        [
            ("Name", found.name),
            ("Title", found.title),
            ("Subtitle", found.subtitle),
            ("Version", _newest(found)),
            ("Seen by", found.visibility),
            ("Taken down", found.taken_down_reason),
            ("Licence", found.licence),
            ("Updated", found.frequency),
            ("Tags", ", ".join(found.tags)),
            ("Sources", found.sources),
            ("Made by", f"{found.created_by}, {output.ago(found.created_at)}"),
            ("Made from", _made_from(source)),
            ("Used by", ", ".join(map(_use, uses))),
            ("Page", found.url),
        ]
    )
    if found.card:
        output.say(f"\n{found.card}")


def _made_from(source: DatasetSource | None) -> str:
    if source is None:
        return ""
    inputs = ", ".join(f"{each.title} version {each.number}" for each in source.inputs if each.title)
    return f"{source.words}{f', which was given {inputs}' if inputs else ''}"


def _use(use: DatasetUse) -> str:
    versions = ", ".join(map(str, use.versions[:5]))
    return f"{use.notebook}{f' (versions {versions})' if versions else ''}"


def _newest(found: Dataset) -> str:
    if found.version is None:
        return f"none yet: studium datasets version {found.name} DIR"
    return f"{found.version}, {found.files:,} files, {size_words(found.bytes)}"


@app.command("versions")
def versions(name: Name, as_json: JsonFlag = False) -> None:
    """List versions of a dataset, newest first."""
    with server() as client:
        dataset = client.datasets.find(name)
        found = list(client.datasets.versions(dataset.id))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (each.number, each.note if each.deleted_at is None else "[deleted]", each.files, size_words(each.bytes),
         each.created_by, output.ago(each.created_at))
        for each in found
    ]  # fmt: skip
    empty = f"{dataset.name} has no version. Make one: studium datasets version {dataset.name} DIR"
    output.table([">version", "note", ">files", ">size", "by", "!made"], rows, empty)


@app.command("edit")
def edit(
    name: Name,
    title: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    subtitle: Annotated[str | None, typer.Option(help="In a line, what it is.")] = None,
    card: Annotated[str, typer.Option(metavar="FILE", help="A markdown file that says what it is.")] = "",
    licence: Annotated[str | None, typer.Option(help="A name of SPDX as CC-BY-4.0, or your own words.")] = None,
    sources: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    frequency: Annotated[str | None, typer.Option(help="never, daily, weekly, monthly, quarterly or yearly.")] = None,
    tags: Annotated[str | None, typer.Option(help="With commas between; all it is to have.")] = None,
    visibility: Annotated[str | None, typer.Option(help="private, team or public.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a dataset's card, or who sees it."""
    given = {
        "title": title,
        "subtitle": subtitle,
        "licence": licence,
        "sources": sources,
        "frequency": frequency,
        "visibility": visibility,
        "tags": None if tags is None else [tag.strip() for tag in tags.split(",") if tag.strip()],
        "card": read_text(Path(card)) if card else None,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise fail("Nothing to change was given.", "`studium datasets edit --help` lists what there is.")
    with server() as client:
        found = client.datasets.change(client.datasets.find(name).id, **changes)
    _told(found, as_json, f"Changed {', '.join(sorted(changes))} of {found.name}.")


@app.command("diff")
def diff(
    name: Name,
    left: Annotated[str, typer.Argument(help="The version before.", show_default=False)],
    right: Annotated[str, typer.Argument(help="The version after.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Say which files were added, removed and changed from one version to another, and what differs in their tables."""
    before, after = exchange.numbered(left), exchange.numbered(right)
    with server() as client:
        dataset = client.datasets.find(name)
        found = client.datasets.compare(dataset.id, before, after)
        dataset_tables.ask_for_missing(client, dataset, found, (before, after))
    if as_json:
        output.show_json(found)
        return
    rows = [("added", each.path, "", size_words(each.size)) for each in found.added]
    rows += [("removed", each.path, size_words(each.size), "") for each in found.removed]
    rows += [("changed", each.path, size_words(each.before), size_words(each.after)) for each in found.changed]
    output.table(["!", "file", ">before", ">after"], rows, "Both versions have the same files.")
    if rows:
        output.say(f"{found.same:,} files are the same in both.")
    dataset_tables.show_differences(found, (before, after))


@app.command("share")
def share(
    name: Name,
    person: Annotated[str, typer.Argument(help="A username.", show_default=False)],
    role: Annotated[str, typer.Option(help="reader or editor.")] = "reader",
    remove: Annotated[bool, typer.Option("--remove", help="Share it no longer.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Share a dataset with somebody, as reader or editor."""
    with server() as client:
        dataset = client.datasets.find(name)
        if remove:
            client.datasets.unshare(dataset.id, person)
        else:
            client.datasets.share(dataset.id, person, role)
        people = client.datasets.people(dataset.id)
    if as_json:
        output.show_json(people)
        return
    ending = f"is no longer shared with {person}" if remove else f"is shared with {person} as {role}"
    output.say(f"{dataset.name} {ending}.")


@app.command("report")
def report(
    name: Name,
    why: Annotated[str, typer.Option("--reason", help="spam, abuse, private, rights, harmful or other.")],
    text: Annotated[str, typer.Option("--text", help="What should be known; needed for other.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Report a public dataset to the administrators; you are told what comes of it."""
    with server() as client:
        found = client.datasets.find(name)
        made = client.datasets.report(found.id, why, text)
    if as_json:
        output.show_json(made)
        return
    output.say(f"{found.name} is reported. You are told what comes of it: studium notifications list")


@app.command("attach")
def attach(
    name: Name,
    notebook: Annotated[str, typer.Argument(help="The notebook that is to read it.", show_default=False)],
    version: VersionOption = "",
    called: Annotated[str, typer.Option("--as", metavar="FOLDER", help="The folder's name; the dataset's own.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Let a notebook's session and runs read a dataset, in /datasets/NAME and /kaggle/input/NAME."""
    number = numbered(version)
    with server() as client:
        dataset, target = client.datasets.find(name), client.notebooks.find(notebook)
        made = client.notebooks.inputs.add(target.id, dataset=dataset.id, version=number, name=called)
    if as_json:
        output.show_json(made)
        return
    which = "the newest version" if made.follows else f"version {made.version}"
    output.say(f"{made.paths[0]} is {which} of {dataset.name} for {target.name}, {seen(made)}.")


@app.command("delete")
def delete(
    name: Name,
    version: Annotated[str, typer.Option(help="Only this version.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a dataset with all its versions, or one version."""
    number = numbered(version)
    with server() as client:
        dataset = client.datasets.find(name)
        what = f"version {number} of {dataset.name}" if number else f"{dataset.name} with all its versions"
        if not yes and not output.ask(f"Delete {what}?"):
            raise fail("Nothing was deleted.", "Give --yes to delete without being asked.")
        if number:
            client.datasets.delete_version(dataset.id, number)
        else:
            client.datasets.delete(dataset.id)
    if as_json:
        output.show_json({"deleted": dataset.name, "version": number})
        return
    output.say(f"Deleted {what}. What nothing else has of it is free within a few hours.")


def _told(made: Dataset, as_json: bool, words: str) -> None:
    if as_json:
        output.show_json(made)
    else:
        output.say(words)
