"""Seeing that a person runs something: execute requests in the frames of a kernel's channel socket.

Only the header of a message counts, so code that merely contains the word does not. The three layouts are those of
jupyter_server: JSON text, JSON with binary buffers behind it, and `v1.kernel.websocket.jupyter.org`.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Callable

V1 = "v1.kernel.websocket.jupyter.org"
Seen = Callable[[str | bytes, str | None], None]
_CHANNELS = re.compile(r"/api/kernels/[^/]+/channels/?")
_EXECUTE = re.compile(r"/api/kernels/[^/]+/execute/?")
_WORD = "execute_request"
_HEADER_BYTES = 64 * 1024
# A larger message is not parsed on the one thread all clients share.
_PARSED = 256 * 1024
# Inside a JSON string each quote has a backslash before it, so these quotes can only be structure.
_STRUCTURE = re.compile(r'"msg_type"\s*:\s*"execute_request"')


def is_channel(path: str) -> bool:
    return _CHANNELS.search(path) is not None


def is_execution(method: str, path: str) -> bool:
    """Whether a plain request runs a cell on the server side, as notebook models there do."""
    return method == "POST" and _EXECUTE.search(path) is not None


def runs_something(message: str | bytes, subprotocol: str | None) -> bool:
    if isinstance(message, str):
        return _text_runs(message)
    if subprotocol == V1:
        return _v1_runs(message)
    return _buffered_runs(message)


def _text_runs(message: str) -> bool:
    if _WORD not in message:
        return False
    if len(message) > _PARSED:
        return _STRUCTURE.search(message) is not None
    try:
        return _header_runs(json.loads(message).get("header"))
    except (ValueError, AttributeError, RecursionError):
        return False


def _v1_runs(message: bytes) -> bool:
    """Layout: the count of offsets, the offsets (64 bits, little end first), then channel, header and the rest."""
    count = int.from_bytes(message[:8], "little")
    if not 3 <= count <= 4096 or len(message) < 8 * (count + 1):
        return False
    start, end = (int.from_bytes(message[8 * place : 8 * place + 8], "little") for place in (2, 3))
    if not 0 < start < end <= len(message) or end - start > _HEADER_BYTES:
        return False
    try:
        return _header_runs(json.loads(message[start:end]))
    except (ValueError, RecursionError):
        return False


def _buffered_runs(message: bytes) -> bool:
    """Layout: the count of parts and their offsets (32 bits, big end first); the first part is the JSON message."""
    count = int.from_bytes(message[:4], "big")
    if not 1 <= count <= 4096 or len(message) < 4 * (count + 1):
        return False
    start = int.from_bytes(message[4:8], "big")
    end = int.from_bytes(message[8:12], "big") if count > 1 else len(message)
    if not 0 < start < end <= len(message):
        return False
    try:
        return _text_runs(message[start:end].decode())
    except UnicodeDecodeError:
        return False


def _header_runs(header: object) -> bool:
    return isinstance(header, dict) and header.get("msg_type") == _WORD


class Pace:
    """Lets each label through once per `seconds`."""

    def __init__(self, seconds: float = 10.0, labels: int = 20_000) -> None:
        self._seconds = seconds
        self._labels = labels
        self._last: OrderedDict[str, float] = OrderedDict()

    def ready(self, label: str, now: float) -> bool:
        last = self._last.get(label)
        return last is None or now - last >= self._seconds

    def note(self, label: str, now: float) -> None:
        self._last[label] = now
        self._last.move_to_end(label)
        while len(self._last) > self._labels:
            self._last.popitem(last=False)
