"""Where a root runner gathers what a sandbox will see, so that the run's own uid can reach it.

The sandbox is set up by the run's uid, which may not walk through private folders such as the platform's home. In its
own mount namespace the runner binds each source below one plain folder. All of it goes away with the namespace.
"""

import os
import stat

from . import kernel

FOLDER = "/run/studium-stage"
_TUNNEL = "/dev/net/tun"


def enter() -> None:
    """Take a private mount namespace with an empty stage in it. Root only."""
    os.makedirs(FOLDER, mode=0o755, exist_ok=True)
    kernel.private_mounts()
    kernel.mount("tmpfs", FOLDER, "tmpfs", kernel.MS_NOSUID, "size=1m,nr_inodes=1k,mode=755")


def open_tunnel_device() -> None:
    """Let the run's uid open /dev/net/tun, here and not on the host: pasta needs it, and some hosts keep it to root."""
    if os.path.exists(_TUNNEL):
        node = os.path.join(FOLDER, "tun")
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(10, 200))
        os.chmod(node, 0o666)  # noqa: S103 (the mode it has on most hosts; seen only in our namespace)
        kernel.mount(node, _TUNNEL, None, kernel.MS_BIND)


class Stage:
    """Hands out paths that the run's uid can open. Without root the sources are used as they are."""

    def __init__(self, *, staged: bool) -> None:
        self._staged = staged
        self._count = 0

    def place(self) -> str:
        """A fresh path on the stage."""
        self._count += 1
        return os.path.join(FOLDER, str(self._count))

    def show(self, source: str) -> str:
        if not self._staged:
            return source
        target = self.place()
        kernel.bind(os.path.realpath(source), target)
        return target
