"""Croissant of versions, as the reference validator takes it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from factories.accounts import NOW, Cast
from factories.datasets import make_dataset, make_version
from running.locked import environment
from studium.api.croissant import described
from studium.datasets import actions
from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles.packing import packed
from studium.datasets.states import ProfileState
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db
NAMES = ["x", 'y z/"q"', "<b>", "x", "größe"]
TABLE = {
    "columns": [
        {"name": name, "type": kind} for name, kind in zip(NAMES, ["integer", "text", "timestamp"] * 2, strict=False)
    ]
}
FOUND = {
    "a.csv": {"format": "csv", "tables": [TABLE]},
    "book.xlsx": {"format": "xlsx", "tables": [TABLE, TABLE]},
    "deep/b.parquet": {"format": "parquet", "tables": [{"columns": [{"name": "n", "type": "number"}]}]},
}


@pytest.fixture
def version(cast: Cast) -> DatasetVersion:
    made = make_dataset(
        cast.owner, cast.team, 'Weather "of" <all>', card="Some *card*\n\nmore", licence="CC-BY-4.0", tags=["a"]
    )
    actions.change_card(cast.owner, made, now=NOW, columns={"a.csv": {"x": "The x"}})
    files: Any = {"a.csv": [b"x\n1\n"], "deep/b.parquet": [b"PAR1"], "book.xlsx": [b"PK"], "Größe & #1?.bin": []}
    return make_version(cast.owner, made, files)


def validated(said: dict[str, Any], folder: Path) -> str:
    """What the validator says."""
    path = folder / "croissant.json"
    path.write_text(json.dumps(said))
    program = environment("croissant") / "bin" / "mlcroissant"
    done = subprocess.run([program, "validate", "--jsonld", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_validator_takes_it_with_columns_and_without(version: DatasetVersion, tmp_path: Path) -> None:
    content = storage.put(packed(FOUND), now=NOW).digest
    Profile.objects.filter(version=version).update(state=ProfileState.READY, content=content)
    said = described(version)
    assert "Done." in validated(said, tmp_path)
    (table, other) = said["recordSet"]
    assert [field["name"] for field in table["field"]] == ["x", 'y z/"q"', "<b>", "größe"]
    assert table["field"][0]["description"] == "The x"
    assert other["field"][0]["dataType"] == "sc:Float"
    assert {file["name"] for file in said["distribution"]} == {
        "a.csv",
        "deep/b.parquet",
        "book.xlsx",
        "Größe & #1?.bin",
    }
    assert "Done." in validated(described(version, columns=False), tmp_path)


def test_the_validator_would_have_said_no(version: DatasetVersion, tmp_path: Path) -> None:
    said = described(version)
    del said["distribution"][0]["contentUrl"]
    with pytest.raises(AssertionError, match="content"):
        validated(said, tmp_path)


def test_the_least_there_can_be(cast: Cast, tmp_path: Path) -> None:
    made = make_version(cast.owner, make_dataset(cast.owner, cast.team, "Bare"), {"only": []})
    assert "Done." in validated(described(made), tmp_path)
