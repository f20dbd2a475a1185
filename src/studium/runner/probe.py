"""Asking the run's service over its unix socket, without ever waiting for it.

The service is the run's own and hostile: one request at a time, an answer is cut off after 256 KiB and after a few
seconds, and the socket is reached through a hard link that the run cannot swap for a link to somebody else's.
"""

import contextlib
import errno
import os
import select
import socket
import stat
import time

_MOST = 256 * 1024


class Exchange:
    """One request in flight. `descriptor` is to be watched; `advance` is called when it stirs or time passes."""

    def __init__(self, path: str, target: str, token: str, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._received = bytearray()
        self._closed = False
        authorization = f"Authorization: token {token}\r\n" if token else ""
        self._unsent = f"GET {target} HTTP/1.0\r\nHost: localhost\r\n{authorization}Accept: */*\r\n\r\n".encode()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.connect(path)
        except OSError:  # nobody listens, or the queue of waiting connections is full
            self.close()

    @property
    def descriptor(self) -> int:
        """Of the socket; -1 once the exchange is over."""
        return self._socket.fileno()

    @property
    def events(self) -> int:
        return select.POLLOUT if self._unsent else select.POLLIN

    @property
    def finished(self) -> bool:
        return self._closed

    def advance(self) -> None:
        if self._closed:
            return
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            else:
                data = self._socket.recv(65536)
                self._received += data
                if not data or len(self._received) > _MOST or self._complete():
                    self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if time.monotonic() > self._until:
            self.close()

    def close(self) -> None:
        self._closed = True
        self._socket.close()

    def _complete(self) -> bool:
        """Whether the body has all the bytes its header promised (a server may keep the connection open)."""
        head, separator, body = bytes(self._received).partition(b"\r\n\r\n")
        if not separator:
            return False
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                return len(body) >= int(value.strip())
        return False

    @property
    def status(self) -> int | None:
        """The HTTP status, as soon as its line is there."""
        words = bytes(self._received[:64]).split(b" ", 2)
        if len(words) >= 2 and words[0].startswith(b"HTTP/1.") and words[1][:3].isdigit():
            return int(words[1][:3])
        return None

    @property
    def body(self) -> bytes:
        return bytes(self._received).partition(b"\r\n\r\n")[2]


def pin_socket(source: str, target: str) -> bool:
    """Make `target` a hard link to the socket that the run made at `source`. False while there is none.

    The run may replace its socket by a symbolic link to any socket of the host; whoever connects to `source` would
    follow it. A hard link to the socket itself, in a folder of ours, cannot be bent.
    """
    passing = f"{target}.new"
    try:
        facts = os.lstat(source)
        if not stat.S_ISSOCK(facts.st_mode):
            return False
        with contextlib.suppress(FileNotFoundError):
            present = os.lstat(target)
            if (present.st_dev, present.st_ino) == (facts.st_dev, facts.st_ino):
                return True
        with contextlib.suppress(FileNotFoundError):
            os.unlink(passing)
        os.link(source, passing, follow_symlinks=False)
        if not stat.S_ISSOCK(os.lstat(passing).st_mode):
            os.unlink(passing)
            return False
        os.rename(passing, target)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EPERM, errno.EACCES, errno.EEXIST):
            return False
        raise
    return True
