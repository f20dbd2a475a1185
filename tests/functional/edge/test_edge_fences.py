"""What crosses the edge in headers: nothing of ours to content, nothing of content's beyond its host."""

from pathlib import Path

import pytest
from aiohttp import web

from functional.edge.rig import CONTENT, LABEL, ORIGIN, PLATFORM, Rig, running
from studium.edge.grants import COOKIE
from studium.edge.port import Target

TOKEN = "run-token-0123456789abcdef"


def says(*headers: tuple[str, str], status: int = 200) -> object:
    """A content handler that answers with these headers."""

    async def handler(request: web.Request) -> web.Response:
        answer = web.Response(status=status, text="x")
        for name, value in headers:
            answer.headers.add(name, value)
        return answer

    return handler


def test_content_never_sees_our_cookies(rig: Rig) -> None:
    cookies = (
        f"{rig.cookie()}; __Host-studium-session=s; studium_csrf=c; STUDIUM-x=1; __Secure-studium-a=1; "
        f"_xsrf=2|ab; other=1; __host-studium-b=1; ={COOKIE}=x; bare"
    )
    rig.enter("/lab", headers={"Cookie": cookies})
    assert rig.content.seen[0].header("Cookie") == "_xsrf=2|ab; other=1"


def test_a_request_without_other_cookies_has_no_cookie_header(rig: Rig) -> None:
    rig.enter("/lab")
    assert rig.content.seen[0].header("Cookie") is None


def test_further_cookie_names_can_be_kept_back(tmp_path: Path) -> None:
    with running(tmp_path, platform_cookies=frozenset({"sessionid"})) as rig:
        rig.enter("/lab", headers={"Cookie": f"{rig.cookie()}; sessionid=1; a=2"})
        assert rig.content.seen[0].header("Cookie") == "a=2"


def test_content_sees_a_host_and_origin_it_accepts(rig: Rig) -> None:
    headers = {"Cookie": rig.cookie(), "Origin": ORIGIN, "Referer": f"{ORIGIN}/lab?x=1"}
    rig.enter("/api/x", method="POST", headers=headers)
    seen = rig.content.seen[0]
    assert seen.header("Host") == "localhost"
    assert seen.header("Origin") == "http://localhost"
    assert seen.header("Referer") == "http://localhost/lab?x=1"
    assert seen.header("X-Forwarded-Host") == CONTENT
    assert seen.header("X-Forwarded-For") is None


def test_where_a_visitor_came_from_is_not_told_to_content(rig: Rig) -> None:
    headers = {"Cookie": rig.cookie(), "Referer": f"http://{PLATFORM}/private", "Sec-Fetch-Mode": "navigate"}
    rig.enter("/lab", headers={**headers, "Sec-Fetch-Site": "cross-site"})
    assert rig.content.seen[0].header("Referer") in (None, "")


def test_the_targets_headers_win_and_never_come_back(rig: Rig) -> None:
    rig.port.targets[LABEL] = Target(
        kind="unix", socket=rig.content.path, headers=(("Authorization", f"token {TOKEN}"), ("X-Run", "r1"))
    )
    rig.content.handler = says(  # type: ignore[assignment]
        ("Authorization", f"token {TOKEN}"),
        ("X-Run", "other"),
        ("X-Echo", f"you sent token {TOKEN}"),
        ("X-Bare", TOKEN),
        ("Set-Cookie", f"t={TOKEN}"),
        ("Location", f"/?token={TOKEN}"),
        ("X-Fine", "1"),
    )
    answer = rig.enter("/lab", headers={"Cookie": rig.cookie(), "Authorization": "token mine", "x-run": "mine"})
    seen = rig.content.seen[0]
    assert [v for k, v in seen.headers if k.lower() == "authorization"] == [f"token {TOKEN}"]
    assert [v for k, v in seen.headers if k.lower() == "x-run"] == ["r1"]
    assert not any(TOKEN in value for _, value in answer.headers)
    assert answer.header("x-run") is None
    assert answer.header("x-fine") == "1"


def test_a_clients_own_authorization_reaches_content_that_has_none(rig: Rig) -> None:
    rig.enter("/lab", headers={"Cookie": rig.cookie(), "Authorization": "token mine"})
    assert rig.content.seen[0].header("Authorization") == "token mine"


