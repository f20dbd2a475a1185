"""`profile.json`: written whole, put in place at once, again and again as files are done."""

import json
import os
import time
from pathlib import Path
from typing import Any

# All profiles together. What reads the answer parses all of it at once.
MOST_BYTES = 64 * 1024 * 1024
# So much of that may be used before of each table only some of its first rows are kept.
_ROOMY = MOST_BYTES // 2
_FEW_ROWS = 50
# Of the time that passes, the part that may go into writing what was written before.
_SHARE = 0.1
_UNFINISHED = "The run has not ended yet."


class Answer:
    """What is known so far. Each profile is kept as the text it is written as."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: dict[str, str] = {}
        self._bytes = 0
        self._wrote, self._took = 0.0, 0.0
        self.full = ""

    def add(self, path: str, profile: dict[str, Any]) -> None:
        """Take a file's profile; write, unless with thousands of files most of the time went into that."""
        text = json.dumps(profile, allow_nan=False)
        if self._bytes + len(text) > _ROOMY:
            text = json.dumps(_with_few_rows(profile), allow_nan=False)
        if self._bytes + len(text) > MOST_BYTES:
            self.full = "There is more to tell than fits; of some files only the kind is kept."
            text = json.dumps({**_short(profile), "trouble": "There was no room left for what is in it."})
        self._texts[path] = text
        self._bytes += len(text)
        if time.monotonic() - self._wrote > self._took / _SHARE:
            self.write(_UNFINISHED)

    def write(self, reason: str) -> None:
        """Put all of it in place; complete if there is no reason why not."""
        began = time.monotonic()
        unfinished = self._path.with_name(f".{self._path.name}.new")
        with open(unfinished, "w", encoding="utf-8") as handle:
            handle.write('{"files": {')
            for number, (path, text) in enumerate(self._texts.items()):
                handle.write(f"{', ' if number else ''}{json.dumps(path)}: {text}")
            handle.write(f'}}, "complete": {json.dumps(not reason)}, "reason": {json.dumps(reason)}}}\n')
        os.replace(unfinished, self._path)
        self._wrote = time.monotonic()
        self._took = self._wrote - began


def _with_few_rows(profile: dict[str, Any]) -> dict[str, Any]:
    return {**profile, "tables": [{**each, "head": each["head"][:_FEW_ROWS]} for each in profile["tables"]]}


def _short(profile: dict[str, Any]) -> dict[str, Any]:
    return {"kind": profile["kind"], "format": profile["format"], "tables": []}
