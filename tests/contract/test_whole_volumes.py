"""Volumes as wholes: had by several runs at once, made larger and smaller, saved and given other contents."""

import dataclasses
import io
import tarfile
from pathlib import Path

import pytest

from contract.engine_subjects import MIB, LocalSubject, Subject
from studium.compute.engines.base import EngineError, VolumeInUse
from studium.compute.spec import SharedVolume
from studium.runner import kernel

SIZE = 64 * MIB


def start(subject: Subject, run_id: str, code: str = "import time\ntime.sleep(600)") -> None:
    spec = subject.spec(run_id, code)
    shared = (SharedVolume(name="team", target="/storage", size_bytes=SIZE),)
    subject.engine.start(dataclasses.replace(spec, shared=shared), subject.machine)
    subject.until(run_id, "running" if "sleep(600)" in code else "ended")


def end(subject: Subject, *run_ids: str) -> None:
    for run_id in run_ids:
        subject.engine.stop(run_id, 0)
        subject.until(run_id, "ended")


def tar(**files: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return io.BytesIO(out.getvalue())


def load(subject: Subject, content: io.BytesIO, folder: Path, size: int = SIZE, length: int = 0) -> None:
    path = folder / "stream"
    path.write_bytes(content.getvalue())
    with path.open("rb") as source:
        subject.engine.load_volume("team", source, size, length=length or len(content.getvalue()))


def may_grow_in_use(subject: Subject) -> bool:
    return not isinstance(subject, LocalSubject) or kernel.may_go_beyond_limits()


def saved(subject: Subject, folder: Path, most: int = SIZE) -> dict[str, bytes]:
    path = folder / f"saved-{len(list(folder.iterdir()))}"
    with path.open("wb") as out:
        subject.engine.save_volume("team", out, most_bytes=most)
    with tarfile.open(path) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive if each.isreg()}  # type: ignore[union-attr]


def test_a_volume_that_no_run_had_is_not_there(subject: Subject, tmp_path: Path) -> None:
    assert subject.engine.measure_volume("team") is None
    subject.engine.resize_volume("team", SIZE)
    with pytest.raises(EngineError, match="there is no volume"):
        saved(subject, tmp_path)
    subject.engine.delete_volume("team")


