"""Which hosts the edge answers to, seen over the wire: rebinding, absolute targets, doubled and odd Host headers."""

import pytest

from functional.edge.rig import CONTENT, Rig
from studium.edge.port import Target


def head(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost",
        "localhost:9000",
        "localhost:8000.evil.example",
        "localhost.:8000",
        "127.0.0.1:8000",
        "a.b.localhost:8000",
        ".localhost:8000",
        "-x.localhost:8000",
        "x_y.localhost:8000",
        "localhost:8000@evil.example",
        "evil.example/localhost:8000",
        "x.localhost:8000:8000",
        "",
    ],
)
def test_a_foreign_host_is_refused_before_anything_is_asked(rig: Rig, host: str) -> None:
    answer = rig.ask(host, "/lab", headers={"Cookie": rig.cookie()})
    assert answer.status == 421
    assert not rig.web.seen
    assert not rig.content.seen
    assert rig.port.asked == []


def test_the_refusal_is_a_plain_sentence(rig: Rig) -> None:
    page = rig.ask("evil.example", "/", headers={"Accept": "text/html"})
    assert page.status == 421
    assert b"This server answers as localhost:8000 only." in page.body
    assert rig.ask("evil.example", "/").json()["code"] == "edge.unknown_host"


def test_the_platform_host_is_read_without_case(rig: Rig) -> None:
    assert rig.ask("LocalHost:8000", "/").status == 200


def test_a_missing_or_doubled_host_is_refused(rig: Rig) -> None:
    assert head(rig.raw(b"GET / HTTP/1.0\r\n\r\n")) == 421
    assert head(rig.raw(b"GET / HTTP/1.1\r\n\r\n")) == 421
    doubled = b"GET / HTTP/1.1\r\nHost: localhost:8000\r\nHost: evil.example\r\n\r\n"
    assert head(rig.raw(doubled)) == 421
    same = b"GET / HTTP/1.1\r\nHost: localhost:8000\r\nHost: localhost:8000\r\n\r\n"
    assert head(rig.raw(same)) == 421
    assert not rig.web.seen


@pytest.mark.parametrize(
    "target",
    [
        b"http://evil.example/",
        b"http://nb1.localhost:8000/",
        b"https://evil.example/",
        b"http://localhost:8000@evil.example/",
        b"http://evil.example",
        b"ftp://localhost:8000/",
        b"http://localhost:8000.evil.example/",
    ],
)
def test_an_absolute_target_naming_another_host_is_refused(rig: Rig, target: bytes) -> None:
    status = head(rig.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"))
    assert status in (400, 421)
    assert not rig.web.seen
    assert not rig.content.seen


def test_an_absolute_target_naming_the_same_host_is_served(rig: Rig) -> None:
    answer = rig.raw(b"GET http://localhost:8000/a?b=1 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n")
    assert head(answer) == 200
    assert rig.web.seen[0].target == "/a?b=1"


@pytest.mark.parametrize("target", [b"http://evil.example/api/x", b"ws://evil.example/api/x", b"/api/x#y"])
def test_an_absolute_websocket_target_is_refused(rig: Rig, target: bytes) -> None:
    asked = (
        b"GET " + target + b" HTTP/1.1\r\nHost: nb1.localhost:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"Cookie: " + rig.cookie().encode() + b"\r\n\r\n"
    )
    assert head(rig.raw(asked)) in (400, 421)
    assert not rig.content.seen


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: localhost:8000\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost:8000\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost:8000\r\nX: a\r\n b\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost:8000\n\n\0\0",
    ],
)
def test_requests_that_two_servers_could_read_differently_are_refused(rig: Rig, request_bytes: bytes) -> None:
    answer = rig.raw(request_bytes)
    assert answer == b"" or head(answer) in (400, 408, 421)
    assert not rig.web.seen


def test_each_label_leads_to_its_own_content(rig: Rig) -> None:
    rig.port.targets["other"] = Target(kind="unix", socket=rig.web.path)
    rig.enter("/mine")
    rig.ask("other.localhost:8000", "/theirs", headers={"Cookie": rig.cookie("other")})
    assert [one.target for one in rig.content.seen] == ["/mine"]
    assert [one.target for one in rig.web.seen] == ["/theirs"]


def test_health_answers_on_any_loopback_name_and_tells_of_web(rig: Rig) -> None:
    for host in ("localhost:8000", "127.0.0.1:1", "[::1]:8000", "localhost"):
        answer = rig.ask(host, "/healthz")
        assert (answer.status, answer.json()) == (200, {"edge": "ok", "web": "ok"})
    assert rig.ask("evil.example", "/healthz").status == 421


def test_health_says_when_web_is_gone(rig: Rig) -> None:
    rig.side.call(rig.web.stop())
    answer = rig.ask("127.0.0.1", "/healthz")
    assert (answer.status, answer.json()) == (503, {"edge": "ok", "web": "down"})


def test_content_has_no_health_page_of_ours(rig: Rig) -> None:
    assert rig.ask(CONTENT, "/healthz").status == 403
    assert rig.enter("/healthz").status == 200
    assert rig.content.seen[0].target == "/healthz"
