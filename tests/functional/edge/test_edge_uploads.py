"""Bodies for the platform: the web process hears of them when they are whole, and they are bounded."""

import threading
from pathlib import Path

import pytest
from aiohttp import web

from functional.edge.rig import CONTENT, LABEL, PLATFORM, Rig, running, until
from studium.edge.port import Target
from studium.edge.settings import MIB, Limits


def head(length: int | None, host: str = PLATFORM) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST /x HTTP/1.1\r\nHost: {host}\r\n{size}\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("length", [200_000, None])
def test_the_web_process_never_waits_for_a_slow_body(rig: Rig, length: int | None) -> None:
    asked = threading.Event()

    async def note(request: web.Request) -> web.Response:
        asked.set()
        return web.Response(text=str(len(await request.read())))

    rig.web.handler = note
    with rig.connect() as wire:
        wire.sendall(head(length) + (b"x" * 1000 if length else chunk(b"x" * 1000)))
        # Requests that come later are answered; by then the edge has long read the first piece.
        assert [rig.ask(PLATFORM, "/y").status for _ in range(20)] == [200] * 20
        assert len(rig.web.seen) == 20
        asked.clear()
        wire.sendall(b"x" * 199_000 if length else chunk(b"x" * 199_000) + b"0\r\n\r\n")
        assert asked.wait(10)
        assert b"200000" in wire.recv(65536)


@pytest.mark.parametrize("size", [70_000, MIB, 3 * MIB + 17])
def test_a_large_body_arrives_whole_with_its_length(rig: Rig, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert rig.ask(PLATFORM, "/up", method="POST", body=body).json() == {"path": "/up", "length": size}
    assert rig.web.seen[0].body == body
    assert rig.web.seen[0].header("Content-Length") == str(size)


def test_a_chunked_body_gets_a_length(rig: Rig) -> None:
    assert b" 200 " in rig.raw(head(None) + chunk(b"hello ") + chunk(b"world") + b"0\r\n\r\n")
    assert (rig.web.seen[0].body, rig.web.seen[0].header("Content-Length")) == (b"hello world", "11")


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, Limits(body_seconds=0.4, body_pace=10_000)) as rig, rig.connect() as wire:
        wire.sendall(head(200_000))
        wire.settimeout(0.1)
        answer = b""
        for _ in range(100):
            wire.sendall(b"x")
            try:
                answer = wire.recv(65536)
            except TimeoutError:
                continue
            break
        assert b" 408 " in answer
        assert not rig.web.seen


def test_only_so_many_large_bodies_are_taken_at_once(tmp_path: Path) -> None:
    with running(tmp_path, Limits(uploads_per_address=1)) as rig, rig.connect() as wire:
        wire.sendall(head(4 * MIB) + b"x" * 2 * MIB)
        until(lambda: rig.edge.gathering.large == 1)
        refused = rig.raw(head(3 * MIB) + b"x" * (MIB + 1))  # just enough to need a file
        assert b" 503 " in refused
        assert b"retry-after: 5" in refused.lower()
        assert rig.ask(PLATFORM, "/", method="POST", body=b"x" * 100_000).status == 200
        wire.close()
        until(lambda: rig.edge.gathering.large == 0)
        assert rig.ask(PLATFORM, "/", method="POST", body=b"x" * 3 * MIB).status == 200


def test_documents_take_no_body(rig: Rig) -> None:
    rig.port.targets[LABEL] = Target(kind="web", path_prefix="/-/content/doc")
    assert rig.enter("/", method="POST", body=b"x" * 200_000).status == 405
    with rig.connect() as wire:
        lines = f"GET / HTTP/1.1\r\nHost: {CONTENT}\r\nCookie: {rig.cookie()}\r\nContent-Length: 9000000\r\n\r\n"
        wire.sendall(lines.encode())
        assert b" 405 " in wire.recv(65536)
    assert not rig.web.seen
