"""An SQLite file with every migration applied, made once and copied wherever a test needs a new database.

To migrate takes seconds, and a whole run of the tests needs a dozen databases. What decides about the tables names the file,
so a changed model or migration makes a new one, by the migrations themselves.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_SOURCES = ("**/migrations/*.py", "**/models.py", "**/states.py", "**/apps.py", "lib/ids.py", "config/*.py")
_KEPT_SECONDS = 7 * 86400


def put_at(home: Path) -> None:
    """The database of a new installation in this home."""
    shutil.copyfile(_migrated(), home / "studium.sqlite3")


def fill(connection: Any, **_: Any) -> None:
    """Receives `connection_created`: an empty database in memory is given everything that migrations make."""
    if connection.vendor != "sqlite" or not connection.creation.is_in_memory_db(connection.settings_dict["NAME"]):
        return
    with contextlib.closing(sqlite3.connect(_migrated())) as source:
        source.backup(connection.connection)


@cache
def _migrated() -> Path:
    folder = Path(f"/var/tmp/studium-test-{os.getuid()}/databases")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"{_key()}.sqlite3"
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not target.is_file():
            _remove_old(folder)
            _make(target)
        os.utime(target)
    return target


def _key() -> str:
    seen = hashlib.sha256((_ROOT / "requirements" / "test.txt").read_bytes())
    source = _ROOT / "src" / "studium"
    for path in sorted({path for pattern in _SOURCES for path in source.glob(pattern)}):
        seen.update(str(path.relative_to(source)).encode() + b"\0" + path.read_bytes() + b"\0")
    return seen.hexdigest()[:24]


def _remove_old(folder: Path) -> None:
    for path in folder.glob("*.sqlite3"):
        if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
            path.unlink()


def _make(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="studium-database-") as home:
        own = {"STUDIUM_HOME": home, "STUDIUM_DATABASE_URL": "", "DJANGO_SETTINGS_MODULE": "studium.config.settings"}
        code = "import django; django.setup(); from django.core.management import call_command; "
        subprocess.run(
            [sys.executable, "-c", code + "call_command('migrate', verbosity=0)"],
            env={**os.environ, **own},
            check=True,
            timeout=170,
        )
        passing = target.with_suffix(".part")
        passing.unlink(missing_ok=True)
        made, copy = sqlite3.connect(Path(home, "studium.sqlite3")), sqlite3.connect(passing)
        with contextlib.closing(made), contextlib.closing(copy):
            made.backup(copy)
        passing.rename(target)
