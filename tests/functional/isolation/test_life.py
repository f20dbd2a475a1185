"""The life of a run under the local engine: readiness, activity, stops, crashes, volumes, hostile helpers."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studium.compute.engines.base import Cause, EngineError, Observation, Phase
from studium.compute.engines.local import LocalEngine
from studium.compute.spec import Device, Limits, Mount, RunSpec, Service, Volume
from studium.runner import cgroups, processes, volumes

MIB = 1024**2
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no sized volumes, groups or devices")


class Bench:
    """One engine with short words for what tests do to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "h"
        self.hints = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.hints.bind(str(folder / "hints"))
        self.hints.settimeout(20)
        self.engine = LocalEngine(self.home, hint_socket=folder / "hints")
        self.started: list[str] = []
        (folder / "environment").mkdir()

    def start(self, run_id: str, code: str, **changes: Any) -> None:
        limits = {"vcpu": 1.0, "memory_bytes": 256 * MIB, "pids": 64, "disk_bytes": 16 * MIB} | changes.pop(
            "limits", {}
        )
        spec = RunSpec(
            run_id=run_id,
            command=("/usr/bin/python3", "-u", "-c", textwrap.dedent(code)),
            limits=Limits(**limits),
            environment_path=str(self.folder / "environment"),
            volume=Volume(name="v"),
        )
        self.started.append(run_id)
        self.engine.start(dataclasses.replace(spec, **changes), "local")

    def until(self, run_id: str, meets: Callable[[Observation], bool], seconds: float = 30) -> Observation:
        end = time.monotonic() + seconds
        while not meets(seen := self.engine.poll(run_id)):
            assert time.monotonic() < end, f"still {seen}"
            time.sleep(0.005)
        return seen

    def running(self, run_id: str) -> Observation:
        return self.until(run_id, lambda seen: seen.phase in (Phase.RUNNING, Phase.ENDED))

    def ended(self, run_id: str) -> Observation:
        return self.until(run_id, lambda seen: seen.phase is Phase.ENDED)

    def run(self, run_id: str, code: str, **changes: Any) -> Observation:
        self.start(run_id, code, **changes)
        return self.ended(run_id)

    def log(self, run_id: str) -> str:
        return self.engine.read_log(run_id, 0, 10 * MIB).decode()

    def status(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "runs" / run_id / "status.json").read_text())
        return found

    def logged(self, run_id: str, line: str) -> None:
        """Wait for the whole line: unbuffered Python writes what it prints and the end of the line one after the other."""
        self.until(run_id, lambda _: line in self.log(run_id).splitlines() and self.log(run_id).endswith("\n"))

    def close(self) -> None:
        for run_id in self.started:
            self.engine.stop(run_id, 0)
            try:
                self.until(run_id, lambda seen: seen.phase in (Phase.ENDED, Phase.UNKNOWN), seconds=10)
            except (
                AssertionError
            ):  # a runner that hangs is killed, so that nothing stays mounted below the test's folder
                os.kill(self.status(run_id)["runner"]["pid"], signal.SIGKILL)
                self.ended(run_id)
            self.engine.reclaim(run_id)
        self.hints.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


SERVICE = """
import json, os, socket, time
time.sleep(0.2)
server = socket.socket(socket.AF_UNIX)
server.bind(os.environ['STUDIUM_SOCKET'])
server.listen()
state = 'starting'
answers = 0
while True:
    connection, _ = server.accept()
    asked = connection.recv(65536).decode()
    answers += 1
    code = '503 Not yet' if answers == 1 else '200 OK' if 'token sesame' in asked else '403 No'
    body = json.dumps([{'execution_state': 'idle'}, {'execution_state': os.environ['STATE']}]) if 'kernels' in asked else '{}'
    print(asked.splitlines()[0])
    connection.sendall(f'HTTP/1.1 {code}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}'.encode())
"""


