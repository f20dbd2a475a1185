"""The program of import runs, outside of a sandbox but through its proxy, on a workspace that a test looks into."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from studium.environments.commands import code_folder
from studium.lib.units import MIB
from studium.outbound import spelling
from studium.runner import egress

PROGRAM = Path(__file__).parents[3] / "src" / "studium" / "datasets" / "inside" / "fetch_work.py"
Json = dict[str, Any]


class Desk:
    """A workspace, the program, and a proxy that reaches `hosts` and of what is not public `within`."""

    def __init__(self, folder: Path, *entries: str) -> None:
        self.work, self.run_folder = folder / "work", folder / "run"
        self.work.mkdir()
        self.run_folder.mkdir()
        self.hosts, self.within = set(entries), list(entries)
        self.log = ""
        listener = egress.listen(str(self.run_folder), None)
        threading.Thread(target=egress.serve, args=(listener, self.hosts, self.within), daemon=True).start()

    def start(self, kind: str = "url", **asked: Any) -> Json:
        """Run it; its report."""
        usual: Json = {"work": "w1", "kind": kind, "most_bytes": 64 * MIB, "most_files": 1000}
        usual |= {"seconds": 5, "pause": 0}
        if kind == "url":
            usual |= {"unpack": False, "known": []}
        else:
            usual |= {"ref": "", "folder": "", "secret": "", "username": "", "known": ""}
        variables = asked.pop("variables", {})
        env = {
            "STUDIUM_IMPORT": json.dumps(usual | asked), "STUDIUM_WORKSPACE": str(self.work), "PATH": os.environ["PATH"],
            "STUDIUM_PROGRESS": str(self.run_folder / "progress.json"), "STUDIUM_GIT_CODE": str(code_folder()),
            "STUDIUM_EGRESS": str(self.run_folder / egress.SOCKET),
            "STUDIUM_GIT_RULES": str(Path(spelling.__file__).parent), **variables,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-I", str(PROGRAM)],
            env=env,
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.log = done.stdout + done.stderr
        report: Json = json.loads((self.run_folder / "progress.json").read_text())
        assert report["state"] in ("done", "failed"), self.log
        assert done.returncode == (0 if report["state"] == "done" else 1), self.log
        assert len(json.dumps(report)) < 4096
        return report

    def done(self, kind: str = "url", **asked: Any) -> Json:
        """What was found."""
        report = self.start(kind, **asked)
        assert report["state"] == "done", self.log
        found: Json = json.loads((self.work / "told.json").read_text())
        assert found["work"] == "w1"
        return found

    def refused(self, kind: str = "url", **asked: Any) -> str:
        report = self.start(kind, **asked)
        assert report["state"] == "failed", self.log
        return str(report["error"]["name"])

    def files(self) -> dict[str, bytes]:
        out = self.work / "out"
        return {
            path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
        }
