"""Entering a content host: tickets, the cookie they become, and who is kept out."""

import time
from pathlib import Path

import pytest

from functional.edge.rig import CONTENT, KEY, LABEL, NAVIGATION, ORIGIN, Rig, running, until
from studium.edge import grants
from studium.edge.port import Grant, Target
from studium.edge.settings import Limits


def ticket(rig: Rig, path: str = "/lab", seconds: float = 100, label: str = LABEL) -> str:
    rig.port.tickets["t1"] = Grant(label=label, user="ann", expires_at=time.time() + seconds, path=path)
    return "t1"


def test_a_ticket_becomes_a_host_only_cookie_and_a_redirect(rig: Rig) -> None:
    answer = rig.ask(CONTENT, f"/-/enter?ticket={ticket(rig, '/lab/tree/a.ipynb?x=1')}")
    assert answer.status == 303
    assert answer.header("location") == "/lab/tree/a.ipynb?x=1"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("referrer-policy") == "no-referrer"
    (line,) = answer.all("set-cookie")
    pair, *attributes = line.split("; ")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=None", "Partitioned"} < set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert rig.ask(CONTENT, "/lab", headers={"Cookie": pair}).status == 200


def test_a_ticket_works_once(rig: Rig) -> None:
    path = f"/-/enter?ticket={ticket(rig)}"
    assert rig.ask(CONTENT, path).status == 303
    again = rig.ask(CONTENT, path, headers={"Accept": "text/html"})
    assert again.status == 403
    assert b"http://localhost:8000/open/nb1" in again.body


def test_a_ticket_for_another_label_is_refused_and_not_used_up(rig: Rig) -> None:
    ticket(rig, label="other")
    assert rig.ask(CONTENT, "/-/enter?ticket=t1").status == 403
    assert rig.ask("other.localhost:8000", "/-/enter?ticket=t1").status == 303


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=unknown", "?x=t1"])
def test_no_ticket_no_entry(rig: Rig, query: str) -> None:
    ticket(rig)
    answer = rig.ask(CONTENT, f"/-/enter{query}")
    assert answer.status == 403
    assert not answer.all("set-cookie")


def test_an_expired_grant_gives_no_cookie(rig: Rig) -> None:
    assert rig.ask(CONTENT, f"/-/enter?ticket={ticket(rig, seconds=-1)}").status == 403


def test_only_get_redeems(rig: Rig) -> None:
    path = f"/-/enter?ticket={ticket(rig)}"
    assert rig.ask(CONTENT, path, method="POST").status == 405
    assert rig.ask(CONTENT, path, method="HEAD").status == 405
    assert rig.ask(CONTENT, path).status == 303


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "lab", "/x\r\nSet-Cookie: a=b", "/-/enter", ""],
)
def test_a_grant_never_leads_off_the_host(rig: Rig, path: str) -> None:
    answer = rig.ask(CONTENT, f"/-/enter?ticket={ticket(rig, path)}")
    assert answer.status == 303
    assert answer.header("location") == "/"
    assert len(answer.all("set-cookie")) == 1


def outside(rig: Rig, cookie: str) -> int:
    status = rig.ask(CONTENT, "/lab", headers={"Cookie": cookie}).status
    assert not rig.content.seen
    return status


def test_without_a_valid_cookie_nothing_is_passed_on(rig: Rig) -> None:
    assert outside(rig, "a=b") == 403
    assert outside(rig, rig.cookie("other")) == 403
    assert outside(rig, rig.cookie(seconds=-5)) == 403
    assert outside(rig, rig.cookie(key=b"x" * 32)) == 403
    assert outside(rig, f"{grants.COOKIE}=") == 403
    assert outside(rig, f"{grants.COOKIE}=.") == 403
    assert outside(rig, f"{grants.COOKIE}=bm90IGpzb24.AAAA") == 403
    value = rig.cookie().partition("=")[2]
    facts, _, signature = value.partition(".")
    assert outside(rig, f"{grants.COOKIE}={facts[:-2]}AA.{signature}") == 403
    assert outside(rig, f"studium-grant={value}") == 403
    assert "resolve" not in rig.port.asked


def test_a_forged_cookie_beside_the_true_one_does_not_lock_out(rig: Rig) -> None:
    assert rig.ask(CONTENT, "/lab", headers={"Cookie": f"{grants.COOKIE}=junk; {rig.cookie()}"}).status == 200


def test_an_older_signing_key_still_opens(rig: Rig) -> None:
    old = b"o" * 32
    grant = Grant(label=LABEL, user="ann", expires_at=time.time() + 60)
    value = grants.cookie_value(grant, old)
    assert grants.read_cookies([(grants.COOKIE, value)], LABEL, (KEY, old), time.time()) is not None
    assert grants.read_cookies([(grants.COOKIE, value)], LABEL, (KEY,), time.time()) is None


def test_the_page_for_those_outside_is_right_in_a_frame(rig: Rig) -> None:
    answer = rig.ask(CONTENT, "/lab", headers={**NAVIGATION, "Sec-Fetch-Dest": "iframe"})
    assert answer.status == 403
    assert b'<a href="http://localhost:8000/open/nb1" target="_top">Open it from Studium</a>' in answer.body
    policy = answer.header("content-security-policy") or ""
    assert "frame-ancestors http://localhost:8000" in policy
    assert "default-src 'none'" in policy
    assert answer.header("cache-control") == "no-store"


