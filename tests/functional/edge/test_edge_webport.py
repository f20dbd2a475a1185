"""`WebPort` against a server that answers well, badly, late or not at all; and the cache in front of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from studium.edge.answers import Answers
from studium.edge.memoryport import MemoryPort
from studium.edge.port import Grant, PortDown, Target
from studium.edge.webport import KEY_HEADER, WebPort

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def with_web(path: Path, handler: Handler, scene: Callable[[WebPort], Awaitable[Any]]) -> Any:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    port = WebPort(str(path), "the-key")
    try:
        return await scene(port)
    finally:
        await port.close()
        await runner.cleanup()


def saying(status: int, answer: object = None) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=status, body=body)

    return handler


def test_each_question_has_its_path_its_key_and_its_words(tmp_path: Path) -> None:
    heard: list[tuple[str, str, str, Any]] = []

    async def handler(request: web.Request) -> web.Response:
        heard.append((request.method, request.path, request.headers[KEY_HEADER], await request.json()))
        return web.Response(status=404)

    async def scene(port: WebPort) -> list[object]:
        await port.note_activity("nb")
        return [
            await port.resolve("nb"),
            await port.redeem("t", "nb"),
            await port.allowed("nb", "ann"),
            await port.topics("c=1", "page=home"),
        ]

    assert asyncio.run(with_web(tmp_path / "w", handler, scene)) == [None, None, False, None]
    assert heard == [
        ("POST", "/-/edge/activity", "the-key", {"label": "nb"}),
        ("POST", "/-/edge/resolve", "the-key", {"label": "nb"}),
        ("POST", "/-/edge/redeem", "the-key", {"ticket": "t", "label": "nb"}),
        ("POST", "/-/edge/allowed", "the-key", {"label": "nb", "user": "ann"}),
        ("POST", "/-/edge/topics", "the-key", {"cookie": "c=1", "query": "page=home"}),
    ]


def test_answers_are_read(tmp_path: Path) -> None:
    target = {"kind": "tcp", "host": "10.0.0.1", "port": 80, "headers": [["A", "b"]], "ttl": 5, "terminal": True}
    full = Target(kind="tcp", host="10.0.0.1", port=80, headers=(("A", "b"),), ttl=5.0, terminal=True)
    assert asyncio.run(with_web(tmp_path / "a", saying(200, target), lambda p: p.resolve("x"))) == full
    grant = {"label": "x", "user": "ann", "expires_at": 5}
    expected = Grant(label="x", user="ann", expires_at=5.0, path="/")
    assert asyncio.run(with_web(tmp_path / "b", saying(200, grant), lambda p: p.redeem("t", "x"))) == expected
    assert asyncio.run(with_web(tmp_path / "c", saying(200, {"allowed": True}), lambda p: p.allowed("x", "a"))) is True
    topics = saying(200, {"topics": ["a"]})
    assert asyncio.run(with_web(tmp_path / "d", topics, lambda p: p.topics("c", "q"))) == ["a"]
    assert asyncio.run(with_web(tmp_path / "e", saying(204, b""), lambda p: p.note_activity("x"))) is None


def test_a_target_that_says_nothing_of_terminals_has_none(tmp_path: Path) -> None:
    found = asyncio.run(
        with_web(tmp_path / "w", saying(200, {"kind": "unix", "socket": "/s"}), lambda p: p.resolve("x"))
    )
    assert found.terminal is False


def test_only_a_plain_true_allows(tmp_path: Path) -> None:
    for number, answer in enumerate(({"allowed": 1}, {"allowed": "true"}, {}, {"allowed": False})):
        found = asyncio.run(with_web(tmp_path / str(number), saying(200, answer), lambda p: p.allowed("x", "a")))
        assert found is False


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {}),
        (302, {}),
        (403, {}),
        (200, b"not json"),
        (200, []),
        (200, {"kind": "ftp"}),
        (200, {"kind": "unix", "ttl": "soon"}),
        (200, {}),
    ],
)
def test_any_other_answer_is_no_answer(tmp_path: Path, status: int, answer: object) -> None:
    with pytest.raises(PortDown):
        asyncio.run(with_web(tmp_path / "w", saying(status, answer), lambda p: p.resolve("x")))


def test_a_web_process_that_is_not_there_or_hangs_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def absent() -> None:
        port = WebPort(str(tmp_path / "none"), "k")
        try:
            await port.resolve("x")
        finally:
            await port.close()

    with pytest.raises(PortDown):
        asyncio.run(absent())
    monkeypatch.setattr("studium.edge.webport._SECONDS", 0.1)

    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    with pytest.raises(PortDown):
        asyncio.run(with_web(tmp_path / "w", hang, lambda p: p.allowed("x", "a")))


class SlowPort(MemoryPort):
    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def resolve(self, label: str) -> Target | None:
        answer = await super().resolve(label)
        await self.gate.wait()
        return answer


def test_many_askers_ask_once_and_one_that_leaves_takes_nothing_away() -> None:
    async def scene() -> tuple[list[Target | None], list[str]]:
        port = SlowPort()
        port.targets["a"] = Target(kind="unix", socket="/s")
        answers = Answers(port, allowed_seconds=3, stale_seconds=30)
        first = asyncio.create_task(answers.resolve("a"))
        others = [asyncio.create_task(answers.resolve("a")) for _ in range(50)]
        while not port.asked:
            await asyncio.sleep(0)
        first.cancel()
        port.gate.set()
        return await asyncio.gather(*others), port.asked

    found, asked = asyncio.run(scene())
    assert {target.socket for target in found if target} == {"/s"}
    assert asked == ["resolve"]


def test_a_doubted_answer_is_asked_again_and_still_stands_in_when_the_port_is_down() -> None:
    async def scene() -> tuple[int, Target | None]:
        port = MemoryPort()
        port.targets["a"] = Target(kind="unix", socket="/s", ttl=1000)
        answers = Answers(port, allowed_seconds=3, stale_seconds=30)
        await answers.resolve("a")
        await answers.resolve("a")
        answers.unreachable("a")
        await answers.resolve("a")
        count = len(port.asked)
        port.targets["b"] = Target(kind="unix", socket="/b", ttl=0)
        await answers.resolve("b")
        port.down = True
        return count, await answers.resolve("b")

    count, stale = asyncio.run(scene())
    assert count == 2
    assert stale is not None
    assert stale.socket == "/b"
