"""Notebooks from git have what Git LFS keeps, and git takes it for what the commit has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from functional.environments.test_git_work import BOOK, Desk
from running.git_server import GitServer, git
from running.lfs_server import POINTER, LfsServer, oid_of

LARGE, NEWER = b"\x00large" * 50_000, b"\x01newer" * 70_000
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LfsServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = LfsServer(folder)
    made.make("repo", {"a.ipynb": BOOK, ".gitattributes": ATTRIBUTES})
    yield made
    made.close()


@pytest.fixture
def desk(server: LfsServer, tmp_path: Path) -> Desk:
    return Desk(server, tmp_path)


def test_content_comes_with_a_clone_and_is_no_change(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"sub/x.bin": server.keep(LARGE), "same.bin": server.keep(LARGE)})
    result = desk.done("clone")
    assert (desk.tree / "sub/x.bin").read_bytes() == (desk.tree / "same.bin").read_bytes() == LARGE
    assert (result["lfs"], result["dirty"], result["notes"]) == (0, 0, [])
    assert desk.git("status", "--porcelain") == "", "also for a git that knows nothing of Git LFS"
    assert not (desk.tree / ".git" / "studium-large").exists()
    assert desk.done("check")["dirty"] == 0


def test_what_is_as_the_commit_has_it_is_told_of_with_its_content(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"x.bin": server.keep(LARGE)})
    desk.done("clone")
    assert '"x.bin"' in (desk.tree / ".git/studium.json").read_text()


def test_a_pull_brings_what_is_new_and_replaces_what_was_changed(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"x.bin": server.keep(LARGE), "stays.bin": server.keep(b"stays")})
    desk.done("clone")
    before = (desk.tree / "stays.bin").stat().st_ino
    server.commit("repo", {"x.bin": server.keep(NEWER), "y.bin": server.keep(LARGE)})
    result = desk.done("pull")
    assert ((desk.tree / "x.bin").read_bytes(), (desk.tree / "y.bin").read_bytes()) == (NEWER, LARGE)
    assert (result["changed"], result["dirty"], result["lfs"]) == (1, 0, 0)
    assert (desk.tree / "stays.bin").stat().st_ino == before
    server.commit("repo", {"x.bin": None})
    desk.done("pull")
    assert not (desk.tree / "x.bin").exists()


def test_what_was_written_here_is_not_overwritten(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"x.bin": server.keep(LARGE)})
    desk.done("clone")
    (desk.tree / "x.bin").write_bytes(b"mine")
    assert desk.done("check")["dirty"] == 1
    server.commit("repo", {"x.bin": server.keep(NEWER)})
    assert desk.refused("pull") == "git.would_overwrite"
    assert (desk.tree / "x.bin").read_bytes() == b"mine"
    desk.done("pull", keep=True)
    assert (desk.tree / "x.bin").read_bytes() == NEWER
    assert [path.read_bytes() for path in desk.tree.glob("x.yours-*.bin")] == [b"mine"]


def test_other_files_are_pushed_beside_them(server: LfsServer, desk: Desk) -> None:
    pointer = server.keep(LARGE)
    server.commit("repo", {"x.bin": pointer})
    desk.done("clone")
    (desk.tree / "b.txt").write_text("b")
    assert desk.done("push")["pushed"] == 1
    assert git(server.folder / "repo.git", "show", "main:x.bin") == pointer.strip()
    (desk.tree / "x.bin").write_bytes(LARGE)  # written again, and the same
    (desk.tree / "b.txt").write_text("c")
    assert desk.done("push")["changed"] == 1
    assert not server.asked_for("upload")


def test_a_repository_of_very_many_files_is_asked_about(server: LfsServer, desk: Desk) -> None:
    """Git answers as it reads: more than fits between the two on either side."""
    names = {f"a-folder-of-many-files/and-another/{number:05}.txt": "x" for number in range(8000)}
    server.commit("repo", {**names, "x.bin": server.keep(LARGE)})
    assert (desk.done("clone")["lfs"], (desk.tree / "x.bin").read_bytes()) == (0, LARGE)


def test_a_server_without_them_leaves_pointers_and_says_so(server: LfsServer, desk: Desk) -> None:
    pointer = server.keep(LARGE)
    server.commit("repo", {"x.bin": pointer})
    server.batch_status = 404
    result = desk.done("clone")
    assert (result["lfs"], result["dirty"], (desk.tree / "x.bin").read_text()) == (1, 0, pointer)
    assert result["notes"] == ["1 files that Git LFS keeps are pointers here: the server keeps none"]
    server.batch_status = 200
    server.commit("repo", {"b.txt": "b"})
    assert desk.done("pull")["lfs"] == 0, "tried again with whatever comes"
    assert (desk.tree / "x.bin").read_bytes() == LARGE


def test_one_that_cannot_be_had_keeps_nobody_from_the_rest(server: LfsServer, desk: Desk) -> None:
    gone = POINTER.format(oid="a" * 64, size=5)
    nowhere, other = server.keep(b"nowhere"), server.keep(b"other")
    server.told[oid_of(nowhere)] = {"actions": {}}
    server.contents[oid_of(other)] = b"OTHER"  # not what the pointer says
    files = {"a.bin": gone, "b.bin": nowhere, "c.bin": other, "d.bin": server.keep(LARGE)}
    server.commit("repo", files)
    result = desk.done("clone")
    assert (result["lfs"], result["dirty"]) == (3, 0)
    assert result["notes"] == [
        "3 files that Git LFS keeps are pointers here: The server's Git LFS does not give a file: Object does not exist."
    ]
    assert [(desk.tree / name).read_text() for name in files if name != "d.bin"] == [gone, nowhere, other]
    assert (desk.tree / "d.bin").read_bytes() == LARGE
    assert (desk.tree / "a.ipynb").exists()


def test_what_does_not_fit_stays_a_pointer(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"x.bin": POINTER.format(oid="a" * 64, size=10**14)})
    result = desk.done("clone")
    assert result["lfs"] == 1
    assert "larger than" in result["notes"][0]
    assert not server.batches


def test_no_filter_of_the_repository_is_obeyed(server: LfsServer, desk: Desk, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    server.commit("repo", {"x.bin": server.keep(LARGE), ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1\n"})
    desk.done("clone")
    for verb in ("clean", "smudge", "process"):
        desk.git("config", f"filter.lfs.{verb}", f"touch {marker}")
    (desk.tree / "x.bin").write_bytes(NEWER)
    assert desk.done("check")["dirty"] == 1
    assert not marker.exists()
    assert isinstance(server, GitServer)


def with_submodules(server: LfsServer, modules: dict[str, str], commits: dict[str, str]) -> None:
    """Commit submodules, by path their addresses and commits, on top of the repository."""
    work = server.folder / "repo.work"
    text = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url in modules.items())
    (work / ".gitmodules").write_text(text)
    for path, commit in commits.items():
        git(work, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    git(work, "add", ".gitmodules")
    git(work, "commit", "-q", "--allow-empty", "-m", "Submodules")
    git(work, "push", "-q", "origin", "main")


def test_content_comes_for_submodules_too(server: LfsServer, desk: Desk) -> None:
    files = {".gitattributes": ATTRIBUTES, "x.bin": server.keep(LARGE), "deep/stays.bin": server.keep(b"stays")}
    server.make("lib", files)
    with_submodules(server, {"libs/fine": "../lib.git"}, {"libs/fine": server.head("lib")})
    assert desk.done("clone")["lfs"] == 0, "none are wanted"
    result = desk.done("clone", submodules=True)
    assert (result["lfs"], result["dirty"], result["notes"]) == (0, 0, [])
    place = desk.tree / "libs/fine"
    assert ((place / "x.bin").read_bytes(), (place / "deep/stays.bin").read_bytes()) == (LARGE, b"stays")
    assert git(place, "status", "--porcelain") == "", "also for a git that knows nothing of Git LFS"
    before = (place / "deep/stays.bin").stat().st_ino
    with_submodules(
        server, {"libs/fine": "../lib.git"}, {"libs/fine": server.commit("lib", {"x.bin": server.keep(NEWER)})}
    )
    assert desk.done("pull", submodules=True)["lfs"] == 0
    assert (place / "x.bin").read_bytes() == NEWER
    assert (place / "deep/stays.bin").stat().st_ino == before
    (place / "x.bin").write_bytes(b"mine")
    newest = server.commit("lib", {"x.bin": server.keep(LARGE)})
    with_submodules(server, {"libs/fine": "../lib.git"}, {"libs/fine": newest})
    (note,) = desk.done("pull", submodules=True)["notes"]
    assert "files in it were changed here" in note
    assert (place / "x.bin").read_bytes() == b"mine"


def test_what_does_not_come_for_a_submodule_is_told_of(server: LfsServer, desk: Desk) -> None:
    gone = POINTER.format(oid="a" * 64, size=5)
    server.make("lib", {".gitattributes": ATTRIBUTES, "x.bin": gone, "y.bin": server.keep(LARGE)})
    server.make("huge", {".gitattributes": ATTRIBUTES, "x.bin": POINTER.format(oid="b" * 64, size=10**14)})
    server.commit("repo", {"own.bin": server.keep(NEWER)})
    modules = {name: f"../{name}.git" for name in ("lib", "huge")}
    with_submodules(server, modules, {name: server.head(name) for name in modules})
    result = desk.done("clone", submodules=True)
    assert result["lfs"] == 2, result["notes"]
    assert (desk.tree / "own.bin").read_bytes() == NEWER
    assert (desk.tree / "lib/y.bin").read_bytes() == LARGE
    assert [note.partition(": ")[0] for note in result["notes"]] == [
        "1 files of the submodule huge that Git LFS keeps are pointers here",
        "1 files of the submodule lib that Git LFS keeps are pointers here",
    ]
    assert "larger than" in result["notes"][0]
    assert "Object does not exist" in result["notes"][1]
    assert desk.done("check", submodules=True)["lfs"] == 2
    server.contents["a" * 64] = b"other"
    with_submodules(server, modules, {})
    notes = desk.done("pull", submodules=True)["notes"]
    assert "another file" in notes[1], "tried again with whatever comes"
    (desk.tree / "lib").rename(desk.tree / "away")
    assert desk.done("check", submodules=True)["lfs"] == 1, "of one that was moved away nothing is known"
    with_submodules(server, modules, {})
    (note,) = desk.done("pull", submodules=True)["notes"]
    assert note.startswith("1 files of the submodule huge")


def test_a_submodules_server_is_shown_the_secret_where_it_is_the_repositorys(server: LfsServer, desk: Desk) -> None:
    """That another server is not shown it: `tests/unit/environments/test_lfs.py`."""
    server.make("lib", {".gitattributes": ATTRIBUTES, "x.bin": server.keep(LARGE)})
    with_submodules(server, {"lib": "../lib.git"}, {"lib": server.head("lib")})
    server.password = "ada:token-of-ada"
    given = {"TOKEN": "token-of-ada"}
    assert desk.done("clone", submodules=True, secret="TOKEN", username="ada", variables=given)["lfs"] == 0
    assert (desk.tree / "lib/x.bin").read_bytes() == LARGE
    assert [batch["authorization"].partition(" ")[0] for batch in server.batches] == ["Basic"]
    assert "token-of-ada" not in desk.log
