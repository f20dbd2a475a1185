"""`studium storage providers`: buckets and web servers of a team, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.failing import Exit, fail
from studium.cli.groups import group
from studium.cli.output import JsonFlag
from studium.lib.units import size_words

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Provider, ProviderEntry

app = group("Buckets of S3, Google Cloud or Azure, and web servers, whose files a team reads and writes here.")
Name = Annotated[str, typer.Argument(help="The provider's name.", show_default=False)]
PathIn = Annotated[str, typer.Argument(metavar="PATH", help="The file's path in the provider.", show_default=False)]
TeamName = Annotated[str, typer.Option("--team", help="The team; your own when left out.")]
Bucket = Annotated[str | None, typer.Option("--bucket", help="Bucket or container.")]
Prefix = Annotated[str | None, typer.Option("--prefix", help="Only what is below this folder.")]
Region = Annotated[str | None, typer.Option("--region", help="Of S3, as eu-west-1.")]
Account = Annotated[str | None, typer.Option("--account", help="The storage account of Azure.")]
Endpoint = Annotated[str | None, typer.Option("--endpoint", help="Address of the server; else the cloud's own.")]
KeyIdSecret = Annotated[
    str | None, typer.Option("--key-id-secret", help="Name of the team's secret with the key id, for S3.")
]
KeySecret = Annotated[str | None, typer.Option("--key-secret", help="Name of the team's secret with the key.")]
Writable = Annotated[
    bool | None, typer.Option("--writable/--read-only", help="Whether files may be written and deleted.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def team_of(client: Client, team: str) -> str:
    return team or client.me().team


def _size(entry: ProviderEntry) -> str:
    return "" if entry.folder else "?" if entry.size is None else size_words(entry.size)


def _tested(row: Provider) -> str:
    if row.tested_at is None:
        return "not tested"
    return f"{row.test_code or 'works'}, tested {output.ago(row.tested_at)}"


@app.command("list")
def list_providers(team: TeamName = "", as_json: JsonFlag = False) -> None:
    """List a team's providers, and how their last tests went."""
    with server() as client:
        found = client.providers.of_team(team_of(client, team))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (row.name, row.kind, row.bucket or row.endpoint, "written" if row.writable else "only read", _tested(row))
        for row in found
    ]
    output.table(
        ["!name", "kind", "where", "files are", "test"],
        rows,
        "No providers. Make one: studium storage providers add NAME --kind s3 --bucket BUCKET",
    )


