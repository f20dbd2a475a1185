"""Secrets on a running platform, in real sandboxes: given, hidden, sealed, rotated, backed up."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from factories.notebooks import notebook_json
from running.platform import Platform, wait_for

VALUE = "correct-horse-battery-staple"
DIGEST = hashlib.sha256(VALUE.encode()).hexdigest()
USES = """
import hashlib, os
from studium_secrets import get
print("digest", hashlib.sha256(get("E2E_TOKEN").encode()).hexdigest(), os.environ["E2E_TOKEN"] == get("E2E_TOKEN"))
"""
LEAKS = """
print(dict(os.environ))
raise ValueError("the key " + get("E2E_TOKEN") + " is wrong")
"""


def stored(platform: Platform) -> list[Path]:
    """Files of the home folder that hold the value: none should, but for workspaces, which are the run's own."""
    skipped = ("environments", "volumes")
    found = []
    for folder, folders, names in os.walk(platform.home):
        folders[:] = [name for name in folders if name not in skipped and name != "in"]
        for path in (Path(folder, name) for name in names):
            try:
                if path.is_file() and not path.is_symlink() and VALUE.encode() in path.read_bytes():
                    found.append(path)
            except OSError:
                continue
    return found


def test_a_run_has_its_secret_and_nothing_else_does(platform: Platform, tmp_path: Path) -> None:
    set_it = platform.cli("secrets", "set", "E2E_TOKEN", input=VALUE)
    assert set_it.returncode == 0, set_it.stderr
    with platform.client() as client:
        notebook = client.notebooks.create("Uses", content=notebook_json(USES, LEAKS))
        assert platform.cli("secrets", "attach", notebook.id, "E2E_TOKEN").returncode == 0
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="its end")
        ended = client.runs.get(run.id)
        log = client.runs.log(run.id).text
        document = client.runs.document(run.id).decode()
        assert DIGEST + " True" in log, log
        assert ended.progress is not None
        for text in (log, document, str(ended), str(client.notebooks.get(notebook.id)), set_it.stdout + set_it.stderr):
            assert VALUE not in text
        assert "the key *** is wrong" in log
        assert "the key *** is wrong" in document
        assert "the key *** is wrong" in str(ended.progress)
        assert client.secrets.of_notebook(notebook.id)[0].given_at is not None
        other = client.notebooks.create("Has none", content=notebook_json(USES))
        run = client.notebooks.start(other.id, kind="execution", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="its end")
        assert "It has none." in client.runs.log(run.id).text
    assert stored(platform) == []
    _rotate_and_back_up(platform, tmp_path)


def _rotate_and_back_up(platform: Platform, tmp_path: Path) -> None:
    old = {path.name for path in (platform.home / "keys").glob("secrets-*")}
    done = platform.cli("rotate-key")
    assert done.returncode == 0, done.stderr
    assert "1 secrets are sealed anew" in done.stdout
    assert not old & {path.name for path in (platform.home / "keys").glob("secrets-*")}
    assert platform.cli("backup", str(tmp_path / "all.tar")).returncode == 0
    assert VALUE.encode() not in (tmp_path / "all.tar").read_bytes()
    env = {
        **os.environ,
        "STUDIUM_HOME": str(tmp_path / "elsewhere"),
        "DJANGO_SETTINGS_MODULE": "studium.config.settings",
    }
    studium = str(Path(sys.executable).with_name("studium"))
    subprocess.run([studium, "restore", str(tmp_path / "all.tar")], env=env, capture_output=True, check=True)
    look = (
        "from studium.operations.setup import load_django; load_django()\n"
        "from studium.secrets.models import Secret; from studium.secrets.sealing import value_of\n"
        "import json; print(json.dumps({s.name: value_of(s) for s in Secret.objects.all()}))"
    )
    shown = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == {"E2E_TOKEN": VALUE}