def test_content_cannot_widen_or_take_cookies(rig: Rig) -> None:
    rig.content.handler = says(  # type: ignore[assignment]
        ("Set-Cookie", "a=1; Domain=localhost; Path=/; HttpOnly"),
        ("Set-Cookie", "b=2; path=/; DOMAIN = .localhost;Secure"),
        ("Set-Cookie", f"{COOKIE}=forged; Path=/; Secure"),
        ("Set-Cookie", f"{COOKIE.upper()}=forged; Path=/; Secure"),
        ("Set-Cookie", f" {COOKIE} =forged"),
        ("Set-Cookie", "studium_session=forged"),
        ("Set-Cookie", f"={COOKIE}=forged"),
        ("Set-Cookie", COOKIE),
    )
    answer = rig.enter("/lab")
    assert answer.all("set-cookie") == ["a=1; Path=/; HttpOnly", "b=2; path=/;Secure"]


def test_contents_own_policies_are_replaced(rig: Rig) -> None:
    rig.port.targets[LABEL] = Target(
        kind="unix", socket=rig.content.path, content_security_policy=f"frame-ancestors http://{PLATFORM}"
    )
    rig.content.handler = says(  # type: ignore[assignment]
        ("Content-Security-Policy", "frame-ancestors *"),
        ("Content-Security-Policy-Report-Only", "default-src *; report-uri http://evil.example"),
        ("X-Frame-Options", "ALLOWALL"),
        ("Clear-Site-Data", '"*"'),
        ("Cross-Origin-Opener-Policy", "unsafe-none"),
        ("Referrer-Policy", "unsafe-url"),
        ("X-Content-Type-Options", "whatever"),
        ("Origin-Agent-Cluster", "?0"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Service-Worker-Allowed", "//evil.example/"),
        ("Strict-Transport-Security", "max-age=1; includeSubDomains"),
        ("Alt-Svc", 'h2="evil.example:443"'),
        ("NEL", "{}"),
        ("Report-To", "{}"),
        ("X-Studium-Fact", "1"),
        ("Content-Language", "en"),
    )
    answer = rig.enter("/lab")
    assert answer.all("content-security-policy") == [f"frame-ancestors http://{PLATFORM}"]
    assert answer.all("cross-origin-opener-policy") == ["same-origin"]
    assert answer.all("referrer-policy") == ["same-origin"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("origin-agent-cluster") == ["?1"]
    gone = ("x-frame-options", "clear-site-data", "access-control-allow-origin", "access-control-allow-credentials")
    gone += ("content-security-policy-report-only", "service-worker-allowed", "strict-transport-security", "alt-svc")
    gone += ("nel", "report-to", "x-studium-fact")
    assert [name for name in gone if answer.header(name) is not None] == []
    assert answer.header("content-language") == "en"


def test_without_a_policy_only_the_platform_may_frame_it(rig: Rig) -> None:
    assert rig.enter("/lab").all("content-security-policy") == [f"frame-ancestors 'self' http://{PLATFORM}"]


def test_content_may_share_with_itself_and_scope_its_own_worker(rig: Rig) -> None:
    rig.content.handler = says(  # type: ignore[assignment]
        ("Access-Control-Allow-Origin", ORIGIN), ("Service-Worker-Allowed", "/lab/")
    )
    answer = rig.enter("/lab")
    assert answer.header("access-control-allow-origin") == ORIGIN
    assert answer.header("service-worker-allowed") == "/lab/"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("http://localhost/lab?x=1#y", "/lab?x=1#y"),
        ("http://localhost", "/"),
        ("http://localhost//evil.example/x", "/evil.example/x"),
        ("/lab", "/lab"),
        ("https://docs.example/x", "https://docs.example/x"),
        ("http://localhost:9/x", "http://localhost:9/x"),
    ],
)
def test_redirects_to_the_inner_name_stay_on_the_host(rig: Rig, said: str, heard: str) -> None:
    rig.content.handler = says(("Location", said), status=302)  # type: ignore[assignment]
    assert rig.enter("/").header("location") == heard


