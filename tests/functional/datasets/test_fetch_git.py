"""Files of a commit, fetched by the program of import runs from a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fetching import Desk

from running.git_server import GitServer, git

pytestmark = pytest.mark.no_database
TOKEN = "a-token-that-nobody-else-has"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = GitServer(folder)
    made.make("repo", {"data/a.csv": "1\n", "data/deep/b.csv": "2\n", "code.py": "x = 1\n"})
    yield made
    made.close()


@pytest.fixture
def desk(server: GitServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, server.entry)


def test_all_files_of_a_commit_come_without_the_repository(server: GitServer, desk: Desk) -> None:
    found = desk.done("git", url=server.url("repo"))
    assert desk.files() == {"code.py": b"x = 1\n", "data/a.csv": b"1\n", "data/deep/b.csv": b"2\n"}
    assert (found["commit"], found["subject"], found["ref"]) == (server.head("repo"), "A change", "main")


def test_a_folder_of_a_ref_may_be_asked_for(server: GitServer, desk: Desk) -> None:
    first = server.head("repo")
    server.commit("repo", {"data/a.csv": "changed\n"})
    desk.done("git", url=server.url("repo"), folder="data", ref=first)
    assert desk.files() == {"a.csv": b"1\n", "deep/b.csv": b"2\n"}
    desk.done("git", url=server.url("repo"), folder="data", ref="main")
    assert desk.files()["a.csv"] == b"changed\n"
    assert desk.refused("git", url=server.url("repo"), folder="nowhere") == "git.folder_unknown"
    assert desk.refused("git", url=server.url("repo"), folder="code.py") == "git.folder_unknown"
    assert desk.refused("git", url=server.url("repo"), ref="no-such-branch") == "git.ref_unknown"


def test_the_commit_that_is_known_is_not_fetched(server: GitServer, desk: Desk) -> None:
    known = desk.done("git", url=server.url("repo"))["commit"]
    assert desk.done("git", url=server.url("repo"), known=known) == {
        "work": "w1", "unchanged": True, "commit": known,
    }  # fmt: skip
    assert desk.files() == {}
    server.commit("repo", {"data/a.csv": "changed\n"})
    assert "unchanged" not in desk.done("git", url=server.url("repo"), known=known)


def test_links_are_left_out_and_lead_nowhere(server: GitServer, desk: Desk) -> None:
    work = server.folder / "repo.work"
    (work / "data" / "passwd").symlink_to("/etc/passwd")
    (work / "elsewhere").symlink_to("data")
    git(work, "add", "--all")
    git(work, "commit", "-qm", "Links")
    git(work, "push", "-q", "origin", "main")
    found = desk.done("git", url=server.url("repo"))
    assert list(desk.files()) == ["code.py", "data/a.csv", "data/deep/b.csv"]
    assert found["left_out"] == 2
    assert not any(path.is_symlink() for path in (desk.work / "out").rglob("*"))
    assert desk.refused("git", url=server.url("repo"), folder="elsewhere") == "git.folder_unknown"


def test_a_private_repository_is_let_into_by_the_secret_alone(server: GitServer, desk: Desk) -> None:
    server.password = f"ada:{TOKEN}"
    assert desk.refused("git", url=server.url("repo")) == "git.auth"
    asked = {"url": server.url("repo"), "secret": "GIT_TOKEN", "username": "ada"}
    assert desk.refused("git", **asked) == "git.no_secret"
    desk.done("git", **asked, variables={"GIT_TOKEN": TOKEN})
    assert "code.py" in desk.files()
    assert TOKEN not in desk.log
    assert not any(TOKEN.encode() in path.read_bytes() for path in desk.work.rglob("*") if path.is_file())


def test_more_than_there_is_room_for_is_refused(server: GitServer, desk: Desk) -> None:
    assert desk.refused("git", url=server.url("repo"), most_bytes=5) == "url.too_large"
    assert desk.refused("git", url=server.url("repo"), most_files=2) == "url.too_large"
