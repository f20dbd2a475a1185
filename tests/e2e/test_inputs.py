"""Inputs on a whole running platform: one notebook's files in another one's sandbox, to be read and not to be changed."""

import json
from pathlib import Path

from factories.notebooks import notebook_json
from running.platform import Platform

WRITES = "import pathlib; pathlib.Path('deep').mkdir(); pathlib.Path('deep/größe 1.csv').write_text('x,y\\n1,2\\n')"
READS = """\
import os, pathlib
top = pathlib.Path("/datasets/producer")
print(sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file()))
print((top / "deep/größe 1.csv").read_text() == pathlib.Path("/kaggle/input/producer/deep/größe 1.csv").read_text())
for attempt in (
    lambda: (top / "new").write_text("x"),
    lambda: (top / "deep/größe 1.csv").write_text("x"),
    lambda: (top / "deep/größe 1.csv").unlink(),
    lambda: os.chmod(top / "deep/größe 1.csv", 0o777),
    lambda: os.rename(top / "deep", top / "other"),
):
    try:
        attempt()
        print("changed it")
    except OSError as error:
        print("refused", error.errno in (1, 13, 30))"""


def test_one_notebook_reads_what_another_one_made(platform: Platform, tmp_path: Path) -> None:
    for title, source in (("Producer", WRITES), ("Consumer", READS)):
        path = tmp_path / f"{title}.ipynb"
        path.write_bytes(notebook_json(source))
        assert platform.cli("notebooks", "create", str(path), "--title", title).returncode == 0
    early = platform.cli("notebooks", "inputs", "add", "consumer", "producer")
    assert early.returncode != 0
    assert "Save and run it first" in early.stderr
    assert platform.cli("notebooks", "run", "producer", "--machine", "cpu-small").returncode == 0
    added = platform.cli("notebooks", "inputs", "add", "consumer", "producer")
    assert added.returncode == 0, added.stderr
    assert "/datasets/producer" in added.stdout
    done = platform.cli("notebooks", "run", "consumer", "--machine", "cpu-small")
    assert done.returncode == 0, done.stdout + done.stderr
    assert platform.cli("notebooks", "pull", "consumer", "--version", "1", cwd=tmp_path).returncode == 0
    cell = json.loads((tmp_path / "consumer-v1.ipynb").read_text())["cells"][0]
    printed = "".join("".join(each.get("text", "")) for each in cell["outputs"]).splitlines()
    assert printed == ["['deep/größe 1.csv']", "True", *["refused True"] * 5]
    listed = json.loads(platform.cli("notebooks", "inputs", "list", "consumer", "--version", "1", "--json").stdout)
    assert [(row["name"], row["version"]) for row in listed] == [("producer", 1)]