def test_a_service_is_ready_when_it_answers_below_500_and_a_hint_is_sent(bench: Bench) -> None:
    service = Service(kind="jupyter", path="/base/api", token="sesame")
    bench.start("a", SERVICE, service=service, variables={"STATE": "busy"})
    assert bench.engine.endpoint("a") is None
    assert bench.hints.recv(100) == b"a"
    assert bench.running("a").phase is Phase.RUNNING
    assert bench.log("a").startswith("GET /base/api HTTP/1.0\nGET /base/api HTTP/1.0\n")
    busy = bench.until("a", lambda seen: seen.activity.what == "a kernel is busy")
    assert busy.activity.busy
    assert busy.activity.last_busy_at is not None
    assert "GET /base/api/kernels" in bench.log("a")
    endpoint = bench.engine.endpoint("a")
    assert endpoint is not None
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(endpoint.socket)
        client.sendall(b"GET / HTTP/1.0\r\nAuthorization: token sesame\r\n\r\n")
        assert b"200 OK" in client.recv(1000)
    bench.engine.stop("a", 0)
    assert bench.hints.recv(100) == b"a"
    assert bench.engine.poll("a").phase is Phase.ENDED


def test_a_socket_that_is_a_link_to_another_is_never_offered(bench: Bench) -> None:
    secret = bench.folder / "secret.sock"
    platform = socket.socket(socket.AF_UNIX)
    platform.bind(str(secret))
    platform.listen()
    platform.settimeout(1.0)
    code = (
        f"import os, time; os.symlink({str(secret)!r}, os.environ['STUDIUM_SOCKET']); print('linked'); time.sleep(600)"
    )
    bench.start("a", code, service=Service())
    bench.logged("a", "linked")
    with pytest.raises(TimeoutError):
        platform.accept()
    platform.close()
    assert bench.engine.endpoint("a") is None
    assert bench.engine.poll("a").phase is Phase.STARTING


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open(p, 'w').write('{\"cell\": 3}')", {"cell": 3}),
        ("open(p, 'w').write('[1]')", None),
        ("open(p, 'w').write('{\"x\": \"' + 'x' * 5000 + '\"}')", None),
        ("open(p, 'w').write('{\"x\": NaN}')", None),
        ("open(p, 'w').write('[' * 4000)", None),
        ("os.mkfifo(p)", None),
        ("os.mkdir(p)", None),
        ("os.symlink('/etc/hostname', p)", None),
    ],
)
def test_progress_is_taken_only_from_a_small_plain_object(bench: Bench, code: str, expected: object) -> None:
    ended = bench.run("a", f"import os; p = os.environ['STUDIUM_PROGRESS']; {code}")
    assert ended.exit_code == 0, bench.log("a")
    assert ended.progress == expected


def test_a_busy_processor_and_a_terminal_command_are_activity_and_sleep_is_not(bench: Bench) -> None:
    bench.start("busy", "while True: pass", volume=None, workdir="/tmp")
    bench.start("asleep", "import time; time.sleep(600)", volume=None, workdir="/tmp")
    shell = """
        import os, pty
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv('/bin/bash', ['bash', '--norc', '-i'])
        os.write(terminal, b'sleep 600\\n')
        while os.read(terminal, 1000):
            pass
        """
    bench.start("terminal", shell, volume=None, workdir="/tmp")
    assert bench.until("busy", lambda seen: seen.activity.busy).activity.what == "the CPU is in use"
    seen = bench.until("terminal", lambda seen: seen.activity.what == "a terminal command is running")
    assert seen.activity.busy
    assert bench.until("asleep", lambda seen: seen.usage.pids > 0).activity.what in ("", "the CPU is in use")


def test_a_stop_is_polite_first(bench: Bench) -> None:
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print('saving'), sys.exit(0)))
        print('up')
        while True:
            time.sleep(1)
        """
    bench.start("a", code)
    bench.logged("a", "up")
    bench.engine.stop("a", 30)
    ended = bench.ended("a")
    assert (ended.cause, ended.exit_code) == (Cause.STOPPED, 0)
    assert bench.log("a") == "up\nsaving\n"


def test_a_stop_that_is_ignored_becomes_force(bench: Bench) -> None:
    bench.start("a", "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)")
    bench.logged("a", "up")
    bench.engine.stop("a", 0.3)
    assert bench.ended("a").cause is Cause.STOPPED


def test_a_runner_that_died_before_its_first_word_is_started_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed together with the controller that was starting it: the run is as if it had never been asked for."""
    with monkeypatch.context() as patched:
        patched.setattr(LocalEngine, "_spawn", lambda _self, folder, *_: (folder / "spawned").touch())
        bench.start("a", "print('up')")
    assert bench.engine.poll("a").phase is Phase.UNKNOWN
    bench.start("a", "print('up')")
    assert bench.ended("a").exit_code == 0


