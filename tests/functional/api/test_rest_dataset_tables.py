"""Tables and cards of datasets over REST: first rows, what differs between versions, covers, words for columns."""

from typing import Any

import pytest
from rest_world import World

from factories.pictures import picture_png
from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.datasets.models import Dataset, Profile
from studium.datasets.profiles.packing import packed
from studium.lib import clock
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db
BYTES = {"content_type": "application/octet-stream"}
HEAD = [[n, f"word {n % 3}", None if n % 2 else n / 4] for n in range(300)]


@pytest.fixture
def dataset(world: World) -> Dataset:
    made = make_team_dataset(world.cast.owner, world.cast.team)
    make_dataset_version(made, {"a.csv": b"a\n1\n", "b.txt": b"b"})
    make_dataset_version(made, {"a.csv": b"a\n2\n", "b.txt": b"b"})
    return made


def give(dataset: Dataset, number: int, rows: int, **columns: str) -> None:
    told = [{"name": name, "type": kind} for name, kind in columns.items()]
    table = {"name": "", "rows": rows, "rows_exact": True, "columns": told, "head": HEAD}
    content = storage.put(packed({"a.csv": {"kind": "table", "tables": [table]}}), now=clock.now()).digest
    Profile.objects.filter(version__dataset=dataset, version__number=number).update(state="ready", content=content)


def test_first_rows(world: World, dataset: Dataset) -> None:
    give(dataset, 2, 5000, id="integer", word="text", part="number")
    top = f"/datasets/{dataset.pk}/versions/2"

    def rows(query: str, **more: Any) -> Any:
        return world.json(world.cast.reader, "GET", f"{top}/rows?path=a.csv{query}", **more)

    found = rows("&q=WORD+1&sort=part&descending=true&start=1&limit=2")
    assert found["rows"] == [[292, "word 1", 73.0], [286, "word 1", 71.5]]
    assert found["matching"] == sum(any("1" in str(cell) for cell in row) for row in HEAD)
    assert (found["read"], found["count"], found["exact"], found["start"]) == (300, 5000, True, 1)
    assert found["columns"][2] == {"name": "part", "type": "number"}
    assert len(rows("")["rows"]) == 100
    assert rows("&sort=no", status=400)["code"] == "dataset.no_column"
    assert rows("&table=1", status=404)["code"] == "dataset.no_table"
    assert world.json(world.cast.reader, "GET", f"{top}/rows?path=b.txt", status=404)["code"] == "dataset.no_table"
    profile = world.json(world.cast.reader, "GET", f"{top}/profile?path=a.csv")
    assert profile["found"]["tables"][0]["head"] == HEAD[:100], "of all first rows a profile has some"


def test_what_differs_in_tables(world: World, dataset: Dataset) -> None:
    path = f"/datasets/{dataset.pk}/compare?left=1&right=2"
    before = world.json(world.cast.reader, "GET", path)
    assert (before["tables"], before["left_state"], before["right_state"]) == ([], "waiting", "waiting")
    give(dataset, 1, 10, id="integer", word="text", gone="date")
    give(dataset, 2, 12, id="number", word="text", new="boolean")
    (table,) = world.json(world.cast.reader, "GET", path)["tables"]
    assert table == {
        "path": "a.csv",
        "table": "",
        "whole": "",
        "rows_before": 10,
        "rows_after": 12,
        "added": [{"name": "new", "type": "boolean"}],
        "removed": [{"name": "gone", "type": "date"}],
        "retyped": [{"name": "id", "before": "integer", "after": "number"}],
    }


def test_a_cover(world: World, dataset: Dataset) -> None:
    owner, top = world.cast.owner, f"/datasets/{dataset.pk}"
    assert world.json(owner, "GET", f"{top}/cover", status=404)["code"] == "cover.none"
    assert world.json(owner, "GET", top)["cover"] == ""
    said = world.json(owner, "PUT", f"{top}/cover", data=picture_png(beside=((b"tEXt", b"a\0b"),)), **BYTES)
    assert said["cover"].endswith(f"/rest/datasets/{dataset.pk}/cover")
    answer = world.call(world.cast.reader, "GET", f"{top}/cover")
    assert b"".join(answer.streaming_content) == picture_png()  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment")
    assert world.json(owner, "PUT", f"{top}/cover", data=b"<svg/>", status=400, **BYTES)["code"] == "cover.none"
    large = world.json(owner, "PUT", f"{top}/cover", data=bytes(5 * 1024**2), status=400, **BYTES)
    assert large["code"] == "input.body_too_large"
    assert world.call(owner, "DELETE", f"{top}/cover").status_code == 204
    assert world.json(owner, "GET", top)["cover"] == ""


def test_words_for_columns_of_one_file(world: World, dataset: Dataset) -> None:
    owner, top = world.cast.owner, f"/datasets/{dataset.pk}"
    world.json(owner, "PATCH", f"{top}/columns", {"path": "a.csv", "columns": {"id": "Its number", "word": "A word"}})
    world.json(owner, "PATCH", f"{top}/columns", {"path": "c.csv", "columns": {"x": "X"}})
    said = world.json(owner, "PATCH", f"{top}/columns", {"path": "a.csv", "columns": {"id": "", "part": "In parts"}})
    assert said["columns"] == {"a.csv": {"word": "A word", "part": "In parts"}, "c.csv": {"x": "X"}}
    many = {f"c{n}": "x" for n in range(2000)}
    refused = world.json(owner, "PATCH", f"{top}/columns", {"path": "d.csv", "columns": many}, status=400)
    assert refused["code"] == "dataset.columns"


def test_words_for_columns_that_are_not_there_are_refused_once_they_are_known(world: World, dataset: Dataset) -> None:
    owner, path = world.cast.owner, f"/datasets/{dataset.pk}/columns"

    def say(status: int = 200, **columns: str) -> Any:
        return world.json(owner, "PATCH", path, {"path": "a.csv", "columns": columns}, status=status)

    say(early="Said before anybody looked")
    give(dataset, 2, 10, id="integer", word="text")
    refused = say(400, id="Its number", nocol="x")
    assert refused["code"] == "dataset.column_unknown"
    assert refused["message"] == "a.csv has no column 'nocol'."
    assert refused["next_step"] == "It has: id, word."
    assert say(id="Its number", early="Still")["columns"] == {"a.csv": {"id": "Its number", "early": "Still"}}
    assert say(early="")["columns"] == {"a.csv": {"id": "Its number"}}
    assert say(400, early="Again")["code"] == "dataset.column_unknown"
    table = {"name": "", "rows": 1, "columns_count": 9, "columns": [{"name": "id", "type": "text"}], "head": []}
    content = storage.put(packed({"a.csv": {"kind": "table", "tables": [table]}}), now=clock.now()).digest
    Profile.objects.filter(version__dataset=dataset, version__number=2).update(content=content)
    say(ninth="One of those that are not listed")
