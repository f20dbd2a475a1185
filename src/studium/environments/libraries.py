"""The scripts that draw interactive outputs on rendered pages, taken out of locked, hash-checked Python packages.

Packages carry these files for their own use; a dozen megabytes of them are kept and the rest is thrown away, so that neither
the platform nor the environment of runs grows. Called by `studium up`; a page without them shows what it can.
"""

import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uv

from studium.errors import Broken, NotYet

RECORD = "libraries.json"
# Raised when other files are taken, or are put down in another way.
LAYOUT = 1
# What each is called here: the package it is in, and where.
FILES = {
    "plotly.min.js": ("plotly", "plotly/package_data/plotly.min.js"),
    "vega.js": ("panel", "panel/dist/bundled/vegaplot/vega@*"),
    "vega-lite.js": ("panel", "panel/dist/bundled/vegaplot/vega-lite@*"),
    "vega-embed.js": ("panel", "panel/dist/bundled/vegaplot/vega-embed@*"),
    "widgets.js": ("widgetsnbextension", "widgetsnbextension/static/extension.js"),
}
_SECONDS = 600
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Library:
    """One file, as it is and compressed."""

    path: Path
    packed: Path
    tag: str


def lock_file() -> Path:
    """The locked packages: beside this module in an installed package, in `requirements/` of a checkout."""
    packaged = Path(__file__).with_name("libraries.txt")
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "requirements" / "libraries.txt"


def folder(home: Path) -> Path:
    """Where the files of the present lock are, whether they are there or not."""
    seen = hashlib.sha256(f"{LAYOUT} {sorted(FILES.items())}\n".encode() + lock_file().read_bytes())
    return home.resolve() / "libraries" / seen.hexdigest()[:16]


def built(home: Path) -> bool:
    return (folder(home) / RECORD).is_file()


def find(home: Path, name: str) -> Library | None:
    """The file of this name; None for another name, and while they are not there."""
    if name not in FILES:
        return None
    place = folder(home)
    found = Library(place / name, place / f"{name}.gz", f"{place.name}-{name}")
    return found if found.path.is_file() else None


def build(home: Path, *, progress: Progress) -> Path:
    """The folder of the files, fetched if it is not there yet (needs an index). Raises NotYet when they cannot be fetched."""
    target = folder(home)
    if built(home):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # let go by the kernel when its holder dies
        if built(home):
            return target
        progress("Fetching what draws interactive outputs (once)")
        for left in target.parent.glob(".fetching-*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as unfinished:
            packages, files = Path(unfinished, "packages"), Path(unfinished, "files")
            _fetch(packages)
            _take(packages, files)
            files.rename(target)
    return target


def _fetch(packages: Path) -> None:
    command = [uv.find_uv_bin(), "pip", "install", "--target", str(packages), "--no-deps", "--require-hashes"]
    # One version of each, whichever Python this is: none of their code is ever run.
    command += ["--python-version", "3.11", "--only-binary", ":all:", "--no-progress", "-r", str(lock_file())]
    environ = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False)
        problem = done.stderr.strip()[-600:] if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = "it took too long"
    if problem:
        raise NotYet(
            "libraries.not_fetched",
            f"What draws interactive outputs could not be fetched: {problem}",
            "Pages show pictures in their place. Check that this machine reaches its package index, then start again.",
        )


def _take(packages: Path, files: Path) -> None:
    files.mkdir()
    for name, (package, pattern) in FILES.items():
        found = sorted(packages.glob(pattern))
        if len(found) != 1:
            raise Broken(
                "libraries.changed",
                f"The locked version of {package} does not carry {pattern}.",
                "Fetch them by the locked requirements that came with this version.",
            )
        content = found[0].read_bytes()
        (files / name).write_bytes(content)
        (files / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    versions = dict(re.findall(r"^([a-z0-9-]+)==([\w.]+)", lock_file().read_text(encoding="utf-8"), re.MULTILINE))
    for path in files.iterdir():
        path.chmod(0o644)
    (files / RECORD).write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n", encoding="utf-8")