def test_hop_by_hop_headers_end_at_the_edge(rig: Rig) -> None:
    headers = {
        "Cookie": rig.cookie(),
        "Connection": "keep-alive, X-Private, X-Forwarded-Proto",
        "X-Private": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eA==",
        "Upgrade": "h2c",
        "X-Kept": "1",
    }
    rig.enter("/lab", headers=headers)
    seen = rig.content.seen[0]
    for name in ("X-Private", "Keep-Alive", "TE", "Proxy-Authorization", "Upgrade"):
        assert seen.header(name) is None, name
    assert seen.header("X-Kept") == "1"
    assert seen.header("X-Forwarded-Proto") == "http"
    rig.content.handler = says(("Proxy-Authenticate", "Basic"), ("Keep-Alive", "x"))  # type: ignore[assignment]
    answer = rig.enter("/lab")
    assert answer.header("proxy-authenticate") is None
    assert answer.header("keep-alive") is None


def test_web_learns_the_client_from_the_edge_alone(rig: Rig) -> None:
    lies = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X_Forwarded_For": "1.2.3.4",
        "X-Forwarded_Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-Studium-Edge-Key": "guess",
        "X-Studium-User": "root",
        "Cookie": "__Host-studium-session=s",
    }
    rig.ask(PLATFORM, "/page", headers=lies)
    seen = rig.web.seen[0]
    assert seen.header("X-Forwarded-For") == "127.0.0.1"
    assert seen.header("X-Forwarded-Proto") == "http"
    assert seen.header("X-Forwarded-Host") == PLATFORM
    assert seen.header("Host") == PLATFORM
    assert seen.header("Cookie") == "__Host-studium-session=s"
    left = {name.lower() for name, _ in seen.headers}
    assert not {"x_forwarded_for", "x-forwarded_host", "forwarded", "x-real-ip", "x-forwarded-port"} & left
    assert not {"x-studium-edge-key", "x-studium-user", "x-forwarded-prefix"} & left


def test_a_trusted_proxy_is_believed_about_the_nearest_stranger(tmp_path: Path) -> None:
    with running(tmp_path, trusted_proxies=frozenset({"127.0.0.1", "10.0.0.1"})) as rig:
        rig.ask(PLATFORM, "/", headers={"X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.1"})
        assert rig.web.seen[0].header("X-Forwarded-For") == "1.2.3.4"


def test_internal_paths_of_web_do_not_exist_from_outside(rig: Rig) -> None:
    for path in (
        "/-/edge/resolve",
        "//-/edge/resolve",
        "/%2d/edge",
        "/%2D/edge",
        "/./-/x",
        "/a/../-/x",
        "/-",
        "/\\-/x",
    ):
        assert rig.ask(PLATFORM, path, method="POST", body=b"{}").status == 404, path
    assert not rig.web.seen
    assert rig.ask(PLATFORM, "/a/-/b").status == 200
    assert rig.ask(PLATFORM, "/-x/").status == 200


def test_rendered_documents_come_from_web_behind_their_prefix(rig: Rig) -> None:
    rig.port.targets["doc"] = Target(
        kind="web", path_prefix="/-/content/doc", headers=(("X-Studium-Edge-Key", "k" * 20),)
    )
    cookie = {"Cookie": rig.cookie("doc"), "X-Studium-User": "root"}
    rig.ask("doc.localhost:8000", "/page.html?a=1", headers=cookie)
    seen = rig.web.seen[0]
    assert seen.target == "/-/content/doc/page.html?a=1"
    assert seen.header("X-Studium-Label") == "doc"
    assert [v for k, v in seen.headers if k == "X-Studium-User"] == ["ann"]
    assert seen.header("X-Studium-Edge-Key") == "k" * 20
    assert seen.header("Host") == PLATFORM
    assert seen.header("Cookie") is None
    for path in ("/../edge/resolve", "/%2e%2e/edge", "/a/../../edge", "/%252e%252e/x", "/..\\..\\edge", "/..;/edge"):
        assert rig.ask("doc.localhost:8000", path, headers=cookie).status == 404, path
    assert len(rig.web.seen) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/terminals",
        "/api/terminals/1",
        "/terminals/websocket/1",
        "//api//terminals",
        "/API/Terminals",
        "/api/%74erminals",
        "/api%2fterminals",
        "/api/%2574erminals",
        "/x/../api/terminals",
        "/./api/./terminals/",
        "/api\\terminals",
        "/api/terminals;x=1",
        "/base/api/terminals",
        "/user/terminals/websocket/1",
        "/lab/terminals/1",
        "/lab/%74erminals/new",
    ],
)
def test_terminals_can_be_switched_off_however_they_are_spelled(rig: Rig, path: str) -> None:
    rig.port.targets[LABEL] = Target(kind="unix", socket=rig.content.path, terminal=False)
    answer = rig.enter(path, method="POST")
    assert answer.status == 403
    assert answer.json()["code"] == "edge.no_terminal"
    assert not rig.content.seen


