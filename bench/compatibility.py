"""Real notebooks of other people, run as a user would run them, beside plain nbclient in the same packages: what is as in Jupyter?

The archives named in `requirements/bench-compatibility.txt` are downloaded by pip with their hashes and only unpacked. Each
notebook of `compatibility.toml` becomes a notebook of the platform with an environment of a team, built from the package index;
it is saved and run all, going on after errors, in the sandbox with no network, then rendered. The peer runs the same file on
the same packages with nbclient, which also goes on. A cell is the same when both have the same outputs by kind, media types
and errors. `--write` puts the result into `docs/compatibility.md`.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uv

from report import figure
from running.platform import Platform, running_platform, wait_for
from studium.client import Client
from studium.client.shapes import Environment, Version

HERE = Path(__file__).parent
LOCK = HERE.parent / "requirements" / "bench-compatibility.txt"
PAGE = HERE.parent / "docs" / "compatibility.md"
CACHE = Path(f"/var/tmp/studium-bench-{os.getuid()}") / "compatibility"
CELL_SECONDS, MACHINE, ROOM = 60, "cpu-medium", 1800
PEER = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
client = NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=int(sys.argv[3]),
                        interrupt_on_timeout=True)
try:
    client.execute()
finally:
    nbformat.write(notebook, sys.argv[2])
"""
_RENDERED = """
import json, re
from collections import Counter
from studium.notebooks.models import Version
from studium.notebooks.rendered import page_of
version = Version.objects.get(notebook_id={notebook!r}, number={number})
page = page_of(version.rendered).decode() if version.rendered else ""
drawn = Counter(name.partition(".")[2] for name in set(re.findall(r"[0-9a-f]{{24}}[.][a-z0-9]+", page)))
print(json.dumps([version.render_error, len(page), drawn, "<script" not in page]))
"""


@dataclass
class Subject:
    """One notebook, what came of it here, and what of it with the peer."""

    package: str
    path: str
    what: str
    language: str = "python"
    note: str = ""
    file: Path = field(default_factory=Path)
    version: Version | None = None
    cells: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0
    rendered: list[Any] = field(default_factory=list)
    peer_cells: list[dict[str, Any]] | None = None
    peer_problem: str = ""

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @property
    def code(self) -> list[int]:
        return [n for n, cell in enumerate(self.cells) if cell["cell_type"] == "code"]

    @property
    def compared(self) -> bool:
        """The peer has a kernel for Python and no other."""
        return self.language == "python"

    @property
    def different(self) -> list[int]:
        """Cells, counted from 1, whose outputs are of other kinds than the peer's; none where it ran nothing."""
        if not self.compared:
            return []
        theirs = self.peer_cells or []
        return [n + 1 for n in self.code if n >= len(theirs) or _kinds(self.cells[n]) != _kinds(theirs[n])]

    @property
    def read_safely(self) -> bool:
        """Whether its page was made, with no script of the notebook in it."""
        error, size, _, scriptless = self.rendered
        return not error and size > 0 and bool(scriptless)

    @property
    def failed(self) -> list[int]:
        return [n + 1 for n in self.code if any(o["output_type"] == "error" for o in self.cells[n]["outputs"])]


def _kinds(cell: dict[str, Any]) -> list[object]:
    """What a cell has put out, without what differs from one run to the next; text of one stream is one however it came."""
    kinds: list[object] = []
    for output in cell.get("outputs", []):
        kind = output["output_type"]
        if kind == "stream":
            kinds.append((kind, output["name"]))
        elif kind == "error":
            kinds.append((kind, output["ename"]))
        else:
            kinds.append((kind, *sorted(output.get("data", {}))))
    return [
        kind for n, kind in enumerate(kinds) if n == 0 or kind != kinds[n - 1] or not str(kind).startswith("('stream")
    ]


def fetch(folder: Path, subjects: list[Subject]) -> dict[str, str]:
    """Download and unpack the archives; the version of each package. Reads nothing but their notebooks and what stands beside."""
    archives = CACHE / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not (archives / "complete").exists():
        python = folder / "pip" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", str(folder / "pip")], check=True)
        # By name, not all of them: what prepares an archive's metadata may come as wheels.
        names = ",".join(re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE))
        words = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", names, "--require-hashes", "-r", str(LOCK)]
        subprocess.run([str(python), *words, "-d", str(archives)], check=True)
        (archives / "complete").touch()
    versions = {}
    for archive in archives.glob("*.tar.gz"):
        package, _, version = archive.name.removesuffix(".tar.gz").rpartition("-")
        versions[package] = version
        with tarfile.open(archive) as opened:
            plain = [m for m in opened if m.isreg() and not m.name.startswith("/") and ".." not in m.name.split("/")]
            opened.extractall(folder / "unpacked", members=plain)
    for subject in subjects:
        subject.file = folder / "unpacked" / f"{subject.package}-{versions[subject.package]}" / subject.path
    return versions


