"""A push sends the content of large files first: those that the server lacks, to where it says, and as the commit has them."""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functional.environments.test_git_work import BOOK, Desk
from running.git_server import git
from running.lfs_server import LfsServer, oid_of, pointer_of

LARGE, NEWER, OTHER = b"\x00large" * 50_000, b"\x01newer" * 70_000, b"other" * 99
SEVERAL_PIECES = bytes(48 * 1024**2)
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
TOKEN = "a-token-that-nobody-else-has"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LfsServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = LfsServer(folder)
    made.make("repo", {"a.ipynb": BOOK, ".gitattributes": ATTRIBUTES, "x.bin": made.keep(LARGE)})
    yield made
    made.close()


@pytest.fixture
def desk(server: LfsServer, tmp_path: Path) -> Desk:
    made = Desk(server, tmp_path)
    made.done("clone")
    return made


def at_server(server: LfsServer, path: str, branch: str = "main") -> str:
    return git(server.folder / "repo.git", "show", f"{branch}:{path}") + "\n"


def committed(desk: Desk, files: dict[str, bytes]) -> str:
    """A commit as a terminal makes it, of pointers whose content is yet to be put somewhere."""
    for path, content in files.items():
        number = git(desk.tree, "hash-object", "-w", "--stdin", given=pointer_of(content).encode())
        git(desk.tree, "update-index", "--add", "--cacheinfo", f"100644,{number},{path}")
    git(desk.tree, "commit", "-q", "-m", "In a terminal")
    return desk.git("rev-parse", "HEAD")


def kept_by_git_lfs(desk: Desk, content: bytes) -> Path:
    oid = oid_of(pointer_of(content))
    place = desk.tree / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    place.parent.mkdir(parents=True)
    return place


def test_what_is_changed_or_new_is_there_before_the_commit(server: LfsServer, desk: Desk) -> None:
    there: list[set[str]] = []
    server.on_push = lambda: there.append(set(server.contents))
    (desk.tree / "x.bin").write_bytes(NEWER)
    (desk.tree / "deep").mkdir()
    (desk.tree / "deep/.gitattributes").write_text("*.dat filter=lfs -text\n")
    (desk.tree / "deep/y.dat").write_bytes(OTHER)
    (desk.tree / "deep/same é.dat").write_bytes(OTHER)
    (desk.tree / "empty.bin").touch()
    (desk.tree / "b.txt").write_text("b")
    result = desk.done("push")
    new = {oid_of(pointer_of(content)) for content in (NEWER, OTHER)}
    assert there[0] >= new
    assert sorted(put.oid for put in server.puts) == sorted(new), "each once"
    assert (at_server(server, "x.bin"), at_server(server, "deep/y.dat")) == (pointer_of(NEWER), pointer_of(OTHER))
    assert at_server(server, "empty.bin") == "\n", "an empty file has no pointer"
    assert (result["pushed"], result["changed"], result["dirty"], result["lfs"]) == (1, 6, 0, 0)
    assert result["notes"] == ["2 large files were sent to the server (0.4 MiB)."]
    assert desk.git("status", "--porcelain") == "", "also for a git that knows nothing of Git LFS"
    assert desk.git("fsck", "--strict") == ""
    (batch,) = server.asked_for("upload")
    assert batch["ref"] == {"name": "refs/heads/main"}
    assert batch["transfers"] == ["basic"]
    desk.done("clone")
    assert (desk.tree / "x.bin").read_bytes() == NEWER
    assert (desk.tree / "deep/same é.dat").read_bytes() == OTHER


def test_no_more_is_sent_than_the_server_lacks(server: LfsServer, desk: Desk) -> None:
    server.keep(NEWER)
    (desk.tree / "x.bin").write_bytes(NEWER)
    (desk.tree / "y.bin").write_bytes(OTHER)
    desk.done("push")
    assert [put.oid for put in server.puts] == [oid_of(pointer_of(OTHER))]
    (desk.tree / "again.bin").write_bytes(OTHER)
    assert desk.done("push")["notes"] == []
    (desk.tree / "b.txt").write_text("b")
    desk.done("push")
    assert len(server.puts) == 1
    assert len(server.asked_for("upload")) == 1, "nothing is asked about what earlier commits had"


