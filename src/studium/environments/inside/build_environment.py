"""Builds a team's environment from `request.json` of the workspace. The command of every build run.

Resolves what was asked for to a lock with hashes, installs the lock into `new` and tells in its folder `.studium` what is in
it: `lock.txt` and `result.json`, and in `.files.json` all its files. Where the lock is one that the request names as `ready`,
nothing is installed: the team has those packages in place.

What the build before installed is changed to what the lock names, rather than all of it installed again, where it is whole
and no file in it belongs to two packages (uv would remove it with the one and not put it back for the other).
Nothing but the package index can be reached, through the proxy of the run. What an index gives may run code of its own
while it is built: it runs here, in the sandbox. Exit code 0; 1 when it cannot be built, and then the log has the reason;
2 for a request that cannot be read.
"""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from installed_tree import Installed, listing, packages_in, put_aside, python_words, tell, told_of

WORKSPACE = Path(os.environ.get("STUDIUM_WORKSPACE") or "/notebooks")
UV = os.environ.get("STUDIUM_UV") or "/opt/uv"
NEW, OLD, CACHE = WORKSPACE / "new", WORKSPACE / ".old", WORKSPACE / ".cache"
# What was installed last, while it is not to be taken out.
KEPT = WORKSPACE / ".kept"
LIKELY = "likely.txt"
FAILED, BAD_REQUEST = 1, 2
# What a notebook's kernel and `!pip install` need in every environment.
ALWAYS = ("ipykernel>=6.29", "pip")
# What is told of a package holds for ten minutes, as the public index says of itself; mirrors often leave that out, and then
# everything would be asked for again each time. A file never changes: its hash is in the lock.
SETTINGS = """
[[index]]
url = {index}
default = true
cache-control = {{ api = "max-age=600", files = "max-age=365000000, immutable" }}
"""
# The volume is kept, and with it what was fetched, until it takes up more than this share of the room.
_CACHE_SHARE = 0.4
_PIECE = 65536


class CannotBuildError(Exception):
    """The resolver or the installer said no; what it said is in the log."""


def open_way(path: str) -> int:
    """A port on the run's own loopback that leads to the proxy's socket, as tools take a proxy's address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(_PIECE):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, target):
                each.close()

    def serve() -> None:
        while True:
            caller, _ = listener.accept()
            proxy = socket.socket(socket.AF_UNIX)
            try:
                proxy.connect(path)
            except OSError:
                caller.close()
                continue
            for ends in ((caller, proxy), (proxy, caller)):
                threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def surroundings(index: str) -> dict[str, str]:
    """The variables of uv and of what it starts to build packages."""
    found = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.path.join(tempfile.gettempdir(), "home"),
        "TMPDIR": str(WORKSPACE / ".tmp"),
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": str(CACHE),
        "UV_LINK_MODE": "hardlink",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "1",
        "UV_HTTP_TIMEOUT": "60",
        "NO_COLOR": "1",
    }
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    if authorities.is_file():
        found["SSL_CERT_FILE"] = str(authorities)
    way = os.environ.get("STUDIUM_EGRESS")
    if way:
        proxy = f"http://127.0.0.1:{open_way(way)}"
        found |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "http_proxy": proxy, "https_proxy": proxy}
        found |= {"NO_PROXY": "", "no_proxy": ""}
    for name in ("TMPDIR", "HOME"):
        os.makedirs(found[name], exist_ok=True)
    settings = Path(found["HOME"], "uv.toml")
    settings.write_text(SETTINGS.format(index=json.dumps(index)), encoding="utf-8")
    # Named so, it is the only one that is read.
    return found | {"UV_CONFIG_FILE": str(settings)}


def begin(environ: dict[str, str], *command: str) -> "subprocess.Popen[bytes]":
    sys.stdout.flush()
    return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, cwd=WORKSPACE)


def uv(environ: dict[str, str], *arguments: str) -> None:
    """Run uv. Raises CannotBuildError; what it says goes to the log."""
    if begin(environ, UV, *arguments).wait() != 0:
        raise CannotBuildError(arguments[0])


def make_way(environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Nothing is in the place of what is to be taken out; what was installed last is kept, if it is whole.

    All else that the builds before left is removed meanwhile; the program that does it. What it does not come to is left to
    the next.
    """
    if told_of(NEW).get("packages"):
        put_aside(KEPT, OLD)
        NEW.rename(KEPT)
    put_aside(NEW, OLD)
    return begin(environ, "rm", "-rf", *map(str, OLD.glob("*")))


def write_sources(request: dict[str, Any]) -> list[str]:
    """The files to resolve: what was asked for, and what every environment has."""
    always = WORKSPACE / "always.in"
    always.write_text("\n".join(ALWAYS) + "\n", encoding="utf-8")
    name = _source(request)
    (WORKSPACE / name).write_text(request["source"], encoding="utf-8")
    return [name, always.name]


def _source(request: dict[str, Any]) -> str:
    return "pyproject.toml" if request["kind"] == "pyproject" else "requirements.in"


