"""The program that looks into files, started as a sandbox would start it, on a folder that a test has filled."""

import functools
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from running.platform import shared_environments
from studium.environments.build import build_default

PROGRAM = Path(__file__).parents[3] / "src" / "studium" / "datasets" / "inside" / "profile_files.py"
MEMORY = 1 << 30


@functools.cache
def environment() -> Path:
    """Built once for the machine, by whoever comes first."""
    return build_default(shared_environments().parent, progress=print)


def python() -> str:
    return str(environment() / "bin" / "python")


def start(root: Path, paths: Iterable[str], **request: Any) -> "subprocess.Popen[str]":
    """The program, with a workspace beside the folder; what it printed is its standard output."""
    workspace = root.with_name("workspace")
    workspace.mkdir(exist_ok=True)
    files = [{"path": path, "size": os.lstat(root / path).st_size} for path in paths]
    asked = {"root": str(root), "files": files, "seconds": 60, "memory_bytes": MEMORY, **request}
    (workspace / "request.json").write_text(json.dumps(asked))
    return subprocess.Popen(
        [python(), "-s", str(PROGRAM)],
        env={"PATH": os.defpath, "STUDIUM_WORKSPACE": str(workspace), "STUDIUM_VCPU": "1"},
        cwd=workspace,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def answer(root: Path) -> dict[str, Any]:
    """What it has written so far, as strict JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = root.with_name("workspace").joinpath("profile.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def profile(root: Path, *paths: str, **request: Any) -> dict[str, dict[str, Any]]:
    """Profiles of all files in the folder, or of these. It ended well, and left nothing but its answer."""
    names = paths or [str(each.relative_to(root)) for each in sorted(root.rglob("*")) if not each.is_dir()]
    process = start(root, names, **request)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    found = answer(root)
    assert found["complete"], found["reason"]
    assert sorted(found["files"]) == sorted(names)
    assert sorted(each.name for each in root.with_name("workspace").iterdir()) == ["profile.json", "request.json"]
    files: dict[str, dict[str, Any]] = found["files"]
    return files


def columns(found: dict[str, Any], number: int = 0) -> dict[str, dict[str, Any]]:
    """Of one table, by name."""
    return {each["name"]: each for each in found["tables"][number]["columns"]}


def types(found: dict[str, Any], number: int = 0) -> dict[str, str]:
    return {name: each["type"] for name, each in columns(found, number).items()}


def make(root: Path, code: str) -> None:
    """Files that only the environment's packages can write: a program run in the folder."""
    subprocess.run([python(), "-s", "-c", code], cwd=root, check=True, timeout=60)