def test_a_large_file_may_be_larger_than_what_git_takes(server: LfsServer, desk: Desk) -> None:
    with (desk.tree / "huge.bin").open("wb") as stream:
        stream.truncate(96 * 1024**2)
    assert desk.done("push")["pushed"] == 1
    assert [put.size for put in server.puts] == [96 * 1024**2]
    with (desk.tree / "huge.dat").open("wb") as stream:
        stream.truncate(96 * 1024**2)
    assert desk.refused("push") == "git.large_file"


def test_what_says_that_files_are_large_may_be_new_itself(server: LfsServer, desk: Desk) -> None:
    server.make("plain", {"a.ipynb": BOOK})
    desk.done("clone", name="plain")
    (desk.tree / "deep").mkdir()
    (desk.tree / "deep/.gitattributes").write_text(ATTRIBUTES)
    with (desk.tree / "deep/huge.bin").open("wb") as stream:
        stream.truncate(96 * 1024**2)
    assert desk.done("push", name="plain")["pushed"] == 1
    assert [put.size for put in server.puts] == [96 * 1024**2]


def test_who_is_to_be_told_is_told(server: LfsServer, desk: Desk) -> None:
    server.verifies, server.verify_answers, server.chunks = True, [503, 200], True
    (desk.tree / "x.bin").write_bytes(NEWER)
    desk.done("push")
    assert server.verified == [oid_of(pointer_of(NEWER))]
    assert [put.chunked for put in server.puts] == [True], "as the server wanted it"
    server.verify_answers = [404]
    (desk.tree / "x.bin").write_bytes(OTHER)
    report = desk.work("push")
    assert report["error"]["name"] == "git.lfs_refused"
    assert "It has not arrived" in report["error"]["message"]
    assert at_server(server, "x.bin") == pointer_of(NEWER)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[LfsServer, dict[str, str]]]:
    """A server that is reached by https, and the variables that make a program trust it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    (tmp_path / "elsewhere").mkdir()
    made = LfsServer(tmp_path / "elsewhere", context)
    yield made, {"SSL_CERT_FILE": str(certificate)}
    made.close()


def test_secrets_go_to_those_alone_whom_they_are_for(
    server: LfsServer, desk: Desk, elsewhere: tuple[LfsServer, dict[str, str]]
) -> None:
    store, variables = elsewhere
    desk.hosts.add(store.entry)
    desk.within.append(store.entry)
    server.password, server.store, server.verifies = f"ada:{TOKEN}", store, True
    given: Any = {"secret": "TOKEN", "username": "ada", "variables": {"TOKEN": TOKEN, **variables}}
    (desk.tree / "x.bin").write_bytes(NEWER)
    desk.done("push", **given)
    assert store.contents[oid_of(pointer_of(NEWER))] == NEWER
    basic = "Basic " + base64.b64encode(f"ada:{TOKEN}".encode()).decode()
    assert [batch["authorization"] for batch in server.asked_for("upload")] == [basic]
    assert [put.authorization.split()[0] for put in store.puts] == ["RemoteAuth"]
    assert server.verified
    assert not server.puts
    # Sent on from one to the other, the content goes there and what opens the first does not.
    server.store, server.leads = server, store.href
    (desk.tree / "x.bin").write_bytes(OTHER)
    assert desk.refused("push", **given) == "git.lfs_refused"
    assert [(put.authorization, put.size) for put in store.puts[1:]] == [("", len(OTHER))] * 2
    assert TOKEN not in desk.log


def test_content_goes_nowhere_without_encryption(server: LfsServer, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = LfsServer(tmp_path / "other")
    desk.hosts.add(other.entry)
    desk.within.append(other.entry)
    server.leads = other.href
    (desk.tree / "x.bin").write_bytes(NEWER)
    assert desk.refused("push") == "git.lfs"
    assert "without encryption" in desk.log
    server.leads, server.store = None, other
    assert desk.refused("push") == "git.lfs"
    assert not other.puts
    other.close()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"actions": {"upload": {"href": "https://127.0.0.1/x"}}}, "git.closed"),
        ({"actions": {"upload": {"href": "http://127.0.0.1:1/x"}}}, "git.lfs"),
        ({"actions": {"upload": {"href": "https://u:p@example.org/x"}}}, "git.lfs"),
        ({"actions": {"upload": {"href": "file:///etc/passwd"}}}, "git.lfs"),
        ({"actions": {"upload": "x"}}, "git.lfs"),
        ({"actions": ["upload"]}, "git.lfs"),
        ({"actions": {"upload": {}, "verify": 7}}, "git.lfs"),
        ({"oid": "f" * 64}, "git.lfs_refused"),
        ({"error": "no"}, "git.lfs_refused"),
        ({"error": {"code": 403, "message": "over its data quota"}}, "git.lfs_quota"),
        ({"error": {"code": 413}}, "git.lfs_quota"),
        ({"error": {"code": 422, "message": "Validation\x07 failed"}}, "git.lfs_refused"),
        ({"error": {}}, "git.lfs_refused"),
    ],
)
def test_what_a_server_says_of_one_file_ends_the_push(
    server: LfsServer, desk: Desk, told: dict[str, Any], code: str
) -> None:
    before = desk.git("rev-parse", "HEAD"), (desk.tree / ".git/index").read_bytes()
    desk.hosts.add("*:443")
    (desk.tree / "y.bin").write_bytes(NEWER)
    server.told[oid_of(pointer_of(NEWER))] = told
    report = desk.work("push")
    assert report["error"]["name"] == code, report
    assert report["error"]["message"].endswith("Nothing was pushed.")
    assert (desk.git("rev-parse", "HEAD"), (desk.tree / ".git/index").read_bytes()) == before
    assert server.head("repo") == before[0]
    assert not server.puts
    server.told.clear()
    assert desk.done("push")["pushed"] == 1


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (404, "", "git.lfs_none"), (410, "", "git.lfs_none"), (401, "", "git.auth"), (403, "", "git.auth"),
        (403, "Over its data quota", "git.lfs_quota"), (413, "", "git.lfs_quota"), (507, "", "git.lfs_quota"),
        (422, "Nonsense", "git.lfs_refused"), (503, "", "git.unreachable"),
    ],
)  # fmt: skip
def test_a_server_that_takes_none_is_told_of(server: LfsServer, desk: Desk, status: int, words: str, code: str) -> None:
    (desk.tree / "y.bin").write_bytes(NEWER)
    server.batch_status, server.batch_words = status, words
    report = desk.work("push")
    assert report["error"]["name"] == code, report
    assert words in report["error"]["message"]
    assert report["error"]["message"].endswith("Nothing was pushed.")
    (desk.tree / "y.bin").unlink()
    (desk.tree / "b.txt").write_text("b")
    assert desk.done("push")["pushed"] == 1, "without it nothing is in the way"


@pytest.mark.parametrize(
    ("answers", "code", "puts"),
    [
        ([(413, "Too big")], "git.lfs_quota", 1),
        ([(507, "")], "git.lfs_quota", 1),
        ([(422, "Another digest")], "git.lfs_refused", 1),
        ([(403, "")] * 2, "git.lfs_refused", 2),
        ([(401, "")] * 2, "git.auth", 2),
        ([(503, "")] * 5, "git.unreachable", 5),
        ([None] * 5, "git.unreachable", 5),
    ],
)
def test_a_content_that_is_not_taken_ends_the_push(
    server: LfsServer, desk: Desk, answers: list[tuple[int, str] | None], code: str, puts: int
) -> None:
    before = server.head("repo")
    (desk.tree / "y.bin").write_bytes(NEWER)
    server.put_answers = list(answers)
    report = desk.work("push")
    assert report["error"]["name"] == code, report
    assert (len(server.puts), server.head("repo"), desk.git("rev-parse", "HEAD")) == (puts, before, before)
    assert (desk.tree / "y.bin").read_bytes() == NEWER
    assert desk.done("push")["pushed"] == 1
    assert server.contents[oid_of(pointer_of(NEWER))] == NEWER


def test_a_server_that_refuses_before_it_has_all_is_heard(server: LfsServer, desk: Desk) -> None:
    (desk.tree / "y.bin").write_bytes(SEVERAL_PIECES)
    server.put_breaks, server.put_answers = [1000], [(413, "Too big by far")]
    report = desk.work("push")
    assert (report["error"]["name"], report["error"]["facts"]) == ("git.lfs_quota", {"files": ["y.bin"]})
    assert "Too big by far" in report["error"]["message"]


def test_what_breaks_off_is_tried_again(server: LfsServer, desk: Desk) -> None:
    (desk.tree / "y.bin").write_bytes(NEWER)
    server.put_breaks, server.put_answers = [1000, 100_000], [None, None, (503, ""), (403, "")]
    assert desk.done("push")["pushed"] == 1
    assert len(server.puts) == 5
    assert server.contents[oid_of(pointer_of(NEWER))] == NEWER
    assert len(server.asked_for("upload")) == 5, "asked anew each time: it may have come after all"


def test_a_file_that_changes_meanwhile_is_never_complete_at_the_server(server: LfsServer, desk: Desk) -> None:
    before = server.head("repo")
    place = desk.tree / "y.bin"
    place.write_bytes(SEVERAL_PIECES)

    def change(oid: str) -> None:
        with place.open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            stream.write(b"!")

    server.on_put = change
    report = desk.work("push")
    assert (report["error"]["name"], report["error"]["facts"]) == ("git.lfs_changed", {"files": ["y.bin"]})
    assert (server.head("repo"), desk.git("rev-parse", "HEAD")) == (before, before)
    assert all(put.size < len(SEVERAL_PIECES) for put in server.puts)
    server.on_put = lambda oid: None
    assert desk.done("push")["pushed"] == 1
    assert server.contents[oid_of(at_server(server, "y.bin"))] == place.read_bytes()


def test_killed_between_the_content_and_the_commit_a_push_goes_on(server: LfsServer, desk: Desk) -> None:
    before = server.head("repo")
    (desk.tree / "x.bin").write_bytes(NEWER)
    running: list[subprocess.Popen[str]] = []
    server.on_push = lambda: running.pop().kill() if running else None
    with desk.start("push") as child:
        running.append(child)
        child.communicate(timeout=60)
    assert child.returncode == -9
    assert (server.head("repo"), len(server.puts)) == (before, 1)
    assert desk.done("push")["pushed"] == 1
    assert len(server.puts) == 1, "it was there already"
    assert at_server(server, "x.bin") == pointer_of(NEWER)
    assert desk.done("check")["dirty"] == 0


def test_killed_while_the_content_is_sent_nothing_was_committed(server: LfsServer, desk: Desk) -> None:
    before = desk.git("rev-parse", "HEAD"), (desk.tree / ".git/index").read_bytes()
    (desk.tree / "x.bin").write_bytes(NEWER)
    running: list[subprocess.Popen[str]] = []
    server.on_put = lambda oid: running.pop().kill() if running else None
    with desk.start("push") as child:
        running.append(child)
        child.communicate(timeout=60)
    assert child.returncode == -9
    assert (desk.git("rev-parse", "HEAD"), (desk.tree / ".git/index").read_bytes()) == before
    (desk.tree / "x.bin").write_bytes(OTHER)
    assert desk.done("push")["pushed"] == 1
    assert at_server(server, "x.bin") == pointer_of(OTHER)


def test_behind_the_server_nothing_is_sent_or_committed(server: LfsServer, desk: Desk) -> None:
    """A commit that is not at the server, and whose content is in the workspace alone, is lost in a terminal's rebase."""
    before = desk.git("rev-parse", "HEAD")
    server.commit("repo", {"theirs.txt": "t"})
    (desk.tree / "y.bin").write_bytes(NEWER)
    report = desk.work("push")
    assert report["error"]["name"] == "git.behind"
    assert "Nothing was pushed" in report["error"]["message"]
    assert (desk.git("rev-parse", "HEAD"), server.puts) == (before, [])
    desk.done("pull")
    assert desk.done("push")["pushed"] == 1
    assert server.contents[oid_of(pointer_of(NEWER))] == NEWER


