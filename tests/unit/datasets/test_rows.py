"""First rows of a table: searched, sorted, in parts."""

from typing import Any

import pytest

from studium.datasets.profiles.rows import chosen
from studium.errors import BadInput

TABLE = {
    "rows": 4000,
    "rows_exact": True,
    "columns": [{"name": "name", "type": "text"}, {"name": "age", "type": "number"}, {"name": "old"}],
}
HEAD = [["Ada", 36, True], ["bob", 4.5, False], ["Cy", None, None], ["ada Zoe", 1200, False], ["Dan", 36, True]]


def names(**wanted: Any) -> list[str]:
    return [row[0] for row in chosen(TABLE, HEAD, **wanted).rows]


def test_as_they_are() -> None:
    found = chosen(TABLE, HEAD)
    assert found.rows == HEAD
    assert (found.matching, found.read, found.count, found.exact) == (5, 5, 4000, True)
    assert found.columns == [("name", "text"), ("age", "number"), ("old", "")]


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("ADA", ["Ada", "ada Zoe"]),
        ("ada zoe", ["ada Zoe"]),
        ("ada 36", ["Ada"]),
        ("1200", ["ada Zoe"]),
        ("true", ["Ada", "Dan"]),
        ("none", []),
        ("nowhere", []),
    ],
)
def test_each_word_stands_somewhere_in_the_row(search: str, wanted: list[str]) -> None:
    assert names(search=search) == wanted
    assert chosen(TABLE, HEAD, search=search).matching == len(wanted)


def test_sorted_with_missing_values_last_either_way() -> None:
    assert names(sort="age") == ["bob", "Ada", "Dan", "ada Zoe", "Cy"]
    assert names(sort="age", descending=True) == ["ada Zoe", "Ada", "Dan", "bob", "Cy"]
    assert names(sort="name") == ["Ada", "ada Zoe", "bob", "Cy", "Dan"]
    assert names(sort="name", descending=True) == ["Dan", "Cy", "bob", "ada Zoe", "Ada"]
    with pytest.raises(BadInput, match="no column 'size'"):
        names(sort="size")


def test_values_of_many_kinds_can_be_sorted() -> None:
    mixed = [["b"], [2], [None], [{"x": 1}], [True], ["A"], [[1]], [10**30], []]
    found = chosen({"columns": [{"name": "a"}]}, mixed, sort="a")
    assert found.rows[:3] == [[True], [2], [10**30]]
    assert found.rows[-2:] == [[None], []]
    assert found.count is None
    assert not found.exact


def test_in_parts() -> None:
    assert names(start=1, limit=2) == ["bob", "Cy"]
    assert names(start=4, limit=2) == ["Dan"]
    assert names(start=9) == []
    assert names(search="36", start=1) == ["Dan"]
