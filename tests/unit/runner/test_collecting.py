"""What is taken out of a hostile workspace: plain files below it, nothing else."""

import io
import os
from pathlib import Path

import pytest

from studium.runner import collecting


def taken(root: Path, **limits: int) -> tuple[dict[str, bytes], dict[str, int]]:
    out = io.BytesIO()
    collecting.collect(str(root), out, skip="n.ipynb", **({"most_files": 100, "most_bytes": 10**6} | limits))
    out.seek(0)
    files: dict[str, bytes] = {}
    for line in collecting.read(out):
        if "path" not in line:
            return files, line
        files[line["path"]] = out.read(line["size"])
    raise AssertionError("there was no last line")


def test_links_pipes_and_names_that_cannot_be_kept(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    os.mkfifo(root / "pipe")
    (root / "new\nline").write_text("x")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff")).write_text("yy")
    (root / "n.ipynb").write_text("{}")
    (root / "plain").write_text("plain")
    assert taken(root) == ({"plain": b"plain"}, {"left_out": 2, "left_bytes": 3})


def test_limits_leave_out_whole_files_only(tmp_path: Path) -> None:
    for name, size in (("a", 10), ("b", 1000), ("c", 10)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert taken(tmp_path, most_bytes=25) == ({"a": b"x" * 10, "c": b"x" * 10}, {"left_out": 1, "left_bytes": 1000})
    assert list(taken(tmp_path, most_files=2)[0]) == ["a", "b"]


def test_a_file_that_shrinks_meanwhile_is_an_error_and_no_half_result() -> None:
    with pytest.raises(OSError, match="cut short"):
        collecting._copy(io.BytesIO(b"short"), io.BytesIO(), 10)