def test_a_new_branch_brings_what_no_other_has(server: LfsServer, desk: Desk) -> None:
    server.commit("repo", {"theirs.bin": pointer_of(b"never sent")}, branch="other")
    (desk.tree / "y.bin").write_bytes(NEWER)
    assert desk.done("push", branch="mine")["target"] == "mine"
    (batch,) = server.asked_for("upload")
    assert [each["oid"] for each in batch["objects"]] == [oid_of(pointer_of(NEWER))]
    assert at_server(server, "y.bin", "mine") == pointer_of(NEWER)


# Commits of a terminal.


def test_content_is_found_where_git_lfs_keeps_it(server: LfsServer, desk: Desk) -> None:
    committed(desk, {"x.bin": OTHER})  # an earlier state, of which the workspace has nothing any more
    kept_by_git_lfs(desk, OTHER).write_bytes(OTHER)
    (desk.tree / "x.bin").write_bytes(NEWER)
    assert desk.done("push")["pushed"] == 2
    assert {put.oid for put in server.puts} == {oid_of(pointer_of(content)) for content in (OTHER, NEWER)}


def test_very_many_are_asked_for_a_hundred_at_a_time(server: LfsServer, desk: Desk) -> None:
    many = {f"{n}.bin": b"%d" % n for n in range(101)}
    committed(desk, many)
    for path, content in many.items():
        (desk.tree / path).write_bytes(content)
    desk.done("push")
    assert [len(batch["objects"]) for batch in server.asked_for("upload")] == [100, 1]
    assert {put.oid for put in server.puts} == {oid_of(pointer_of(content)) for content in many.values()}