def environment(client: Client, packages: list[str]) -> Environment:
    made = client.environments.create("Compatibility", "\n".join(packages))

    def built() -> bool:
        build = client.environments.one_build(made.id, 1)
        if build.state == "failed":
            raise SystemExit(f"the environment cannot be built: {build.fault}")
        return build.state == "ready"

    wait_for(built, seconds=ROOM, every=1, says="the environment")
    return client.environments.get(made.id)


def run_here(platform: Platform, client: Client, subject: Subject, environment_id: str) -> None:
    content = subject.file.read_bytes()
    notebook = client.notebooks.create(
        f"{subject.package} {subject.name}"[:200], content=content, environment=environment_id
    )
    made = client.notebooks.versions.run(notebook.id, machine=MACHINE, cell_seconds=CELL_SECONDS, keep_going=True)

    def settled() -> Version | None:
        seen = client.notebooks.versions.get(notebook.id, made.number)
        return seen if seen.settled else None

    subject.version = wait_for(settled, seconds=ROOM, every=0.5, says=subject.path)
    assert subject.version is not None
    subject.cells = json.loads(client.notebooks.versions.content(notebook.id, made.number))["cells"]
    subject.seconds = subject.version.running_seconds or 0

    def rendered() -> list[Any] | None:
        told: list[Any] = json.loads(platform.manage(_RENDERED.format(notebook=notebook.id, number=made.number)))
        return told if told[0] or told[1] else None

    subject.rendered = wait_for(rendered, seconds=120, every=0.5, says=f"the page of {subject.path}")


def peer_python(folder: Path, lock: bytes) -> Path:
    """A virtual environment with the very packages of the platform's, and nbclient."""
    (folder / "lock.txt").write_bytes(lock)
    place = folder / "peer"
    pip = [uv.find_uv_bin(), "pip", "install", "-q", "--python", str(place)]
    subprocess.run([uv.find_uv_bin(), "venv", "-q", str(place)], check=True)
    subprocess.run([*pip, "--require-hashes", "-r", str(folder / "lock.txt")], check=True)
    subprocess.run(
        [*pip, "-c", str(HERE.parent / "requirements" / "environment.txt"), "nbclient", "ipykernel"], check=True
    )
    return place / "bin" / "python"


def run_peer(python: Path, subject: Subject) -> None:
    """In a folder of its own, as a version has one; without a way out, as a notebook without internet has none."""
    with tempfile.TemporaryDirectory(prefix="studium-compatibility-", dir="/var/tmp") as name:
        path = Path(name, "notebook.ipynb")
        path.write_bytes(subject.file.read_bytes())
        command = [str(python), "-c", PEER, str(path), f"{name}/out.ipynb", str(CELL_SECONDS)]
        # A network of its own with nothing but itself in it, in which kernels still talk to their client.
        alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] if os.geteuid() == 0 else []
        environ = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": name}
        done = subprocess.run(
            [*alone, *command], capture_output=True, text=True, check=False, timeout=ROOM, cwd=name, env=environ
        )
        if done.returncode:
            subject.peer_problem = done.stderr.strip()[-300:].replace("\n", " / ") or "it failed"
        if Path(name, "out.ipynb").exists():
            subject.peer_cells = json.loads(Path(name, "out.ipynb").read_text())["cells"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write docs/compatibility.md")
    parser.add_argument("--only", default="", help="only notebooks whose path has this")
    asked = parser.parse_args()
    plan = tomllib.loads((HERE / "compatibility.toml").read_text())
    subjects = [Subject(**each) for each in plan["notebook"] if asked.only in each["path"]]
    with (
        tempfile.TemporaryDirectory(prefix="studium-compatibility-", dir="/var/tmp") as name,
        running_platform(notebook_bytes=256 * 1024**2) as platform,
        platform.client() as client,
    ):
        folder = Path(name)
        versions = fetch(folder, subjects)
        made = environment(client, plan["packages"])
        python = peer_python(folder, client.environments.lock(made.id, 1))
        for subject in subjects:
            began = time.monotonic()
            run_here(platform, client, subject, made.id)
            if subject.compared:
                run_peer(python, subject)
            print(f"{subject.path}: {told(subject)} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    compared = [subject for subject in subjects if subject.compared]
    same = sum(not subject.different for subject in compared)
    others = ", ".join(f"{subject.name} {subject.different}" for subject in compared if subject.different)
    figure("compatibility", "as_nbclient", same, "", peer="nbclient", peer_value=len(compared), conditions=others)
    pages = sum(subject.read_safely for subject in subjects)
    figure("compatibility", "pages", pages, "", goal="all", ok=pages == len(subjects))
    if asked.write:
        from compatibility_page import write

        write(PAGE, subjects, versions, machine=MACHINE, seconds=CELL_SECONDS)
    return 0 if pages == len(subjects) else 1


def told(subject: Subject) -> str:
    assert subject.version is not None
    assert subject.version.run is not None
    words = re.sub(r"\s+", " ", subject.version.run.words)[:160]
    return f"{words} failed {subject.failed}, unlike the peer {subject.different} {subject.peer_problem}, page {subject.rendered}"


if __name__ == "__main__":
    sys.exit(main())
