"""Live events: topics by the platform's word, hints from a datagram socket, coalescing, shares, reconnecting."""

import asyncio
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from functional.edge.rig import PLATFORM, Rig, running, until
from studium.edge.counters import Counters
from studium.edge.events import HintSocket, Hub, Stream, read_hint
from studium.edge.settings import Limits

COOKIE = "__Host-studium-session=ann"


class Page:
    """A browser's page that follows `/events`, reading in a thread."""

    def __init__(self, rig: Rig, cookie: str = COOKIE, query: str = "?page=home") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", rig.number, timeout=20)
        self._connection.putrequest("GET", f"/events{query}", skip_host=True)
        self._connection.putheader("Host", PLATFORM)
        self._connection.putheader("Cookie", cookie)
        self._connection.endheaders()
        self.response = self._connection.getresponse()
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while line := self.response.readline():
                self.lines.append(line.decode().rstrip("\n"))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.ended.set()

    def topics(self) -> list[str]:
        return [line.removeprefix("data: ") for line in self.lines if line.startswith("data: ")]

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self.response.close()
        self._connection.close()


@contextmanager
def page(rig: Rig, cookie: str = COOKIE) -> Iterator[Page]:
    one = Page(rig, cookie)
    try:
        yield one
    finally:
        one.close()


