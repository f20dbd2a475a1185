"""`studium datasets` between a folder and versions: what else lies there, and what a new version lacks."""

import json
from pathlib import Path

import pytest
from live import Cli, World

from factories.team_datasets import make_dataset_version, make_team_dataset
from studium.cli import output
from studium.datasets.models import Dataset, DatasetVersion, Profile
from studium.datasets.profiles.packing import packed
from studium.datasets.queries import files_of
from studium.lib import clock
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dataset(world: World) -> Dataset:
    """Whose second version has lost two files of the first."""
    made = make_team_dataset(world.cast.owner, world.cast.team, "Weather")
    make_dataset_version(made, {"a.csv": b"1", "b.csv": b"2", "old/c.csv": b"3"})
    make_dataset_version(made, {"a.csv": b"11"})
    return made


def words(text: str) -> str:
    return " ".join(text.split())


def have(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def newest(dataset: Dataset) -> list[str]:
    made = DatasetVersion.objects.filter(dataset=dataset).order_by("-number")[0]
    return sorted(each.path for each in files_of(made))


def test_a_download_says_what_else_is_in_the_folder(cli: Cli, dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = cli("datasets", "download", "weather", str(out), "--version", "1")
    assert "other file" not in words(first.output)
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("x")
    second = cli("datasets", "download", "weather", str(out))
    assert f"2 other files are in {out}" in words(second.output).replace("out .", "out.")
    assert have(out) == [".git", ".git/HEAD", "a.csv", "b.csv", "old", "old/c.csv"]
    told = json.loads(cli("datasets", "download", "weather", str(out), "--json").stdout)
    assert (told["others"], told["deleted"]) == (2, [])
    one = cli("datasets", "download", "weather", str(out), "--file", "a.csv")
    assert "other file" not in words(one.output)


def test_delete_removes_what_the_version_lacks_once_it_is_said(
    cli: Cli, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    (away / "kept").write_text("x")
    cli("datasets", "download", "weather", str(out), "--version", "1")
    (out / "link").symlink_to(away)
    for more in (("--file", "a.csv"), ("--below", "old", "--version", "1"), ("--json",)):
        assert cli("datasets", "download", "weather", str(out), "--delete", *more).exit_code == 2, more
    asked = cli("datasets", "download", "weather", str(out), "--delete")
    assert asked.exit_code == 2
    assert "nothing was deleted" in words(asked.output)
    monkeypatch.setattr(output, "ask", lambda question: "Delete 2 files" in words(question))
    done = cli("datasets", "download", "weather", str(out), "--delete")
    assert "Deleted 2 other files." in words(done.output)
    assert "b.csv, old/c.csv" in words(done.output)
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "link"]
    assert (out / "a.csv").read_bytes() == b"11"
    assert (away / "kept").exists()
    (out / "late").write_text("x")
    told = json.loads(cli("datasets", "download", "weather", str(out), "--delete", "--yes", "--json").stdout)
    assert (told["others"], told["deleted"]) == (0, ["late"])


def test_another_name_of_the_same_file_is_not_deleted(cli: Cli, dataset: Dataset, tmp_path: Path) -> None:
    """As where names that differ in case alone are one file."""
    out = tmp_path / "out"
    cli("datasets", "download", "weather", str(out))
    (out / "A.csv").hardlink_to(out / "a.csv")
    assert "other file" not in words(cli("datasets", "download", "weather", str(out), "--delete", "--yes").output)
    assert have(out) == ["A.csv", "a.csv"]


def test_a_version_of_a_folder_says_what_it_drops(cli: Cli, dataset: Dataset, tmp_path: Path) -> None:
    make_dataset_version(dataset, {"a.csv": b"11", "b.csv": b"2", "c.csv": b"3"})
    (tmp_path / "b.csv").write_bytes(b"22")
    (tmp_path / "d.csv").write_bytes(b"4")
    added = cli("datasets", "version", "weather", str(tmp_path), "--add")
    assert added.exit_code == 0, added.output
    assert "not in the new one" not in words(added.output)
    assert newest(dataset) == ["a.csv", "b.csv", "c.csv", "d.csv"]
    dropped = words(cli("datasets", "version", "weather", str(tmp_path)).output)
    assert "2 files of version 4 are not in" in dropped
    assert "and not in the new one" in dropped
    assert newest(dataset) == ["b.csv", "d.csv"]


def test_a_preview_tells_estimates_and_values_as_the_page_does(cli: Cli, dataset: Dataset) -> None:
    def column(name: str, kind: str, low: object, high: object, *, exact: bool = True) -> dict[str, object]:
        told = {"name": name, "type": kind, "missing": 12345, "distinct": 54321, "distinct_exact": exact}
        quantiles = None if kind == "boolean" else [0.1, 0.2, 0.3, 0.4, 0.5]
        return {**told, "min": low, "max": high, "mean": quantiles and 0.25, "quantiles": quantiles}

    columns = [
        column("id", "integer", 1, 1234567, exact=False),
        column("share", "number", 0.123456789, 0.5),
        column("dry", "boolean", False, True),
    ]
    table = {"name": "", "rows": 99999, "rows_exact": False, "columns_count": 3, "columns": columns, "head": []}
    content = storage.put(packed({"a.csv": {"kind": "table", "tables": [table]}}), now=clock.now()).digest
    Profile.objects.filter(version__dataset=dataset, version__number=2).update(state="ready", content=content)
    told = words(cli("datasets", "preview", "weather", "a.csv").output)
    assert "a.csv: ~99,999 rows, 3 columns" in told
    assert "id integer 12,345 ~54,321 1 1,234,567 0.25 0.3" in told
    assert "share number 12,345 54,321 0.1235 0.5 0.25 0.3" in told
    assert "dry boolean 12,345 54,321 false true" in told.rstrip()


def test_a_preview_lists_an_archive_and_says_why_a_file_cannot_be_read(cli: Cli, dataset: Dataset) -> None:
    archive = {"kind": "archive", "members": [{"path": "deep/b.csv", "size": 1234}], "members_count": 3}
    broken = {"kind": "table", "trouble": "It breaks off.", "tables": []}
    ragged = {"kind": "archive", "trouble": "Its end is not there.", "members": [{"path": "c.csv", "size": 5}]}
    for number, found in ((1, {"a.csv": archive, "b.csv": broken}), (2, {"a.csv": ragged})):
        content = storage.put(packed(found), now=clock.now()).digest
        Profile.objects.filter(version__dataset=dataset, version__number=number).update(state="ready", content=content)
    told = cli("datasets", "preview", "weather", "a.csv", "--version", "1")
    assert "deep/b.csv 1.2 KiB" in words(told.output)
    assert "2 more are not listed." in words(told.output)
    as_json = json.loads(cli("datasets", "preview", "weather", "a.csv", "--version", "1", "--json").stdout)
    assert as_json["found"]["members"] == archive["members"]
    refused = cli("datasets", "preview", "weather", "b.csv", "--version", "1")
    assert refused.exit_code == 2
    assert words(refused.output).startswith("b.csv cannot be read: It breaks off.")
    assert cli("datasets", "preview", "weather", "b.csv", "--version", "1", "--raw").output == "2\n"
    half = words(cli("datasets", "preview", "weather", "a.csv").output)
    assert "c.csv 5 B" in half
    assert "Its end is not there." in half


def test_a_deletion_says_when_the_room_is_free(cli: Cli, dataset: Dataset) -> None:
    for more in (("--version", "1"), ()):
        told = words(cli("datasets", "delete", "weather", *more, "--yes").output)
        assert told.endswith("What nothing else has of it is free within a few hours."), more


def test_next_steps_lead_on(cli: Cli, world: World, dataset: Dataset) -> None:
    def told(*arguments: str) -> str:
        return words(cli(*arguments).output)

    assert "Weather" in told("datasets", "list", "--search", "weather")
    for more in (("--search", "wether"), ("--tag", "no"), ("--type", "png"), ("--sort", "new", "--votes", "3")):
        missed = told("datasets", "list", *more)
        assert "No dataset matches. Only yours and those of your teams were searched; `--which public`" in missed, more
    assert told("datasets", "list", "--which", "public") == "No dataset is public."
    assert told("datasets", "list", "--which", "public", "-q", "x") == "No public dataset matches."
    assert told("datasets", "list", "--which", "shared").startswith("No dataset is shared with you.")
    dataset.delete()
    assert "Make one from a folder" in told("datasets", "list", "--sort", "new")


def test_datasets_have_no_links_to_share(cli: Cli, dataset: Dataset) -> None:
    refused = words(cli("datasets", "share", "weather", "nobody").output)
    assert refused == "Nobody called 'nobody' was found here. Check the name; they must have an account here."


def test_a_volume_of_an_odd_size_is_told_its_bounds(cli: Cli, dataset: Dataset) -> None:
    small = words(cli("volumes", "create", "--size", "1MiB").output)
    assert small == "A volume has 64 MiB to 16 TiB, not 1 MiB. Choose 64 MiB or more."
    assert "Choose 16 TiB or less." in words(cli("volumes", "create", "--size", "17TiB").output)
