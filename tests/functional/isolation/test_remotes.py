"""Storage providers as folders of a real sandbox: read and not written, by servers that answer, hang or are not allowed."""

import contextlib
import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from factories.accounts import Cast, make_cast
from factories.providers import allow, swift_provider, web_provider, web_server
from functional.isolation.test_life import Bench, bench, needs_root  # noqa: F401 (a fixture)
from running.swift import SECRET, Swift, running_swift
from studium.compute.engines.base import Cause
from studium.compute.engines.local import LocalEngine
from studium.compute.spec import Limits, Remote, RunSpec, Volume
from studium.lib.ids import new_id
from studium.runner import processes
from studium.storage.providers import mounting
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened

MIB = 1024**2
LOOPBACK = "127.0.0.0/8"
pytestmark = [pytest.mark.django_db, needs_root]


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def lab(cast: Cast, swift: Swift, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A bucket with two files below a folder in it, and one outside of that."""
    allow_all(monkeypatch, LOOPBACK)
    name = new_id()
    swift.make_bucket(name)
    whole = opened(swift_provider(cast.owner, cast.team, swift, name, name="whole"))
    whole.write("raw/one.txt", [b"one\n"])
    whole.write("raw/deep/two.bin", [bytes(range(256)) * 4096])
    whole.write("outside.txt", [b"not below raw\n"])
    return swift_provider(cast.owner, cast.team, swift, name, prefix="raw")


def allow_all(monkeypatch: pytest.MonkeyPatch, *entries: str) -> None:
    allow(monkeypatch, *entries)
    monkeypatch.setattr(mounting, "allowed", lambda: entries)


def start(
    bench: Bench,  # noqa: F811
    cast: Cast,
    provider: Provider,
    code: str,
    within: tuple[str, ...] | None = None,
) -> None:
    """A run "a" that has the provider as `/providers/lab`; `within` in place of what the operator allows."""
    told = mounting.mountable(cast.owner, cast.team, provider.pk)
    remote = Remote(
        source=provider.pk,
        target="/providers/lab",
        name=told.name,
        root=told.root,
        hosts=told.hosts,
        within=told.within if within is None else within,
    )
    spec = RunSpec(
        run_id="a",
        command=("/usr/bin/python3", "-u", "-c", f"if True:\n{code}"),
        limits=Limits(vcpu=1, memory_bytes=512 * MIB, pids=128, disk_bytes=16 * MIB),
        environment_path=str(bench.folder / "environment"),
        volume=Volume(name="v"),
        remotes=(remote,),
    )
    bench.started.append("a")
    bench.engine.start(spec, "local", access={provider.pk: told.variables})


def rclones() -> list[int]:
    """Those of this machine that serve `/run/studium-stage`."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"rclone") and any(word.startswith(b"/run/studium-stage/") for word in words):
                found.append(int(name))
    return found


def own_rclone(bench: Bench) -> int:  # noqa: F811
    known = {each["pid"] for each in bench.status("a")["remains"]}
    (found,) = known & set(rclones())
    return found


READS = """
        import errno, hashlib, os
        top = "/providers/lab"
        print(sorted(os.listdir("/providers")), sorted(os.listdir(top)))
        print(open(top + "/one.txt").read().strip(), os.path.getsize(top + "/deep/two.bin"))
        whole = open(top + "/deep/two.bin", "rb")
        whole.seek(700_001)
        print(hashlib.sha256(whole.read(9)).hexdigest() == hashlib.sha256(bytes((700_001 + n) % 256 for n in range(9))).hexdigest())
        for attempt in (lambda: open(top + "/new", "w"), lambda: open(top + "/one.txt", "a"), lambda: os.unlink(top + "/one.txt"),
                        lambda: os.mkdir(top + "/sub"), lambda: os.rename(top + "/one.txt", top + "/x")):
            try:
                attempt()
                print("written")
            except OSError as error:
                print(errno.errorcode[error.errno])
        line = next(line for line in open("/proc/self/mountinfo") if " /providers/lab " in line)
        print(all(word in line.split()[5].split(",") for word in ("ro", "nosuid", "nodev")))
"""


def test_a_run_reads_a_bucket_and_cannot_write_it(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    start(bench, cast, lab, READS)
    assert bench.ended("a").exit_code == 0, (bench.ended("a").message, bench.log("a"))
    assert bench.log("a").splitlines() == [
        "['lab'] ['deep', 'one.txt']",
        f"one {256 * 4096}",
        "True",
        *["EROFS"] * 5,
        "True",
    ]


def test_no_credential_is_seen_inside_or_kept(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    code = """
        import os, time
        print(os.listdir("/providers/lab"), dict(os.environ))
        for name in os.listdir("/proc"):
            for each in ("environ", "cmdline", "mountinfo"):
                try:
                    print(open(f"/proc/{name}/{each}", "rb").read())
                except OSError:
                    pass
        print([name for name in os.listdir("/proc") if name.isdigit()])
        print("looked", flush=True)
        time.sleep(60)
    """
    start(bench, cast, lab, code)
    bench.logged("a", "looked")
    assert SECRET not in bench.log("a")
    assert "rclone" not in bench.log("a").replace("fuse.rclone", "")
    pid = own_rclone(bench)
    assert SECRET.encode() in Path(f"/proc/{pid}/environ").read_bytes()  # what is looked for is spelled so
    assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert os.stat(f"/proc/{pid}").st_uid not in (0, os.stat(f"/proc/{bench.status('a')['remains'][0]['pid']}").st_uid)
    kept = [path for path in bench.home.rglob("*") if path.is_file() and not path.name.startswith("image")]
    assert kept
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_it_is_taken_down_with_the_run(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    start(bench, cast, lab, "  import time; print('up', flush=True); time.sleep(60)")
    bench.logged("a", "up")
    pid = own_rclone(bench)
    began = processes.started(pid)
    bench.engine.stop("a", 0)
    bench.ended("a")
    assert processes.started(pid) != began
    assert "studium-stage/remote" not in Path("/proc/self/mountinfo").read_text()
    bench.engine.reclaim("a")
    assert not (bench.home / "runs" / "a").exists()
    assert "remotes/a" not in (bench.home / "uids.json").read_text()


def test_nothing_of_it_outlives_a_runner_that_was_killed(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    start(bench, cast, lab, "  import time; print('up', flush=True); time.sleep(60)")
    bench.logged("a", "up")
    pid = own_rclone(bench)
    began = processes.started(pid)
    os.kill(bench.status("a")["runner"]["pid"], signal.SIGKILL)
    assert bench.ended("a").cause is Cause.VANISHED
    bench.until("a", lambda _: processes.started(pid) != began)


def test_a_mount_that_is_lost_is_told_and_the_run_goes_on(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    code = """
        import os, time
        print(os.listdir("/providers/lab") and "up", flush=True)
        while True:
            try:
                os.stat("/providers/lab/one.txt")
                time.sleep(0.05)
            except OSError as error:
                print(error.strerror, flush=True)
                break
        while "x" not in os.listdir("."):
            time.sleep(0.05)
    """
    start(bench, cast, lab, code)
    bench.logged("a", "up")
    os.kill(own_rclone(bench), signal.SIGKILL)
    bench.until("a", lambda _: "is not mounted any more" in bench.log("a") and "endpoint" in bench.log("a"))
    assert "[the storage provider lab is not mounted any more: start again to read it]" in bench.log("a")
    assert "Transport endpoint is not connected" in bench.log("a")
    bench.engine.stop("a", 0)
    assert bench.ended("a").cause is Cause.STOPPED


def impatient(bench: Bench) -> None:  # noqa: F811
    """A second for each of rclone's tries, instead of ten."""
    bench.engine = LocalEngine(bench.home, hint_socket=bench.folder / "hints", provider_seconds=1)


TRIES = """
        import os, time
        print("up", flush=True)
        began = time.monotonic()
        try:
            print({attempt})
        except OSError as error:
            print(error.strerror, time.monotonic() - began < 30)
"""


def test_a_server_that_hangs_is_given_up(
    bench: Bench,  # noqa: F811
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_all(monkeypatch, LOOPBACK)
    impatient(bench)
    with silent_server() as address:
        provider = swift_provider(cast.owner, cast.team, Swift(address), "data")
        start(bench, cast, provider, TRIES.format(attempt="os.listdir('/providers/lab')"))
        bench.ended("a")
        assert bench.log("a").splitlines() == ["up", "Input/output error True"]


def test_more_than_the_cache_has_room_for_is_read(bench: Bench, cast: Cast, lab: Provider) -> None:  # noqa: F811
    """One file that is larger, then another; the cache stays within its size."""
    bench.engine = LocalEngine(bench.home, hint_socket=bench.folder / "hints", provider_cache=24 * MIB)
    remote = opened(lab)
    piece = bytes(range(256)) * 4096
    remote.write("large.bin", (piece for _ in range(40)))
    remote.write("other.bin", (piece for _ in range(10)))
    code = """
        import hashlib
        for name in ("large", "other"):
            with open(f"/providers/lab/{name}.bin", "rb") as stream:
                digest = hashlib.sha256()
                while piece := stream.read(1 << 20):
                    digest.update(piece)
            print(name, digest.hexdigest())
    """
    start(bench, cast, lab, code)
    bench.until("a", lambda seen: seen.ended_at is not None, seconds=90)
    whole = hashlib.sha256(piece * 40).hexdigest(), hashlib.sha256(piece * 10).hexdigest()
    assert bench.log("a").splitlines() == [f"large {whole[0]}", f"other {whole[1]}"]
    kept = bench.home / "runs" / "a" / "cache-0" / "image.ext4"
    assert kept.stat().st_size == 24 * MIB


class _Stalling(SimpleHTTPRequestHandler):
    """Tells of its files and sends none of them."""

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: Any, outputfile: Any) -> None:
        if self.path.endswith(".bin"):
            self.connection.recv(1)  # until the caller hangs up
        else:
            super().copyfile(source, outputfile)


def test_a_file_that_does_not_come_fails_to_be_read(
    bench: Bench,  # noqa: F811
    cast: Cast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_all(monkeypatch, LOOPBACK)
    impatient(bench)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "file.bin").write_bytes(b"never sent")
    with web_server(tmp_path / "open", _Stalling) as address:
        provider = web_provider(cast.owner, cast.team, address)
        start(bench, cast, provider, TRIES.format(attempt="open('/providers/lab/file.bin', 'rb').read()"))
        bench.until("a", lambda seen: seen.ended_at is not None, seconds=60)
        assert bench.log("a").splitlines() == ["up", "Input/output error True"]


def test_a_run_that_waits_for_a_server_is_stopped_at_once(
    bench: Bench,  # noqa: F811
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_all(monkeypatch, LOOPBACK)
    with silent_server() as address:
        provider = swift_provider(cast.owner, cast.team, Swift(address), "data")
        start(bench, cast, provider, "  import os; print('up', flush=True); os.listdir('/providers/lab')")
        bench.logged("a", "up")
        asked = time.monotonic()
        bench.engine.stop("a", 0)
        assert bench.ended("a").cause is Cause.STOPPED
        assert time.monotonic() - asked < 8  # it would wait for 40 s


LISTS = """
        import os
        for name in ("", "away.txt"):
            try:
                print(os.listdir("/providers/lab") if not name else open("/providers/lab/" + name).read())
            except OSError as error:
                print(error.strerror)
"""


@pytest.mark.parametrize("allowed", [True, False])
def test_only_what_is_allowed_is_dialled(
    bench: Bench,  # noqa: F811
    cast: Cast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: bool,
) -> None:
    """A server on loopback is reached as far as the operator allows it, and none that it leads on to."""
    asked: list[str] = []

    class Elsewhere(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

    allow_all(monkeypatch, LOOPBACK)
    impatient(bench)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "away.txt").write_text("elsewhere")
    with web_server(tmp_path, Elsewhere) as private:

        class Leading(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if not self.path.endswith(".txt"):
                    super().do_GET()
                    return
                self.send_response(302)
                self.send_header("Location", f"{private}/secret")
                self.end_headers()

        with web_server(tmp_path / "open", Leading) as address:
            provider = web_provider(cast.owner, cast.team, address)
            start(bench, cast, provider, LISTS, within=None if allowed else ())
            bench.until("a", lambda seen: seen.ended_at is not None, seconds=60)
    assert bench.log("a").splitlines() == ["['away.txt']" if allowed else "Input/output error", "Input/output error"]
    assert asked == []


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """Takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    for each in kept:
        each.close()