def test_a_folder_may_be_called_terminals(rig: Rig) -> None:
    rig.port.targets[LABEL] = Target(kind="unix", socket=rig.content.path, terminal=False)
    for path in ("/lab/tree/terminals/a.ipynb", "/api/contents/terminals", "/files/api/notes-terminals"):
        assert rig.enter(path).status == 200, path


def test_terminals_work_where_they_are_allowed(rig: Rig) -> None:
    assert rig.enter("/api/terminals", method="POST").status == 200


def test_the_path_goes_on_as_it_was_written(rig: Rig) -> None:
    for path in ("/a%20b/%C3%A9?q=%2F&x=a+b", "/a//b/../c", "/x?", "/~u;p=1/@:!$&'()*+,=?a=[1]"):
        rig.enter(path)
        assert rig.content.seen[-1].target == path.removesuffix("?")


def test_the_web_process_may_choose_the_policy_of_an_answer_and_content_may_not(rig: Rig) -> None:
    rig.port.targets["doc"] = Target(
        kind="web", path_prefix="/-/documents/x", content_security_policy="default-src 'none'"
    )
    rig.web.handler = says(("X-Studium-Policy", "sandbox allow-scripts"), ("Content-Security-Policy", "img-src *"))  # type: ignore[assignment]
    found = rig.ask("doc.localhost:8000", "/parts/a.html", headers={"Cookie": rig.cookie("doc")})
    assert found.all("Content-Security-Policy") == ["sandbox allow-scripts"]
    assert found.header("X-Studium-Policy") is None
    rig.content.handler = says(("X-Studium-Policy", "script-src *"))  # type: ignore[assignment]
    found = rig.enter("/lab")
    assert found.all("Content-Security-Policy") == [f"frame-ancestors 'self' http://{PLATFORM}"]
    assert found.header("X-Studium-Policy") is None


def test_what_draws_outputs_is_there_for_a_frame_that_nobody_knows(rig: Rig) -> None:
    rig.web.handler = says(
        ("Cache-Control", "public, max-age=3600"), ("ETag", '"a"'), ("Set-Cookie", "a=b"), ("X-Other", "1")
    )  # type: ignore[assignment]
    asked = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Cookie": rig.cookie(),
        "Accept-Encoding": "gzip",
    }
    found = rig.ask("anything.localhost:8000", "/-/lib/plotly.min.js?noext", headers={**asked, "Authorization": "x"})
    assert found.status == 200
    assert found.header("ETag") == '"a"'
    assert found.header("Content-Security-Policy") == "sandbox; default-src 'none'"
    assert found.header("Set-Cookie") is None
    assert found.header("X-Other") is None
    seen = rig.web.seen[0]
    assert seen.target == "/-/documents/lib/plotly.min.js"
    assert seen.header("Accept-Encoding") == "gzip"
    assert seen.header("Cookie") is None
    assert seen.header("Authorization") is None
    assert rig.ask(CONTENT, "/-/lib/plotly.min.js", method="POST", body=b"x").status == 405
    for path in (
        "/-/lib/../x.js",
        "/-/lib/a/b.js",
        "/-/lib/%2e%2e.js",
        "/-/lib/",
        "/-/lib/x.css",
        "/-/libs/x.js",
        "/-/lib/X.JS",
    ):
        assert rig.ask(CONTENT, path, headers=asked).status == 404, path
    assert len(rig.web.seen) == 1
