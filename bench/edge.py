"""What the edge costs: requests, bulk and websocket messages through it beside a direct connection to the same server.

Three processes on loopback: the server behind (on a unix socket), the real edge with its port in memory, and this one,
which loads them in turn: direct, edge, direct, edge; medians are quoted. Then 2,000 idle and 1,000 abandoned websockets
are held open (clients that never read and answer no ping, flooded by the server) while pages are asked for.
"""

import asyncio
import contextlib
import multiprocessing
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast

import psutil
import uvloop
from aiohttp import WSMsgType, web

from report import figure
from studium.edge import grants
from studium.edge.app import create_app
from studium.edge.memoryport import MemoryPort
from studium.edge.port import Grant, Target
from studium.edge.server import EdgeServer, configure_log, listen, raise_file_limit
from studium.edge.settings import EdgeConfig, Limits

KEY = b"bench" * 8
HOST, CONTENT = "localhost:8000", "nb.localhost:8000"
ROUNDS, SECONDS, CLIENTS = 3, 2.0, 16
BULK = 256 * 1024 * 1024
MESSAGE, IN_FLIGHT = 200, 64
IDLE, ABANDONED, FLOOD = 2000, 1000, 1024 * 1024
PAGE, PAGES_PER_SECOND, PAGE_SECONDS = 20_000, 100, 10
Address = str | tuple[str, int]


# --- the two servers, each in its own process


