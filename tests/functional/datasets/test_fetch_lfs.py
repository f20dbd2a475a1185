"""What Git LFS keeps of a commit comes with it, from where the repository's server says."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fetching import Desk

from running.file_server import FileServer
from running.lfs_server import POINTER, LfsServer

LARGE, OTHER = b"\x00large" * 50_000, b"other" * 10
TOKEN = "a-token-that-nobody-else-has"
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LfsServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = LfsServer(folder)
    yield made
    made.close()


@pytest.fixture
def desk(server: LfsServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, server.entry)


def wanted(server: LfsServer, **more: Any) -> dict[str, Any]:
    return {"url": server.url("repo"), **more}


def make(server: LfsServer, files: dict[str, str | bytes]) -> None:
    server.make("repo", {".gitattributes": ATTRIBUTES, **files})


def oid_of(pointer: str) -> str:
    return pointer.partition("sha256:")[2][:64]


def test_pointers_give_way_to_what_they_stand_for(server: LfsServer, desk: Desk) -> None:
    large, other = server.keep(LARGE), server.keep(OTHER)
    make(server, {"a.bin": large, "deep/same.bin": large, "deep/b.bin": other, "plain.txt": large, "real.bin": b"real"})
    found = desk.done("git", **wanted(server))
    assert desk.files() == {
        ".gitattributes": ATTRIBUTES.encode(), "a.bin": LARGE, "deep/same.bin": LARGE, "deep/b.bin": OTHER,
        "plain.txt": large.encode(), "real.bin": b"real",
    }  # fmt: skip
    assert (found["lfs"], found["left_out"]) == (0, 0)
    assert sorted(oid for oid, _, _ in server.served) == sorted({oid_of(large), oid_of(other)}), "each once"


def test_of_a_folder_no_more_is_brought_than_is_in_it(server: LfsServer, desk: Desk) -> None:
    make(server, {"a.bin": server.keep(LARGE), "deep/b.bin": server.keep(OTHER), "deeper/c.bin": server.keep(b"c")})
    desk.done("git", **wanted(server, folder="deep"))
    assert desk.files() == {"b.bin": OTHER}
    assert [len(batch["objects"]) for batch in server.batches] == [1]


def test_very_many_are_asked_for_a_hundred_at_a_time(server: LfsServer, desk: Desk) -> None:
    make(server, {f"{n}.bin": server.keep(b"%d" % n) for n in range(101)})
    desk.done("git", **wanted(server))
    assert desk.files()["100.bin"] == b"100"
    assert [len(batch["objects"]) for batch in server.batches] == [100, 1]


def test_one_that_breaks_off_goes_on_where_it_was(server: LfsServer, desk: Desk) -> None:
    make(server, {"a.bin": server.keep(LARGE)})
    server.breaks = [1000, 5000]
    desk.done("git", **wanted(server))
    assert desk.files()["a.bin"] == LARGE
    assert [ranged for _, _, ranged in server.served] == ["", "bytes=1000-", "bytes=6000-"]


def test_the_secret_goes_to_the_server_and_to_no_file(server: LfsServer, desk: Desk) -> None:
    server.password = f"ada:{TOKEN}"
    make(server, {"a.bin": server.keep(LARGE)})
    desk.done("git", **wanted(server, secret="GIT_TOKEN", username="ada"), variables={"GIT_TOKEN": TOKEN})
    assert desk.files()["a.bin"] == LARGE
    basic = base64.b64encode(f"ada:{TOKEN}".encode()).decode()
    assert server.batches[0]["authorization"] == f"Basic {basic}"
    assert [given.split()[0] for _, given, _ in server.served] == ["RemoteAuth"]
    assert TOKEN not in desk.log
    assert not any(TOKEN.encode() in path.read_bytes() for path in desk.work.rglob("*") if path.is_file())


def test_what_a_file_wants_is_not_shown_to_whom_it_leads(server: LfsServer, desk: Desk) -> None:
    elsewhere = FileServer()
    try:
        desk.hosts.add(elsewhere.entry)
        desk.within.append(elsewhere.entry)
        pointer = server.keep(LARGE)
        heard: list[str | None] = []
        make(server, {"a.bin": pointer})
        elsewhere.put("/file", LARGE)
        original = elsewhere._answer

        def listen(request: Any) -> None:
            heard.append(request.headers.get("Authorization"))
            original(request)

        elsewhere._answer = listen  # type: ignore[method-assign]

        def lead(request: Any) -> None:
            request.send_response(302)
            request.send_header("Location", elsewhere.url("/file"))
            request.end_headers()

        server._give = lead  # type: ignore[method-assign]
        desk.done("git", **wanted(server))
        assert desk.files()["a.bin"] == LARGE
        assert heard == [None]
    finally:
        elsewhere.close()


@pytest.mark.parametrize("status", [404, 410])
def test_a_server_that_keeps_none_leaves_pointers_that_are_counted(server: LfsServer, desk: Desk, status: int) -> None:
    large = server.keep(LARGE)
    make(server, {"a.bin": large, "b.bin": large, "c.bin": server.keep(OTHER)})
    server.batch_status = status
    assert desk.done("git", **wanted(server))["lfs"] == 3
    assert desk.files()["a.bin"] == large.encode()


@pytest.mark.parametrize(("status", "words"), [(403, "does not let us"), (422, "answers 422"), (507, "answers 507")])
def test_a_server_that_refuses_is_named(server: LfsServer, desk: Desk, status: int, words: str) -> None:
    make(server, {"a.bin": server.keep(LARGE)})
    server.batch_status = status
    assert desk.refused("git", **wanted(server)) == "git.lfs"
    assert words in desk.log
    assert not desk.files()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"error": {"code": 404, "message": "Object\x07 does not exist"}}, "Object does not exist"),
        ({"error": {"code": 509}}, "does not say why"),
        ({}, "does not say where"),
        ({"actions": []}, "does not say where"),
        ({"actions": {"download": "x"}}, "does not say where"),
        ({"actions": {"download": {}}}, "cannot be used"),
        ({"actions": {"download": {"href": "file:///etc/passwd"}}}, "cannot be used"),
        ({"actions": {"download": {"href": "http://example.org/x"}}}, "without encryption"),
        ({"actions": {"download": {"href": "https://ada:pw@example.org/x"}}}, "cannot be used"),
        ({"oid": "f" * 64}, "says nothing of a file"),
    ],
)
def test_one_file_that_is_not_given_ends_it(server: LfsServer, desk: Desk, told: dict[str, Any], words: str) -> None:
    pointer = server.keep(LARGE)
    make(server, {"a.bin": pointer})
    server.told[oid_of(pointer)] = told
    assert desk.refused("git", **wanted(server)) == "git.lfs"
    assert words in desk.log
    assert not desk.files()


def test_addresses_of_the_machine_are_not_reached(server: LfsServer, desk: Desk) -> None:
    pointer = server.keep(LARGE)
    make(server, {"a.bin": pointer})
    server.told[oid_of(pointer)] = {"actions": {"download": {"href": "https://127.0.0.1/x"}}}
    desk.hosts.add("*:443")
    assert desk.refused("git", **wanted(server)) == "url.closed"


@pytest.mark.parametrize("given", [LARGE[:-1] + b"!", LARGE + b"more", b""])
def test_another_content_than_the_pointers_is_refused(server: LfsServer, desk: Desk, given: bytes) -> None:
    pointer = server.keep(LARGE)
    make(server, {"a.bin": pointer})
    server.contents[oid_of(pointer)] = given
    assert desk.refused("git", **wanted(server)) == "git.lfs"
    assert "another file than the one" in desk.log


@pytest.mark.parametrize("size", [10**9, 10**15 - 1])
def test_what_does_not_fit_is_refused_before_it_comes(server: LfsServer, desk: Desk, size: int) -> None:
    make(server, {"a.bin": POINTER.format(oid="a" * 64, size=size)})
    assert desk.refused("git", **wanted(server)) == "url.too_large"
    assert not server.batches


def test_all_together_has_the_room_that_there_is(server: LfsServer, desk: Desk) -> None:
    make(server, {"a.bin": server.keep(LARGE), "b.bin": server.keep(LARGE[1:])})
    assert desk.refused("git", **wanted(server), most_bytes=len(LARGE) + 100) == "url.too_large"
    desk.done("git", **wanted(server), most_bytes=2 * len(LARGE) + 100)


@pytest.mark.parametrize(
    "content",
    [
        POINTER.format(oid="A" * 64, size=5), POINTER.format(oid="a" * 63, size=5), POINTER.format(oid="a" * 64, size=-5),
        POINTER.format(oid="a" * 64, size=5) + "more\n", "version https://example.org/spec/v1\n", "", "\0" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_pointer_stays(server: LfsServer, desk: Desk, content: str) -> None:
    make(server, {"a.bin": content})
    assert desk.done("git", **wanted(server))["lfs"] == 0
    assert desk.files()["a.bin"] == content.encode()
    assert not server.batches


def test_a_link_is_no_pointer(server: LfsServer, desk: Desk, tmp_path: Path) -> None:
    pointer = server.keep(LARGE)
    (tmp_path / "outside").write_text(pointer)
    work = server.make("repo")
    (work / "a.bin").symlink_to(tmp_path / "outside")
    server.commit("repo", {".gitattributes": ATTRIBUTES})
    desk.done("git", **wanted(server))
    assert (tmp_path / "outside").read_text() == pointer
    assert not server.batches
