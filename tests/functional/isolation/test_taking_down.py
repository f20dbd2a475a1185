"""Taking a run down: whatever happens then, nothing stays mounted and how the run ended stays as it was."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from studium.runner import sandbox, supervise
from studium.runner.ending import Verdict


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user mounts nothing")
def test_what_was_mounted_goes_although_a_library_left_threads_behind(tmp_path: Path) -> None:
    """As the driver's library does that meters NVIDIA devices; a process of several threads cannot change its mounts."""
    host = {"root": True, "uid": 30_001, "gid": 30_001, "hint": None, "cgroup": {"version": 0, "roots": {}, "name": ""}}
    (tmp_path / "spec.json").write_text(json.dumps({"run": {"run_id": "a", "network": "none"}, "host": host}))
    code = """
        import sys, threading
        from studium.runner import supervise
        run = supervise.Run(sys.argv[1])
        run._enter()
        assert 'io tmpfs' in open('/proc/1/mounts').read()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        run._leave()
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "io").is_mount()


def test_a_run_keeps_its_end_when_taking_down_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = {"root": False, "hint": None, "cgroup": {"version": 2, "roots": {"": str(tmp_path)}, "name": "a"}}
    plan = {"run": {"run_id": "a", "devices": [], "network": "none", "mounts": []}, "host": {**host, "volume": None}}
    (tmp_path / "spec.json").write_text(json.dumps(plan))
    run = supervise.Run(str(tmp_path))
    verdict = Verdict("exit", 0, "")
    monkeypatch.setattr(run, "_enter", lambda: None)
    monkeypatch.setattr(sandbox, "gather", lambda *_, **__: None)
    monkeypatch.setattr(run, "_watch", lambda *_: verdict)

    def fails() -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(run.group, "remove", fails)
    said: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: said.append(str(error)))
    assert run.carry_out() == verdict
    assert said == ["[Errno 16] Device or resource busy"]
