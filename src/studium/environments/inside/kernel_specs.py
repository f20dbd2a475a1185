"""Tells Jupyter of the kernels that this run can use, and starts each as its file says.

A kernel that lacks a program is not told of, so that nobody is offered what would not start.
"""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import kernel_files
import surroundings

# Ours, and those that the operator added.
FOLDERS = (
    Path(__file__).resolve().parent / "kernels",
    Path(os.environ.get("STUDIUM_KERNELS") or "/opt/kernels"),
)
# Kernels of the environment come before those that the server's own brings along.
ENVIRONMENTS = tuple(dict.fromkeys((surroundings.ENVIRONMENT, Path(sys.prefix))))


def install() -> None:
    """Write the specifications where Jupyter looks first. A bad file is said on stderr, and is no reason not to start."""
    places = {"packages": str(surroundings.PACKAGES), "scratch": str(surroundings.SCRATCH)}
    target = surroundings.SCRATCH / "jupyter"
    kernels, wrong = kernel_files.read_all(*FOLDERS)
    for error in wrong:
        print(f"A kernel is left out: {error}", file=sys.stderr)
    for kernel in kernels:
        home = next((each for each in ENVIRONMENTS if not kernel.missing(each)), None)
        if kernel.argv and home:
            _write(target / "kernels" / kernel.name, kernel, {**places, "environment": str(home)})
    if Path(sys.prefix) != surroundings.ENVIRONMENT:
        _write_python(target / "kernels" / "python3")
    given = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(target), *([given] if given else [])])


def _write_python(folder: Path) -> None:
    """The Python kernel of the environment; Jupyter itself knows only that of its own Python."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [surroundings.PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python", "metadata": {"debugger": True}}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def _write(folder: Path, kernel: kernel_files.KernelFile, places: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(kernel.specification(places)), encoding="utf-8")
    if kernel.logos:
        for logo in Path(kernel_files.filled(kernel.logos, places)).glob("logo-*"):
            with contextlib.suppress(FileExistsError):
                (folder / logo.name).symlink_to(logo)


def stand_in(metadata: Any, specs: Any) -> str:
    """The installed kernel for the language a notebook says it is in, or an empty string.

    Many notebooks name a kernel of the machine they were written on. `specs` is Jupyter's manager of specifications.
    """
    # What it says of its kernel is said by whoever chose that; the other is left there by the kernel that ran it last.
    language = (_text(metadata, "kernelspec", "language") or _text(metadata, "language_info", "name")).lower()
    known = {name: found["spec"] for name, found in specs.get_all_specs().items()}
    for name in sorted(known, key=lambda each: (each != "python3", each)):
        runs = [known[name].get("language", ""), *_described(known[name]).get("languages", [])]
        if language and language in (str(each).lower() for each in runs):
            return name
    return ""


def _text(metadata: Any, part: str, name: str) -> str:
    found = metadata.get(part) if isinstance(metadata, dict) else None
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def why_unknown(name: str) -> str:
    """What is known of a kernel that Jupyter does not know: empty, or what the machine lacks and how it is added."""
    for kernel in kernel_files.read_all(*FOLDERS)[0]:
        if kernel.name == name and (missing := kernel.missing(surroundings.ENVIRONMENT)):
            return f"{kernel.display_name} needs {' and '.join(missing)}. An operator adds it: {kernel.how_to_add()}"
    return ""


def described(spec: Any) -> dict[str, Any]:
    """What a kernel's file says beyond Jupyter's specification; empty for kernels of other origin."""
    return _described({"metadata": spec.metadata})


def _described(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = spec.get("metadata")
    found = metadata.get("studium") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


class FollowsItsFile:
    """Mixed into a kernel manager: the kernel gets the transport it works with, and its folders."""

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        manager: Any = self
        told = described(manager.kernel_spec)
        if told.get("transport") == "tcp":
            # The run's own loopback: nobody outside the run reaches it, and messages are signed.
            manager.transport, manager.ip = "tcp", "127.0.0.1"
        for folder in told.get("folders", ()):
            with contextlib.suppress(OSError):
                os.makedirs(folder, exist_ok=True)
        return await super()._async_pre_start_kernel(**kw)  # type: ignore[misc]