def hard_nowhere(place: Path, outside: Path) -> None:
    place.parent.rmdir()


def another_content(place: Path, outside: Path) -> None:
    place.write_bytes(b"!" * len(OTHER))


def another_size(place: Path, outside: Path) -> None:
    place.write_bytes(OTHER + b"!")


def a_link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def a_link_on_the_way(place: Path, outside: Path) -> None:
    place.parent.rmdir()
    (outside.parent / "folder").mkdir()
    (outside.parent / "folder" / place.name).write_bytes(OTHER)
    place.parent.symlink_to(outside.parent / "folder")


def a_pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


def a_folder(place: Path, outside: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize(
    "make", [hard_nowhere, another_content, another_size, a_link, a_link_on_the_way, a_pipe, a_folder]
)
def test_a_pointer_whose_content_is_nowhere_is_not_pushed(
    server: LfsServer, desk: Desk, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    before = server.head("repo")
    mine = committed(desk, {"lost.bin": OTHER})
    (tmp_path / "outside").write_bytes(OTHER)
    make(kept_by_git_lfs(desk, OTHER), tmp_path / "outside")
    (desk.tree / "lost.bin").symlink_to(tmp_path / "outside")
    git(desk.tree, "update-index", "--skip-worktree", "lost.bin")
    report = desk.work("push")
    assert (report["error"]["name"], report["error"]["facts"]) == ("git.lfs_missing", {"files": ["lost.bin"]})
    assert "lost.bin" in report["error"]["message"]
    assert (server.head("repo"), server.puts) == (before, [])
    assert desk.git("rev-parse", "HEAD") == mine
    server.keep(OTHER)  # somebody else sent it
    assert desk.done("push")["pushed"] == 1


def test_texts_that_tell_of_pointers_are_texts(server: LfsServer, desk: Desk) -> None:
    (desk.tree / "fixture.txt").write_text(pointer_of(OTHER))
    assert desk.done("push")["pushed"] == 1, "no content, and Git LFS does not keep it"
    server.batch_status = 404
    (desk.tree / "fixture.txt").write_text(pointer_of(NEWER))
    assert desk.done("push")["pushed"] == 1, "nor is there any at the server"
    assert not server.puts


def test_no_setting_of_the_workspace_is_obeyed(server: LfsServer, desk: Desk, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    for key, value in {
        "filter.lfs.clean": f"touch {marker}", "filter.lfs.process": f"touch {marker}", "lfs.url": "http://127.0.0.1:1",
        "lfs.pushurl": "http://127.0.0.1:1", "lfs.storage": "/etc", "remote.origin.lfsurl": "http://127.0.0.1:1",
    }.items():  # fmt: skip
        desk.git("config", key, value)
    (desk.tree / ".lfsconfig").write_text("[lfs]\n\turl = http://127.0.0.1:1\n")
    (desk.tree / "x.bin").write_bytes(NEWER)
    assert desk.done("push")["pushed"] == 1
    assert not marker.exists()
    assert json.dumps(server.asked_for("upload")).count(oid_of(pointer_of(NEWER))) == 1
