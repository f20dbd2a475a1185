"""A workspace as a whole: kept while a run has it, and put back for the runs after it."""

import os
import tarfile
import threading
from pathlib import Path

import pytest

from contract.engine_subjects import MIB, LocalSubject
from functional.isolation.places import Place
from studium.compute.engines.base import VolumeInUse
from studium.runner import volumes

WRITES = """
import os, time
os.makedirs("deep/.hidden")
open("deep/.hidden/x", "w").write("first")
open("run.sh", "w").write("#!/bin/sh")
os.chmod("run.sh", 0o750)
os.symlink("/etc/shadow", "out")
os.mkfifo("pipe")
print("written", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
open("deep/.hidden/x", "w").write("second")
"""
READS = """
import os
print(sorted(os.listdir(".")), open("deep/.hidden/x").read(), oct(os.stat("run.sh").st_mode), os.readlink("out"))
open("run.sh", "a").write("still mine")
open("go", "w").write("")
"""


def test_kept_while_a_run_has_it_and_put_back_when_it_has_ended(place: Place) -> None:
    kept = place.folder / ("h/kept" if place.home.exists() else "kept")
    run = place.start(WRITES)
    place.wait(run, "running")
    place.drive("until", f"{run}:written")
    assert place.drive("save", f"{run}:{kept}") == ""
    with tarfile.open(kept) as archive:
        assert sorted(archive.getnames()) == ["deep", "deep/.hidden", "deep/.hidden/x", "out", "run.sh"]
    assert place.drive("load", f"{run}:{kept}").startswith("VolumeInUse"), "not while the run has it"
    place.drive("put", f"{run}:go")
    assert place.wait(run).code == 0
    assert place.drive("load", f"{run}:{kept}") == ""
    seen = place.run(READS, volume=run)
    assert seen.log.splitlines()[-1] == "['deep', 'out', 'run.sh'] first 0o100750 /etc/shadow"
    assert seen.code == 0, seen.log


@pytest.mark.parametrize("kind", ["image", "folder"] if os.geteuid() == 0 else ["folder"])
def test_a_run_that_ends_meanwhile_is_not_held_up(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads what is saved until the run has ended: then it is nothing, and the next run has the volume at once."""
    monkeypatch.setattr(volumes, "kind", lambda folder: kind)
    subject = LocalSubject(tmp_path)
    fill = f"import os\nfor n in range(8):\n  open(str(n), 'wb').write(os.urandom({MIB}))\nprint('full', flush=True)\n"
    subject.engine.start(subject.spec("a", fill + "import time\ntime.sleep(600)", "v"), subject.machine)
    subject.wait(lambda: b"full" in subject.engine.read_log("a", 0, 100))
    runner = volumes.holder(str(tmp_path / "h" / "volumes" / "v"))["pid"]
    reader, writer = os.pipe()
    told: list[BaseException] = []

    def save() -> None:
        with os.fdopen(writer, "wb") as out:
            try:
                subject.engine.save_volume("v", out, most_bytes=16 * MIB)
            except VolumeInUse as error:
                told.append(error)

    thread = threading.Thread(target=save)
    thread.start()
    with os.fdopen(reader, "rb") as source:
        assert source.read(1000)
        subject.engine.stop("a", 0)
        subject.until("a", "ended")
        subject.wait(lambda: not Path(f"/proc/{runner}").exists())
        while source.read(MIB):
            pass
    thread.join()
    assert "let" in str(told[0])
    subject.engine.start(subject.spec("b", "print(open('7', 'rb').read(1) and 'there')", "v"), subject.machine)
    subject.until("b", "ended")
    assert subject.engine.read_log("b", 0, 100) == b"there\n"
    for run_id in ("a", "b"):
        subject.engine.reclaim(run_id)
    subject.engine.delete_volume("v")
