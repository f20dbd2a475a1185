"""What is taken out of a hostile workspace: plain files, folders and links that stay inside."""

import os
import socket
from pathlib import Path

import pytest

from studium.runner.exporting import export


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "made" / "bin").mkdir(parents=True)
    (tmp_path / "target").mkdir()
    return tmp_path / "root"


def taken(root: Path, *, most_files: int = 50, most_bytes: int = 10_000) -> Path:
    target = root.parent / "target"
    export(str(root), "made", str(target), most_files=most_files, most_bytes=most_bytes)
    return target


def test_modes_times_and_links_are_kept_and_nothing_else(root: Path) -> None:
    made = root / "made"
    (made / "bin" / "tool").write_text("x")
    (made / "bin" / "tool").chmod(0o4777)
    (made / "plain").write_text("y")
    (made / "plain").chmod(0o666)
    os.utime(made / "plain", ns=(1, 2_000_000_000))
    (made / "bin" / "python").symlink_to("/usr/bin/python3")
    (made / "lib64").symlink_to("lib")
    (made / "bin" / "up").symlink_to("../plain")
    os.mkfifo(made / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(made / "socket"))
    target = taken(root)
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*")) == [
        "bin", "bin/python", "bin/tool", "bin/up", "lib64", "plain",
    ]  # fmt: skip
    assert (target / "bin" / "tool").stat().st_mode & 0o7777 == 0o555
    assert (target / "plain").stat().st_mode & 0o7777 == 0o444
    assert (target / "plain").stat().st_mtime_ns == 2_000_000_000
    assert (target / "bin" / "python").readlink() == Path("/usr/bin/python3")
    assert (target / "bin" / "up").resolve() == target / "plain"


@pytest.mark.parametrize(
    "link", ["../../secret", "/etc/passwd", "/usr/../etc/passwd", "bin/../../secret", "..", "/", "/optical"]
)
def test_a_link_that_leads_out_makes_the_whole_fail(root: Path, link: str) -> None:
    (root / "made" / "link").symlink_to(link)
    with pytest.raises(ValueError, match="the link link leads out of it"):
        taken(root)


def test_a_folder_that_is_a_link_is_none(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "made" / "bin").rmdir()
    (root / "made").rmdir()
    (root / "made").symlink_to("elsewhere")
    with pytest.raises(OSError):
        taken(root)


def test_more_than_may_be_taken_is_refused(root: Path) -> None:
    with (root / "made" / "hole").open("wb") as stream:
        stream.truncate(10_001)
    with pytest.raises(OSError, match="more files or bytes"):
        taken(root)
    (root / "made" / "hole").unlink()
    for number in range(50):
        (root / "made" / f"{number}").mkdir()
    with pytest.raises(OSError, match="more files or bytes"):
        taken(root)
