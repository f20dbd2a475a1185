"""Builds the default environment: once per lock and interpreter, read-only, the same for every run.

Called by `studium up` before anything starts. It appears under its final name only when it is whole, so a path that is
returned (or found) can be mounted at once; two builders at the same time build it once.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import uv

from studium.environments import interpreter
from studium.environments.commands import code_folder
from studium.environments.describe import RECORD
from studium.environments.interpreter import Interpreter
from studium.errors import Broken, NotYet
from studium.lib.folders import remove, seal

# Raised when what is put beside the locked packages changes in a way the digest below does not see.
LAYOUT = 1
# A quarter of the size on disk, and of no use to a run.
WITHOUT_TESTS = ("matplotlib", "mpl_toolkits", "numpy", "pandas", "pyarrow", "scipy", "sklearn")

# Of what uv says while it builds; all of it is kept for the case that it fails.
_WORTH_SAYING = ("Downloading", "Prepared", "Installed", "Bytecode")

Progress = Callable[[str], None]


def lock_file() -> Path:
    """The locked requirements: beside this module in an installed package, in `requirements/` of a checkout."""
    packaged = Path(__file__).with_name("environment.txt")
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "requirements" / "environment.txt"


def build_default(home: Path, *, progress: Progress) -> Path:
    """The folder of the default environment below `home`, built if it is not there yet (10-60 s, needs an index).

    `progress` receives a line at a time. Raises Refused without a fitting Python, NotYet if packages cannot be fetched.
    """
    python = interpreter.choose()
    digest = _digest(python)
    target = home.resolve() / "environments" / digest
    if (target / RECORD).is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_builder(target.parent):
        if (target / RECORD).is_file():
            return target
        _clear_unfinished(target.parent)
        progress(f"Building the default environment with Python {python.version_words} (once)")
        unfinished = target.parent / f".building-{os.getpid()}"
        try:
            _build(unfinished, python, digest, progress)
            seal(unfinished)
            unfinished.rename(target)
        finally:
            remove(unfinished)
    progress(f"The default environment is ready at {target}")
    return target


def built_default(home: Path) -> Path | None:
    """The folder of the default environment below `home`, None while it is not built. Raises Refused as building would."""
    target = home.resolve() / "environments" / _digest(interpreter.choose())
    return target if (target / RECORD).is_file() else None


def _digest(python: Interpreter) -> str:
    """Names everything the environment is made of, so that any change of it builds a new one beside the old."""
    seen = hashlib.sha256(f"{LAYOUT} {python.version_words} {python.copied} {os.uname().machine}\n".encode())
    sources = [lock_file(), *sorted(p for name in ("site", "labconfig") for p in (code_folder() / name).iterdir())]
    for source in sources:
        if source.is_file():
            seen.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return seen.hexdigest()[:16]


@contextlib.contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    """Hold the build lock of this folder; it is let go by the kernel when the holder dies."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _clear_unfinished(folder: Path) -> None:
    """What a killed builder left. The lock is held, so nobody is building in them."""
    for left in folder.glob(".building-*"):
        remove(left)


def _build(target: Path, python: Interpreter, digest: str, progress: Progress) -> None:
    own_python = target / "bin" / "python"
    if python.copied:
        progress("Copying the interpreter, which sandboxes cannot see where it is")
        interpreter.copy_into(python, target)
    else:
        _uv(["venv", "--relocatable", "--no-project", "--python", str(python.executable), str(target)], progress)
    command = ["pip", "sync", "--require-hashes", "--compile-bytecode", "--link-mode", "copy"]
    if python.copied:
        command += ["--system", "--break-system-packages"]
    _uv([*command, "--python", str(own_python), str(lock_file())], progress)
    library = target / "lib" / f"python{python.version[0]}.{python.version[1]}"
    _trim(library / "site-packages")
    _add_ours(target, library / "site-packages")
    _finish(own_python, target, progress)
    _write_record(target, library / "site-packages", python, digest)


def _uv(arguments: list[str], progress: Progress) -> None:
    """Run uv, passing on what it says. Raises NotYet with the end of its output."""
    environ = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    last: list[str] = []
    with subprocess.Popen(
        [uv.find_uv_bin(), *arguments, "--no-progress", "--color", "never"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr or ():
            last = [*last[-20:], line.strip()]
            if line.startswith(_WORTH_SAYING):
                progress(line.strip())
    if process.returncode != 0:
        raise NotYet(
            "environment.build_failed",
            f"The default environment could not be built: {' '.join(last)[-600:] or 'uv failed without a word'}",
            "Check that this machine reaches its package index and has 1 GiB of free disk, then run the command again.",
        )


def _trim(packages: Path) -> None:
    for name in WITHOUT_TESTS:
        for tests in sorted((packages / name).rglob("tests")):
            if tests.is_dir():
                shutil.rmtree(tests)


def _add_ours(target: Path, packages: Path) -> None:
    """The workspace's package folder on the path, and JupyterLab's settings."""
    for source in sorted((code_folder() / "site").iterdir()):
        if source.is_file():
            shutil.copy2(source, packages / source.name)
    places = {
        "page_config.json": target / "etc" / "jupyter" / "labconfig",
        "overrides.json": target / "share" / "jupyter" / "lab" / "settings",
    }
    for name, place in places.items():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy2(code_folder() / "labconfig" / name, place / name)
    _add_script(target / "share" / "jupyter" / "lab" / "static")
    kernel = target / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec = json.loads(kernel.read_text(encoding="utf-8"))
    spec["display_name"] = "Python 3"
    kernel.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")


def _add_script(static: Path) -> None:
    """Our script first in JupyterLab's page. Raises Broken when the page is not as we know it."""
    name, page = "memory_storage.js", static / "index.html"
    shutil.copy2(code_folder() / "labconfig" / name, static / name)
    before = '<script defer="defer" src="{{page_config.fullStaticUrl}}/main.'
    text = page.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise Broken(
            "environment.lab_page",
            "This version of JupyterLab has another page than the one its settings were made for.",
            "Build the environment from the locked requirements that came with this version.",
        )
    ours = f'<script src="{{{{page_config.fullStaticUrl}}}}/{name}"></script>'
    page.write_text(text.replace(before, ours + before), encoding="utf-8")


def _finish(python: Path, target: Path, progress: Progress) -> None:
    """Compile what was added, and see that the whole can be imported before anyone is given it."""
    progress("Checking it")
    fonts = target / "share" / "matplotlib"
    fonts.mkdir(parents=True)
    code = (
        "import compileall, sys, studium_packages, studium_secrets;"
        "[compileall.compile_file(m.__file__, quiet=1) for m in (studium_packages, studium_secrets)];"
        "import ipykernel, jupyterlab, nbclient, sklearn, pandas, matplotlib.font_manager"
    )
    environ = {"PATH": os.defpath, "MPLCONFIGDIR": str(fonts), "MPLBACKEND": "agg"}
    command = [str(python), "-s", "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Broken(
            "environment.unusable",
            f"The default environment was built but cannot be imported: {done.stderr.strip()[-600:]}",
            "Report this with the text above; nothing was changed.",
        )


def _write_record(target: Path, packages: Path, python: Interpreter, digest: str) -> None:
    found = importlib.metadata.distributions(path=[str(packages)])
    versions = {each.metadata["Name"].lower().replace("_", "-"): each.version for each in found}
    size = sum(Path(top, name).lstat().st_size for top, _, names in os.walk(target) for name in names)
    record = {"digest": digest, "python": python.version_words, "packages": versions, "size_bytes": size}
    (target / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def unseal(target: Path) -> None:
    """Let the owner write into its folders again."""
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)
