"""Bodies in both directions: streaming, backpressure by count, limits, slow and vanishing clients, silent upstreams."""

import asyncio
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from aiohttp import web

from functional.edge.rig import CONTENT, LABEL, PLATFORM, Rig, running, until
from studium.edge.port import Target
from studium.edge.settings import MIB, Limits
from studium.edge.upstreams import Upstreams


def request_head(rig: Rig, path: str, extra: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {CONTENT}\r\nCookie: {rig.cookie()}\r\n{extra}\r\n".encode()


def read_all(wire: socket.socket) -> bytes:
    received = b""
    while piece := wire.recv(1 << 16):
        received += piece
    return received


def test_large_bodies_pass_unchanged_in_both_directions(rig: Rig) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for piece in request.content.iter_any():
            await answer.write(piece)
        return answer

    rig.content.handler = echo
    body = bytes(range(256)) * 4 * 4096
    assert rig.enter("/echo", method="POST", body=body).body == body


def test_a_body_of_known_length_keeps_its_length_upstream(rig: Rig) -> None:
    rig.enter("/a", method="PUT", body=b"x" * 200_000)
    rig.enter("/b", method="PUT", body=b"x" * 10)
    rig.enter("/c", method="POST", body=b"")
    assert [seen.header("Content-Length") for seen in rig.content.seen] == ["200000", "10", "0"]
    assert [len(seen.body) for seen in rig.content.seen] == [200_000, 10, 0]


def test_a_chunked_body_arrives_whole(rig: Rig) -> None:
    head = request_head(rig, "/", "Transfer-Encoding: chunked\r\nConnection: close\r\n", "POST")
    with rig.connect() as wire:
        wire.sendall(head + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert b" 200 " in read_all(wire)
    assert rig.content.seen[0].body == b"hello world"


def test_compressed_answers_pass_as_they_are(rig: Rig) -> None:
    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"})

    rig.content.handler = packed
    answer = rig.enter("/")
    assert (answer.header("content-encoding"), answer.body) == ("gzip", b"\x1f\x8bnot really")


def test_answers_without_a_body(rig: Rig) -> None:
    async def bare(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]), headers={"ETag": '"a"'})

    rig.content.handler = bare
    assert [rig.enter(f"/{status}").status for status in (204, 304, 200)] == [204, 304, 200]
    assert rig.enter("/200", method="HEAD").body == b""


