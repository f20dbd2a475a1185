"""How long a cold start takes: from the request to a server that answers, and to the first output of a cell.

Beside JupyterHub with its simple spawner on the same machine, each through its own front door, in turn. Cold means that
neither the server nor the kernel runs before; the files are in the page cache after the warm-up round on both sides.
"""

import asyncio
import contextlib
import statistics
import sys
import time

import aiohttp

from peers import hub, ours
from peers.hub import Hub
from peers.ours import Studium
from report import figure
from running.platform import running_platform

ROUNDS = 9
GOAL = 0.5
WORDS = "hello from the bench"


async def cold(side: Studium | Hub, notebook: str) -> tuple[float, float]:
    """Seconds from the start request to a server that answers, and to a cell's first output."""
    async with aiohttp.ClientSession() as http:
        began = time.perf_counter()
        jupyter = await side.start(http)
        ready = time.perf_counter() - began
        channels = await jupyter.channels(await jupyter.open_session(notebook))
        await channels.live()
        printed = await channels.first_output(f"print({WORDS!r})")
        first = time.perf_counter() - began
        if WORDS not in printed:
            raise SystemExit(f"the cell printed {printed!r}")
        await channels.close()
        await side.stop(http)
    return ready, first


async def in_turn(studium: Studium, peer: Hub) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Each side's rounds, alternating, after one that is not counted."""
    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS + 1):
        theirs.append(await cold(peer, hub.NOTEBOOK))
        mine.append(await cold(studium, studium.filename))
    return mine[1:], theirs[1:]


def tell(name: str, mine: list[float], theirs: list[float], *, goal: bool) -> bool:
    value, peer_value = statistics.median(mine), statistics.median(theirs)
    ok = value <= GOAL * peer_value if goal else None
    figure(
        "start", name, value, "s", peer=f"{Hub.name}, simple local spawner, its own proxy", peer_value=peer_value,
        goal=f"<= {GOAL} x" if goal else None, ok=ok,
        conditions=(
            f"medians of {ROUNDS} alternating cold starts after one warm-up, {min(mine):.2f}-{max(mine):.2f} s beside "
            f"{min(theirs):.2f}-{max(theirs):.2f} s; ours isolated on {ours.MACHINE}, the peer neither isolated nor limited; "
            f"JupyterLab {hub.version('jupyterlab')} on both"
        ),
    )  # fmt: skip
    return ok is not False


def main() -> int:
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(hub.running_hub())
        studium = ours.prepared(stack.enter_context(running_platform()))
        mine, theirs = asyncio.run(in_turn(studium, peer))
    tell("ready_cold", [ready for ready, _ in mine], [ready for ready, _ in theirs], goal=False)
    ok = tell("first_output_cold", [first for _, first in mine], [first for _, first in theirs], goal=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