def test_two_runs_have_it_and_what_needs_it_alone_waits_for_both(subject: Subject, tmp_path: Path) -> None:
    start(subject, "a")
    start(subject, "b")
    use = subject.engine.measure_volume("team")
    assert use is not None
    assert use.used_bytes < MIB
    engine = subject.engine
    for ended in ("a", "b"):
        with pytest.raises(VolumeInUse):
            engine.resize_volume("team", SIZE // 2)
        with pytest.raises(VolumeInUse):
            load(subject, tar(x=b"x"), tmp_path, SIZE)
        with pytest.raises(EngineError):
            engine.delete_volume("team")
        saved(subject, tmp_path)
        for _ in range(2):
            if may_grow_in_use(subject):
                engine.resize_volume("team", SIZE * 2)
            else:
                with pytest.raises(VolumeInUse):
                    engine.resize_volume("team", SIZE * 2)
        end(subject, ended)
    engine.resize_volume("team", SIZE * 2)
    engine.resize_volume("team", SIZE)
    load(subject, tar(x=b"1", y=b"2"), tmp_path, SIZE)
    assert saved(subject, tmp_path) == {"x": b"1", "y": b"2"}
    load(subject, tar(y=b"3"), tmp_path, SIZE)
    assert saved(subject, tmp_path) == {"y": b"3"}
    engine.delete_volume("team")
    assert engine.measure_volume("team") is None


def test_one_that_a_run_has_alone_is_saved_meanwhile_and_given_contents_afterwards(
    subject: Subject, tmp_path: Path
) -> None:
    engine = subject.engine
    engine.start(subject.spec_running("a", "team"), subject.machine)
    subject.until("a", "running")
    engine.write_file("team", "x", b"first", SIZE)
    assert saved(subject, tmp_path) == {"x": b"first"}
    engine.write_file("team", "x", b"second", SIZE)
    with pytest.raises(EngineError, match="more bytes"):
        saved(subject, tmp_path, most=5)
    with pytest.raises(VolumeInUse):
        load(subject, tar(x=b"1"), tmp_path)
    assert saved(subject, tmp_path) == {"x": b"second"}
    end(subject, "a")
    load(subject, tar(y=b"1"), tmp_path, 16 * MIB)
    assert saved(subject, tmp_path) == {"y": b"1"}
    assert engine.read_file("team", "y", 10) == b"1"
    engine.reclaim("a")
    engine.delete_volume("team")


def test_what_does_not_fit_leaves_it_as_it_was(subject: Subject, tmp_path: Path) -> None:
    start(subject, "a")
    end(subject, "a")
    content = {"large": bytes(range(256)) * 4 * 1024 * 40, "small": b"x"}
    load(subject, tar(**content), tmp_path, SIZE)
    with pytest.raises(EngineError):
        subject.engine.resize_volume("team", 16 * MIB)
    with pytest.raises(EngineError):
        load(subject, tar(**content), tmp_path, 16 * MIB)
    between = io.BytesIO(tar(small=b"x").getvalue()[:1024])
    with pytest.raises(EngineError, match="were to come"):
        load(subject, between, tmp_path, SIZE, length=len(tar(**content).getvalue()))
    broken = io.BytesIO(tar(**content).getvalue()[: 10 * MIB])
    with pytest.raises(EngineError):
        load(subject, broken, tmp_path, SIZE)
    with pytest.raises(EngineError, match="more bytes"):
        saved(subject, tmp_path, most=MIB)
    assert saved(subject, tmp_path) == content


WRITES = """
import os
os.makedirs("/storage/deep/.hidden")
open("/storage/deep/.hidden/größe\\udcff", "w").write("named oddly")
open("/storage/run.sh", "w").write("#!/bin/sh")
os.chmod("/storage/run.sh", 0o750)
os.symlink("deep/.hidden", "/storage/link")
os.symlink("/etc/passwd", "/storage/out")
os.link("/storage/run.sh", "/storage/same")
os.mkfifo("/storage/pipe")
os.utime("/storage/run.sh", (1, 1))
os.chmod("/storage/deep", 0o500)
"""
READS = """
import os
print(sorted(os.listdir("/storage")), oct(os.stat("/storage/run.sh").st_mode), os.stat("/storage/run.sh").st_nlink)
print(os.listdir("/storage/deep/.hidden"), os.readlink("/storage/link"), os.readlink("/storage/out"))
print(os.stat("/storage/run.sh").st_mtime, oct(os.stat("/storage/deep").st_mode), os.stat("/storage/deep").st_uid == os.getuid())
open("/storage/new", "w").write("x")
"""


def test_modes_links_and_odd_names_come_back(tmp_path: Path) -> None:
    subject = LocalSubject(tmp_path / "local")
    subject.folder.mkdir()
    start(subject, "writes", WRITES)
    with (tmp_path / "kept").open("wb") as out:
        subject.engine.save_volume("team", out, most_bytes=SIZE)
    subject.engine.delete_volume("team")
    with (tmp_path / "kept").open("rb") as source:
        subject.engine.load_volume("team", source, SIZE, length=(tmp_path / "kept").stat().st_size)
    start(subject, "reads", READS)
    log = subject.engine.read_log("reads", 0, MIB).decode().splitlines()
    assert log == [
        "['deep', 'link', 'out', 'run.sh', 'same'] 0o100750 2",
        "['größe\\udcff'] deep/.hidden /etc/passwd",
        "1.0 0o40500 True",
    ]
    for run_id in ("writes", "reads"):
        subject.engine.reclaim(run_id)
    subject.engine.delete_volume("team")


FILLS = """
import os, time
def fill(name):
    try:
        with open(name, "wb", buffering=0) as out:
            while True:
                out.write(bytes(1 << 20))
    except OSError as error:
        print(error.errno, sum(entry.stat().st_size for entry in os.scandir("/storage")) >> 20, flush=True)
fill("/storage/%s")
time.sleep(600 if "%s" == "first" else 0)
"""


def test_full_is_full_until_it_is_made_larger(tmp_path: Path) -> None:
    subject = LocalSubject(tmp_path)
    spec = subject.spec("first", FILLS % ("first", "first"))
    shared = (SharedVolume(name="team", target="/storage", size_bytes=SIZE),)
    subject.engine.start(dataclasses.replace(spec, shared=shared), subject.machine)
    subject.wait(lambda: b"28 " in subject.engine.read_log("first", 0, MIB))
    use = subject.engine.measure_volume("team")
    assert use is not None
    assert use.total_bytes is not None
    assert use.total_bytes - use.used_bytes < MIB
    if not may_grow_in_use(subject):
        end(subject, "first")
    subject.engine.resize_volume("team", SIZE * 2)
    start(subject, "second", FILLS % ("second", "second"))
    end(subject, "first", "second")
    written = int(subject.engine.read_log("second", 0, MIB).split()[1])
    assert SIZE * 1.6 < written * MIB < SIZE * 2
    for run_id in ("first", "second"):
        subject.engine.reclaim(run_id)