def test_a_length_told_for_no_body_does_not_spoil_the_connection(rig: Rig, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
        writer.close()

    path = str(tmp_path / "old.sock")
    server = rig.side.call(asyncio.start_unix_server(serve, path))
    rig.port.targets[LABEL] = Target(kind="unix", socket=path)
    with rig.connect() as wire:
        for _ in range(2):
            wire.sendall(request_head(rig, "/"))
            assert b" 304 " in wire.recv(65536)
    assert isinstance(server, asyncio.Server)
    rig.side.loop.call_soon_threadsafe(server.close)


def test_a_slow_reader_of_a_fast_producer_holds_little(rig: Rig) -> None:
    """Counted: what the upstream could get rid of while nobody read is far below what it wanted to send."""
    sent = 0
    blocked = threading.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse()
        await answer.prepare(request)
        piece = b"x" * MIB
        for _ in range(512):
            try:
                await asyncio.wait_for(asyncio.shield(task := asyncio.ensure_future(answer.write(piece))), 1)
            except TimeoutError:
                blocked.set()
                await task
            sent += len(piece)
        return answer

    rig.content.handler = flood
    with rig.connect() as wire:
        wire.sendall(request_head(rig, "/"))
        assert blocked.wait(20), "the producer was never held back"
        assert sent <= 24 * MIB
        held = sent
        wire.settimeout(20)
        total = 0
        while total < held + 32 * MIB:  # reading on sets the producer free again
            total += len(wire.recv(1 << 20))
    until(lambda: sent > held)


def test_a_slow_upstream_holds_a_fast_sender_back(rig: Rig) -> None:
    go_on = threading.Event()

    async def lazy(request: web.Request) -> web.Response:
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        total = 0
        async for piece in request.content.iter_any():
            total += len(piece)
        return web.Response(text=str(total))

    rig.content.handler = lazy
    size = 256 * MIB
    with rig.connect() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        wire.sendall(request_head(rig, "/", f"Content-Length: {size}\r\nConnection: close\r\n", "POST"))
        wire.settimeout(1)
        piece, taken = b"y" * MIB, 0
        try:
            while taken < size:
                taken += wire.send(piece)
        except TimeoutError:
            pass
        assert taken < 32 * MIB
        go_on.set()
        wire.settimeout(20)
        while taken < size:
            taken += wire.send(piece[: size - taken])
        assert read_all(wire).endswith(str(size).encode())


def test_a_body_over_the_limit_is_refused_by_its_length(tmp_path: Path) -> None:
    with running(tmp_path, Limits(content_body=1000, platform_body=2000)) as rig:
        head = request_head(rig, "/", "Content-Length: 1001\r\n", "POST")
        assert b" 413 " in rig.raw(head)
        assert rig.enter("/", method="POST", body=b"x" * 1000).status == 200
        assert rig.ask(PLATFORM, "/", method="POST", body=b"x" * 2001).status == 413
        assert rig.ask(PLATFORM, "/", method="POST", body=b"x" * 2000).status == 200
        assert len(rig.content.seen) == 1


def test_a_body_over_the_limit_is_refused_while_it_streams(tmp_path: Path) -> None:
    with running(tmp_path, Limits(content_body=100_000)) as rig:
        head = request_head(rig, "/", "Transfer-Encoding: chunked\r\n", "POST")
        with rig.connect() as wire:
            wire.sendall(head)
            wire.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            wire.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            answer = read_all(wire)
        assert b" 413 " in answer
        assert b"connection: close" in answer


def test_an_early_answer_ends_the_connection_instead_of_reading_on(rig: Rig) -> None:
    async def no(request: web.Request) -> web.Response:
        return web.Response(status=400, text="no")

    rig.content.handler = no
    with rig.connect() as wire:
        wire.sendall(request_head(rig, "/", "Content-Length: 100000000\r\n", "POST") + b"x" * 1000)
        answer = read_all(wire)
    assert b" 400 " in answer
    assert b"connection: close" in answer


def test_a_client_that_dribbles_its_headers_is_turned_away(tmp_path: Path) -> None:
    with running(tmp_path, Limits(header_seconds=0.3)) as rig:
        with rig.connect() as silent:
            assert b" 408 " in read_all(silent)
        with rig.connect() as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            assert b" 408 " in read_all(half)
        with rig.connect() as again:
            again.sendall(f"GET / HTTP/1.1\r\nHost: {PLATFORM}\r\n\r\nGET /two".encode())
            answer = read_all(again)
            assert b" 200 " in answer
            assert b" 408 " in answer
        with rig.connect() as endings:
            endings.sendall(f"GET / HTTP/1.1\r\nHost: {PLATFORM}\r\n\r\n".encode())
            assert b" 200 " in endings.recv(65536)
            endings.sendall(b"\r\n")
            assert b" 408 " in read_all(endings)


def test_a_kept_connection_that_asks_nothing_is_closed(tmp_path: Path) -> None:
    with running(tmp_path, Limits(idle_seconds=1)) as rig, rig.connect() as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {PLATFORM}\r\n\r\n".encode())
        assert b" 200 " in read_all(wire)


def test_endless_headers_are_cut_off(tmp_path: Path) -> None:
    with running(tmp_path, Limits(header_bytes=20_000)) as rig, rig.connect() as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n")
        answer = b""
        wire.settimeout(0.05)
        for _ in range(500):
            try:
                wire.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")
                answer += wire.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if b" 431 " in answer:
                break
        assert b" 431 " in answer


def test_a_body_that_stops_arriving_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, Limits(body_seconds=0.3)) as rig, rig.connect() as wire:
        wire.sendall(request_head(rig, "/", "Content-Length: 10\r\n", "POST") + b"12345")
        answer = read_all(wire)
        assert b" 408 " in answer
        assert not rig.content.seen


