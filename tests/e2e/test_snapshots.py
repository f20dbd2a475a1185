"""A notebook's workspace on a whole running platform: kept while a session has it, put back through a killed controller."""

import json
from pathlib import Path

from factories.notebooks import notebook_json
from running.platform import Platform, wait_for
from studium.client import Client

NOTEBOOK = "Kept work"
WRITES = "import os; os.makedirs('deep'); open('deep/größe.bin', 'wb').write(bytes(range(256)) * 8192)"
CHANGES = "import os; os.remove('deep/größe.bin'); open('new.txt', 'w').write('after')"
LOOKS = "import os; print(open('deep/größe.bin', 'rb').read() == bytes(range(256)) * 8192, sorted(os.listdir('/notebooks')))"


def run(client: Client, notebook: str, source: str) -> str:
    """What the notebook prints as a run in its own workspace, with this one cell."""
    client.notebooks.replace(notebook, notebook_json(source))
    started = client.notebooks.start(notebook, kind="execution", machine="cpu-small")
    wait_for(lambda: client.runs.get(started.id).state == "ended", seconds=120, says="the run's end")
    assert client.runs.get(started.id).reason == "finished", client.runs.log(started.id).text
    done = wait_for(lambda: _cell(client, notebook, source), seconds=60, says="its document")
    return "".join("".join(each.get("text", "")) for each in done["outputs"])


def _cell(client: Client, notebook: str, source: str) -> dict[str, object] | None:
    """The cell once it was run and what it printed is the notebook's."""
    (cell,) = json.loads(client.notebooks.content(notebook))["cells"]
    return cell if "".join(cell["source"]) == source and cell["execution_count"] else None


def test_kept_in_a_session_and_put_back_through_a_killed_controller(platform: Platform, tmp_path: Path) -> None:
    with platform.client() as client:
        notebook = client.notebooks.create(NOTEBOOK, content=notebook_json(WRITES)).id
        run(client, notebook, WRITES)
        session = client.notebooks.start(notebook, kind="session", machine="cpu-small")
        wait_for(lambda: client.runs.get(session.id).state == "running", seconds=120, says="the session")
        kept = platform.cli("notebooks", "snapshot", "kept-work", "--note", "as written", "--json")
        assert kept.returncode == 0, kept.stdout + kept.stderr
        client.notebooks.stop(notebook)
        wait_for(lambda: client.runs.get(session.id).state == "ended", seconds=60, says="the session's end")
        run(client, notebook, CHANGES)
        platform.kill("controller")
        back = platform.cli("notebooks", "put-back", "kept-work", json.loads(kept.stdout)["id"], "--yes")
        assert back.returncode == 0, back.stdout + back.stderr
        wait_for(
            lambda: platform.supervisor.check() or not client.notebooks.snapshots.all(notebook).restoring,
            seconds=120,
            says="the snapshot to be put back",
        )
        assert WRITES in client.notebooks.content(notebook).decode(), "the document is that of the snapshot"
        assert [each.why for each in client.notebooks.snapshots.all(notebook).snapshots] == ["put back", "asked"]
        assert run(client, notebook, LOOKS).strip() == "True ['.local', 'deep', 'notebook.ipynb']"
