"""A link breaks a connection whose client takes nothing, and not one that goes on."""

import asyncio
from typing import cast

from studium.edge.links import Link


class Wire:
    """Stands in for a transport: notes that it was broken."""

    def __init__(self) -> None:
        self.broken = asyncio.Event()
        self.closed = False

    def abort(self) -> None:
        self.broken.set()

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str) -> object:
        return ("10.0.0.9", 1) if name == "peername" else None


def link(wire: Wire, seconds: float) -> Link:
    return Link(cast(asyncio.Transport, wire), seconds)


def test_a_stalled_client_is_cut_off() -> None:
    async def scene() -> None:
        wire = Wire()
        link(wire, 0.01).stalled()
        async with asyncio.timeout(10):
            await wire.broken.wait()

    asyncio.run(scene())


def test_a_client_that_reads_on_is_not() -> None:
    async def scene() -> bool:
        slow, later = Wire(), Wire()
        one = link(slow, 0.01)
        one.stalled()
        one.writable()
        link(later, 0.02).stalled()
        async with asyncio.timeout(10):
            await later.broken.wait()
        return slow.broken.is_set()

    assert asyncio.run(scene()) is False


def test_listeners_hear_once_of_the_loss_unless_they_took_it_back() -> None:
    async def scene() -> list[str]:
        heard: list[str] = []
        one = link(Wire(), 1)
        one.on_lost(lambda: heard.append("a"))
        forget = one.on_lost(lambda: heard.append("b"))
        forget()
        one.lost()
        one.lost()
        forget()
        return heard

    assert asyncio.run(scene()) == ["a"]


def test_closing_is_followed_by_breaking_unless_the_client_is_gone() -> None:
    async def scene() -> tuple[bool, bool, bool]:
        stays, gone = Wire(), Wire()
        link(stays, 1).close_soon(0.01)
        other = link(gone, 1)
        other.close_soon(0.0)
        other.lost()
        async with asyncio.timeout(10):
            await stays.broken.wait()
        return stays.closed, gone.closed, gone.broken.is_set()

    assert asyncio.run(scene()) == (True, True, False)
