"""Environments of their own for what tests speak to: the packages of requirements/NAME.txt, hash-checked.

Where there is a tests/running/NAME/package-lock.json, its packages lie in `node_modules`, by the npm of that environment.
Each is made once a user and lock. `python -m running.locked NAME ...` makes them.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def environment(name: str) -> Path:
    """Where the packages are; installs them where they are not there yet."""
    lock = REQUIREMENTS / f"{name}.txt"
    node = [path for path in (HERE / name / "package.json", HERE / name / "package-lock.json") if path.exists()]
    whole = b"".join(path.read_bytes() for path in (lock, *node))
    key = hashlib.sha256(whole + sys.version.encode()).hexdigest()[:16]
    folder = Path(f"/var/tmp/studium-test-{os.getuid()}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder / f"{name}-{key}"
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            uv, python = [sys.executable, "-m", "uv"], str(place / "bin" / "python")
            subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
            sync = [
                *uv,
                "pip",
                "sync",
                "--quiet",
                "--compile-bytecode",
                "--python",
                python,
                "--require-hashes",
                str(lock),
            ]
            subprocess.run(sync, check=True)
            if node:
                _install_node(place, node)
            (place / "complete").touch()
    return place


def _install_node(place: Path, files: list[Path]) -> None:
    """What the lock names; nothing of the packages runs."""
    for path in files:
        shutil.copy(path, place)
    npm = [str(place / "bin" / "npm"), "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--prefix", str(place)]
    subprocess.run(
        npm,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"},
    )


if __name__ == "__main__":
    for each in sys.argv[1:]:
        environment(each)
