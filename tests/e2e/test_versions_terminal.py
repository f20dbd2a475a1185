"""Versions from a terminal on a whole running platform: run in a sandbox of their own, output files brought back whole."""

import hashlib
import json
from pathlib import Path

from factories.notebooks import notebook_json
from running.platform import Platform

WRITES = """\
import hashlib, os, pathlib
pathlib.Path("tables").mkdir()
content = bytes(range(256)) * 100_000
pathlib.Path("tables/größe 1.bin").write_bytes(content)
print("wrote", hashlib.sha256(content).hexdigest())"""


def test_a_version_with_files_there_and_back(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "one.ipynb"
    source.write_bytes(notebook_json("print('first')"))
    assert platform.cli("notebooks", "create", str(source), "--title", "Versions there and back").returncode == 0
    name = "versions-there-and-back"
    assert platform.cli("notebooks", "save", name, "--note", "before").returncode == 0
    source.write_bytes(notebook_json("print('first')", WRITES))
    said = platform.cli("notebooks", "push", str(source), name).stdout
    assert "saved as version 2" in " ".join(said.split()), "however long the path is"
    done = platform.cli("notebooks", "run", name, "--machine", "cpu-small")
    assert done.returncode == 0, done.stderr
    assert "with its 1 file (24 MiB)" in " ".join(done.stderr.split()), done.stderr
    pulled = platform.cli("notebooks", "pull", name, "--version", "3", "--files", "out", cwd=tmp_path)
    assert pulled.returncode == 0, pulled.stderr
    kept = tmp_path / "out" / "tables" / "größe 1.bin"
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert digest in (tmp_path / f"{name}-v3.ipynb").read_text(), "as the cell printed it"
    listed = json.loads(platform.cli("notebooks", "files", name, "--json").stdout)
    assert listed["files"] == [{"path": "tables/größe 1.bin", "size": 25_600_000, "digest": digest}]
    shown = platform.cli("notebooks", "diff", name, "1", "3")
    assert "+import hashlib, os, pathlib" in shown.stdout
    assert "1 added" in shown.stdout
    again = json.loads(platform.cli("notebooks", "run", name, "--version", "3", "--json").stdout)
    assert (again["again_of"], again["state"], again["files_count"]) == (3, "complete", 1)
    copy = json.loads(platform.cli("notebooks", "fork", name, "--version", "3", "--json").stdout)
    assert copy["copied_from"]["version"] == 3


def test_a_failing_cell_ends_with_1_and_keeps_what_was_written(platform: Platform, tmp_path: Path) -> None:
    source = tmp_path / "bad.ipynb"
    source.write_bytes(notebook_json("open('a.txt', 'w').write('kept')", "1 / 0"))
    assert platform.cli("notebooks", "create", str(source), "--title", "Versions that fail").returncode == 0
    done = platform.cli("notebooks", "run", "versions-that-fail")
    assert done.returncode == 1
    assert "Cell 2 failed: ZeroDivisionError" in done.stderr
    assert platform.cli("notebooks", "pull", "versions-that-fail", "--files", ".", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.txt").read_text() == "kept"