def test_a_whole_page_without_cookie_goes_for_a_ticket_but_not_for_ever(rig: Rig) -> None:
    for _ in range(3):
        answer = rig.ask(CONTENT, "/lab/a?b=1&c", headers=NAVIGATION)
        back = "http://localhost:8000/open/nb1?path=%2Flab%2Fa%3Fb%3D1%26c"
        assert (answer.status, answer.header("location")) == (303, back)
    assert rig.ask(CONTENT, "/lab", headers=NAVIGATION).status == 403
    assert rig.ask("nb2.localhost:8000", "/lab", headers=NAVIGATION).status == 303


def test_internal_paths_do_not_exist_for_visitors(rig: Rig) -> None:
    for path in (
        "/-/x",
        "/-/edge/resolve",
        "//-/x",
        "/%2d/x",
        "/./-/enter",
        "/a/../-/x",
        "/%252d/x",
        "/-",
        "/%25252525252525",
    ):
        assert rig.enter(path).status == 404, path
    assert not rig.content.seen


def test_a_lost_right_ends_within_seconds(rig: Rig) -> None:
    assert rig.enter("/lab").status == 200
    rig.port.refused.add((LABEL, "ann"))
    until(lambda: rig.enter("/lab").status == 403)
    rig.port.refused.clear()
    until(lambda: rig.enter("/lab").status == 200)


def test_the_right_is_asked_once_for_many_requests(rig: Rig) -> None:
    for _ in range(20):
        assert rig.enter("/lab").status == 200
    assert rig.port.asked.count("allowed") <= 2
    assert rig.port.asked.count("resolve") <= 2


def test_what_is_gone_or_down_is_said_in_words(rig: Rig) -> None:
    rig.port.targets["idle"] = Target(kind="down", message="The session ended: idle for 20 minutes.")
    answer = rig.ask("idle.localhost:8000", "/", headers={"Cookie": rig.cookie("idle"), "Accept": "text/html"})
    assert answer.status == 503
    assert b"The session ended: idle for 20 minutes." in answer.body
    assert answer.header("retry-after") == "5"
    assert rig.ask("none.localhost:8000", "/", headers={"Cookie": rig.cookie("none")}).status == 404


def test_words_from_the_platform_are_escaped(rig: Rig) -> None:
    rig.port.targets["idle"] = Target(kind="down", message="<script>alert(1)</script>")
    answer = rig.ask("idle.localhost:8000", "/", headers={"Cookie": rig.cookie("idle"), "Accept": "text/html"})
    assert b"<script>" not in answer.body
    assert b"&lt;script&gt;" in answer.body


def test_visitors_stay_in_while_web_restarts_and_new_ones_wait(rig: Rig) -> None:
    assert rig.enter("/lab").status == 200
    rig.port.down = True
    rig.port.asked.clear()
    until(lambda: rig.enter("/lab").status == 200 and "allowed" in rig.port.asked)
    stranger = rig.ask(CONTENT, "/lab", headers={"Cookie": rig.cookie(user="bob"), "Accept": "text/html"})
    assert stranger.status == 503
    assert stranger.header("retry-after") == "2"
    assert rig.ask(CONTENT, "/-/enter?ticket=t1").status == 503


def test_a_stale_yes_ends_and_a_stale_no_never_opens(tmp_path: Path) -> None:
    limits = Limits(allowed_seconds=0.05, stale_seconds=0.4)
    with running(tmp_path, limits) as rig:
        rig.port.targets[LABEL] = Target(kind="unix", socket=rig.content.path, ttl=0.05)
        assert rig.enter("/lab").status == 200
        rig.port.refused.add((LABEL, "bob"))
        bob = {"Cookie": rig.cookie(user="bob")}
        assert rig.ask(CONTENT, "/lab", headers=bob).status == 403
        rig.port.down = True
        until(lambda: rig.ask(CONTENT, "/lab", headers=bob).status == 503)
        until(lambda: rig.enter("/lab").status == 503)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Origin": "http://evil.example"}),
        ("POST", {"Origin": "http://localhost:8000"}),
        ("POST", {"Origin": "http://nb2.localhost:8000"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": ORIGIN + ".evil.example"}),
        ("POST", {"Origin": "https://nb1.localhost:8000"}),
        ("GET", {"Origin": "http://nb2.localhost:8000"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
    ],
)
def test_another_origin_cannot_use_the_visitors_cookie(rig: Rig, method: str, headers: dict[str, str]) -> None:
    answer = rig.enter("/api/contents/x", method=method, headers={**headers, "Cookie": rig.cookie()})
    assert answer.status == 403
    assert not rig.content.seen


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
        ("GET", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}),
        ("PUT", {}),
    ],
)
def test_its_own_pages_and_plain_clients_can(rig: Rig, method: str, headers: dict[str, str]) -> None:
    assert rig.enter("/api/contents/x", method=method, headers={**headers, "Cookie": rig.cookie()}).status == 200
