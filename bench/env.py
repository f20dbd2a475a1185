"""How long a warm build of an environment takes: from asking to ready, beside `uv venv && uv pip install` of the same packages.

`warm_build` asks for the same again, as a build does that looks for newer versions: its lock is that of the build before, whose
packages are used. `changed_build` asks for one package in a version that no build of the team has alone, so that it is
installed and all is taken out.

Builds take pages of the index to hold for ten minutes. The peer asks for them again when the index, or a mirror in between, has
had them for as long; `warm_build_told_so` is `warm_build` beside a peer that is told what builds are.

Warm on both sides: each has fetched everything once. The peer installs into a folder of the same disk from its own cache and
resolves as well; ours besides is a run from the queue, locks with hashes, installs from the lock, and is copied out and sealed.
Compiling the modules comes after an environment is ready, and is not in the figure; nor does the peer compile.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uv

from report import figure
from running.platform import Platform, running_platform, wait_for
from studium.client import Client
from unit.environments.inside_modules import load

load("installed_tree")
SETTINGS = load("build_environment").SETTINGS

PACKAGES, ROUNDS, GOAL = ("numpy", "pandas", "scikit-learn"), 5, 2.0
# Fetched by a build that has one package more, so that a build without that one has a lock of its own.
OTHERS, BESIDE = tuple(f"six==1.{minor}.0" for minor in range(12, 17)), "toolz"


def peer(folder: Path, cache: Path, packages: tuple[str, ...], index: str = "") -> float:
    """Seconds of `uv venv && uv pip install` into a fresh folder; from an `index` whose pages hold for ten minutes."""
    environ = {**os.environ, "UV_CACHE_DIR": str(cache)}
    if index:
        settings = folder.with_suffix(".toml")
        settings.write_text(SETTINGS.format(index=json.dumps(index)))
        environ["UV_CONFIG_FILE"] = str(settings)
    began = time.perf_counter()
    for arguments in (("venv", "-q", str(folder)), ("pip", "install", "-q", "--python", str(folder), *packages)):
        subprocess.run([uv.find_uv_bin(), *arguments], check=True, env=environ)
    return time.perf_counter() - began


def index_of_pip() -> str:
    """The one that builds take too, where nothing else is set."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    with (
        running_platform() as platform,
        tempfile.TemporaryDirectory(dir="/var/tmp") as name,
        platform.client() as client,
    ):
        bench = Bench(platform, client, Path(name))
        bench.build(PACKAGES)
        for other in OTHERS:
            bench.build((*PACKAGES, other, BESIDE))
            peer(Path(name, f"warm-{other}"), Path(name, "cache"), (*PACKAGES, other))
        bench.build(PACKAGES)
        bench.figure("warm_build", [PACKAGES] * ROUNDS)
        bench.figure("warm_build_told_so", [PACKAGES] * ROUNDS, index=index_of_pip())
        bench.figure("changed_build", [(*PACKAGES, OTHERS[turn]) for turn in range(ROUNDS)])


class Bench:
    def __init__(self, platform: Platform, client: Client, folder: Path) -> None:
        self.platform = platform
        self.client = client
        self.folder = folder
        self.made = ""

    def build(self, packages: tuple[str, ...]) -> tuple[float, int]:
        """Seconds from asking to ready, and the size of the build in bytes."""
        compiled = (
            "from studium.environments.models import Build;"
            "print(Build.objects.filter(state='ready', compiled_at=None).count())"
        )
        wait_for(lambda: self.platform.manage(compiled) == "0", seconds=120, every=1, says="quiet")
        asked = "\n".join(packages)
        began = time.perf_counter()
        if self.made:
            number = self.client.environments.build(self.made, asked, kind="packages").number
        else:
            self.made, number = self.client.environments.create("Bench", asked, kind="packages").id, 1

        def ended() -> bool:
            build = self.client.environments.one_build(self.made, number)
            assert build.state != "failed", build.fault
            return build.state == "ready"

        wait_for(ended, seconds=300, every=0.02, says="the build")
        return time.perf_counter() - began, self.client.environments.one_build(self.made, number).size_bytes

    def figure(self, name: str, rounds: list[tuple[str, ...]], index: str = "") -> None:
        ours, theirs = [], []
        if index:
            peer(self.folder / "told-so", self.folder / "told-so-cache", rounds[0], index)
        for turn, packages in enumerate(rounds):
            took, size = self.build(packages)
            ours.append(took)
            cache = self.folder / ("told-so-cache" if index else "cache")
            theirs.append(peer(self.folder / f"{name}-{turn}", cache, packages, index))
        mine, other = statistics.median(ours), statistics.median(theirs)
        figure(
            "env",
            name,
            mine,
            "s",
            peer="uv venv && uv pip install",
            peer_value=other,
            goal=None if index else f"<= {GOAL:g} x",
            ok=None if index else mine <= GOAL * other,
            conditions=f"{' '.join(PACKAGES)}, {size / 1e6:.0f} MB, from asking to ready, medians of {len(rounds)} in turn",
        )


if __name__ == "__main__":
    main()