def test_a_killed_runner_takes_the_sandbox_along_and_the_run_has_vanished(bench: Bench) -> None:
    bench.start("a", "import time; print('up'); time.sleep(600)")
    bench.logged("a", "up")
    status = bench.until("a", lambda _: bool(bench.status("a")["remains"])) and bench.status("a")
    os.kill(status["runner"]["pid"], signal.SIGKILL)
    ended = bench.ended("a")
    assert ended.cause is Cause.VANISHED
    assert ended.ended_at is not None
    end = time.monotonic() + 10
    while any(processes.started(process["pid"]) for process in status["remains"]):
        assert time.monotonic() < end
        time.sleep(0.01)
    # Nothing stands in the way of the next run of the same workspace.
    assert bench.run("b", "print('again')").exit_code == 0


def test_a_frozen_runner_is_alive_and_its_run_goes_on(bench: Bench) -> None:
    bench.start("a", "import time; time.sleep(600)")
    bench.running("a")
    runner = bench.status("a")["runner"]["pid"]
    os.kill(runner, signal.SIGSTOP)
    try:
        assert bench.engine.poll("a").phase is Phase.RUNNING
    finally:
        os.kill(runner, signal.SIGCONT)


def test_a_half_written_status_is_not_believed(bench: Bench) -> None:
    bench.start("a", "import time; time.sleep(600)")
    bench.running("a")
    (bench.home / "runs" / "a" / "status.json").write_text('{"seq": 99, "pha')
    assert bench.engine.poll("a").phase in (Phase.STARTING, Phase.RUNNING)
    assert bench.running("a").phase is Phase.RUNNING


def test_a_command_that_is_not_there_is_told_in_the_sandboxs_words(bench: Bench) -> None:
    bench.start("a", "", command=("nothing-of-that-name",))
    ended = bench.ended("a")
    assert ended.cause is Cause.COULD_NOT_START
    assert "nothing-of-that-name" in ended.message


def test_a_source_that_is_not_there_is_named(bench: Bench) -> None:
    ended = bench.run("a", "", mounts=(Mount(source="/nowhere/data", target="/datasets/data"),))
    assert ended.cause is Cause.COULD_NOT_START
    assert "/nowhere/data" in ended.message


def test_mounts_are_read_only_unless_said(bench: Bench) -> None:
    for name in ("given", "shared"):
        (bench.folder / name).mkdir(mode=0o777)
        (bench.folder / name).chmod(0o777)
    mounts = (
        Mount(source=str(bench.folder / "given"), target="/datasets/given"),
        Mount(source=str(bench.folder / "shared"), target="/storage", writable=True),
    )
    code = """
        open('/storage/made', 'w').write('x')
        open('/kaggle/working/alias', 'w').write('x')
        import os; print(os.listdir('/notebooks'))
        open('/datasets/given/made', 'w')
        """
    ended = bench.run("a", code, mounts=mounts)
    assert ended.exit_code == 1
    assert "Read-only file system" in bench.log("a")
    assert bench.log("a").startswith("['alias']")
    assert (bench.folder / "shared" / "made").exists()


def test_files_of_a_live_volume_are_read_without_following_links(bench: Bench) -> None:
    code = """
        import os, time
        os.symlink('/etc/passwd', 'link'); os.symlink('/etc', 'folder'); os.mkfifo('pipe')
        open('plain', 'w').write('plain'); print('up'); time.sleep(600)
        """
    bench.start("a", code)
    bench.logged("a", "up")
    assert bench.engine.read_file("v", "plain", 100) == b"plain"
    for path in ("link", "folder/passwd", "pipe"):
        assert bench.engine.read_file("v", path, 10_000) is None
    with pytest.raises(EngineError):
        bench.engine.write_file("v", "folder/made-by-studium", b"x", 16 * MIB)
    assert not Path("/etc/made-by-studium").exists()
    bench.engine.write_file("v", "link", b"replaced", 16 * MIB)
    assert bench.engine.read_file("v", "link", 100) == b"replaced"
    assert b"studium" not in Path("/etc/passwd").read_bytes() or os.path.exists("/home/studium")


