"""How long running all cells takes: save and run all of a notebook of 100 small cells, beside plain nbclient on the same file.

Ours from `running` to `ended` as the run says, in the sandbox, saved after every cell; the peer from the start of its
process to its end, with the same environment's Python and packages, neither isolated nor saved until the end. A run is noted as
running a moment after its process began, so the second figure, from the request to the run's end, queue and sandbox included,
is the one that flatters nobody.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from report import figure
from running.platform import Platform, running_platform, shared_environments, wait_for
from studium.client.shapes import Version

CELLS, ROUNDS, GOAL = 100, 7, 1.3
MACHINE = "cpu-small"
PEER = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def notebook() -> dict[str, object]:
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": f"x = {n}\nprint('cell', x)",
            "outputs": [],
            "execution_count": None,
        }
        for n in range(CELLS)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}


def ours(platform: Platform, notebook_id: str) -> tuple[float, float]:
    """Seconds from running to ended of one version, and from the request to its end."""
    client = platform.client()
    asked = datetime.now(UTC)
    version = client.notebooks.versions.run(notebook_id, machine=MACHINE)

    def settled() -> Version | None:
        seen = client.notebooks.versions.get(notebook_id, version.number)
        return seen if seen.settled else None

    done: Version = wait_for(settled, seconds=120, every=0.2)
    assert done.run is not None
    run = client.runs.get(done.run.id)
    if run.reason != "finished" or run.ended_at is None or run.running_at is None:
        raise SystemExit(f"the run ended as {run.words}")
    return (run.ended_at - run.running_at).total_seconds(), (run.ended_at - asked).total_seconds()


def peer(python: Path, source: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [str(python), "-s", "-c", PEER, str(source), f"{folder}/out.ipynb"]
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=folder)
        return time.perf_counter() - began


def main() -> int:
    python = next(shared_environments().glob("*/bin/python"))
    mine: list[tuple[float, float]] = []
    theirs: list[float] = []
    with running_platform() as platform, tempfile.NamedTemporaryFile("w", suffix=".ipynb") as source:
        json.dump(notebook(), source)
        source.flush()
        made = platform.client().notebooks.create("A hundred cells", content=json.dumps(notebook()).encode())
        for _ in range(ROUNDS + 1):
            theirs.append(peer(python, Path(source.name)))
            mine.append(ours(platform, made.id))
    names = ("run_all", "asked_to_ended")
    return 0 if all(tell(name, [m[i] for m in mine[1:]], theirs[1:]) for i, name in enumerate(names)) else 1


def tell(name: str, mine: list[float], theirs: list[float]) -> bool:
    value, peer_value = statistics.median(mine), statistics.median(theirs)
    ok = value <= GOAL * peer_value
    figure(
        "run", name, value, "s", peer="nbclient in a process of its own", peer_value=peer_value, goal=f"<= {GOAL} x", ok=ok,
        conditions=(
            f"medians of {ROUNDS} alternating runs of {CELLS} small cells after one warm-up, {min(mine):.2f}-{max(mine):.2f} s "
            f"beside {min(theirs):.2f}-{max(theirs):.2f} s; ours isolated on {MACHINE} and saved after every cell"
        ),
    )  # fmt: skip
    return ok


if __name__ == "__main__":
    sys.exit(main())
