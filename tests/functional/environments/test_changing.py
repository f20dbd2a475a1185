"""A build changes what the build before installed. What comes of it is to be what a build in an empty workspace makes.

The program of builds itself, with the real uv and an index on loopback.
"""

import functools
import hashlib
import http.server
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uv

from studium.environments.commands import code_folder
from studium.runner.exporting import TOLD, export

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
WAITS = "#!/bin/sh\ncase \"$*\" in *sync*) kill -9 $PPID;; esac\nexec {uv} \"$@\"\n"  # fmt: skip


class Index:
    """A folder as PEP 503 has it, served by nothing but a file server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for always in ("ipykernel", "pip"):
            self.add(always, "99.0", {f"{always}.py": ""})

    def add(self, name: str, version: str, files: dict[str, str]) -> None:
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        wheel = place / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        ours = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "WHEEL": WHEEL}
        ours["entry_points.txt"] = f"[console_scripts]\n{name}-say = {name}:main\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in {**files, **{f"{info}/{key}": words for key, words in ours.items()}}.items():
                archive.writestr(path, content)
            record = "".join(f"{path},,\n" for path in archive.namelist())
            archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
        links = [
            f'<a href="{one.name}#sha256={hashlib.sha256(one.read_bytes()).hexdigest()}">{one.name}</a>'
            for one in sorted(place.glob("*.whl"))
        ]
        (place / "index.html").write_text("<!DOCTYPE html>" + "".join(links))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Workspace:
    def __init__(self, folder: Path, index: Index, address: str) -> None:
        self.folder, self.index, self._address = folder, index, address
        folder.mkdir()

    @property
    def new(self) -> Path:
        return self.folder / "new"

    def run(self, *packages: str, ready: tuple[str, ...] = (), program: str = "") -> subprocess.CompletedProcess[str]:
        request = {"kind": "packages", "source": "\n".join(packages), "python": sys.executable, "index": self._address}
        (self.folder / "request.json").write_text(json.dumps(request | {"ready": ready}))
        environ = {"PATH": os.environ["PATH"], "STUDIUM_WORKSPACE": str(self.folder), "TMPDIR": str(self.folder.parent)}
        return subprocess.run(
            [sys.executable, code_folder() / "build_environment.py"],
            env=environ | {"STUDIUM_UV": program or uv.find_uv_bin()},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def build(self, *packages: str, **options: Any) -> "Workspace":
        done = self.run(*packages, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def lock(self) -> str:
        return hashlib.sha256((self.new / ".studium" / "lock.txt").read_bytes()).hexdigest()

    def content(self) -> dict[str, str]:
        """All files of what was built, and what is in them, but for what tells when it was.

        uv leaves empty folders where a package had data. They are not told of, and so not taken out.
        """
        found = {}
        for path in sorted(self.new.rglob("*")):
            name = str(path.relative_to(self.new))
            if path.is_symlink():
                found[name] = "a link"
            elif path.is_file() and path.name not in ("uv_cache.json", TOLD):
                found[name] = path.read_text().replace(str(self.folder), "")
        return found

    def listed(self) -> dict[str, Any]:
        return json.loads((self.new / TOLD).read_text())  # type: ignore[no-any-return]

    def library(self) -> Path:
        return next(self.new.glob("lib/python3.*/site-packages"))


def walked(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in folder.iterdir():
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode):
            found[path.name] = walked(path)
            if not found[path.name]:
                del found[path.name]
        else:
            found[path.name] = [facts.st_mode, facts.st_size, facts.st_mtime_ns]
    return found


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = Index(tmp_path / "index")
    for version in ("1.0", "2.0"):
        made.add("apple", version, {"apple/__init__.py": f"V = {version!r}", f"apple/v{version[0]}/only.py": "x"})
    made.add("pear", "1.0", {"pear/__init__.py": "V = 1", "pear-1.0.data/data/share/pear/tree.txt": "green"})
    return made


@pytest.fixture
def address(index: Index) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(index.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def ours(tmp_path: Path, index: Index, address: str) -> Workspace:
    return Workspace(tmp_path / "ours", index, address)


@pytest.fixture
def fresh(tmp_path: Path, index: Index, address: str) -> Workspace:
    return Workspace(tmp_path / "fresh", index, address)


def is_as_built_anew(ours: Workspace, fresh: Workspace, *packages: str) -> bool:
    """Whether what is there is all that is in an empty workspace after a build of the same, and is told of without a fault."""
    assert ours.content() == fresh.build(*packages).content()
    told, seen = ours.listed(), walked(ours.new)
    told.pop(".studium")
    del seen[TOLD], seen[".studium"]
    assert told == seen
    return True


def test_one_package_is_changed_and_the_others_stay_as_they_are(ours: Workspace, fresh: Workspace) -> None:
    ours.build("apple==1.0", "pear")
    before = (ours.library() / "pear" / "__init__.py").stat()
    ours.build("apple==2.0", "pear")
    assert is_as_built_anew(ours, fresh, "apple==2.0", "pear")
    assert (ours.library() / "apple" / "__init__.py").read_text() == "V = '2.0'"
    after = (ours.library() / "pear" / "__init__.py").stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns), "nobody has touched it"


def test_a_package_comes_and_goes_with_all_its_folders_and_programs(ours: Workspace, fresh: Workspace) -> None:
    ours.build("apple").build("apple", "pear")
    assert (ours.new / "share" / "pear" / "tree.txt").read_text() == "green"
    assert (ours.new / "bin" / "pear-say").exists()
    ours.build("apple")
    assert is_as_built_anew(ours, fresh, "apple")
    assert "share" not in ours.listed()
    assert not (ours.new / "bin" / "pear-say").exists()


def test_a_version_that_was_published_anew_is_installed_anew(ours: Workspace, fresh: Workspace, index: Index) -> None:
    ours.build("apple", "pear")
    index.add("pear", "1.0", {"pear/__init__.py": "V = 'mended'"})
    shutil.rmtree(ours.folder / ".cache")  # ten minutes later
    ours.build("apple", "pear")
    assert (ours.library() / "pear" / "__init__.py").read_text() == "V = 'mended'"
    assert is_as_built_anew(ours, fresh, "apple", "pear")


def test_a_file_of_two_packages_does_not_go_with_one_of_them(ours: Workspace, fresh: Workspace, index: Index) -> None:
    for name in ("plum", "plumheadless"):
        index.add(name, "1.0", {"prune/__init__.py": "V = 1", f"{name}.py": ""})
    ours.build("plum", "plumheadless").build("plum")
    assert (ours.library() / "prune" / "__init__.py").exists()
    assert is_as_built_anew(ours, fresh, "plum")


def test_what_is_in_place_elsewhere_leaves_the_rest_for_the_next(ours: Workspace, fresh: Workspace) -> None:
    first = ours.build("apple==1.0", "pear").lock()
    ours.build("apple==2.0", "pear").build("apple==1.0", "pear", ready=(first,))
    assert ours.content().keys() == {".studium/lock.txt", ".studium/result.json"}
    before = (ours.folder / ".kept" / "bin" / "pear-say").stat().st_ino
    ours.build("apple==2.0", "pear")
    assert (ours.new / "bin" / "pear-say").stat().st_ino == before
    assert is_as_built_anew(ours, fresh, "apple==2.0", "pear")


def test_one_that_is_killed_while_it_installs_leaves_nothing_that_is_built_on(
    ours: Workspace, fresh: Workspace, tmp_path: Path
) -> None:
    ours.build("apple==1.0", "pear")
    program = tmp_path / "uv"
    program.write_text(WAITS.format(uv=uv.find_uv_bin()))
    program.chmod(0o755)
    assert ours.run("apple==2.0", "pear", program=str(program)).returncode == -9
    (ours.folder / ".kept" / "half").write_text("installed")
    ours.build("apple==2.0", "pear")
    assert is_as_built_anew(ours, fresh, "apple==2.0", "pear")


def test_one_that_cannot_be_resolved_takes_nothing_away(ours: Workspace, fresh: Workspace) -> None:
    ours.build("apple==1.0")
    before = (ours.library() / "apple" / "__init__.py").stat().st_ino
    assert ours.run("apple==7.0").returncode == 1
    ours.build("apple==1.0", "pear")
    assert (ours.library() / "apple" / "__init__.py").stat().st_ino == before
    assert is_as_built_anew(ours, fresh, "apple==1.0", "pear")


def garbled(workspace: Workspace, name: str, content: str) -> None:
    (workspace.new / name).write_text(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (TOLD, "{"),
        (TOLD, "[]"),
        (TOLD, "{" + '"a":{' * 5000),
        (".studium/result.json", '{"packages": {"a": "1"}}'),
        (".studium/result.json", "[" * 50_000),
        (".studium/result.json", "[]"),
    ],
)
def test_whatever_was_left_in_its_place_a_build_comes_about(
    ours: Workspace, fresh: Workspace, name: str, content: str
) -> None:
    ours.build("apple")
    garbled(ours, name, content)
    if ours.run("pear").returncode:  # what it cannot make anything of is not there for the next
        ours.build("pear")
    assert is_as_built_anew(ours, fresh, "pear")


def test_one_for_another_interpreter_is_not_built_on(ours: Workspace, fresh: Workspace) -> None:
    ours.build("apple")
    told = ours.new / ".studium" / "result.json"
    told.write_text(told.read_text().replace(sys.version.split()[0], "3.5.1"))
    garbled(ours, "half", "")
    ours.build("apple", "pear")
    assert is_as_built_anew(ours, fresh, "apple", "pear")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_makes_way(ours: Workspace, fresh: Workspace, kind: str) -> None:
    ours.build("apple")
    for name in (".kept", "new"):
        place = ours.folder / name
        shutil.rmtree(place, ignore_errors=True)
        if kind == "file":
            place.write_text("")
        else:
            place.symlink_to("nowhere")
    assert is_as_built_anew(ours.build("pear"), fresh, "pear")


def test_what_is_taken_out_is_what_was_built(ours: Workspace, tmp_path: Path) -> None:
    for name, packages in (("first", ("apple==1.0", "pear")), ("second", ("apple==2.0",))):
        ours.build(*packages)
        target = tmp_path / name
        target.mkdir()
        like = str(tmp_path / "first") if name == "second" else ""
        export(str(ours.folder), "new", str(target), most_files=500, most_bytes=10**8, like=like)
        taken = {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}
        assert (TOLD in taken) == (name == "first"), "a file like any other where nothing was taken out before"
        taken.pop(TOLD, None)
        assert taken == {
            str(p.relative_to(ours.new)): p.read_bytes() for p in ours.new.rglob("*") if p.is_file() and p.name != TOLD
        }
    library = ours.library().relative_to(ours.new)
    assert (tmp_path / "first" / library / "pip.py").samefile(tmp_path / "second" / library / "pip.py")
    assert not (tmp_path / "first" / library / "apple" / "__init__.py").samefile(
        tmp_path / "second" / library / "apple" / "__init__.py"
    )
