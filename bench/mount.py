"""A dataset version of 100,000 files attached to a session that goes on, and read there, beside the plain file system.

`attach`: from the request to the moment a cell that waits for the folder sees it. The version's files lie on the machine already,
as they do once it was looked into after it came. `lay_down` is what the first run on a machine that has them not waits for.
`read`: one cell that reads every file, beside the same lines over a copy of the folder, outside of any sandbox; both read
once before, so that neither waits for the disk. The sides take turns.
"""

import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from peers import ours
from report import figure
from running.platform import Platform, running_platform, wait_for

FILES, ROUNDS = 100_000, 5
ATTACH_GOAL, READ_GOAL, WAIT = 1.0, 0.8, 600
# Each ends with a value: its coming is what a trip waits for.
LINES = """\
import os
count = size = 0
for folder, _, names in os.walk({top!r}):
    for name in names:
        with open(os.path.join(folder, name), 'rb') as stream:
            size += len(stream.read())
        count += 1
assert (count, size) == ({count}, {size}), (count, size)
1
"""
SEES = "import os, time\nwhile {no}os.path.exists('/datasets/many/00/00000.txt'): time.sleep(0.001)\n1"


def make(folder: Path) -> int:
    """100,000 files of 100 to 2,000 bytes in 100 folders, of a fixed seed; the bytes made."""
    rng, made = random.Random(1), 0
    for number in range(FILES):
        path = folder / f"{number % 100:02}" / f"{number:05}.txt"
        path.parent.mkdir(exist_ok=True)
        content = rng.randbytes(rng.randrange(100, 2000))
        path.write_bytes(content)
        made += len(content)
    return made


def prepared(platform: Platform, folder: Path) -> str:
    """The dataset, its first version laid down on this machine; its id."""
    done = platform.cli("datasets", "create", str(folder), "--title", "Many")
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    with platform.client() as client:
        found = client.datasets.find("many").id
        wait_for(
            lambda: client.datasets.profile(found, 1, "00/00000.txt").state not in ("waiting", "running"),
            seconds=WAIT, every=1, says="a look into the files",
        )  # fmt: skip
    return found


def laid_down(platform: Platform) -> float:
    """Seconds that laying the version's files down takes, where they are not."""
    said = platform.manage(
        "import time\n"
        "from studium.datasets.models import DatasetVersion\n"
        "from studium.lib.folders import remove\n"
        "from studium.storage import trees\n"
        "manifest = DatasetVersion.objects.get().manifest\n"
        "remove(trees.folder_of(manifest))\n"
        "began = time.perf_counter()\n"
        "trees.lay_down(manifest, now=now)\n"
        "print(time.perf_counter() - began)"
    )
    return float(said)


def theirs(lines: str) -> float:
    timed = f"import time\nbegan = time.perf_counter()\n{lines}print(time.perf_counter() - began)"
    done = subprocess.run(["/usr/bin/python3", "-c", timed], check=True, capture_output=True, text=True)
    return float(done.stdout)


async def measured(studium: ours.Studium, dataset: str, folder: Path, size: int) -> dict[str, list[float]]:
    """Seconds by what was done."""
    times: dict[str, list[float]] = {"attach": [], "read": [], "plain": []}
    facts = {"count": FILES, "size": size}
    inside, outside = (LINES.format(top=top, **facts) for top in ("/datasets/many", str(folder)))
    async with aiohttp.ClientSession() as http:
        jupyter = await studium.start(http)
        kernel = await jupyter.channels(await jupyter.open_session(studium.filename))
        await kernel.live()
        inputs = f"/notebooks/{studium.notebook}/inputs"
        for turn in range(ROUNDS + 1):
            waiting = asyncio.create_task(kernel.execute(SEES.format(no="not ")))
            await asyncio.sleep(0.2)
            began = time.perf_counter()
            await studium.rest(http, "POST", inputs, {"dataset": dataset})
            await waiting
            took = time.perf_counter() - began
            read = await kernel.execute(inside) / 1000
            plain = await asyncio.to_thread(theirs, outside)
            if turn:  # the first is for both to have read everything once
                times["attach"].append(took)
                times["read"].append(read)
                times["plain"].append(plain)
            await studium.rest(http, "DELETE", f"{inputs}/many")
            await kernel.execute(SEES.format(no=""))
        await kernel.close()
        await studium.stop(http)
    return times


def main() -> int:
    with running_platform() as platform, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name) / "Many"
        folder.mkdir()
        size = make(folder)
        dataset = prepared(platform, folder)
        figure("mount", "lay_down", laid_down(platform), "s", conditions=f"{FILES:,} files, {size / 1e6:.0f} MB")
        times = asyncio.run(measured(ours.prepared(platform), dataset, folder, size))
    attach, read, plain = (statistics.median(times[what]) for what in ("attach", "read", "plain"))
    share = plain / read
    figure(
        "mount", "attach", attach, "s", goal=f"< {ATTACH_GOAL:g}", ok=attach < ATTACH_GOAL,
        conditions=f"{FILES:,} files, laid down; median of {ROUNDS}, longest {max(times['attach']):.2f} s",
    )  # fmt: skip
    figure(
        "mount", "read", FILES / read, "files/s", peer="a plain folder", peer_value=FILES / plain,
        goal=f">= {READ_GOAL:g} x", ok=share >= READ_GOAL, conditions=f"{FILES:,} files, {size / 1e6:.0f} MB, in memory",
    )  # fmt: skip
    return 0 if attach < ATTACH_GOAL and share >= READ_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
