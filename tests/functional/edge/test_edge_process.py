"""The edge as its own process: starting, refusing bad settings, restarting without losing a connection, its log."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from functional.edge.rig import KEY, LABEL, PLATFORM, Loop, Upstream, until
from studium.edge import grants
from studium.edge.__main__ import main
from studium.edge.grants import load_keys
from studium.edge.port import Grant
from studium.edge.server import listen
from studium.edge.webport import KEY_HEADER


class Web:
    """A web process on a unix socket that answers the edge's questions from a table."""

    def __init__(self, folder: Path) -> None:
        self.key_file = folder / "keys"
        self.key_file.write_text("s" * 40 + "\n")
        self.keys = load_keys(self.key_file)
        self.side = Loop()
        self.site = Upstream(str(folder / "web.sock"))
        self.content = Upstream(str(folder / "nb.sock"))
        self.site.handler = self._serve
        self.questions: list[tuple[str, dict[str, str]]] = []
        for upstream in (self.site, self.content):
            self.side.call(upstream.start())

    async def _serve(self, request: web.Request) -> web.Response:
        if not request.path.startswith("/-/edge/"):
            return web.json_response({"path": request.path})
        if request.headers.get(KEY_HEADER) != self.keys.edge:
            return web.Response(status=404)
        verb, question = request.path.removeprefix("/-/edge/"), await request.json()
        self.questions.append((verb, question))
        if verb == "resolve" and question["label"] == LABEL:
            return web.json_response({"kind": "unix", "socket": self.content.path, "terminal": True})
        if verb == "redeem" and question["ticket"] == "good":
            return web.json_response({"label": LABEL, "user": "ann", "expires_at": time.time() + 60, "path": "/lab"})
        if verb == "allowed":
            return web.json_response({"allowed": question["user"] == "ann"})
        if verb == "topics" and question["cookie"]:
            return web.json_response({"topics": ["run:a"]})
        return web.Response(status=404)

    def close(self) -> None:
        for upstream in (self.site, self.content):
            self.side.call(upstream.stop())
        self.side.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    one = Web(tmp_path)
    yield one
    one.close()


def options(site: Web, *more: str) -> list[str]:
    return ["--web-socket", site.site.path, "--key-file", str(site.key_file), "--platform-host", PLATFORM, *more]


@contextmanager
def process(site: Web, listener: socket.socket, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "studium.edge", *options(site, "--fd", str(listener.fileno()), *more)]
    with subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def ask(number: int, path: str, host: str = PLATFORM, cookie: str = "") -> bytes:
    with socket.create_connection(("127.0.0.1", number), timeout=20) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while piece := wire.recv(65536):
            received += piece
        return received


def test_the_whole_way_through_a_web_process(site: Web) -> None:
    with listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        with process(site, listener, "--access-log", "1") as child:
            content = f"{LABEL}.localhost:8000"
            assert b'{"path": "/page"}' in ask(number, "/page?token=secret-in-query")
            entered = ask(number, "/-/enter?ticket=good", content)
            assert b"303 See Other" in entered
            cookie = entered.partition(b"set-cookie: ")[2].partition(b";")[0].decode()
            assert b" 200 " in ask(number, "/lab", content, cookie)
            assert b" 403 " in ask(number, "/-/enter?ticket=bad", content)
            bob = Grant(label=LABEL, user="bob", expires_at=time.time() + 60)
            forged = grants.cookie_value(bob, KEY)
            assert b" 403 " in ask(number, "/lab", content, f"{grants.COOKIE}={forged}")
            bobs = grants.cookie_value(bob, site.keys.signing[0])
            assert b" 403 " in ask(number, "/lab", content, f"{grants.COOKIE}={bobs}")
            child.send_signal(signal.SIGTERM)
            log = child.communicate(timeout=20)[1]
    assert child.returncode in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "exchange"] == [200, 303, 200, 403, 403, 403]
    assert all(secret not in log for secret in (b"secret-in-query", b"ticket=", b"good", cookie.encode(), b"?"))
    assert ("redeem", {"ticket": "good", "label": LABEL}) in site.questions


