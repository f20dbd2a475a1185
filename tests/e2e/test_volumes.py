"""A team's volume on a whole running platform: one run writes, another reads, full is full, and a snapshot brings back."""

import json
from pathlib import Path

from factories.notebooks import notebook_json
from running.platform import Platform, wait_for

WRITES = "import os; os.makedirs('/storage/deep'); open('/storage/deep/größe.txt', 'w').write('from one')"
READS = """\
print(open('/storage/deep/größe.txt').read())
open('/storage/deep/größe.txt', 'w').write('changed by the other')
try:
    with open('/storage/large', 'wb') as out:
        for _ in range(300):
            out.write(bytes(1 << 20))
    print('no end')
except OSError as error:
    print(error.strerror)"""
AGAIN = "import os; print(open('/storage/deep/größe.txt').read(), os.listdir('/storage'))"


def run(platform: Platform, folder: Path, name: str, source: str) -> str:
    """What a notebook of this cell prints, as a run of its own."""
    path = folder / f"{name}.ipynb"
    path.write_bytes(notebook_json(source))
    done = platform.cli("run", str(path), "--machine", "cpu-small", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr + platform.log_text()[-2000:]
    cell = json.loads((folder / f"{name}.executed.ipynb").read_text())["cells"][0]
    return "".join("".join(each.get("text", "")) for each in cell["outputs"])


def test_written_by_one_run_read_by_another_and_brought_back(platform: Platform, tmp_path: Path) -> None:
    made = platform.cli("volumes", "create", "--size", "100MiB")
    assert made.returncode == 0, made.stderr
    assert "/storage" in made.stdout
    run(platform, tmp_path, "writes", WRITES)
    kept = platform.cli("volumes", "snapshot", "--note", "as written", "--json")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert run(platform, tmp_path, "reads", READS).splitlines() == ["from one", "No space left on device"]
    back = platform.cli("volumes", "restore", json.loads(kept.stdout)["id"], "--yes")
    assert back.returncode == 0, back.stderr
    wait_for(
        lambda: not json.loads(platform.cli("volumes", "show", "--json").stdout)["restoring"],
        seconds=60,
        says="the snapshot to be put back",
    )
    assert run(platform, tmp_path, "again", AGAIN).strip() == "from one ['deep']"
    listed = json.loads(platform.cli("volumes", "snapshots", "--json").stdout)
    assert [each["note"] for each in listed] == ["Before a snapshot was put back", "as written"]
    assert platform.cli("volumes", "resize", "--size", "200MiB").returncode == 0
    assert platform.cli("volumes", "delete", "--yes").returncode == 0
    wait_for(lambda: "No volumes." in platform.cli("volumes", "list").stdout, seconds=60, says="the volume to be gone")
