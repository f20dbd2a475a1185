"""What is taken out of a hostile workspace: plain files, folders and links that stay inside."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from studium.runner.exporting import TOLD, export


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "made" / "bin").mkdir(parents=True)
    (tmp_path / "target").mkdir()
    return tmp_path / "root"


def taken(
    root: Path, *, most_files: int = 50, most_bytes: int = 10_000, into: str = "target", like: Path | None = None
) -> Path:
    target = root.parent / into
    target.mkdir(exist_ok=True)
    limits = {"most_files": most_files, "most_bytes": most_bytes}
    export(str(root), "made", str(target), **limits, like=str(like or ""))
    return target


def same_file(one: Path, other: Path, name: str) -> bool:
    return (one / name).samefile(other / name)


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


def test_folders_without_end_are_refused(root: Path) -> None:
    deep = root / "made"
    for _ in range(101):
        deep = deep / "d"
        deep.mkdir()
    with pytest.raises(OSError, match="too deep"):
        taken(root, most_files=1000)


def test_what_did_not_change_is_linked_and_not_copied(root: Path) -> None:
    for name in ("same", "bin/same", "new in size", "new in time", "new in mode"):
        (root / "made" / name).write_text("x")
    first = taken(root)
    (root / "made" / "new in size").write_text("xx")
    os.utime(root / "made" / "new in size", ns=(1, (first / "new in size").stat().st_mtime_ns))
    os.utime(root / "made" / "new in time", ns=(1, 5))
    (root / "made" / "new in mode").chmod(0o755)
    (root / "made" / "added").write_text("x")
    second = taken(root, into="second", like=first)
    linked = {name: same_file(first, second, name) for name in ("same", "bin/same")}
    assert linked == {"same": True, "bin/same": True}
    for name in ("new in size", "new in time", "new in mode"):
        assert not same_file(first, second, name)
    assert (second / "new in size").read_text() == "xx"
    assert (second / "new in mode").stat().st_mode & 0o777 == 0o555
    assert (second / "added").read_text() == "x"
    assert taken(root, into="third", like=root.parent / "gone").joinpath("same").read_text() == "x"


def test_a_time_that_came_with_an_archive_proves_nothing(root: Path) -> None:
    kept = root / "made" / "version.py"
    kept.write_text("1.2.3")
    os.utime(kept, ns=(1, 2_000_000_000))
    first = taken(root)
    kept.write_text("1.2.4")
    os.utime(kept, ns=(1, 2_000_000_000))
    assert (taken(root, into="second", like=first) / "version.py").read_text() == "1.2.4"


def test_only_plain_files_of_the_earlier_one_are_linked(root: Path) -> None:
    (root / "made" / "file").write_text("x")
    (root / "made" / "folder").mkdir()
    (root / "made" / "folder" / "file").write_text("x")
    first = taken(root)
    secret = root.parent / "secret"
    secret.mkdir()
    (first / "file").rename(secret / "file")
    (first / "file").symlink_to(secret / "file")
    (first / "folder" / "file").rename(secret / "deep")
    (first / "folder").rmdir()
    (first / "folder").symlink_to(secret)
    second = taken(root, into="second", like=first)
    assert not (second / "file").is_symlink()
    assert not same_file(secret, second, "file")
    assert (second / "folder" / "file").read_text() == "x"


def test_what_is_linked_counts_too(root: Path) -> None:
    (root / "made" / "big").write_bytes(b"x" * 9_000)
    first = taken(root)
    with pytest.raises(OSError, match="more files or bytes"):
        taken(root, into="second", like=first, most_bytes=8_999)


def facts_of(path: Path) -> list[int]:
    facts = path.lstat()
    return [facts.st_mode, facts.st_size, facts.st_mtime_ns]


def told(root: Path, listed: object) -> None:
    (root / "made" / TOLD).write_text(listed if isinstance(listed, str) else json.dumps(listed))


@pytest.fixture
def before(root: Path) -> Path:
    """An export of what is there, of a file in a folder and one beside."""
    for name in ("bin/kept", "plain"):
        (root / "made" / name).write_text(name)
        os.utime(root / "made" / name, ns=(5, 1_000_000_005))
    return taken(root, into="before")


def test_what_is_told_and_the_same_as_before_is_not_looked_at(root: Path, before: Path) -> None:
    told(root, {"bin": {"kept": facts_of(root / "made" / "bin" / "kept")}, "plain": facts_of(root / "made" / "plain")})
    (root / "made" / "bin" / "kept").unlink()
    (root / "made" / "bin").rmdir()
    target = taken(root, like=before)
    assert same_file(target, before, "bin/kept")
    assert same_file(target, before, "plain")
    assert not (target / TOLD).exists()


def test_what_is_told_and_is_new_is_read_and_the_rest_left(root: Path, before: Path) -> None:
    (root / "made" / "bin" / "fresh").write_text("fresh")
    (root / "made" / "plain").write_text("changed")
    (root / "made" / "untold").write_text("")
    (root / "made" / "link").symlink_to("plain")
    wanted = {"fresh": [stat.S_IFREG | 0o755, 0, 0]}
    told(root, {"bin": wanted, "plain": facts_of(root / "made" / "plain"), "link": [stat.S_IFLNK, 0, 0], "none": {}})
    target = taken(root, like=before)
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*")) == [
        "bin",
        "bin/fresh",
        "link",
        "none",
        "plain",
    ]
    assert (target / "plain").read_text() == "changed"
    assert (target / "bin" / "fresh").read_text() == "fresh"
    assert (target / "bin" / "fresh").stat().st_mode & 0o7777 == 0o444, "as it is, not as it is told"


def test_a_list_says_nothing_where_there_is_no_earlier_export(root: Path, before: Path) -> None:
    told(root, {})
    target = taken(root, like=root / "gone")
    assert (target / "bin" / "kept").exists()
    assert not (target / TOLD).exists()


def test_a_file_of_that_name_is_one_like_any_other_where_nothing_was_exported_before(root: Path) -> None:
    told(root, {})
    assert (taken(root) / TOLD).read_text() == "{}"


@pytest.mark.parametrize("words", ["", "{", "[]", "7", '{"a":' * 5000, "\xff", '"' + "x" * 100])
def test_a_list_that_cannot_be_read_is_none(root: Path, before: Path, words: str) -> None:
    told(root, words)
    assert (taken(root, like=before) / "bin" / "kept").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../made/plain", "nul\0", "\ud800"])
@pytest.mark.parametrize("what", [{}, [stat.S_IFREG, 0, 0]])
def test_a_name_that_is_none_makes_the_whole_fail(root: Path, before: Path, name: str, what: object) -> None:
    told(root, {name: what})
    with pytest.raises(ValueError):
        taken(root, like=before)


@pytest.mark.parametrize(
    "what",
    [None, "x", 7, [], [1, 2], [1, 2, 3, 4], ["1", 2, 3], [1.5, 2, 3], [True, 2, 3], [-1, 2, 3], [1 << 40, 2, 3]],
)
def test_facts_that_are_none_make_the_whole_fail(root: Path, before: Path, what: object) -> None:
    told(root, {"plain": what})
    with pytest.raises(ValueError, match=r"does not say what 'plain' is"):
        taken(root, like=before)


@pytest.mark.parametrize("mode", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, 0])
def test_what_is_told_to_be_no_file_is_left_out(root: Path, before: Path, mode: int) -> None:
    told(root, {"plain": [mode, 0, 0]})
    assert not list(taken(root, like=before).iterdir())


def test_what_is_told_to_be_a_file_and_is_none_is_left_out(root: Path, before: Path) -> None:
    os.mkfifo(root / "made" / "pipe")
    told(root, {"bin": [stat.S_IFREG, 0, 0], "pipe": [stat.S_IFREG, 0, 0]})
    assert not list(taken(root, like=before).iterdir())


def test_no_list_leads_out(root: Path, before: Path) -> None:
    (root / "secret").mkdir()
    (root / "secret" / "key").write_text("k")
    (root / "made" / "out").symlink_to("../secret")
    for what in ({"key": [stat.S_IFREG, 0, 0]}, [stat.S_IFREG, 0, 0]):
        told(root, {"out": what})
        with pytest.raises(OSError):
            taken(root, into=f"out-{len(what)}-{type(what).__name__}", like=before)
    told(root, {"out": [stat.S_IFLNK, 0, 0]})
    with pytest.raises(ValueError, match="leads out"):
        taken(root, like=before)


def test_what_is_told_counts_as_what_is_seen(root: Path, before: Path) -> None:
    listed = {f"f{n}": {} for n in range(51)}
    told(root, listed)
    with pytest.raises(OSError, match="more files or bytes"):
        taken(root, like=before)
    told(root, {"plain": facts_of(root / "made" / "plain")})
    with pytest.raises(OSError, match="more files or bytes"):
        taken(root, into="small", like=before, most_bytes=4)


def test_folders_are_closed_and_the_bytes_counted(root: Path, before: Path) -> None:
    assert (before / "bin").stat().st_mode & 0o7777 == 0o555
    (root.parent / "again").mkdir()
    limits = {"most_files": 50, "most_bytes": 100}
    assert export(str(root), "made", str(root.parent / "again"), **limits) == len("bin/kept") + len("plain")
    assert export(str(root), "made", str(root.parent / "target"), **limits, like=str(before)) == 13
