"""What the way to a running kernel costs: the round trip of a small cell through the edge, and beside it two others.

Through JupyterHub and its proxy, and over a direct connection to the session's own unix socket, which leaves the edge out.
Three kernels, one for each way, take turns; client, library and protocol are the same for all of them.
"""

import asyncio
import contextlib
import itertools
import statistics
import sys
from collections.abc import Iterator

import aiohttp

from peers import hub, ours
from peers.hub import Hub
from peers.kernels import Channels, Jupyter
from peers.ours import Studium
from report import figure
from running.platform import running_platform

TRIPS, WARM_UP = 300, 24
CODE = "1+1"
HUB_GOAL, DIRECT_GOAL = 0.15, 2.0
WAYS = ("edge", "hub", "direct")


async def channels(jupyter: Jupyter, notebook: str) -> Channels:
    found = await jupyter.channels(await jupyter.open_session(notebook))
    await found.live()
    return found


async def measured(studium: Studium, peer: Hub) -> dict[str, list[float]]:
    """Milliseconds of each trip by way, taken in turn."""
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        through_hub = await peer.start(http)
        stack.push_async_callback(peer.stop, http)
        through_edge = await studium.start(http)
        stack.push_async_callback(studium.stop, http)
        socket, token = await asyncio.to_thread(studium.direct)
        connector = aiohttp.UnixConnector(path=socket)
        straight = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        direct = Jupyter(straight, "http://localhost", {"Authorization": f"token {token}"})
        ways = {
            "edge": await channels(through_edge, studium.filename),
            "hub": await channels(through_hub, hub.NOTEBOOK),
            # A kernel of its own: what a kernel publishes goes to every websocket that is open to it.
            "direct": await channels(direct, "direct.ipynb"),
        }
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        # Every order comes as often as any other: a trip is quicker right after another one in the same session.
        orders = itertools.cycle(itertools.permutations(WAYS))
        for trip, order in zip(range(WARM_UP + TRIPS), orders, strict=False):
            for way in order:
                took = await ways[way].execute(CODE)
                if trip >= WARM_UP:
                    times[way].append(took)
        for each in ways.values():
            await each.close()
    return times


def spread(times: list[float]) -> str:
    """Median and p95 in words."""
    return f"median {statistics.median(times):.2f} ms, p95 {statistics.quantiles(times, n=20)[18]:.2f} ms"


def lines(times: dict[str, list[float]]) -> Iterator[bool]:
    """Print both lines; whether each goal is met."""
    value = statistics.median(times["edge"])
    against = (
        ("hub", f"{Hub.name} and its own proxy", HUB_GOAL),
        ("direct", "direct connection to the session's unix socket", DIRECT_GOAL),
    )
    for way, peer, goal in against:
        peer_value = statistics.median(times[way])
        ok = value <= goal * peer_value
        yield ok
        figure(
            "cell", "round_trip", value, "ms", peer=peer, peer_value=peer_value, goal=f"<= {goal:g} x", ok=ok,
            conditions=(
                f"{CODE} from request to reply, result and idle; {TRIPS} trips each way in every order after {WARM_UP} of "
                f"warm-up; edge {spread(times['edge'])}; peer {spread(times[way])}; session on {ours.MACHINE}"
            ),
        )  # fmt: skip


def main() -> int:
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(hub.running_hub())
        studium = ours.prepared(stack.enter_context(running_platform()))
        times = asyncio.run(measured(studium, peer))
    return 0 if all(list(lines(times))) else 1


if __name__ == "__main__":
    sys.exit(main())