def lock_before(request: dict[str, Any]) -> bool:
    """Put the lock before aside as `LIKELY`: uv would stay with its versions.

    Whether it is likely to come again: where everything that was asked for then is among what is asked for now. What an
    earlier build left in their places, if it is no such file, is no reason not to build.
    """
    try:
        (WORKSPACE / "lock.txt").replace(WORKSPACE / LIKELY)
        before = (WORKSPACE / _source(request)).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return set(before) <= set(request["source"].splitlines())


def asked_again(request: dict[str, Any]) -> bool:
    """Is it word for word what the build before was asked for, and what came of that in place? Ask before resolving."""
    try:
        before = (WORKSPACE / _source(request)).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return before == request["source"] and in_place(request, LIKELY)


def in_place(request: dict[str, Any], lock: str) -> bool:
    """Has an earlier build of the team, which is there, this very lock?"""
    try:
        return hashlib.sha256((WORKSPACE / lock).read_bytes()).hexdigest() in request.get("ready", ())
    except OSError:
        return False


def resolve(request: dict[str, Any], python: str, environ: dict[str, str]) -> None:
    """`lock.txt`: every package by exact version and hash."""
    if request.get("lock"):
        (WORKSPACE / "lock.txt").write_text(request["lock"], encoding="utf-8")
        return
    print("Resolving", flush=True)
    options = ["--generate-hashes", "--no-header", "--quiet", "--python", python, "--output-file", "lock.txt"]
    uv(environ, "pip", "compile", *write_sources(request), *options)


def install(environ: dict[str, str], tree: Path, lock: str, *options: str) -> "subprocess.Popen[bytes]":
    """Begin to make a tree have what the lock names and nothing else."""
    python = str(tree / "bin" / "python")
    return begin(environ, UV, "pip", "sync", "--require-hashes", "--python", python, lock, *options)


def prepare(python: str, environ: dict[str, str], *, likely: bool) -> Installed | None:
    """What the build before installed, where it can be changed; otherwise `NEW` is an empty environment.

    In that is already what the lock before named, if that is likely to come again. Raises CannotBuildError.
    """
    with contextlib.suppress(ValueError):
        return Installed(KEPT, python)
    put_aside(KEPT, OLD)
    venv = [UV, "venv", "--quiet", "--relocatable", "--no-project", "--clear", "--python", python, str(NEW)]
    made = begin(environ, *venv).wait() == 0
    # Without a word: what it cannot find, because the cache was cleared say, is fetched when it is known to be wanted.
    if made and likely and install(environ, NEW, LIKELY, "-qq", "--offline").wait() != 0:
        made = begin(environ, *venv).wait() == 0
    if not made:
        raise CannotBuildError("venv")
    return None


def build(request: dict[str, Any], python: str, environ: dict[str, str]) -> None:
    """Resolve, install and tell. What can be prepared is prepared meanwhile: most of resolving is waiting for the index."""
    lock = WORKSPACE / "lock.txt"
    likely = lock_before(request)
    with ThreadPoolExecutor(1) as beside:
        prepared = None if asked_again(request) else beside.submit(prepare, python, environ, likely=likely)
        resolve(request, python, environ)
    if in_place(request, lock.name):
        print("An earlier build of the team has the same lock: its packages are used", flush=True)
        put_aside(NEW, OLD)
        return tell(NEW, lock, {"in_place": True})
    kept = prepared.result() if prepared else prepare(python, environ, likely=False)
    print("Installing", flush=True)
    anew = kept.begin(lock.read_text(encoding="utf-8")) if kept else []
    if install(environ, kept.tree if kept else NEW, lock.name, *(f"--reinstall-package={one}" for one in anew)).wait():
        raise CannotBuildError("sync")
    if kept:
        kept.moved_to(NEW)
    listed = kept.list_anew() if kept else listing(str(NEW))
    return tell(NEW, lock, {**packages_in(NEW), "python": python_words(python)}, listed)


def tidy(environ: dict[str, str]) -> None:
    """Leave room in the volume for the next build."""
    facts = os.statvfs(WORKSPACE)
    if facts.f_blocks and 1 - facts.f_bavail / facts.f_blocks > _CACHE_SHARE:
        subprocess.run([UV, "cache", "clean", "--quiet"], env=environ, check=False)
    shutil.rmtree(WORKSPACE / ".tmp", ignore_errors=True)


def main() -> int:
    try:
        request = json.loads((WORKSPACE / "request.json").read_text(encoding="utf-8"))
        python, index = str(request["python"]), str(request["index"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"The request cannot be read: {error}")
        return BAD_REQUEST
    environ = surroundings(index)
    removing = make_way(environ)
    try:
        build(request, python, environ)
    except CannotBuildError:
        tidy(environ)
        return FAILED
    finally:
        removing.kill()
        removing.wait()
    print("Built", flush=True)
    if os.environ.get("STUDIUM_EGRESS"):
        tidy(environ)
    return 0


if __name__ == "__main__":
    sys.exit(main())
