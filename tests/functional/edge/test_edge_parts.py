"""Answers that name parts of the store's files: the edge sends just these bytes, and nothing that anybody else names."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from factories.datasets import seeded
from functional.edge.rig import CONTENT, LABEL, PLATFORM, Rig, running, until
from studium.edge import parts
from studium.edge.port import Target

BLOCK, BLOB = "blocks/ab/abc123", f"sha256/0f/0f{'0' * 62}"
CONTENTS = {BLOCK: seeded(1_500_000, 1), BLOB: seeded(700_001, 2)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for path, content in CONTENTS.items():
        (tmp_path / "blobs" / path).parent.mkdir(parents=True)
        (tmp_path / "blobs" / path).write_bytes(content)
    (tmp_path / "secret").write_bytes(b"of the home")
    return tmp_path / "blobs"


@pytest.fixture
def sending(tmp_path: Path, store: Path) -> Iterator[Rig]:
    with running(tmp_path, files_folder=str(store)) as one:
        yield one


def names(rig: Rig, lines: str, length: int, *, status: int = 200, **headers: str) -> None:
    """Have the web process answer so."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=lines, status=status, headers={parts.FILES: str(length), **headers})

    rig.web.handler = rig.content.handler = answer


LINES = f"{BLOCK} 1000 1200000\n{BLOB} 0 700001\n{BLOCK} 0 7\n"
WHOLE = CONTENTS[BLOCK][1000:1_201_000] + CONTENTS[BLOB] + CONTENTS[BLOCK][:7]


@pytest.mark.parametrize("far", [False, True], ids=["at hand", "on the disk"])
def test_the_named_bytes_are_sent(sending: Rig, far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if far:
        monkeypatch.setattr(parts, "_at_hand", lambda *_: b"")
    names(sending, LINES, len(WHOLE), ETag='"x"', **{"X-Studium-Other": "1"})
    answer = sending.ask(PLATFORM, "/file", headers={parts.SENDS: "of the client"})
    assert (answer.status, answer.body == WHOLE, answer.header("Content-Length")) == (200, True, str(len(WHOLE)))
    assert answer.header("ETag") == '"x"'
    assert not [name for name, _ in answer.headers if name.lower().startswith("x-studium-")]
    assert [value for name, value in sending.web.seen[0].headers if name == parts.SENDS] == ["1"]


def test_a_part_of_a_file_keeps_its_status(sending: Rig) -> None:
    names(sending, f"{BLOCK} 5 10\n", 10, status=206, **{"Content-Range": "bytes 5-14/1500000"})
    answer = sending.ask(PLATFORM, "/file")
    assert (answer.status, answer.body) == (206, CONTENTS[BLOCK][5:15])
    assert answer.header("Content-Range") == "bytes 5-14/1500000"


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ("../secret 0 11\n", 11),
        ("blocks/../../secret 0 11\n", 11),
        ("/etc/hostname 0 1\n", 1),
        (f"{BLOCK} -1 5\n", 5),
        (f"{BLOCK} 0\n", 0),
        (f"{BLOCK} 0 5\n", 6),
        ("blocks/ab/abc123/../abc123 0 5\n", 5),
        ("<html>", 6),
    ],
)
def test_what_names_no_parts_is_no_answer(sending: Rig, lines: str, length: int) -> None:
    names(sending, lines, length)
    answer = sending.ask(PLATFORM, "/file")
    assert answer.status == 503
    assert b"of the home" not in answer.body


@pytest.mark.parametrize("lines", [f"{BLOCK} 1499990 11\n", "blocks/zz/gone 0 11\n", "blocks/ab/link 0 11\n"])
def test_what_is_not_there_any_more_breaks_the_connection(sending: Rig, store: Path, lines: str) -> None:
    (store / "blocks/ab/link").symlink_to("../../../secret")
    names(sending, lines, 11)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        sending.ask(PLATFORM, "/file")
    names(sending, LINES, len(WHOLE))
    assert sending.ask(PLATFORM, "/file").body == WHOLE, "and the next one is served"


def test_what_the_web_process_serves_on_a_content_host_is_sent_too(sending: Rig) -> None:
    sending.port.targets[LABEL] = Target(kind="web", path_prefix="/-/documents/x")
    names(sending, LINES, len(WHOLE), **{"Content-Type": "video/mp4"})
    answer = sending.enter("/raw")
    assert (answer.status, answer.body == WHOLE, answer.header("Content-Length")) == (200, True, str(len(WHOLE)))
    assert answer.header("Content-Type").startswith("video/mp4")  # type: ignore[union-attr]
    assert answer.header(parts.FILES) is None
    assert sending.web.seen[0].target == "/-/documents/x/raw"


def test_content_names_nothing(sending: Rig) -> None:
    names(sending, LINES, len(WHOLE))
    answer = sending.enter("/file")
    assert answer.body.decode() == LINES
    assert sending.content.seen[0].header(parts.SENDS) is None
    assert sending.ask(CONTENT, "/file", entered=True, headers={parts.SENDS: "1"}).body.decode() == LINES
    assert sending.content.seen[1].header(parts.SENDS) is None


def test_an_edge_that_is_told_of_no_folder_sends_none(rig: Rig) -> None:
    names(rig, LINES, len(WHOLE))
    answer = rig.ask(PLATFORM, "/file", headers={parts.SENDS: "1"})
    assert answer.body.decode() == LINES
    assert rig.web.seen[0].header(parts.SENDS) is None


def test_files_are_closed_also_when_nobody_reads_on(sending: Rig, store: Path) -> None:
    def opened() -> list[str]:
        found = []
        for handle in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{handle}"))
            except OSError:
                continue
        return [path for path in found if path.startswith(str(store))]

    big = store / "blocks/ab/big"
    big.write_bytes(b"")
    os.truncate(big, 64 * 1024 * 1024)
    names(sending, f"blocks/ab/big 0 {64 * 1024 * 1024}\n", 64 * 1024 * 1024)
    with sending.connect() as wire:
        wire.sendall(f"GET /file HTTP/1.1\r\nHost: {PLATFORM}\r\n\r\n".encode())
        assert wire.recv(1000)
        until(lambda: opened() == [str(big)])
    names(sending, LINES, len(WHOLE))
    assert sending.ask(PLATFORM, "/file").body == WHOLE
    until(lambda: opened() == [])
