"""A dataset on a running platform: from a folder by the terminal to a run that reads it, changed, compared, taken down again."""

import hashlib
import json
import random
from pathlib import Path

from factories.notebooks import notebook_json
from factories.pictures import picture_png
from running.platform import Platform, wait_for

READS = """
import hashlib, os, pathlib
for top in ("/datasets/measured", "/kaggle/input/measured"):
    for path in sorted(pathlib.Path(top).rglob("*")):
        if path.is_file():
            print(top, path.relative_to(top), hashlib.sha256(path.read_bytes()).hexdigest())
try:
    open("/datasets/measured/new", "w")
except OSError as error:
    print("refused:", error.strerror)
"""


def folder_with_data(folder: Path) -> dict[str, bytes]:
    rng = random.Random(7)
    content = {
        "table.csv": b"a,b\n" + b"".join(b"%d,%d\n" % (i, rng.randrange(1000)) for i in range(200_000)),
        "raw/large.bin": rng.randbytes(5_000_000),
        "raw/empty": b"",
        "names/Größe und Maß.txt": "Maße".encode(),
    }
    for path, each in content.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(each)
    return content


def test_a_folder_becomes_a_dataset_that_a_run_reads(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "Measured"
    content = folder_with_data(source)
    made = platform.cli("datasets", "create", str(source), "--note", "first", "--json")
    assert made.returncode == 0, made.stderr + platform.log_text()[-3000:]
    assert (json.loads(made.stdout)["number"], json.loads(made.stdout)["files"]) == (1, 4)
    shown = json.loads(platform.cli("datasets", "show", "measured", "--json").stdout)
    assert (shown["title"], shown["visibility"], shown["version"]) == ("Measured", "private", 1)

    again = platform.cli("datasets", "version", "measured", str(source))
    assert again.returncode == 4
    assert "Nothing differs from version 1" in again.stderr
    table = content["table.csv"]
    content["table.csv"] = table[:4] + b"7,7\n" + table[4:]
    (source / "table.csv").write_bytes(content["table.csv"])
    second = platform.cli("datasets", "version", "measured", str(source), "--note", "a row more")
    assert second.returncode == 0, second.stderr
    differs = json.loads(platform.cli("datasets", "diff", "measured", "1", "2", "--json").stdout)
    assert [each["path"] for each in differs["changed"]] == ["table.csv"]
    assert (differs["added"], differs["removed"], differs["same"]) == ([], [], 3)

    with platform.client() as client:
        dataset = client.datasets.find("measured")
        wait_for(
            lambda: client.datasets.profile(dataset.id, 2, "table.csv").state not in ("waiting", "running"),
            seconds=120,
            says="a look into the files",
        )
        profile = client.datasets.profile(dataset.id, 2, "table.csv")
        assert (profile.state, profile.trouble) == ("ready", ""), platform.log_text()[-3000:]
        assert profile.found is not None
        (found,) = profile.found["tables"]
        assert (found["rows"], [each["name"] for each in found["columns"]]) == (200_001, ["a", "b"])
        assert found["columns"][1]["min"] == 0
        assert found["columns"][1]["max"] == 999
        rows = platform.cli("datasets", "rows", "measured", "table.csv", "--sort", "b", "--descending", "-n", "3")
        assert rows.returncode == 0, rows.stderr
        assert "3 of 1,000 found among the first 1,000 rows of 200,001." in rows.stderr
        found = json.loads(platform.cli("datasets", "rows", "measured", "table.csv", "-q", "7", "--json").stdout)
        assert all(any("7" in str(cell) for cell in row) for row in found["rows"])
        asked = client.datasets.compare(dataset.id, 1, 2)
        assert (asked.left_state, asked.right_state) == ("ready", "ready")
        assert [(each.rows_before, each.rows_after) for each in asked.tables] == [(200_000, 200_001)]
        assert "200,001" in platform.cli("datasets", "diff", "measured", "1", "2").stdout
        told = platform.cli("datasets", "describe", "measured", "table.csv", "b=What was measured", "a=")
        assert "1 columns of table.csv are described." in told.stdout, told.stderr
        (tmp_path / "cover.png").write_bytes(picture_png())
        assert platform.cli("datasets", "cover", "measured", str(tmp_path / "cover.png")).returncode == 0
        assert client.datasets.cover(dataset.id) == picture_png()
        assert platform.cli("datasets", "cover", "measured", "--remove").returncode == 0
        assert client.datasets.get(dataset.id).cover == ""
        assert client.datasets.get(dataset.id).columns == {"table.csv": {"b": "What was measured"}}
        assert platform.cli("datasets", "describe", "measured", "table.csv", "b").returncode != 0
        assert platform.cli("datasets", "cover", "measured").returncode != 0
        assert "200,001 rows, 2 columns" in platform.cli("datasets", "preview", "measured", "table.csv").stdout
        assert client.datasets.profile(dataset.id, 2, "raw/empty").found is not None

        notebook = client.notebooks.create("Reads", content=notebook_json(READS))
        attached = platform.cli("datasets", "attach", "measured", notebook.id)
        assert attached.returncode == 0, attached.stderr
        assert "/datasets/measured is the newest version" in attached.stdout
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="its end")
        log = client.runs.log(run.id).text
        assert client.runs.get(run.id).reason == "finished", log
    for path, each in content.items():
        assert f"/datasets/measured {path} {hashlib.sha256(each).hexdigest()}" in log
        assert f"/kaggle/input/measured {path} {hashlib.sha256(each).hexdigest()}" in log
    assert "refused: Read-only file system" in log

    taken = platform.cli("datasets", "download", "measured", str(tmp_path / "taken"))
    assert taken.returncode == 0, taken.stderr
    found = {p.relative_to(tmp_path / "taken").as_posix(): p for p in (tmp_path / "taken").rglob("*") if p.is_file()}
    assert {path: place.read_bytes() for path, place in found.items()} == content
    assert platform.cli("datasets", "preview", "measured", "table.csv", "--raw", "-n", "2").stdout == "a,b\n7,7\n"
    assert platform.cli("datasets", "delete", "measured", "--version", "1", "--yes").returncode == 0
    assert platform.cli("datasets", "delete", "measured", "--yes").returncode == 0
    assert platform.cli("datasets", "show", "measured").returncode == 2
