"""Websockets through the edge: who may open one, what passes, backpressure, close codes, activity, lost rights."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from functional.edge.rig import CONTENT, KEY, LABEL, ORIGIN, PLATFORM, Rig, running, until
from studium.edge.port import Target
from studium.edge.settings import MIB, Limits

CHANNELS = "/api/kernels/3f1c/channels?session_id=s"
EXECUTE = json.dumps({"channel": "shell", "header": {"msg_type": "execute_request"}, "content": {"code": "1"}})


class Echo:
    """A websocket upstream that sends back what it gets and notes how each socket ended."""

    def __init__(self, rig: Rig, protocols: tuple[str, ...] = ()) -> None:
        self.protocols = protocols
        self.ended: list[int | None] = []
        self.open = 0
        rig.content.handler = self.serve

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=self.protocols, max_msg_size=1 << 30)
        await ws.prepare(request)
        self.open += 1
        async for message in ws:
            if message.type is WSMsgType.TEXT and message.data.startswith("close:"):
                code = int(message.data.removeprefix("close:"))
                await ws.close(code=code, message=b"as you wish")
            elif message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await ws.send_bytes(message.data)
        self.open -= 1
        self.ended.append(ws.close_code)
        return ws


@contextmanager
def opened(
    rig: Rig, path: str = "/ws", *, cookie: str | None = None, host: str = CONTENT, **options: object
) -> Iterator[ClientConnection]:
    headers = {"Cookie": rig.cookie() if cookie is None else cookie}
    options.setdefault("origin", ORIGIN)
    options.setdefault("max_size", 1 << 30)
    with connect(
        f"ws://{host}{path}",
        sock=rig.connect(),
        additional_headers=headers,
        compression=None,
        open_timeout=20,
        **options,  # type: ignore[arg-type]
    ) as ws:
        yield ws


def refused(rig: Rig, path: str = "/ws", **options: object) -> int:
    with pytest.raises(InvalidStatus) as caught, opened(rig, path, **options):  # type: ignore[arg-type]
        pass
    return int(caught.value.response.status_code)


def test_text_and_bytes_pass_both_ways(rig: Rig) -> None:
    Echo(rig)
    with opened(rig) as ws:
        for message in ("hello", "é" * 1000, b"\x00\xff" * 1000, "", b"", "x" * (2 * MIB)):
            ws.send(message)
            assert ws.recv(20) == message
    assert rig.content.seen[0].header("Host") == "localhost"
    assert rig.content.seen[0].header("Origin") == "http://localhost"
    assert rig.content.seen[0].header("Cookie") is None


def test_the_subprotocol_is_the_upstreams_choice(rig: Rig) -> None:
    Echo(rig, ("b", "c"))
    with opened(rig, subprotocols=["a", "b"]) as ws:
        assert ws.subprotocol == "b"
    with opened(rig, subprotocols=["x"]) as ws:
        assert ws.subprotocol is None


def test_no_cookie_no_socket(rig: Rig) -> None:
    Echo(rig)
    assert refused(rig, cookie="") == 403
    assert refused(rig, cookie=rig.cookie("other")) == 403
    assert refused(rig, cookie=rig.cookie(seconds=-1)) == 403
    assert refused(rig, cookie=rig.cookie(key=b"z" * 32)) == 403
    rig.port.refused.add((LABEL, "bob"))
    assert refused(rig, cookie=rig.cookie(user="bob")) == 403
    assert not rig.content.seen


@pytest.mark.parametrize(
    "origin", ["http://evil.example", f"http://{PLATFORM}", "http://nb2.localhost:8000", "null", f"https://{CONTENT}"]
)
def test_a_foreign_origin_opens_no_socket(rig: Rig, origin: str) -> None:
    Echo(rig)
    assert refused(rig, origin=origin) == 403
    assert not rig.content.seen


def test_a_plain_client_without_origin_may(rig: Rig) -> None:
    Echo(rig)
    with opened(rig, origin=None) as ws:
        ws.send("x")
        assert ws.recv(20) == "x"


def test_a_foreign_host_opens_no_socket(rig: Rig) -> None:
    assert refused(rig, host="evil.example:8000", origin=None) == 421
    assert refused(rig, host="localhost:8000", origin=None) == 404


def test_terminal_sockets_can_be_switched_off(rig: Rig) -> None:
    Echo(rig)
    rig.port.targets[LABEL] = Target(kind="unix", socket=rig.content.path, terminal=False)
    assert refused(rig, "/terminals/websocket/1") == 403
    assert refused(rig, "//terminals/%77ebsocket/1") == 403
    assert not rig.content.seen
    with opened(rig, CHANNELS) as ws:
        ws.send("x")
        assert ws.recv(20) == "x"


def test_the_injected_header_reaches_the_upstream_socket(rig: Rig) -> None:
    Echo(rig)
    rig.port.targets[LABEL] = Target(
        kind="unix", socket=rig.content.path, headers=(("Authorization", "token abcdefgh"),)
    )
    with opened(rig):
        pass
    assert rig.content.seen[0].header("Authorization") == "token abcdefgh"


def test_an_upstream_that_refuses_or_is_not_there(rig: Rig) -> None:
    async def no(request: web.Request) -> web.Response:
        return web.Response(status=404)

    rig.content.handler = no
    assert refused(rig) == 404
    rig.side.call(rig.content.stop())
    assert refused(rig) == 502


def test_close_codes_pass_both_ways(rig: Rig) -> None:
    echo = Echo(rig)
    for code in (1000, 3001, 4404):
        with opened(rig) as ws:
            ws.send(f"close:{code}")
            with pytest.raises(ConnectionClosed) as caught:
                ws.recv(20)
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "as you wish")
    until(lambda: len(echo.ended) == 3)
    with opened(rig) as ws:
        ws.close(4001, "bye")
    until(lambda: echo.ended[3:] == [4001])


def test_an_upstream_that_vanishes_is_told_to_the_client(rig: Rig) -> None:
    async def vanish(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive()
        assert request.transport is not None
        request.transport.abort()
        return ws

    rig.content.handler = vanish
    with opened(rig) as ws:
        ws.send("x")
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(20)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1014


def test_a_client_that_vanishes_frees_the_upstream(rig: Rig) -> None:
    echo = Echo(rig)
    with opened(rig) as ws:
        until(lambda: echo.open == 1)
        ws.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: echo.open == 0)
    until(lambda: rig.edge.counters.open_websockets == 0)
    until(lambda: rig.edge.door.open == 0)


def test_a_client_that_answers_no_ping_is_let_go(tmp_path: Path) -> None:
    """Abandoned without a word: the connection stands, nobody reads it."""
    with running(tmp_path, Limits(ping_seconds=0.2, pong_seconds=0.3)) as rig:
        echo = Echo(rig)
        wire = rig.connect()
        wire.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {CONTENT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"Cookie: {rig.cookie()}\r\n\r\n".encode()
        )
        until(lambda: echo.open == 1)
        until(lambda: echo.open == 0)
        until(lambda: rig.edge.counters.open_websockets == 0)
        wire.close()


def test_a_socket_outlives_the_time_limits_of_plain_requests(tmp_path: Path) -> None:
    with running(tmp_path, Limits(header_seconds=0.2, body_seconds=0.2, idle_seconds=1, stall_seconds=0.2)) as rig:
        Echo(rig)
        with opened(rig) as ws:
            ends_at = time.monotonic() + 1.5
            while time.monotonic() < ends_at:
                ws.send("x")
                assert ws.recv(20) == "x"


def test_messages_over_the_limit_end_the_socket_both_ways(tmp_path: Path) -> None:
    with running(tmp_path, Limits(websocket_message=10_000)) as rig:
        Echo(rig)
        with opened(rig) as ws:
            ws.send("x" * 10_000)
            assert len(ws.recv(20)) == 10_000
            ws.send("x" * 10_001)
            with pytest.raises(ConnectionClosed) as caught:
                ws.recv(20)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009

        async def big(request: web.Request) -> web.StreamResponse:
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await ws.send_str("x" * 10_001)
            await ws.receive()
            return ws

        rig.content.handler = big
        with opened(rig) as ws, pytest.raises(ConnectionClosed) as caught:
            ws.recv(20)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_a_slow_reader_stops_a_flood(rig: Rig) -> None:
    """Counted: the upstream's output stands still while the client does not read, and goes on when it does."""
    sent = 0
    blocked = threading.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for _ in range(4000):
            writing = asyncio.ensure_future(ws.send_bytes(b"x" * 100_000))
            try:
                await asyncio.wait_for(asyncio.shield(writing), 1)
            except TimeoutError:
                blocked.set()
                await writing
            sent += 100_000
        return ws

    rig.content.handler = flood
    with rig.connect() as wire:
        wire.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {CONTENT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"Cookie: {rig.cookie()}\r\n\r\n".encode()
        )
        assert blocked.wait(20), "the producer was never held back"
        assert sent < 24 * MIB
        held, total = sent, 0
        while total < held + 32 * MIB:
            total += len(wire.recv(1 << 20))
        until(lambda: sent > held)