def test_what_the_platform_writes_belongs_to_the_run(bench: Bench) -> None:
    bench.engine.write_file("v", "a/notebook", b"first", 16 * MIB)
    code = "open('a/notebook', 'a').write(' second'); import os; os.rename('a/notebook', 'a/other')"
    assert bench.run("a", code).exit_code == 0, bench.log("a")
    assert bench.engine.read_file("v", "a/other", 100) == b"first second"


def test_nested_namespaces_can_be_allowed(bench: Bench) -> None:
    bench.start("a", "", command=("/usr/bin/unshare", "-Ur", "/usr/bin/id", "-u"), nested_namespaces=True)
    assert bench.ended("a").exit_code == 0, bench.log("a")
    assert bench.log("a") == "0\n"


def test_variables_and_accelerators_are_told(bench: Bench) -> None:
    devices = tuple(
        Device(id=f"sim-P100-{i}", kind="P100", index=i, simulated=True, variables={"CUDA_VISIBLE_DEVICES": str(i)})
        for i in (0, 1)
    )
    code = "import os; print([os.environ.get(n) for n in ('CUDA_VISIBLE_DEVICES', 'STUDIUM_ACCELERATORS', 'MINE', 'HOME')])"
    ended = bench.run("a", code, devices=devices, variables={"MINE": "a b"})
    assert ended.exit_code == 0
    assert bench.log("a") == "['0,1', 'P100,P100', 'a b', '/notebooks']\n"


