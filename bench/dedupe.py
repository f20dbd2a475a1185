"""How much of a second version is sent and stored where little of it is new: a CSV with a row put in near its start, and a
Parquet file of which one row group is changed.

Files are cut, asked for and brought as the client does it, into the domain of an installation of its own, without a server
between. What is sent counts the chunks, and the lists of digests with which it is found out which to send.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import figure
from running import database

BYTES, GOAL = 1024**3, 2.0
ROOT = Path(__file__).resolve().parents[1]
MAKER, LOCK = Path(__file__).with_name("filling") / "parquet.py", ROOT / "requirements" / "bench-parquet.txt"
WORDS = "Basel Bern Chur Genf Lugano Luzern Sion Thun Uster Zug".split()


@dataclass(frozen=True)
class Sent:
    """Bytes over the wire, bytes that the store grew by, and how long it took."""

    sent: int
    stored: int
    seconds: float


def rows(seed: int) -> Iterator[bytes]:
    """Lines of measurements, without end."""
    chance = random.Random(seed)
    number = 0
    while True:
        values = memoryview(chance.randbytes(8192)).cast("I")
        for at in range(0, len(values), 4):
            a, b, c, d = values[at : at + 4]
            place = WORDS[a % len(WORDS)]
            yield b"%d,2026-%02d-%02dT%02d:%02d:00Z,%s,%.3f,%.3f,%d\n" % (
                number, a % 12 + 1, b % 28 + 1, c % 24, d % 60, place.encode(), b / 1e6, c / 1e7, d,
            )  # fmt: skip
            number += 1


def write_csv(path: Path, *, put_in: bytes = b"") -> None:
    """A gigabyte of rows; with `put_in`, that line behind the thousandth."""
    size = 0
    with path.open("wb", buffering=1024 * 1024) as out:
        size += out.write(b"id,at,place,temperature,pressure,count\n")
        for number, line in enumerate(rows(seed=1)):
            size += out.write(line)
            if number == 1000:
                out.write(put_in)
            if size >= BYTES:
                return


def write_parquet(folder: Path) -> str:
    """`one.parquet` of about a gigabyte and `two.parquet`, with one row group changed; returns what made them."""
    packages = Path(tempfile.gettempdir()) / f"studium-bench-{os.getuid()}-parquet"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--allow-existing", str(packages)], check=True)
    python = str(packages / "bin" / "python")
    subprocess.run([*uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(LOCK)], check=True)
    done = subprocess.run([python, str(MAKER), str(folder), str(BYTES)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def bring_version(who: Any, dataset: Any, path: Path) -> Sent:
    """What a client does with a folder that has this one file."""
    from studium.config.options import options
    from studium.datasets import actions
    from studium.datasets.files import Brought
    from studium.lib import chunks as cutting
    from studium.lib import clock
    from studium.storage.chunks.actions import packs

    before, start, sent = stored_bytes(options().home / "blobs"), time.perf_counter(), 0
    whole, size, found = cutting.described(path)
    digests = [chunk.digest for chunk in found]
    asked = 1000
    lacking: set[str] = set()
    for first in range(0, len(digests), asked):
        some = digests[first : first + asked]
        sent += len(json.dumps(some))
        lacking.update(actions.lacking(who, dataset, some, now=clock.now()))

    def fresh(file: Any) -> Iterator[tuple[cutting.Chunk, bytes]]:
        for chunk in {chunk.digest: chunk for chunk in found if chunk.digest in lacking}.values():
            file.seek(chunk.offset)
            yield chunk, file.read(chunk.size)

    with path.open("rb") as file:
        for pack in packs(fresh(file)):
            described = [(chunk.digest, chunk.size) for chunk, _ in pack]
            content = b"".join(part for _, part in pack)
            sent += len(json.dumps(described)) + len(content)
            actions.bring(who, dataset, described, content, used=0, now=clock.now())
    listed = {"path": "data", "size": size, "digest": whole, "chunks": digests}
    sent += len(json.dumps(listed))
    actions.make_version(who, dataset, [Brought("data", size, whole, digests)], now=clock.now())
    return Sent(sent, stored_bytes(options().home / "blobs") - before, time.perf_counter() - start)


def stored_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0


def measure(name: str, who: Any, first: Path, second: Path, what: str) -> bool:
    from studium.datasets import actions
    from studium.lib import clock

    dataset = actions.create_dataset(who, who.personal_team, name, now=clock.now())
    one, size = bring_version(who, dataset, first), second.stat().st_size
    two = bring_version(who, dataset, second)
    share = 100 * max(two.sent, two.stored) / size
    figure(
        "dedupe", f"{name}_second_version_share", share, "%", goal=f"< {GOAL:g}", ok=share < GOAL,
        conditions=(
            f"{what}; {size:,} bytes, of which {two.sent:,} were sent and {two.stored:,} stored in {two.seconds:.1f} s; the "
            f"first version: {one.sent:,} sent, {one.stored:,} stored, {one.seconds:.1f} s; SQLite, a folder as the store"
        ),
    )  # fmt: skip
    return share < GOAL


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="studium-dedupe-", dir="/var/tmp") as scratch:
        folder, home = Path(scratch), Path(scratch) / "home"
        home.mkdir()
        database.put_at(home)
        os.environ |= {"STUDIUM_HOME": str(home), "STUDIUM_DATABASE_URL": "", "STUDIUM_STORAGE_URL": ""}
        os.environ["DJANGO_SETTINGS_MODULE"] = "studium.config.settings"
        import django

        django.setup()
        from studium.accounts import actions as accounts
        from studium.compute.actions import load_plan_set
        from studium.lib import clock
        from studium.plans.presets import load_shipped

        load_plan_set(None, load_shipped("open"), now=clock.now())
        who = accounts.create_user("ann", "ann@example.org", now=clock.now(), password="not asked for")
        wanted, good = sys.argv[1:] or ["csv", "parquet"], True
        one, two = folder / "one", folder / "two"
        if "csv" in wanted:
            write_csv(one)
            write_csv(two, put_in=b"4711,2026-01-01T00:00:00Z,Aarau,1.000,1.000,1\n")
            good = measure("csv", who, one, two, "one row put in behind the thousandth") and good
        if "parquet" in wanted:
            made_by = write_parquet(folder)
            good = measure("parquet", who, folder / "one.parquet", folder / "two.parquet", made_by) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