def test_a_client_that_stops_reading_is_cut_off(tmp_path: Path) -> None:
    ended = threading.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * MIB)
        finally:
            ended.set()

    with running(tmp_path, Limits(stall_seconds=0.5)) as rig:
        rig.content.handler = flood
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect(("127.0.0.1", rig.number))
        with wire:
            wire.sendall(request_head(rig, "/"))
            assert ended.wait(20), "the upstream was left writing to nobody"
        until(lambda: rig.edge.door.open == 0)
        assert rig.edge.counters.open_exchanges == 0


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_goes_away_frees_its_upstream(rig: Rig, reset: bool) -> None:
    started = threading.Event()

    async def wait(request: web.Request) -> web.StreamResponse:
        started.set()
        await asyncio.sleep(60)
        raise AssertionError

    rig.content.handler = wait
    wire = rig.connect()
    wire.sendall(request_head(rig, "/"))
    assert started.wait(10)
    if reset:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    until(lambda: rig.edge.counters.open_exchanges == 0)
    until(lambda: rig.edge.door.open == 0)


def test_an_upstream_that_is_not_there_is_said_in_words(rig: Rig) -> None:
    rig.port.targets[LABEL] = Target(kind="unix", socket="/nonexistent/x.sock", ttl=60)
    answer = rig.enter("/lab", headers={"Cookie": rig.cookie(), "Accept": "text/html"})
    assert answer.status == 502
    assert b"does not answer" in answer.body
    rig.port.targets[LABEL] = Target(kind="unix", socket=rig.content.path)
    assert rig.enter("/lab").status == 200, "the edge asks anew where a silent target leads"


def test_a_web_process_that_is_not_there_is_said_in_words(rig: Rig) -> None:
    rig.side.call(rig.web.stop())
    answer = rig.ask(PLATFORM, "/", headers={"Accept": "text/html"})
    assert answer.status == 503
    assert b"Running sessions go on" in answer.body
    assert answer.header("retry-after") == "2"
    assert rig.enter("/lab").status == 200


def test_a_restarted_upstream_is_found_again(rig: Rig) -> None:
    for _ in range(3):
        assert rig.enter("/lab").status == 200
        assert rig.enter("/lab", method="POST", body=b"x").status == 200
        rig.side.call(rig.content.stop())
        rig.side.call(rig.content.start())
    assert rig.enter("/lab").status == 200