def hint(rig: Rig, *topics: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(json.dumps({"topics": topics}).encode() + b"\n", rig.hint_socket)


def test_a_page_hears_of_its_topics_and_of_no_others(rig: Rig) -> None:
    rig.port.topics_of[COOKIE] = ["run:a", "team:x"]
    with page(rig) as one:
        assert one.response.status == 200
        assert one.response.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert one.response.getheader("cache-control") == "no-store"
        until(lambda: one.topics() == ["run:a", "team:x"])  # each once at the start: hints may have been lost
        hint(rig, "run:b", "run:a")
        until(lambda: one.topics() == ["run:a", "team:x", "run:a"])
        assert one.lines[0] == "retry: 2000"
        assert "event: change" in one.lines


def test_without_a_sign_in_there_is_no_stream(rig: Rig) -> None:
    assert rig.ask(PLATFORM, "/events").status == 401
    assert rig.ask(PLATFORM, "/events", method="POST", headers={"Cookie": COOKIE}).status == 405
    rig.port.topics_of[COOKIE] = ["run:a"]
    foreign = {"Cookie": COOKIE, "Sec-Fetch-Site": "cross-site"}
    assert rig.ask(PLATFORM, "/events", headers=foreign).status == 403


def test_a_platform_that_is_away_makes_the_page_come_back(rig: Rig) -> None:
    rig.port.down = True
    answer = rig.ask(PLATFORM, "/events", headers={"Cookie": COOKIE})
    assert (answer.status, answer.body) == (200, b"retry: 2000\n\n")


def test_a_silent_stream_has_a_heartbeat(tmp_path: Path) -> None:
    with running(tmp_path, Limits(heartbeat_seconds=0.05)) as rig:
        rig.port.topics_of[COOKIE] = ["run:a"]
        with page(rig) as one:
            until(lambda: one.lines.count(": still here") >= 2)


def test_a_stream_ends_after_its_time_so_that_rights_are_read_again(tmp_path: Path) -> None:
    with running(tmp_path, Limits(stream_seconds=0.1, heartbeat_seconds=0.05)) as rig:
        rig.port.topics_of[COOKIE] = ["run:a"]
        with page(rig) as one:
            assert one.ended.wait(10)
        until(lambda: rig.edge.counters.open_streams == 0)


def test_a_storm_of_hints_is_a_few_events(rig: Rig) -> None:
    rig.port.topics_of[COOKIE] = ["run:a", "run:b"]
    with page(rig) as one:
        until(lambda: len(one.topics()) == 2)
        began = time.monotonic()
        for _ in range(500):
            hint(rig, "run:a")
        hint(rig, "run:b")
        until(lambda: rig.edge.counters.hints >= 501)
        until(lambda: "run:b" in one.topics()[2:])
        took = time.monotonic() - began
        assert 1 <= one.topics()[2:].count("run:a") <= 2 + took / 0.2
        # The last hint of a storm is never swallowed.
        count = len(one.topics())
        hint(rig, "run:a")
        until(lambda: len(one.topics()) > count)


def test_the_oldest_page_of_many_is_told_to_wait(tmp_path: Path) -> None:
    with running(tmp_path, Limits(streams_per_user=2)) as rig:
        rig.port.topics_of[COOKIE] = ["run:a"]
        rig.port.topics_of["bob"] = ["run:a"]
        with page(rig) as first, page(rig, "bob") as bob, page(rig) as second, page(rig) as third:
            assert first.ended.wait(10)
            assert first.lines[-2] == "retry: 60000"
            before = len(bob.topics())
            hint(rig, "run:a")
            until(lambda: len(bob.topics()) > before)
            until(lambda: len(second.topics()) == 2)
            until(lambda: len(third.topics()) == 2)
        until(lambda: rig.edge.counters.open_streams == 0)


def test_the_number_of_streams_is_bounded(tmp_path: Path) -> None:
    with running(tmp_path, Limits(streams=1)) as rig:
        rig.port.topics_of[COOKIE] = ["run:a"]
        with page(rig):
            assert rig.ask(PLATFORM, "/events", headers={"Cookie": COOKIE}).status == 503


def test_a_page_that_goes_away_is_forgotten(rig: Rig) -> None:
    rig.port.topics_of[COOKIE] = ["run:a"]
    with page(rig):
        until(lambda: rig.edge.counters.open_streams == 1)
    until(lambda: rig.edge.counters.open_streams == 0)
    hint(rig, "run:a")
    assert rig.ask(PLATFORM, "/").status == 200


def test_a_stop_sends_pages_to_the_next_edge(rig: Rig) -> None:
    rig.port.topics_of[COOKIE] = ["run:a"]
    with page(rig) as one:
        until(lambda: one.topics() == ["run:a"])
        rig.stop_edge()
        assert one.ended.wait(10)
        assert one.lines[-2] == "retry: 2000"
    assert not os.path.exists(rig.hint_socket)


def test_a_hint_that_cannot_be_read_is_no_hint(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        for junk in (b"", b"\xff", b"[]", b'{"topics": 3}', b'{"topics": [1, null]}', b"[" * 60_000):
            out.sendto(junk, rig.hint_socket)
    until(lambda: rig.edge.counters.hints == 6)
    assert rig.ask(PLATFORM, "/").status == 200
    assert read_hint(b'{"topics": ["a", 1, "b"]}\nnonsense\n{"topics": ["c"]}') == ["a", "b", "c"]


def test_what_waits_for_a_page_that_does_not_read_is_bounded() -> None:
    stream = Stream("ann", [f"t{number}" for number in range(8)])
    hub = Hub(Counters(), per_user=4, streams=10)
    joined = hub.join("ann", [f"t{number}" for number in range(500)])
    assert joined is not None
    assert len(joined.topics) == 64
    for _ in range(10_000):
        for topic in stream.topics:
            stream.hint(topic)
    piece = asyncio.run(stream.next(1))
    assert piece.count(b"event: change") == 8


def test_a_topic_cannot_break_the_stream() -> None:
    joined = Hub(Counters(), per_user=4, streams=10).join("ann", ["a\ndata: x", "", "b" * 300, "ok"])
    assert joined is not None
    assert joined.topics == {"ok"}


def test_a_newer_edge_takes_the_hint_socket_over(tmp_path: Path) -> None:
    async def scene() -> tuple[list[list[str]], list[list[str]], bool]:
        old_heard: list[list[str]] = []
        new_heard: list[list[str]] = []
        path = str(tmp_path / "hints.sock")
        old, new = HintSocket(path, old_heard.append), HintSocket(path, new_heard.append)
        old.open()
        new.open()
        old.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(b'{"topics": ["a"]}', path)
        async with asyncio.timeout(10):
            while not new_heard:
                await asyncio.sleep(0)
        new.close()
        return old_heard, new_heard, os.path.exists(path)

    assert asyncio.run(scene()) == ([], [["a"]], False)
