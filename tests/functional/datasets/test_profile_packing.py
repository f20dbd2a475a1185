"""What was found in files, as it is kept: of a large profile a page reads only its own file's part."""

import json
from typing import Any

import pytest

from factories.accounts import NOW
from studium.datasets.profiles import packing
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db
COLUMNS = [{"name": "a", "type": "integer"}, {"name": "b", "type": "text"}]


def table(rows: int, **more: Any) -> dict[str, Any]:
    return {"name": "", "rows": rows, "columns": COLUMNS, "head": [[n, f"word {n}"] for n in range(rows)], **more}


def kept(files: dict[str, Any]) -> str:
    return storage.put(packing.packed(files), now=NOW).digest


def test_each_part_is_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"t/{n}.csv": {"kind": "table", "trouble": "", "tables": [table(n), table(1000)]} for n in range(50)}
    files["größe \N{SNOWMAN}.txt"] = {"kind": "text", "trouble": "It breaks off.", "lines": 3}
    content = kept(files)
    read = list[int]()
    get = storage.get_part
    monkeypatch.setattr(packing.storage, "get_part", lambda *asked: read.append(asked[2]) or get(*asked))
    found = packing.told(content, "t/7.csv")
    assert found is not None
    assert [each["rows"] for each in found["tables"]] == [7, 1000]
    assert "head" not in found["tables"][0]
    assert packing.first_rows(content, "t/7.csv", 0) == [[n, f"word {n}"] for n in range(7)]
    assert packing.first_rows(content, "t/7.csv", 1)[-1] == [999, "word 999"]
    assert sum(read) < len(packing.packed(files)) / 20
    text = packing.told(content, "größe \N{SNOWMAN}.txt")
    assert text == {"kind": "text", "trouble": "It breaks off.", "lines": 3, "tables": []}
    assert packing.told(content, "other") is None
    assert packing.first_rows(content, "other", 0) == []
    assert packing.first_rows(content, "t/7.csv", 2) == []
    index = packing.index_of(content)
    assert index.broken == ("größe \N{SNOWMAN}.txt",)
    assert index.columns[:2] == (("t/0.csv", "a"), ("t/0.csv", "b"))
    assert packing.told_of_all(content).keys() == files.keys()
    assert packing.told_of_all(content)["t/7.csv"] == found


@pytest.mark.parametrize(
    "found",
    [
        None,
        3,
        [],
        {"tables": 5},
        {"tables": [{"columns": 5, "head": 5}]},
        {"tables": [3, None, []]},
        {"tables": [{"columns": [3, {}, {"no": 1}], "head": [3, None, {"a": 1}]}]},
    ],
)
def test_what_has_another_shape_is_left_out(found: Any) -> None:
    content = kept({"a": found, "b": {"kind": "other"}})
    assert packing.told(content, "b") == {"kind": "other", "tables": []}
    tables = (packing.told(content, "a") or {"tables": []})["tables"]
    assert all(each["columns"] == [] for each in tables)
    assert packing.first_rows(content, "a", 0) == []
    assert packing.index_of(content).columns == ()


def test_nothing_found_and_something_else() -> None:
    assert packing.told_of_all(kept({})) == {}
    other = storage.put(json.dumps({"files": {}}).encode(), now=NOW).digest
    with pytest.raises(ValueError, match="no profile"):
        packing.index_of(other)
