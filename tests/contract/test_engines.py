"""The engine contract, on every engine there is. What a test says here, controllers rely on."""

import dataclasses
import shutil
import threading
from pathlib import Path

import pytest

from contract.engine_subjects import MIB, Subject
from studium.compute.engines.base import Cause, EngineError, Phase
from studium.compute.spec import Mount, Seed
from studium.runner import collecting


def run_to_end(subject: Subject, run_id: str, code: int, text: str = "", volume: str | None = None):  # type: ignore[no-untyped-def]
    subject.engine.start(subject.spec_exiting(run_id, code, text, volume), subject.machine)
    subject.after_start(run_id)
    return subject.until(run_id, "ended")


def test_offers_machines_with_stable_names(subject: Subject) -> None:
    names = [machine.name for machine in subject.engine.inventory()]
    assert subject.machine in names
    assert names == [machine.name for machine in subject.again().inventory()]
    assert all(machine.vcpu > 0 and machine.memory_bytes > 0 for machine in subject.engine.inventory())


def test_each_check_that_fails_has_a_remedy(subject: Subject) -> None:
    checks = subject.engine.checks()
    assert checks
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.detail and (check.ok or check.remedy) for check in checks)


def test_a_run_it_never_heard_of_is_unknown(subject: Subject) -> None:
    assert subject.engine.poll("nobody").phase is Phase.UNKNOWN
    assert subject.engine.read_log("nobody", 0, 100) == b""
    assert subject.engine.read_series("nobody") is None
    assert subject.engine.endpoint("nobody") is None
    subject.engine.stop("nobody", 0)
    subject.engine.reclaim("nobody")