def test_a_restart_loses_no_connection(site: Web) -> None:
    """The supervisor holds the listening socket: even after `kill -9` a connection only waits."""
    failures: list[object] = []
    answered = 0
    stop = threading.Event()

    def visit(number: int) -> None:
        nonlocal answered
        while not stop.is_set():
            try:
                answer = ask(number, "/page")
            except OSError as error:
                failures.append(error)
                continue
            if b" 200 " not in answer:
                failures.append(answer)
            answered += 1

    with listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        visitor = threading.Thread(target=visit, args=(number,))
        visitor.start()
        for _ in range(2):
            with process(site, listener) as child:
                seen = answered
                until(lambda seen=seen: answered > seen + 20)  # type: ignore[misc]
                child.send_signal(signal.SIGTERM)
                child.communicate(timeout=20)
        with process(site, listener) as child:
            seen = answered
            until(lambda: answered > seen + 20)
            stop.set()
            visitor.join(20)
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=20)
    assert failures == []


def test_two_edges_may_share_an_address_for_a_change_of_the_guard() -> None:
    with listen("127.0.0.1", 0, reuse_port=True) as one:
        number = one.getsockname()[1]
        with listen("127.0.0.1", number, reuse_port=True) as other:
            assert other.getsockname() == one.getsockname()
        with pytest.raises(OSError):
            listen("127.0.0.1", number)


def test_it_is_small_at_rest(site: Web) -> None:
    with listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        with process(site, listener) as child:
            for _ in range(50):
                assert b" 200 " in ask(number, "/page")
            assert psutil.Process(child.pid).memory_info().rss < 60 * 1024 * 1024
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=20)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--scheme", "gopher"), "scheme"),
        (("--platform-host", " x "), "platform_host"),
        (("--bind", "127.0.0.1:http"), "invalid literal"),
        (("--bind", "203.0.113.1:1"), "assign"),
        (("--fd", "0"), ""),
    ],
)
def test_bad_settings_end_with_a_sentence(
    site: Web, capsys: pytest.CaptureFixture[str], change: tuple[str, str], words: str
) -> None:
    if change[0] == "--fd":
        plain = socket.socket()
        change = ("--fd", str(os.dup(plain.fileno())))
        plain.close()
        words = "not a listening socket"
    assert main([*options(site, "--bind", "127.0.0.1:0"), *change]) == 2
    assert words in capsys.readouterr().err


def test_a_weak_or_missing_key_file_is_refused(site: Web, capsys: pytest.CaptureFixture[str]) -> None:
    site.key_file.write_text("short\n")
    assert main(options(site)) == 2
    assert "32 characters" in capsys.readouterr().err
    site.key_file.unlink()
    assert main(options(site)) == 2
    with pytest.raises(SystemExit):
        main([])


def test_metrics_are_for_those_who_hold_the_key(site: Web) -> None:
    with listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        with process(site, listener) as child:
            ask(number, "/page")
            for header in (
                "",
                f"{KEY_HEADER}: wrong\r\n",
                f"{KEY_HEADER}: {site.keys.edge}\r\nX-Forwarded-For: 1.2.3.4\r\n",
            ):
                assert b" 404 " in metrics(number, header)
            told = metrics(number, f"{KEY_HEADER}: {site.keys.edge}\r\n")
            assert b" 200 " in told
            assert b'studium_edge_requests_total{of="platform",status="2xx"} 1' in told
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=20)


def metrics(number: int, header: str) -> bytes:
    with socket.create_connection(("127.0.0.1", number), timeout=20) as wire:
        wire.sendall(f"GET /-/edge/metrics HTTP/1.1\r\nHost: {PLATFORM}\r\n{header}Connection: close\r\n\r\n".encode())
        received = b""
        while piece := wire.recv(65536):
            received += piece
        return received
