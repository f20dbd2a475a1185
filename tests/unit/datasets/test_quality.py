"""The score of what a dataset says of itself."""

from typing import Any

import pytest

from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.profiles.packing import Index
from studium.datasets.quality import quality

FULL: dict[str, Any] = {
    "subtitle": "Who left", "card": "w" * 200, "licence": "MIT", "sources": "The shop", "frequency": "monthly",
    "columns": {"a.csv": {"x": "The x"}},
}  # fmt: skip
FOUND = Index(columns=(("a.csv", "x"), ("a.csv", "y")))


def of(*, tags: list[str] | None = None, paths: list[str] | None = None, found: Index = FOUND, **changed: Any) -> Any:
    made = Dataset(title="Churn", **{**FULL, **changed})
    has = ["a", "b"] if tags is None else tags
    return quality(made, DatasetVersion(), has, ["a.csv", "b.xlsx"] if paths is None else paths, found)


def test_all_that_can_be_said() -> None:
    assert (of().score, of().advice) == (10, [])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"subtitle": ""}, "in a line"),
        ({"card": "short"}, "card"),
        ({"licence": ""}, "licence"),
        ({"sources": ""}, "where it comes from"),
        ({"frequency": ""}, "how often"),
        ({"tags": ["a"]}, "two tags"),
        ({"paths": ["a.xlsx", "b.sav", "c.csv"]}, "open formats"),
        ({"found": Index(broken=("a.csv",), columns=FOUND.columns)}, "cannot be read: a.csv"),
        ({"columns": {}}, "columns"),
    ],
)
def test_what_is_missing_costs_a_point_and_is_named(changed: dict[str, Any], words: str) -> None:
    found = of(**changed)
    assert found.score == 9
    assert words in found.advice[0]
    assert not found.marks[0].good


def test_without_anything_it_says_where_to_begin() -> None:
    found = quality(Dataset(title="New"), None, [], [], Index())
    assert found.score == 1
    assert "Bring files." in found.advice


def test_all_files_that_cannot_be_read_are_named_until_they_are_many() -> None:
    names = tuple(f"{n:02}.png" for n in range(12))
    assert of(found=Index(broken=names[:5], columns=FOUND.columns)).advice == [
        "Some files cannot be read: 00.png, 01.png, 02.png, 03.png, 04.png."
    ]
    assert of(found=Index(broken=names, columns=FOUND.columns)).advice[0].endswith("09.png and 2 more.")