def test_seeds_lie_in_the_workspace(subject: Subject, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    for content in (b"first", b"second"):
        seed.write_bytes(content)
        run_id = content.decode()
        spec = subject.spec_exiting(run_id, 0, "", "work")
        spec = dataclasses.replace(spec, seeds=(Seed(source=str(seed), target="sub/notebook.ipynb"),))
        subject.engine.start(spec, subject.machine)
        subject.after_start(run_id)
        subject.until(run_id, "ended")
        assert subject.engine.read_file("work", "sub/notebook.ipynb", MIB) == content
    subject.engine.reclaim("first")
    subject.engine.reclaim("second")


def test_a_seeded_folder_lies_in_the_workspace_with_all_that_is_in_it(subject: Subject, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    (seed / "deep/er").mkdir(parents=True)
    (seed / "deep/er/größe 1").write_bytes(b"one")
    (seed / "notebook.ipynb").write_bytes(b"of the folder")
    (seed / "out").symlink_to("/etc/passwd")
    newer = tmp_path / "newer"
    newer.write_bytes(b"newer")
    spec = subject.spec_exiting("a", 0, "", "work")
    seeds = (Seed(source=str(seed), target=""), Seed(source=str(newer), target="notebook.ipynb"))
    subject.engine.start(dataclasses.replace(spec, seeds=seeds), subject.machine)
    subject.after_start("a")
    subject.until("a", "ended")
    read = subject.engine.read_file
    assert read("work", "deep/er/größe 1", MIB) == b"one"
    assert read("work", "notebook.ipynb", MIB) == b"newer", "seeds are laid one after another"
    assert read("work", "out", MIB) is None
    subject.engine.reclaim("a")


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_ends_with_its_exit_code(subject: Subject, code: int) -> None:
    ended = run_to_end(subject, "a", code)
    assert (ended.exit_code, ended.cause) == (code, Cause.EXIT)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.ended_at >= ended.started_at


def test_what_a_run_used_is_told_until_it_is_reclaimed(subject: Subject) -> None:
    run_to_end(subject, "a", 0, "text")
    found = subject.engine.read_series("a")
    assert found is not None
    assert set(found) == {"started", "step", "points", "lines"}
    assert subject.again().read_series("a") == found
    subject.engine.reclaim("a")
    assert subject.engine.read_series("a") is None


def test_the_log_is_read_from_any_offset(subject: Subject) -> None:
    run_to_end(subject, "a", 0, "one two three")
    assert subject.engine.read_log("a", 0, 100) == b"one two three"
    assert subject.engine.read_log("a", 4, 3) == b"two"
    assert subject.engine.read_log("a", 13, 100) == b""
    assert subject.engine.read_log("a", 99, 100) == b""


def test_starting_again_changes_nothing(subject: Subject) -> None:
    spec = subject.spec_running("a")
    subject.engine.start(spec, subject.machine)
    first = subject.until("a", "running")
    subject.engine.start(spec, subject.machine)
    subject.again().start(spec, subject.machine)
    assert subject.engine.poll("a").started_at == first.started_at


def test_an_ended_run_is_not_started_again(subject: Subject) -> None:
    run_to_end(subject, "a", 3, "once")
    subject.engine.start(subject.spec_exiting("a", 3, "once"), subject.machine)
    assert subject.engine.poll("a").phase is Phase.ENDED
    assert subject.engine.read_log("a", 0, 100) == b"once"


def test_an_unknown_machine_is_refused(subject: Subject) -> None:
    with pytest.raises(EngineError, match="nowhere"):
        subject.engine.start(subject.spec_running("a"), "nowhere")
    assert subject.engine.poll("a").phase is Phase.UNKNOWN


def test_another_instance_finds_the_run(subject: Subject) -> None:
    subject.engine.start(subject.spec_running("a"), subject.machine)
    subject.until("a", "running")
    other = subject.again()
    assert other.poll("a").phase is Phase.RUNNING
    other.stop("a", 0)
    subject.engine = other
    assert subject.until("a", "ended").cause is Cause.STOPPED


def test_stop_ends_a_run_and_may_be_repeated(subject: Subject) -> None:
    subject.engine.start(subject.spec_running("a"), subject.machine)
    subject.until("a", "running")
    subject.engine.stop("a", 30)
    subject.engine.stop("a", 0)
    ended = subject.until("a", "ended")
    assert ended.cause is Cause.STOPPED
    subject.engine.stop("a", 0)
    assert subject.engine.poll("a") == ended


def test_a_service_has_an_endpoint_while_it_runs(subject: Subject) -> None:
    subject.engine.start(subject.spec_running("a", service=True), subject.machine)
    subject.until("a", "running")
    endpoint = subject.engine.endpoint("a")
    assert endpoint is not None
    assert endpoint.socket.endswith(".sock")
    subject.engine.stop("a", 0)
    subject.until("a", "ended")
    assert subject.engine.endpoint("a") is None


def test_a_run_without_a_service_has_no_endpoint(subject: Subject) -> None:
    subject.engine.start(subject.spec_running("a"), subject.machine)
    subject.until("a", "running")
    assert subject.engine.endpoint("a") is None


def test_a_reclaimed_run_is_forgotten(subject: Subject) -> None:
    run_to_end(subject, "a", 0, "text")
    subject.engine.reclaim("a")
    assert subject.engine.poll("a").phase is Phase.UNKNOWN
    assert subject.engine.read_log("a", 0, 100) == b""
    subject.engine.reclaim("a")


def test_a_live_run_is_not_reclaimed(subject: Subject) -> None:
    subject.engine.start(subject.spec_running("a"), subject.machine)
    subject.until("a", "running")
    with pytest.raises(EngineError):
        subject.engine.reclaim("a")
    assert subject.engine.poll("a").phase is Phase.RUNNING


def test_files_of_a_volume_are_written_and_read(subject: Subject) -> None:
    engine = subject.engine
    assert engine.read_file("v", "notebook.ipynb", 100) is None
    engine.write_file("v", "folder/notebook.ipynb", b"first", 16 * MIB)
    engine.write_file("v", "folder/notebook.ipynb", b"\x00second\xff", 16 * MIB)
    assert engine.read_file("v", "folder/notebook.ipynb", 100) == b"\x00second\xff"
    assert engine.read_file("v", "folder", 100) is None
    assert engine.read_file("v", "elsewhere", 100) is None
    with pytest.raises(EngineError):
        engine.read_file("v", "folder/notebook.ipynb", 3)


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../out", "", "."])
def test_paths_stay_in_the_volume(subject: Subject, path: str) -> None:
    subject.engine.write_file("v", "in", b"x", 16 * MIB)
    assert subject.engine.read_file("v", path, 100) is None
    with pytest.raises(EngineError):
        subject.engine.write_file("v", path, b"x", 16 * MIB)


def test_a_volume_takes_no_more_than_its_size(subject: Subject) -> None:
    with pytest.raises(EngineError):
        subject.engine.write_file("v", "big", bytes(17 * MIB), 16 * MIB)
    assert subject.engine.read_file("v", "big", 20 * MIB) is None


def test_a_volume_outlives_its_runs_and_is_held_by_live_ones(subject: Subject) -> None:
    engine = subject.engine
    engine.write_file("v", "kept", b"kept", 16 * MIB)
    run_to_end(subject, "a", 0, volume="v")
    engine.reclaim("a")
    assert engine.read_file("v", "kept", 100) == b"kept"
    engine.start(subject.spec_running("b", volume="v"), subject.machine)
    subject.until("b", "running")
    with pytest.raises(EngineError):
        engine.delete_volume("v")
    engine.write_file("v", "while", b"running", 16 * MIB)
    assert engine.read_file("v", "while", 100) == b"running"
    engine.stop("b", 0)
    subject.until("b", "ended")
    engine.delete_volume("v")
    engine.delete_volume("v")
    assert engine.read_file("v", "kept", 100) is None


def collected(subject: Subject, volume: str, **limits: int) -> tuple[dict[str, bytes], dict[str, int]]:
    target = subject.folder / "collected"
    wanted = {"most_files": 100, "most_bytes": 100 * MIB} | limits
    subject.engine.collect(volume, target, skip="notebook.ipynb", **wanted)
    files, last = {}, {}
    with target.open("rb") as stream:
        for line in collecting.read(stream):
            if "path" in line:
                files[line["path"]] = stream.read(line["size"])
            else:
                last = line
    return files, last


def test_the_files_of_a_volume_are_collected(subject: Subject) -> None:
    engine = subject.engine
    assert collected(subject, "v") == ({}, {"left_out": 0, "left_bytes": 0})
    for path in ("b.txt", "a/deep/c.bin", "notebook.ipynb", ".local/lib/x.py", "a/.ipynb_checkpoints/n", "ü.csv"):
        engine.write_file("v", path, path.encode() + b"\n\x00", 16 * MIB)
    whole = {path: path.encode() + b"\n\x00" for path in ("b.txt", "a/deep/c.bin", "ü.csv")}
    assert collected(subject, "v") == (whole, {"left_out": 0, "left_bytes": 0})
    files, last = collected(subject, "v", most_files=1)
    assert (len(files), last["left_out"]) == (1, 2)
    files, last = collected(subject, "v", most_bytes=10)
    assert (files.keys(), last) == (
        {
            "b.txt",
        },
        {"left_out": 2, "left_bytes": 22},
    )
    run_to_end(subject, "a", 0, volume="v")
    engine.start(subject.spec_running("b", volume="v"), subject.machine)
    subject.until("b", "running")
    assert collected(subject, "v")[0] == whole


def exported(
    subject: Subject, path: str, into: str = "exported", like: Path | None = None, **limits: int
) -> dict[str, bytes]:
    target = subject.folder / into
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    wanted = {"most_files": 100, "most_bytes": 100 * MIB} | limits
    subject.engine.export("v", path, target, **wanted, like=like)
    return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}


def test_a_folder_of_a_volume_is_exported_whole_or_not_at_all(subject: Subject) -> None:
    engine = subject.engine
    with pytest.raises(EngineError):
        exported(subject, "made")
    for path in ("made/b.txt", "made/.hidden/deep/c.bin", "beside.txt"):
        engine.write_file("v", path, path.encode(), 16 * MIB)
    whole = {"b.txt": b"made/b.txt", ".hidden/deep/c.bin": b"made/.hidden/deep/c.bin"}
    assert exported(subject, "made") == whole
    for refused in (lambda: exported(subject, "made", most_files=2), lambda: exported(subject, "made", most_bytes=20)):
        with pytest.raises(EngineError):
            refused()
    with pytest.raises(EngineError):
        exported(subject, "../v")
    with pytest.raises(EngineError):
        exported(subject, "beside.txt")
    run_to_end(subject, "a", 0, volume="v")
    engine.start(subject.spec_running("b", volume="v"), subject.machine)
    subject.until("b", "running")
    assert exported(subject, "made") == whole


def test_what_did_not_change_is_shared_with_the_export_before(subject: Subject) -> None:
    subject.engine.write_file("v", "made/a/kept.txt", b"kept", 16 * MIB)
    subject.engine.write_file("v", "made/changed.txt", b"old", 16 * MIB)
    exported(subject, "made", "first")
    subject.engine.write_file("v", "made/changed.txt", b"new", 16 * MIB)
    first = subject.folder / "first"
    found = exported(subject, "made", "second", like=first)
    assert found == {"a/kept.txt": b"kept", "changed.txt": b"new"}
    if subject.machine == "local":  # the fake one writes a volume's files anew each time
        assert (first / "a/kept.txt").samefile(subject.folder / "second" / "a/kept.txt")


def test_many_starts_at_once_start_one(subject: Subject) -> None:
    spec = subject.spec_running("a")
    engines = [subject.engine, subject.again(), subject.again()] if subject.machine == "local" else [subject.engine] * 3
    failures: list[BaseException] = []

    def start(engine) -> None:  # type: ignore[no-untyped-def]
        try:
            engine.start(spec, subject.machine)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    subject.until("a", "running")
    subject.wait(lambda: subject.engine.read_log("a", 0, 100) == b"going\n" or subject.machine == "fake")


def test_a_running_run_is_shown_folders_below_those_for_inputs_alone(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    shown = [Mount(source=str(tmp_path / "tree"), target=target) for target in ("/datasets/a", "/kaggle/input/a")]
    subject.engine.start(subject.spec_running("a"), subject.machine)
    subject.until("a", "running")
    for mounts in (shown, shown, [], shown[:1]):
        subject.again().show("a", mounts)
    with pytest.raises(EngineError, match="no place for an input"):
        subject.engine.show("a", [Mount(source=str(tmp_path / "tree"), target="/notebooks/a")])
    subject.engine.stop("a", 0)
    subject.until("a", "ended")
    for run_id in ("a", "nobody"):
        with pytest.raises(EngineError, match="does not run"):
            subject.engine.show(run_id, shown)
