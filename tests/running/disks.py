"""A real file system of a few megabytes that a test fills up. Only root can mount one."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from studium.config.options import options
from studium.lib.units import MIB
from studium.storage import stores

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user mounts no file system")


@dataclass(frozen=True)
class Disk:
    """It is at `path`; what fills it is one file beside a test's own."""

    path: Path

    @property
    def _filler(self) -> Path:
        return self.path / "filler"

    def fill(self, *, leave: int = 0) -> None:
        """Leave so many bytes, to a page."""
        with self._filler.open("ab", buffering=0) as out:
            with contextlib.suppress(OSError):
                while out.write(bytes(64 * 1024)):
                    pass
            with contextlib.suppress(OSError):
                while out.write(bytes(4096)):
                    pass
            out.truncate(max(0, out.tell() - leave))

    def make_room(self) -> None:
        self._filler.unlink()


@contextlib.contextmanager
def small_disk(path: Path, size: int = 24 * MIB) -> Iterator[Disk]:
    """Mount an empty one of this size."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)], check=True)
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextlib.contextmanager
def home_on(disk: Disk, *modules: ModuleType) -> Iterator[None]:
    """Have on that disk what these modules keep in the home."""
    chosen = options().model_copy(update={"home": disk.path})
    with contextlib.ExitStack() as stack:
        for module in modules:
            stack.enter_context(mock.patch.object(module, "options", return_value=chosen))
        stores.store_at.cache_clear()
        stack.callback(stores.store_at.cache_clear)
        yield
