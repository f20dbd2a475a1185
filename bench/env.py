"""How long a warm build of an environment takes: from asking to ready, beside `uv venv && uv pip install` of the same packages.

Warm on both sides: each has fetched everything once. The peer installs into a folder of the same disk from its own cache and
resolves as well; ours besides is a run from the queue, locks with hashes, installs from the lock, and is copied out and sealed.
Compiling the modules comes after an environment is ready, and is not in the figure; nor does the peer compile.
"""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import uv

from report import figure
from running.platform import running_platform, wait_for

PACKAGES, ROUNDS, GOAL = ("numpy", "pandas", "scikit-learn"), 5, 2.0


def peer(folder: Path, cache: Path) -> float:
    """Seconds of `uv venv && uv pip install` into a fresh folder."""
    environ = {**os.environ, "UV_CACHE_DIR": str(cache)}
    began = time.perf_counter()
    for arguments in (("venv", "-q", str(folder)), ("pip", "install", "-q", "--python", str(folder), *PACKAGES)):
        subprocess.run([uv.find_uv_bin(), *arguments], check=True, env=environ)
    return time.perf_counter() - began


def main() -> None:
    ours, theirs = [], []
    with (
        running_platform() as platform,
        tempfile.TemporaryDirectory(dir="/var/tmp") as name,
        platform.client() as client,
    ):
        made = client.environments.create("Bench", "\n".join(PACKAGES), kind="packages")

        def ended(number: int) -> bool:
            build = client.environments.one_build(made.id, number)
            assert build.state != "failed", build.fault
            return build.state == "ready"

        wait_for(lambda: ended(1), seconds=300, says="the first build")
        peer(Path(name, "warm"), Path(name, "cache"))
        compiled = (
            "from studium.environments.models import Build;"
            "print(Build.objects.filter(state='ready', compiled_at=None).count())"
        )
        for turn in range(ROUNDS):
            wait_for(lambda: platform.manage(compiled) == "0", seconds=120, every=1, says="quiet")
            began = time.perf_counter()
            build = client.environments.build(made.id, "\n".join(PACKAGES), kind="packages")
            wait_for(lambda number=build.number: ended(number), seconds=120, every=0.02, says="the build")  # type: ignore[misc]
            ours.append(time.perf_counter() - began)
            theirs.append(peer(Path(name, str(turn)), Path(name, "cache")))
        size = client.environments.one_build(made.id, build.number).size_bytes
    mine, other = statistics.median(ours), statistics.median(theirs)
    figure(
        "env",
        "warm_build",
        mine,
        "s",
        peer="uv venv && uv pip install",
        peer_value=other,
        goal=f"<= {GOAL:g} x",
        ok=mine <= GOAL * other,
        conditions=f"{' '.join(PACKAGES)}, {size / 1e6:.0f} MB, from asking to ready, medians of {ROUNDS} in turn",
    )


if __name__ == "__main__":
    main()