def test_a_slow_upstream_stops_a_flooding_client(rig: Rig) -> None:
    stop = threading.Event()

    async def deaf(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(max_msg_size=1 << 30)
        await ws.prepare(request)
        while not stop.is_set():
            await asyncio.sleep(0.01)
        return ws

    rig.content.handler = deaf
    with opened(rig) as ws:
        ws.socket.settimeout(1)
        sent = 0
        try:
            while sent < 256 * MIB:
                ws.send(b"x" * 100_000)
                sent += 100_000
        except (TimeoutError, ConnectionClosed):
            pass
        assert sent < 32 * MIB
        stop.set()


def test_executing_a_cell_is_activity_once_in_a_while(rig: Rig) -> None:
    Echo(rig)
    with opened(rig, CHANNELS) as ws:
        for message in (EXECUTE, EXECUTE, "again " + EXECUTE):
            ws.send(message)
            ws.recv(20)
    until(lambda: rig.port.activity == [LABEL])
    with opened(rig, CHANNELS) as ws:
        ws.send(EXECUTE)
        ws.recv(20)
    assert rig.port.activity == [LABEL]


def test_other_frames_and_other_sockets_are_not_activity(rig: Rig) -> None:
    Echo(rig)
    mention = json.dumps({"header": {"msg_type": "comm_msg"}, "content": {"code": 'msg_type": "execute_request"'}})
    for path, message in ((CHANNELS, mention), (CHANNELS, "execute_request"), ("/api/events/subscribe", EXECUTE)):
        with opened(rig, path) as ws:
            ws.send(message)
            ws.recv(20)
    assert rig.port.activity == []


def test_activity_survives_a_web_process_that_is_away(rig: Rig) -> None:
    Echo(rig)
    with opened(rig, CHANNELS) as ws:
        rig.port.down = True
        ws.send(EXECUTE)
        assert ws.recv(20) == EXECUTE
        ws.send("still there")
        assert ws.recv(20) == "still there"


def test_a_server_side_execution_is_activity(rig: Rig) -> None:
    for _ in range(3):
        assert rig.enter("/api/kernels/3f1c/execute", method="POST", body=b"{}").status == 200
    until(lambda: rig.port.activity == [LABEL])


def test_a_lost_right_closes_open_sockets(tmp_path: Path) -> None:
    with running(tmp_path, Limits(recheck_seconds=0.1, allowed_seconds=0.1)) as rig:
        echo = Echo(rig)
        with opened(rig) as ann, opened(rig, cookie=rig.cookie(user="bob")) as bob:
            rig.port.refused.add((LABEL, "ann"))
            with pytest.raises(ConnectionClosed) as caught:
                ann.recv(20)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1008
            bob.send("x")
            assert bob.recv(20) == "x"
            until(lambda: echo.open == 1)


def test_an_entry_that_runs_out_closes_open_sockets(tmp_path: Path) -> None:
    with running(tmp_path, Limits(recheck_seconds=0.1)) as rig:
        Echo(rig)
        with opened(rig, cookie=rig.cookie(seconds=0.7)) as ws, pytest.raises(ConnectionClosed):
            ws.recv(20)


def test_open_sockets_live_through_a_web_process_that_is_away(tmp_path: Path) -> None:
    with running(tmp_path, Limits(recheck_seconds=0.05, allowed_seconds=0.05, stale_seconds=0.1)) as rig:
        Echo(rig)
        with opened(rig) as ws:
            rig.port.down = True
            rig.port.asked.clear()
            until(lambda: rig.port.asked.count("allowed") > 5)
            ws.send("x")
            assert ws.recv(20) == "x"


def test_sockets_count_towards_the_labels_share(tmp_path: Path) -> None:
    with running(tmp_path, Limits(exchanges_per_label=1)) as rig:
        Echo(rig)
        with opened(rig):
            assert refused(rig) == 503
        until(lambda: rig.edge.counters.open_exchanges == 0)
        with opened(rig):
            pass


def test_a_stop_closes_sockets_with_the_code_for_a_restart(rig: Rig) -> None:
    echo = Echo(rig)
    with opened(rig) as ws:
        ws.send("x")
        ws.recv(20)
        rig.stop_edge()
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(20)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
    until(lambda: echo.open == 0)


def test_a_stop_lets_requests_finish(rig: Rig) -> None:
    started, go_on = threading.Event(), threading.Event()

    async def wait(request: web.Request) -> web.Response:
        started.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return web.Response(text="done")

    rig.content.handler = wait
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(rig.enter("/").body))
    asking.start()
    assert started.wait(10)
    rig.server.should_exit = True
    until(lambda: refuses_connections(rig))
    go_on.set()
    asking.join(20)
    assert answers == [b"done"]


def test_a_stop_waits_for_nobody_for_ever(tmp_path: Path) -> None:
    async def wait(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    with running(tmp_path, Limits(shutdown_seconds=1)) as rig:
        rig.content.handler = wait
        with rig.connect() as wire:
            wire.sendall(f"GET / HTTP/1.1\r\nHost: {CONTENT}\r\nCookie: {rig.cookie()}\r\n\r\n".encode())
            until(lambda: rig.edge.counters.open_exchanges == 1)
            began = time.monotonic()
            rig.stop_edge()
            assert time.monotonic() - began < 5


def refuses_connections(rig: Rig) -> bool:
    try:
        rig.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_key_of_the_tests_is_long_enough() -> None:
    assert len(KEY) >= 32
