"""`studium datasets` for tables: their first rows, searched and sorted, and what differs between versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.dataset_files import Name, VersionOption, meant
from studium.cli.output import JsonFlag

if TYPE_CHECKING:
    from studium.client import Client
    from studium.client.shapes import Dataset, DatasetDifference, TableDifference, TableRows


def rows(
    name: Name,
    path: Annotated[str, typer.Argument(metavar="FILE", help="A file of it with a table.", show_default=False)],
    version: VersionOption = "",
    search: Annotated[str, typer.Option("--search", "-q", help="Words that a row has somewhere.")] = "",
    sort: Annotated[str, typer.Option(help="The name of a column to sort by.")] = "",
    descending: Annotated[bool, typer.Option("--descending", help="The greatest first.")] = False,
    table: Annotated[int, typer.Option(min=0, help="Which of its tables, from 0.")] = 0,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1000, help="How many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Show first rows of a table of a dataset, searched and sorted among the up to 1,000 that are kept."""
    with server() as client:
        dataset, number = meant(client, name, version)
        wanted = {"q": search, "sort": sort, "descending": descending, "limit": lines}
        found = client.datasets.rows(dataset.id, number, path, table, **wanted)
    if as_json:
        output.show_json(found)
        return
    columns = [f">{each.name}" if each.type in ("integer", "number") else each.name for each in found.columns]
    output.table(columns, [[_word(cell) for cell in row] for row in found.rows], "No row has these words.")
    output.note(_words(found))


def _word(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _words(found: TableRows) -> str:
    """Which rows these are."""
    whole = found.exact and found.count == found.read
    among = f"all {found.read:,} rows" if whole else f"the first {found.read:,} rows"
    if not whole and found.count is not None:
        among += f" of {'' if found.exact else 'about '}{found.count:,}"
    return f"{len(found.rows):,} of {found.matching:,} found among {among}."


def ask_for_missing(client: Client, dataset: Dataset, found: DatasetDifference, numbers: tuple[int, int]) -> None:
    """Where files changed, have versions looked into that never were, so that their tables can be told the next time."""
    from studium.client.errors import ApiError

    if not found.changed:
        return
    for number, state in zip(numbers, (found.left_state, found.right_state), strict=True):
        if state == "none":
            try:
                client.datasets.look_again(dataset.id, number)
                output.note(
                    f"The files of version {number} are now looked into; ask again for what differs in their tables."
                )
            except ApiError as error:
                output.note(f"Version {number} was not looked into: {error.message}")
        elif state in ("waiting", "running"):
            output.note(
                f"The files of version {number} are being looked into; ask again for what differs in their tables."
            )


def show_differences(found: DatasetDifference, numbers: tuple[int, int]) -> None:
    """A line for each table of a file that changed."""
    rows = [
        (f"{each.path} {each.table}".strip(), _count(each.rows_before), _count(each.rows_after), _columns(each))
        for each in found.tables
    ]
    if rows:
        output.table(["table", f">rows in {numbers[0]}", f">rows in {numbers[1]}", "columns"], rows, "")


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _columns(each: TableDifference) -> str:
    parts = [f"table {each.whole}"] if each.whole else []
    parts += [f"+{one.name} ({one.type})" for one in each.added]
    parts += [f"-{one.name} ({one.type})" for one in each.removed]
    parts += [f"{one.name}: {one.before} to {one.after}" for one in each.retyped]
    return ", ".join(parts) or "the same"
