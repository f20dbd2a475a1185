"""Environments of their own for what tests speak to: the packages of requirements/NAME.txt, hash-checked.

Each is made once a user and lock. `python -m running.locked NAME ...` makes them.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def environment(name: str) -> Path:
    """Where the packages are; installs them where they are not there yet."""
    lock = REQUIREMENTS / f"{name}.txt"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
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
            (place / "complete").touch()
    return place


if __name__ == "__main__":
    for each in sys.argv[1:]:
        environment(each)