@app.command("add")
def add(
    name: Name,
    kind: Annotated[str, typer.Option("--kind", help="s3, gcs, azure or http.")] = "s3",
    bucket: Bucket = None,
    prefix: Prefix = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = None,
    key_id_secret: KeyIdSecret = None,
    key_secret: KeySecret = None,
    writable: Writable = None,
    team: TeamName = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a provider. Its credentials are secrets of the team, which are named: studium secrets set NAME."""
    given = _given(bucket, prefix, region, account, endpoint, key_id_secret, key_secret, writable)
    with server() as client:
        made = client.providers.make(team_of(client, team), name, kind, **given)
    if as_json:
        output.show_json(made)
        return
    output.say(
        f"Made {made.name} of {made.team}. Test it: studium storage providers test {made.name} --team {made.team}"
    )


@app.command("change")
def change(
    name: Name,
    bucket: Bucket = None,
    prefix: Prefix = None,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = None,
    key_id_secret: KeyIdSecret = None,
    key_secret: KeySecret = None,
    writable: Writable = None,
    team: TeamName = "",
    as_json: JsonFlag = False,
) -> None:
    """Change what is given; the rest stays. An empty text takes away what was set."""
    given = _given(bucket, prefix, region, account, endpoint, key_id_secret, key_secret, writable)
    with server() as client:
        found = client.providers.get(team_of(client, team), name)
        kept = {field: getattr(found, field) for field in _FIELDS}
        made = client.providers.change(found.team, name, found.kind, **kept | given)
    if as_json:
        output.show_json(made)
        return
    output.say(f"Changed {made.name}. Test it: studium storage providers test {made.name} --team {made.team}")


_FIELDS = ("bucket", "prefix", "region", "account", "endpoint", "key_id_secret", "key_secret", "writable")


def _given(*values: Any) -> dict[str, Any]:
    return {field: value for field, value in zip(_FIELDS, values, strict=True) if value is not None}


@app.command("test")
def try_out(name: Name, team: TeamName = "", as_json: JsonFlag = False) -> None:
    """Try each step of using a provider, and say what is wrong. Ends with 0 where all is well, else with 1."""
    with server() as client:
        told = client.providers.test(team_of(client, team), name)
    if as_json:
        output.show_json(told)
    else:
        for step in told.steps:
            words = step.note if step.ok else f"{step.message} {step.next_step} ({step.code})"
            output.say(f"{'ok' if step.ok else 'no'}  {step.step}: {words}")
    raise typer.Exit(int(Exit.GOOD if told.ok else Exit.RUN_FAILED))


@app.command("ls")
def ls(
    name: Name,
    path: Annotated[str, typer.Argument(help="A folder; the topmost when left out.", show_default=False)] = "",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All files below it.")] = False,
    team: TeamName = "",
    as_json: JsonFlag = False,
) -> None:
    """List the files and folders in a folder of a provider."""
    with server() as client:
        found = list(_entries(client, team_of(client, team), name, path, recursive))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            f"{entry.path}/" if entry.folder else entry.path,
            _size(entry),
            output.ago(entry.changed_at) if entry.changed_at else "",
        )
        for entry in found
    ]
    output.table(["path", ">size", "changed"], rows, "Nothing here.")


def _entries(client: Client, team: str, name: str, path: str, recursive: bool) -> Any:
    if recursive:
        yield from client.providers.files(team, name, path)
        return
    after = ""
    while True:
        part = client.providers.folder(team, name, path, after=after)
        yield from part.entries
        if not (after := part.after):
            return


@app.command("get")
def get(
    name: Name,
    path: PathIn,
    target: Annotated[
        Path | None, typer.Argument(help="File or folder to write to; here when left out.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite a file that is there.")] = False,
    team: TeamName = "",
    as_json: JsonFlag = False,
) -> None:
    """Take a file of a provider down."""
    place = target or Path()
    if place.is_dir():
        place = place / path.rpartition("/")[2]
    if place.exists() and not force:
        raise fail(f"{place} is there already.", "Add --force to overwrite it.")
    with server() as client:
        unfinished = place.with_name(f".{place.name}.studium-part")
        try:
            client.providers.read(team_of(client, team), name, path, unfinished)
            unfinished.replace(place)
        except OSError as error:
            raise fail(f"{place} cannot be written: {error.strerror}.") from None
        finally:
            unfinished.unlink(missing_ok=True)
    if as_json:
        output.show_json({"path": str(place), "size": place.stat().st_size})
        return
    output.say(f"Wrote {place}, {size_words(place.stat().st_size)}.")


@app.command("put")
def put(
    name: Name,
    source: Annotated[Path, typer.Argument(help="The file to send.", show_default=False)],
    path: Annotated[
        str, typer.Argument(help="Its path in the provider; the file's name when left out.", show_default=False)
    ] = "",
    team: TeamName = "",
    as_json: JsonFlag = False,
) -> None:
    """Write a file to a provider. What has that path there is overwritten."""
    if not source.is_file():
        raise fail(f"There is no file {str(source)!r}.", "Check the path; folders go with studium storage sync.")
    where = f"{path}{source.name}" if not path or path.endswith("/") else path
    with server() as client:
        made = client.providers.write(team_of(client, team), name, where, source)
    if as_json:
        output.show_json(made)
        return
    output.say(f"Wrote {made.path} to {name}, {_size(made)}.")


@app.command("rm")
def rm(name: Name, path: PathIn, team: TeamName = "", yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Delete a file of a provider, in its bucket."""
    if not yes and not output.ask(f"Delete {path} in {name}? It is gone for good."):
        raise fail("Nothing was deleted.", "Add --yes where nobody can be asked.")
    with server() as client:
        client.providers.delete(team_of(client, team), name, path)
    if as_json:
        output.show_json({"deleted": path})
        return
    output.say(f"Deleted {path} in {name}.")


@app.command("remove")
def remove(name: Name, team: TeamName = "", yes: Yes = False, as_json: JsonFlag = False) -> None:
    """Remove a provider from the team. What lies in it stays there."""
    if not yes and not output.ask(f"Remove the provider {name}? What lies in it stays there."):
        raise fail("Nothing was removed.", "Add --yes where nobody can be asked.")
    with server() as client:
        client.providers.remove(team_of(client, team), name)
    if as_json:
        output.show_json({"removed": name})
        return
    output.say(f"Removed {name}.")