def serve_behind(path: str) -> None:
    """A plain asynchronous server: a small answer, a page, a large one, and websockets that echo or flood."""
    raise_file_limit()

    async def small(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100)

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * PAGE, content_type="text/html")

    async def bulk(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(BULK)})
        await answer.prepare(request)
        piece = b"x" * (256 * 1024)
        for _ in range(BULK // len(piece)):
            await answer.write(piece)
        return answer

    async def websocket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        if request.path == "/flood":
            with contextlib.suppress(ConnectionError):
                for _ in range(FLOOD // 65536):
                    await ws.send_bytes(b"x" * 65536)
        with contextlib.suppress(ConnectionError):
            async for message in ws:
                if message.type is WSMsgType.BINARY:
                    await ws.send_bytes(message.data)
        return ws

    app = web.Application()
    app.add_routes([web.get("/small", small), web.get("/page", page), web.get("/bulk", bulk)])
    app.add_routes([web.get("/ws", websocket), web.get("/flood", websocket)])
    uvloop.install()
    web.run_app(app, path=path, print=None, access_log=None, backlog=4096)


def serve_edge(listener: socket.socket, behind: str) -> None:
    raise_file_limit()
    configure_log()
    port = MemoryPort()
    port.targets["nb"] = Target(kind="unix", socket=behind, ttl=3600)
    limits = Limits(connections_per_address=20_000, connections=20_000, exchanges_per_label=20_000)
    config = EdgeConfig(
        platform_host=HOST, content_domain=HOST, web_socket=behind, signing_keys=(KEY,), edge_key="k", limits=limits
    )
    EdgeServer(create_app(config, port), alone=True).run(sockets=[listener])


@contextlib.contextmanager
def servers() -> Iterator[tuple[str, tuple[str, int], psutil.Process]]:
    """The direct address, the edge's address, and the edge's process."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, listen("127.0.0.1", 0) as listener:
        path = str(Path(folder) / "behind.sock")
        children = [
            spawn.Process(target=serve_behind, args=(path,)),
            spawn.Process(target=serve_edge, args=(listener, path)),
        ]
        for child in children:
            child.start()
        try:
            deadline = time.monotonic() + 20
            while not os.path.exists(path):
                if time.monotonic() > deadline:
                    raise SystemExit("the server behind did not start")
                time.sleep(0.02)
            yield path, listener.getsockname(), psutil.Process(children[1].pid)
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.join(20)


# --- the load


def ask(path: str, more: str = "") -> bytes:
    grant = Grant(label="nb", user="ann", expires_at=time.time() + 3600)
    cookie = f"{grants.COOKIE}={grants.cookie_value(grant, KEY)}"
    return f"GET {path} HTTP/1.1\r\nHost: {CONTENT}\r\nCookie: {cookie}\r\n{more}\r\n".encode()


def upgrade(path: str) -> bytes:
    return ask(
        path,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
    )


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address, limit=1 << 20)
    return await asyncio.open_connection(*address, limit=1 << 20)


async def answer_size(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Read an answer's head; its own length and that of the body."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
        raise SystemExit(f"unexpected answer: {head[:200]!r}")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(head), int(length or 0)


async def requests_per_second(address: Address) -> float:
    """Small requests one after the other on each of some kept-alive connections."""
    count, stop = 0, time.perf_counter() + SECONDS

    async def client() -> None:
        nonlocal count
        reader, writer = await connect(address)
        request = ask("/small")
        while time.perf_counter() < stop:
            writer.write(request)
            await reader.readexactly((await answer_size(reader))[1])
            count += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - began)


async def bulk_speed(address: Address) -> float:
    """MiB/s of one large answer."""
    reader, writer = await connect(address)
    began = time.perf_counter()
    writer.write(ask("/bulk"))
    left = (await answer_size(reader))[1]
    while left:
        piece = await reader.read(1 << 20)
        if not piece:
            raise SystemExit("the large answer broke off")
        left -= len(piece)
    writer.close()
    return BULK / 1024 / 1024 / (time.perf_counter() - began)


async def open_websocket(address: Address, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await connect(address)
    writer.write(upgrade(path))
    await answer_size(reader)
    return reader, writer


def frame(size: int) -> bytes:
    """A masked binary frame as clients send them (mask of zeros)."""
    return struct.pack(">BBH", 0x82, 0x80 | 126, size) + b"\0\0\0\0" + b"m" * size


async def messages_per_second(address: Address) -> float:
    """Echoed messages with some in flight all the time."""
    reader, writer = await open_websocket(address, "/ws")
    sent, echo = frame(MESSAGE), MESSAGE + 4
    writer.write(sent * IN_FLIGHT)
    received, count, began = 0, 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        received += len(await reader.read(1 << 20))
        done, received = divmod(received, echo)
        count += done
        writer.write(sent * done)
    writer.close()
    return count / (time.perf_counter() - began)


async def round_trip(address: Address) -> float:
    """Median microseconds from a message to its echo, one at a time."""
    reader, writer = await open_websocket(address, "/ws")
    times = []
    for _ in range(3000):
        began = time.perf_counter()
        writer.write(frame(MESSAGE))
        await reader.readexactly(MESSAGE + 4)
        times.append(time.perf_counter() - began)
    writer.close()
    return statistics.median(times) * 1e6


async def in_turn(
    measure: Callable[[Address], Awaitable[float]], direct: Address, edge: Address
) -> tuple[float, float]:
    """Medians of both sides, measured alternately."""
    found: dict[Address, list[float]] = {direct: [], edge: []}
    for _ in range(ROUNDS):
        for address in (direct, edge):
            found[address].append(await measure(address))
    return statistics.median(found[edge]), statistics.median(found[direct])


# --- pages while many websockets are held


async def page_times(address: Address) -> list[float]:
    """Milliseconds of pages asked for at a fixed pace, however long the ones before take."""

    async def one(times: list[float]) -> None:
        began = time.perf_counter()
        reader, writer = await connect(address)
        writer.write(f"GET /page HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        await reader.readexactly((await answer_size(reader))[1])
        times.append((time.perf_counter() - began) * 1000)
        writer.close()

    times: list[float] = []
    tasks = []
    began = time.perf_counter()
    for number in range(PAGES_PER_SECOND * PAGE_SECONDS):
        await asyncio.sleep(max(0.0, began + number / PAGES_PER_SECOND - time.perf_counter()))
        tasks.append(asyncio.create_task(one(times)))
    await asyncio.gather(*tasks)
    return times


class Idle(asyncio.Protocol):
    """A client that says nothing and answers pings."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.lost = False
        self.transport.write(upgrade("/ws"))

    def data_received(self, data: bytes) -> None:
        if data[:2] == b"\x89\x04":
            self.transport.write(b"\x8a\x84\0\0\0\0" + data[2:6])

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def hold_idle(address: tuple[str, int]) -> list[Idle]:
    loop = asyncio.get_running_loop()
    held = []
    for _ in range(IDLE // 50):
        made = await asyncio.gather(*(loop.create_connection(Idle, *address) for _ in range(50)))
        held += [protocol for _, protocol in made]
    return held


async def abandon(address: tuple[str, int]) -> list[socket.socket]:
    """Sockets that asked for a flood and are never read again."""
    loop = asyncio.get_running_loop()

    async def one() -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, upgrade("/flood"))
        return sock

    held: list[socket.socket] = []
    for _ in range(ABANDONED // 50):
        held += await asyncio.gather(*(one() for _ in range(50)))
    return held


async def settled(edge: psutil.Process, seconds: float = 30) -> None:
    """Wait until every websocket is open at the edge (two descriptors each) and it has come to rest."""
    deadline = time.monotonic() + seconds
    while edge.num_fds() < 2 * (IDLE + ABANDONED) or edge.cpu_percent(0.2) > 20:
        if time.monotonic() > deadline:
            raise SystemExit(f"the edge holds {edge.num_fds()} descriptors, {2 * (IDLE + ABANDONED)} expected")


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


async def pages_while_held(address: tuple[str, int], edge: psutil.Process) -> bool:
    rest = edge.memory_info().rss
    alone = p99(await page_times(address))
    abandoned = await abandon(address)
    idle = await hold_idle(address)
    await settled(edge)
    held_memory = edge.memory_info().rss
    times = await page_times(address)
    lost = sum(protocol.lost for protocol in idle)
    still = edge.num_fds() >= 2 * (IDLE + ABANDONED)
    ok = p99(times) < 100 and lost == 0 and still
    conditions = (
        f"{IDLE} idle and {ABANDONED} abandoned websockets held through the edge ({lost} idle ones lost, "
        f"{'none' if still else 'some'} ended before the last page); {len(times)} pages of {PAGE} bytes at "
        f"{PAGES_PER_SECOND}/s on new connections; median {statistics.median(times):.1f} ms, worst {max(times):.0f} ms"
    )
    figure(
        "edge", "abandoned_page_p99_ms", p99(times), "ms", peer="the same with no websocket held", peer_value=alone,
        goal="< 100", ok=ok, conditions=conditions,
    )  # fmt: skip
    kib = (held_memory - rest) / 1024 / (IDLE + ABANDONED)
    figure("edge", "memory_per_websocket_kib", kib, "KiB", conditions=f"{IDLE} idle, {ABANDONED} abandoned and flooded")
    for sock in abandoned:
        sock.close()
    for protocol in idle:
        protocol.transport.abort()
    return ok


async def run() -> bool:
    with servers() as (direct, address, edge):
        await requests_per_second(address)  # warm both up
        await requests_per_second(direct)
        rest = edge.memory_info().rss / 1024 / 1024
        peer = "direct connection to the same server's unix socket"
        turn = f"medians of {ROUNDS} alternating rounds"
        value, direct_value = await in_turn(requests_per_second, direct, address)
        figure("edge", "http", value, "requests/s", peer=peer, peer_value=direct_value,
               conditions=f"{CLIENTS} kept-alive connections, 100-byte answers of {SECONDS} s; {turn}")  # fmt: skip
        value, direct_value = await in_turn(bulk_speed, direct, address)
        figure("edge", "bulk", value, "MiB/s", peer=peer, peer_value=direct_value,
               conditions=f"one answer of {BULK >> 20} MiB; {turn}")  # fmt: skip
        value, direct_value = await in_turn(messages_per_second, direct, address)
        figure("edge", "websocket", value, "messages/s", peer=peer, peer_value=direct_value,
               conditions=f"echoes of {MESSAGE} bytes, {IN_FLIGHT} in flight on one socket; {turn}")  # fmt: skip
        value, direct_value = await in_turn(round_trip, direct, address)
        figure("edge", "websocket_round_trip", value, "us", peer=peer, peer_value=direct_value,
               conditions=f"median of 3,000 echoes of {MESSAGE} bytes, one at a time; {turn}")  # fmt: skip
        figure("edge", "rest_memory_mib", rest, "MiB", goal="< 60", ok=rest < 60,
               conditions="resident memory of the edge process after some thousand requests")  # fmt: skip
        held = await pages_while_held(address, edge)
    return held and rest < 60


def main() -> int:
    raise_file_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return 0 if runner.run(run()) else 1


if __name__ == "__main__":
    sys.exit(main())
