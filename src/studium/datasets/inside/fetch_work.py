# ruff: noqa: E402
"""Brings the files of a dataset's source into `out` of the workspace. The command of import runs.

`STUDIUM_IMPORT` says what to do, in JSON. How far it is stands in `progress.json` in the run's folder, what was found in
`told.json` of the workspace. Exit code 0, or 1 with an error in the progress.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

# Isolated from the workspace, Python looks for modules in neither folder by itself.
sys.path[:0] = [
    os.path.dirname(os.path.abspath(__file__)),
    os.environ.get("STUDIUM_GIT_CODE", "/opt/studium"),
    os.environ.get("STUDIUM_GIT_RULES", "/opt/outbound"),
]

import spelling
from fetch_errors import FetchError, Report, Room
from git_bridge import open_bridge
from git_clean import GitError

WORK = Path(os.environ.get("STUDIUM_WORKSPACE") or "/notebooks")
REPORT = Path(os.environ.get("STUDIUM_PROGRESS") or "/run/studium/progress.json")
Json = dict[str, Any]


def main() -> int:
    wanted: Json = json.loads(os.environ["STUDIUM_IMPORT"])
    report = Report(REPORT, wanted["work"])
    try:
        found = _carry_out(wanted, report)
        (WORK / "told.json").write_text(json.dumps({"work": wanted["work"], **found}))
        report.tell("done", unchanged=bool(found.get("unchanged")))
    except (FetchError, GitError, spelling.SpellingError) as error:
        return _failed(report, error.code, str(error))
    except MemoryError:
        return _failed(report, "import.memory", "It needs more memory.")
    except OSError as error:
        full = error.errno in (28, 122)
        code = "url.too_large" if full else "import.failed"
        return _failed(report, code, f"The workspace could not be written: {error.strerror or error}.")
    return 0


def _carry_out(wanted: Json, report: Report) -> Json:
    room = Room(wanted["most_bytes"], wanted["most_files"])
    out = WORK / "out"
    shutil.rmtree(out, ignore_errors=True)
    if wanted["kind"] == "git":
        import fetch_git

        return fetch_git.fetch(wanted, WORK, out, room, report)
    from fetch_unpack import Unpacker
    from fetch_urls import Fetch

    fetching = Fetch(wanted, WORK, open_bridge(os.environ["STUDIUM_EGRESS"]), room, report)
    if fetching.unchanged():
        return {"unchanged": True}
    found: Json = {"files": fetching.fetch_all(out), "left_out": 0}
    if wanted["unpack"]:
        unpacker = Unpacker(room, report)
        unpacker.all_in(out)
        found["left_out"] = unpacker.left_out
    return found


def _failed(report: Report, code: str, words: str) -> int:
    print(f"\n{words}", file=sys.stderr)
    report.failed(code, words)
    return 1


if __name__ == "__main__":
    sys.exit(main())
