"""Calling an address: what is sent, and what a hostile server can and cannot do to the caller."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from studium.outbound import calling, fence
from studium.outbound.calling import CallFailedError, post


class Server:
    """Answers each connection with `answer`, which is given the socket; `asked` is what was heard."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                head = b""
                while b"\r\n\r\n" not in head and (piece := caller.recv(65536)):
                    head += piece
                self.asked.append(head)
                try:
                    self._answer(caller)
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    made: list[Server] = []

    def start(answer: Callable[[socket.socket], None]) -> Server:
        made.append(Server(answer))
        ports = tuple(f"127.0.0.1:{server.port}" for server in made)
        monkeypatch.setattr(fence, "allowed", lambda: ports)
        monkeypatch.setattr(calling, "allowed", lambda: ports)
        return made[-1]

    yield start
    for server in made:
        server.close()


def says(text: bytes) -> Callable[[socket.socket], None]:
    return lambda caller: caller.sendall(text)


def test_a_body_is_sent_and_the_status_comes_back(serve: Callable[..., Server]) -> None:
    server = serve(says(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"))
    assert post(f"http://127.0.0.1:{server.port}/a?b", b"{}", {"X-One": "1"}) == 202
    head = server.asked[0].decode()
    assert head.startswith("POST /a?b HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{server.port}\r\n" in head
    assert "\r\nX-One: 1\r\n" in head
    assert head.endswith("{}") or "Content-Length: 2" in head


def test_redirects_are_not_followed(serve: Callable[..., Server]) -> None:
    inner = serve(says(b"HTTP/1.1 200 OK\r\n\r\n"))
    server = serve(says(f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{inner.port}/\r\n\r\n".encode()))
    assert post(f"http://127.0.0.1:{server.port}/", b"", {}) == 307
    assert inner.asked == []


def _drip(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(200):
        caller.sendall(b"x")
        time.sleep(0.05)  # the server's own slowness is what is tried


@pytest.mark.parametrize(
    "answer",
    [
        _drip,
        lambda caller: caller.recv(1),
        lambda caller: [caller.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000) for _ in range(10**6)],
    ],
    ids=["drips", "is silent", "goes on without end"],
)
def test_the_time_is_bounded_whatever_comes(serve: Callable[..., Server], answer: Callable[..., None]) -> None:
    server = serve(answer)
    began = time.monotonic()
    with pytest.raises(CallFailedError, match="did not answer"):
        post(f"http://127.0.0.1:{server.port}/", b"", {}, seconds=0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "text", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_is_no_answer_is_said_in_words(serve: Callable[..., Server], text: bytes) -> None:
    server = serve(says(text))
    with pytest.raises(CallFailedError) as caught:
        post(f"http://127.0.0.1:{server.port}/secret-path", b"", {})
    assert "secret-path" not in str(caught.value)


def test_plain_http_where_tls_is_meant(serve: Callable[..., Server]) -> None:
    server = serve(says(b"HTTP/1.1 200 OK\r\n\r\n"))
    with pytest.raises(CallFailedError):
        post(f"https://127.0.0.1:{server.port}/", b"", {}, seconds=3)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:8009/", "private network"),
        ("http://localhost:8009/", "private network"),
        ("http://user@h.example/", "user or a password"),
        ("file:///etc/passwd", "not called"),
    ],
)
def test_closed_addresses_are_never_dialled(url: str, words: str) -> None:
    with pytest.raises(CallFailedError, match=words):
        post(url, b"", {})


def test_a_name_that_leads_inside_is_never_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studium.runner.addresses.resolve", lambda host, port: ["169.254.169.254", "::1"])
    with pytest.raises(CallFailedError, match=r"metadata\.example \(169\.254\.169\.254\)"):
        post("http://metadata.example/", b"", {})
