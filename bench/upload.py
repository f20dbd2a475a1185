"""How long bringing files takes, from the command to a committed version, beside `cp -r` and `sha256sum` of the same tree.

4 GiB in one file, and 20,000 small files, of a fixed seed. The peer copies to another folder of the same disk and reads all
of it once more for its digests: what somebody does who hands data on with care. Ours cuts, hashes, asks what is missing, sends
over HTTP through the edge, and the server hashes again before it keeps. Sides take turns, each time with bytes nobody has seen.
"""

import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import figure
from running.platform import Platform, running_platform

MIB = 1024 * 1024
ROUNDS = 3
LARGE_BYTES, SMALL_FILES = 4096 * MIB, 20_000


def one_large(folder: Path, seed: int) -> int:
    """4 GiB that no two chunks of are alike; the bytes made."""
    rng = random.Random(seed)
    with (folder / "large.bin").open("wb") as out:
        for _ in range(LARGE_BYTES // (64 * MIB)):
            out.write(rng.randbytes(64 * MIB))
    return LARGE_BYTES


def many_small(folder: Path, seed: int) -> int:
    """20,000 files of 1 to 32 KiB in 100 folders; the bytes made."""
    rng, made = random.Random(seed), 0
    for number in range(SMALL_FILES):
        path = folder / f"{number % 100:02}" / f"{number:05}.bin"
        path.parent.mkdir(exist_ok=True)
        content = rng.randbytes(rng.randrange(1024, 32 * 1024))
        path.write_bytes(content)
        made += len(content)
    return made


def ours(platform: Platform, folder: Path) -> float:
    began = time.perf_counter()
    done = platform.cli("datasets", "create", str(folder), "--title", f"Bench {time.time_ns()}")
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return took


def theirs(folder: Path, target: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["cp", "-r", str(folder), str(target)], check=True)
    find = subprocess.run(["find", str(target), "-type", "f", "-print0"], check=True, capture_output=True)
    subprocess.run(["xargs", "-0", "sha256sum"], input=find.stdout, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    good = True
    with running_platform() as platform, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        for what, make, goal in (("one_file", one_large, 1.5), ("small_files", many_small, 3.0)):
            mine, other, size = [], [], 0
            for turn in range(ROUNDS):
                source, copy = Path(name, f"source{turn}"), Path(name, f"copy{turn}")
                source.mkdir()
                size = make(source, seed=turn + 1)
                mine.append(ours(platform, source))
                other.append(theirs(source, copy))
                shutil.rmtree(source)
                shutil.rmtree(copy)
            value, peer = statistics.median(mine), statistics.median(other)
            good &= value <= goal * peer
            figure(
                "upload", what, value, "s", peer="cp -r and sha256sum", peer_value=peer, goal=f"<= {goal:g} x",
                ok=value <= goal * peer,
                conditions=(
                    f"{size / MIB:,.0f} MiB, from the command to a committed version, medians of {ROUNDS} in turn, "
                    f"{min(mine):.1f} to {max(mine):.1f} s beside {min(other):.1f} to {max(other):.1f} s"
                ),
            )  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
