"""Showing inputs to a sandbox that runs already, and taking them away: below a few folders, read-only.

As root the runner copies a mount of the folder and moves it into the sandbox's mount namespace; nothing inside can hold
it up or see the way there. Without root there is no such way: the engine links the files into a folder that the
sandbox was shown at its start (`LINKED`).
"""

import contextlib
import json
import os
from functools import partial
from typing import Any

from . import kernel, processes, programs

# Where inputs are found inside. Nothing else of a sandbox can be changed while it runs.
FOLDERS = ("/datasets", "/kaggle/input")
LINKED = "inputs"
ASKED, ANSWERED = "show.json", "shown.json"
_FENCE = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV


def is_shown_below(target: str) -> bool:
    """Whether a path inside is one that can be shown or taken away: a folder right below one of `FOLDERS`."""
    folder, _, name = target.rpartition("/")
    return folder in FOLDERS and name not in ("", ".", "..")


def of_spec(mounts: list[dict[str, Any]]) -> dict[str, str]:
    """What a run is shown from its start: path inside -> folder of the host."""
    return {mount["target"]: mount["source"] for mount in mounts if is_shown_below(mount["target"])}


class Showing:
    """What one sandbox is shown. `init` is its first process, `owner` its uid and gid on the host."""

    def __init__(self, folder: str, init: int, owner: tuple[int, int], shown: dict[str, str]) -> None:
        self._folder, self._init, self._owner = folder, init, owner
        self._shown = dict(shown)
        self._ready = False

    def obey(self) -> None:
        """Carry out what was asked for in the run's folder, if anything was, and answer.

        Not before the command runs: until then the first process still sees the host's root folder.
        """
        if not self._ready:
            self._ready = bool(processes.children(self._init))
            if not self._ready:
                return
        try:
            with open(os.path.join(self._folder, ASKED), encoding="utf-8") as stream:
                asked = json.load(stream)
            os.unlink(os.path.join(self._folder, ASKED))
            wanted = {str(target): str(source) for target, source in asked["mounts"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        try:
            self._change(wanted)
            trouble = ""
        except OSError as error:
            trouble = str(error)
        passing = os.path.join(self._folder, f"{ANSWERED}.part")
        with contextlib.suppress(OSError):
            with open(passing, "w", encoding="utf-8") as stream:
                json.dump({"token": asked.get("token"), "trouble": trouble, "shown": self._shown}, stream)
            os.rename(passing, os.path.join(self._folder, ANSWERED))

    def _change(self, wanted: dict[str, str]) -> None:
        """Take away what is not wanted (as it is), then show what is missing. What was done stays done. Raises OSError."""
        for target in sorted(wanted):
            if not is_shown_below(target):
                raise OSError(f"{target} is no place for an input")
        for target, source in sorted(self._shown.items()):
            if wanted.get(target) != source:
                programs.in_child(partial(self._take_away, target))
                del self._shown[target]
        for target, source in sorted(wanted.items()):
            if target in self._shown:
                continue
            copied = kernel.copy_mount(os.path.realpath(source), _FENCE)
            try:
                programs.in_child(partial(self._show, target, copied))
            finally:
                os.close(copied)
            self._shown[target] = source

    def _enter(self) -> int:
        """Go into the sandbox; its root folder, writable, whatever it is inside."""
        root = os.open(f"/proc/{self._init}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        space = os.open(f"/proc/{self._init}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(space, kernel.CLONE_NEWNS)
        os.fchdir(root)
        os.chroot(".")
        return kernel.copy_mount("/", 0, clear=kernel.ATTR_RDONLY)

    def _show(self, target: str, copied: int) -> None:
        top = self._enter()
        self._become()
        where = top
        for part in target.strip("/").split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=where)
            where = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=where)
        self._become_root()
        kernel.move_mount(copied, target)

    def _take_away(self, target: str) -> None:
        top = self._enter()
        kernel.unmount(target, kernel.MNT_DETACH | kernel.UMOUNT_NOFOLLOW)
        self._become()
        with contextlib.suppress(OSError):
            os.rmdir(target.strip("/"), dir_fd=top)

    def _become(self) -> None:
        """The sandbox's root folder is kept in memory, in its user's names: root has none there."""
        os.setegid(self._owner[1])
        os.seteuid(self._owner[0])

    def _become_root(self) -> None:
        os.seteuid(0)
        os.setegid(0)
