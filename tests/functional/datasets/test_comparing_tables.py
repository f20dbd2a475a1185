"""What differs between the tables of two versions."""

from typing import Any

import pytest

from factories.accounts import NOW, Cast
from factories.datasets import make_dataset, make_version
from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles import comparing
from studium.datasets.profiles.comparing import TablesCompared, tables_compared
from studium.datasets.profiles.packing import packed
from studium.datasets.profiles.queries import profile_of
from studium.datasets.queries import difference, files_of
from studium.datasets.states import ProfileState
from studium.storage import actions as storage


def table(rows: int | None, called: str = "", **columns: str) -> dict[str, Any]:
    told = [{"name": each, "type": kind} for each, kind in columns.items()]
    return {"name": called, "rows": rows, "columns": told, "head": [[1]]}


def give(version: DatasetVersion, files: dict[str, list[dict[str, Any]]] | None, state: str = "ready") -> None:
    content = ""
    if files is not None:
        found = {path: {"kind": "table", "tables": tables} for path, tables in files.items()}
        content = storage.put(packed(found), now=NOW).digest
    Profile.objects.filter(version=version).update(state=state, content=content)


@pytest.fixture
def versions(cast: Cast) -> tuple[DatasetVersion, DatasetVersion]:
    made = make_dataset(cast.owner, cast.team)
    first = {"a.csv": [b"1"], "b.sqlite": [b"2"], "c.txt": [b"3"], "same.csv": [b"4"], "gone.csv": [b"5"]}
    second = {**first, "a.csv": [b"6"], "b.sqlite": [b"7"], "c.txt": [b"8"], "new.csv": [b"9"]}
    del second["gone.csv"]
    return make_version(cast.owner, made, first), make_version(cast.owner, made, second)


def compared(versions: tuple[DatasetVersion, DatasetVersion]) -> TablesCompared:
    left, right = versions
    found = difference(files_of(left), files_of(right))
    return tables_compared(profile_of(left), profile_of(right), found.changed)


def test_columns_and_rows(versions: tuple[DatasetVersion, DatasetVersion]) -> None:
    left, right = versions
    give(left, {
        "a.csv": [table(10, id="integer", age="integer", name="text")],
        "b.sqlite": [table(5, "kept", x="number"), table(7, "old", y="text")],
        "same.csv": [table(1, z="text")],
        "gone.csv": [table(1, z="text")],
    })  # fmt: skip
    give(right, {
        "a.csv": [table(12, id="integer", age="number", city="text")],
        "b.sqlite": [table(5, "kept", x="number"), table(None, "fresh", y="text")],
        "same.csv": [table(2, other="text")],
        "new.csv": [table(1, z="text")],
    })  # fmt: skip
    found = compared(versions)
    assert (found.left, found.right, found.waiting, found.more) == ("ready", "ready", False, 0)
    one, kept, old, fresh = found.changes
    assert (one.path, one.rows, one.added, one.removed) == ("a.csv", (10, 12), [("city", "text")], [("name", "text")])
    assert one.retyped == [("age", "integer", "number")]
    assert not one.same_columns
    assert (kept.path, kept.table, kept.rows, kept.same_columns) == ("b.sqlite", "kept", (5, 5), True)
    assert (old.table, old.whole, old.rows, old.same_columns) == ("old", "removed", (7, None), False)
    assert (fresh.table, fresh.whole, fresh.rows) == ("fresh", "added", (None, None))


@pytest.mark.parametrize("state", [ProfileState.WAITING, ProfileState.RUNNING])
def test_one_that_is_looked_into(versions: tuple[DatasetVersion, DatasetVersion], state: ProfileState) -> None:
    give(versions[0], {"a.csv": [table(1, a="text")]})
    give(versions[1], None, state)
    found = compared(versions)
    assert (found.waiting, found.right, found.changes) == (True, state, [])


def test_one_that_nobody_looked_into_and_one_that_failed(versions: tuple[DatasetVersion, DatasetVersion]) -> None:
    Profile.objects.filter(version=versions[0]).delete()
    give(versions[1], None, "failed")
    found = compared(versions)
    assert (found.left, found.right, found.waiting, found.changes) == ("none", "failed", False, [])


def test_so_many_files_at_most(
    versions: tuple[DatasetVersion, DatasetVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MOST_FILES", 1)
    for version in versions:
        give(version, {"a.csv": [table(1, a="text")], "b.sqlite": [table(1, a="text")]})
    found = compared(versions)
    assert ([each.path for each in found.changes], found.more) == (["a.csv"], 2)
