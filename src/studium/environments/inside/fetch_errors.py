"""What goes wrong while files are brought, in words, and the telling of how far it is."""

import json
import time
from pathlib import Path
from typing import Any, Protocol

TELL_SECONDS = 1.0
Json = dict[str, Any]


class FetchError(Exception):
    """It cannot be brought: a stable code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Telling(Protocol):
    """Whoever is told how far it is."""

    def tell(self, state: str, **facts: Any) -> None: ...

    def now_and_then(self, **facts: Any) -> None: ...


class Silence:
    """Tells nobody."""

    def tell(self, state: str, **facts: Any) -> None:
        pass

    def now_and_then(self, **facts: Any) -> None:
        pass


class Report:
    """`progress.json` in the run's folder: whoever reads it reads a few KiB, so it says how far it is and not what was found."""

    def __init__(self, path: Path, work: str) -> None:
        self._path, self._facts, self._told = path, {"work": work}, 0.0
        self.tell("running")

    def tell(self, state: str, **facts: Any) -> None:
        self._facts: Json = {**self._facts, "state": state, **facts}
        self._told = time.monotonic()
        fresh = self._path.with_name(f".{self._path.name}.new")
        fresh.write_text(json.dumps(self._facts))
        fresh.replace(self._path)

    def now_and_then(self, **facts: Any) -> None:
        if time.monotonic() - self._told >= TELL_SECONDS:
            self.tell("running", **facts)

    def failed(self, code: str, message: str) -> None:
        self.tell("failed", error={"name": code, "message": message[:600]})


class Room:
    """How many bytes and files may still come."""

    def __init__(self, most_bytes: int, most_files: int) -> None:
        self.left, self.files, self._most = most_bytes, most_files, most_bytes

    def check(self, size: int) -> None:
        if size > self.left:
            raise FetchError(
                "url.too_large", f"It is larger than the {self._most / 1024**2:,.0f} MiB that there is room for."
            )

    def take(self, size: int) -> None:
        self.check(size)
        self.left -= size

    def give_back(self, size: int) -> None:
        self.left += size

    def another_file(self) -> None:
        self.files -= 1
        if self.files < 0:
            raise FetchError("url.too_large", "It has more files than a version may have.")