def test_half_an_answer_never_looks_whole(rig: Rig) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000000"} if request.path == "/known" else None)
        await answer.prepare(request)
        await answer.write(b"x" * 1000)
        assert request.transport is not None
        request.transport.abort()
        return answer

    rig.content.handler = half
    for path in ("/known", "/chunked"):
        with rig.connect() as wire:
            wire.sendall(request_head(rig, path))
            received = b""
            try:
                received = read_all(wire)
            except ConnectionResetError:
                continue
            assert not received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 700 High\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"",
    ],
)
def test_a_hostile_upstream_is_a_bad_gateway(rig: Rig, tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    path = str(tmp_path / "hostile.sock")
    server = rig.side.call(asyncio.start_unix_server(serve, path))
    rig.port.targets[LABEL] = Target(kind="unix", socket=path)
    assert rig.enter("/").status == 502
    assert isinstance(server, asyncio.Server)
    rig.side.loop.call_soon_threadsafe(server.close)


def test_one_label_cannot_take_every_connection(tmp_path: Path) -> None:
    gate = threading.Event()

    async def wait(request: web.Request) -> web.Response:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        return web.Response(text="x")

    with running(tmp_path, Limits(exchanges_per_label=3)) as rig:
        rig.content.handler = wait
        wires = [rig.connect() for _ in range(3)]
        for wire in wires:
            wire.sendall(request_head(rig, "/"))
        until(lambda: rig.edge.counters.open_exchanges == 3)
        refused = rig.enter("/")
        assert (refused.status, refused.json()["code"]) == (503, "edge.too_many_exchanges")
        rig.port.targets["other"] = Target(kind="unix", socket=rig.web.path)
        assert rig.ask("other.localhost:8000", "/", headers={"Cookie": rig.cookie("other")}).status == 200
        gate.set()
        for wire in wires:
            assert b" 200 " in wire.recv(65536)
            wire.close()
        until(lambda: rig.edge.counters.open_exchanges == 0)
        assert rig.enter("/").status == 200


def test_one_address_cannot_take_every_connection(tmp_path: Path) -> None:
    with running(tmp_path, Limits(connections_per_address=4)) as rig:
        wires = [rig.connect() for _ in range(4)]
        until(lambda: rig.edge.door.open == 4)
        with rig.connect() as fifth:
            assert b" 503 " in read_all(fifth)
        for wire in wires:
            wire.close()
        until(lambda: rig.edge.door.open == 0)
        assert rig.ask(PLATFORM, "/").status == 200


def test_expect_continue_is_answered_by_the_edge(rig: Rig) -> None:
    with rig.connect() as wire:
        head = request_head(rig, "/", "Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n", "POST")
        wire.sendall(head)
        assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
        wire.sendall(b"hello")
        assert b" 200 " in read_all(wire)
    assert rig.content.seen[0].header("Expect") is None


def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    paths = [f"/{number}" for number in range(5)]
    asked = b"".join(request_head(rig, path) for path in paths[:-1])
    asked += request_head(rig, paths[-1], "Connection: close\r\n")
    with rig.connect() as wire:
        wire.sendall(asked)
        answers = read_all(wire)
    assert [answers.find(f'"path": "{path}"'.encode()) for path in paths] == sorted(
        answers.find(f'"path": "{path}"'.encode()) for path in paths
    )
    assert answers.count(b" 200 OK") == 5


def test_many_clients_at_once(rig: Rig) -> None:
    failures: list[int] = []

    def client() -> None:
        failures.extend(status for status in (rig.enter("/x").status for _ in range(20)) if status != 200)

    threads = [threading.Thread(target=client) for _ in range(16)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert time.monotonic() - began < 30


def test_a_server_without_room_in_its_queue_is_waited_for(rig: Rig, tmp_path: Path) -> None:
    """A unix socket refuses at once where TCP would wait; a busy server must not look like a broken one."""
    path = str(tmp_path / "busy.sock")
    rig.port.targets[LABEL] = Target(kind="unix", socket=path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first, rig.connect() as wire:
        server.bind(path)
        server.listen(0)
        first.connect(path)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            with pytest.raises(BlockingIOError):
                probe.connect(path)
        wire.sendall(request_head(rig, "/", "Connection: close\r\n"))
        until(lambda: rig.edge.counters.open_exchanges == 1)
        server.accept()[0].close()
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(65536).startswith(b"GET / HTTP/1.1")
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            assert b" 200 " in read_all(wire)


def test_pools_that_nobody_uses_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> tuple[bool, bool]:
        upstreams = Upstreams(Limits(), str(tmp_path / "web.sock"))
        with upstreams.to(None) as used:
            with upstreams.to(Target(kind="unix", socket="/s")) as unused:
                pass
            monkeypatch.setattr("studium.edge.upstreams._UNUSED_SECONDS", -1)
            await upstreams.drop_unused()
            still = used.closed
        gone = unused.closed
        await upstreams.close()
        return still, gone

    assert asyncio.run(scene()) == (False, True)