def test_a_runner_is_small(bench: Bench) -> None:
    bench.start("a", "import time; time.sleep(600)")
    seen = bench.until("a", lambda seen: seen.usage.pids > 0)
    assert seen.usage.disk_total_bytes > 8 * MIB
    fields = Path(f"/proc/{bench.status('a')['runner']['pid']}/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in fields if line.startswith("VmRSS:"))
    assert resident < 15 * 1024


def test_a_runner_waits_without_work_for_a_service_that_does_not_answer(bench: Bench) -> None:
    code = """
        import os, socket, time
        server = socket.socket(socket.AF_UNIX); server.bind(os.environ['STUDIUM_SOCKET']); server.listen()
        print('listening'); server.accept(); print('asked'); time.sleep(600)
        """
    bench.start("a", code, service=Service())
    bench.logged("a", "asked")
    runner = bench.status("a")["runner"]["pid"]
    before = processes.stat(runner)
    bench.until("a", lambda seen: seen.usage.pids > 0)
    first = bench.status("a")["seq"]
    bench.until("a", lambda _: bench.status("a")["seq"] > first)  # some two seconds later
    after = processes.stat(runner)
    assert before is not None
    assert after is not None
    assert after.cpu_seconds - before.cpu_seconds < 0.3


def test_a_service_that_hangs_up_at_once_harms_nobody(bench: Bench) -> None:
    code = """
        import os, socket
        server = socket.socket(socket.AF_UNIX); server.bind(os.environ['STUDIUM_SOCKET']); server.listen()
        for asked in range(60): server.accept()[0].close()
        print('enough')
        while True:
            caller = server.accept()[0]; caller.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n[]'); caller.close()
        """
    bench.start("a", code, service=Service())
    bench.logged("a", "enough")
    bench.running("a")
    assert bench.engine.poll("a").phase is Phase.RUNNING


def test_nothing_is_left_of_a_reclaimed_run(bench: Bench) -> None:
    bench.start("a", "import time; time.sleep(600)")
    bench.running("a")
    remains = bench.status("a")["remains"]
    bench.engine.stop("a", 0)
    bench.ended("a")
    bench.engine.reclaim("a")
    assert str(bench.home) not in Path("/proc/self/mounts").read_text()
    assert not any(processes.started(process["pid"]) for process in remains)
    group = cgroups.Group(bench.engine.cgroup_backend, bench.engine.group_name("a"))
    assert not any(Path(folder).exists() for folder in group.folders.values())
    assert not (bench.home / "runs" / "a").exists()


@needs_root
def test_a_volume_keeps_its_owner_and_no_other_gets_it(bench: Bench) -> None:
    bench.run("a", "open('mine', 'w').write('x')")
    bench.engine.reclaim("a")
    bench.run("b", "open('mine', 'a').write('y')")
    assert bench.engine.read_file("v", "mine", 10) == b"xy"
    bench.run("c", "", volume=Volume(name="w"))
    owners = {name: bench.engine._volume_uid(name) for name in ("v", "w")}
    assert owners["v"] != owners["w"]
    bench.engine.delete_volume("w")
    bench.run("d", "", volume=Volume(name="x"))
    assert bench.engine._volume_uid("x") not in owners.values()


@needs_root
def test_a_volume_grows_when_more_is_asked(bench: Bench) -> None:
    bench.run("a", "open('kept', 'w').write('kept')")
    seen = bench.run(
        "b", "open('big', 'wb').write(bytes(24 << 20)); print(open('kept').read())", limits={"disk_bytes": 48 * MIB}
    )
    assert seen.exit_code == 0, bench.log("b")
    assert bench.log("b") == "kept\n"
    assert seen.usage.disk_bytes > 24 * MIB


@needs_root
def test_a_volume_that_was_not_unmounted_in_order_is_mended(bench: Bench) -> None:
    bench.run("a", "open('kept', 'w').write('kept')")
    image = bench.home / "volumes" / "v" / volumes.IMAGE
    subprocess.run(["debugfs", "-w", "-R", "set_super_value state 0", str(image)], check=True, capture_output=True)
    assert not volumes.is_clean(str(image))
    assert bench.run("b", "print(open('kept').read())").exit_code == 0
    assert volumes.is_clean(str(image))


@needs_root
def test_a_device_node_is_seen_by_its_run_only(bench: Bench) -> None:
    node = bench.folder / "accelerator0"
    os.mknod(node, 0o20666, os.makedev(10, 200))
    node.chmod(0o666)
    device = Device(id="x", kind="X", index=0, paths=(str(node),))
    code = f"import os; os.close(os.open({str(node)!r}, os.O_RDWR)); print('opened')"
    assert bench.run("with", code, devices=(device,)).exit_code == 0, bench.log("with")
    without = bench.run("without", code, volume=Volume(name="w"))
    assert without.exit_code == 1
    assert "FileNotFoundError" in bench.log("without")


@needs_root
def test_a_full_platform_disk_costs_neither_the_run_nor_its_end(bench: Bench) -> None:
    bench.home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(bench.home)], check=True)
    try:
        bench.start(
            "a",
            "import sys; print('up'); sys.stdin.read(); import time; time.sleep(1.5); sys.exit(9)",
            volume=None,
            workdir="/tmp",
        )
        bench.logged("a", "up")
        with (bench.home / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(4096)):
                pass
        assert bench.ended("a").exit_code == 9
        with pytest.raises(EngineError, match="No space"):
            bench.start("b", "print('up')", volume=None, workdir="/tmp")
        bench.started.remove("b")
        (bench.home / "filler").unlink()
        assert bench.run("c", "print('up')", volume=None, workdir="/tmp").exit_code == 0
        for run_id in ("a", "c"):
            bench.engine.reclaim(run_id)
    finally:
        subprocess.run(["umount", "-l", str(bench.home)], check=True)
    bench.started.clear()


@needs_root
def test_root_without_control_groups_still_limits(bench: Bench) -> None:
    bench.engine = LocalEngine(bench.home, cgroups_allowed=False)
    failed = [check for check in bench.engine.checks() if not check.ok]
    assert "limits" in [check.name for check in failed if check.isolates and check.remedy]
    bomb = """
        import os, sys, time
        born = 0
        try:
            while born < 500:
                if os.fork() == 0:
                    time.sleep(600)
                born += 1
        except OSError as error:
            sys.exit(7 if born < 40 and error.errno == 11 else 8)
        """
    assert bench.run("bomb", bomb, limits={"pids": 32}).exit_code == 7
    balloon = bench.run("balloon", "held = bytearray(400 << 20)", limits={"memory_bytes": 96 * MIB})
    assert balloon.cause is Cause.OUT_OF_MEMORY or "MemoryError" in bench.log("balloon")
