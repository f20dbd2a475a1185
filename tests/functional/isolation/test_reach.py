"""What a run can reach: tried from inside a real sandbox, as root's engine and as an ordinary user's."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functional.isolation.places import MIB, Place

ATTEMPTS = Path(__file__).with_name("attempts.py")
MARK = "no run may read this"


@dataclass
class Outcome:
    """What the attempts told, and what there was to reach."""

    told: dict[str, list[Any]]
    log: str
    run_id: str
    paths: list[str]

    def refused(self, name: str) -> str:
        how, what = self.told[name]
        assert how == "refused", f"{name} was possible: {what}"
        return str(what)

    def did(self, name: str) -> Any:
        how, what = self.told[name]
        assert how == "did", f"{name} failed: {what}"
        return what


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """A service of the host on every address. The answer is its port."""
    server = socket.create_server(("0.0.0.0", 0))
    threading.Thread(target=_accept, args=(server,), daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def outcome(place: Place, listener: int, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    other = place.start("open('secret', 'w').write('x'); import time; time.sleep(600)")
    place.wait(other, "running")
    database = place.home / "studium.sqlite3"
    database.write_text(MARK)
    database.chmod(0o644)
    shutil.copy("/usr/bin/id", place.folder / "environment" / "id")
    (place.folder / "environment" / "id").chmod(0o4755)
    socket_path = str(tmp_path_factory.mktemp("s") / "web.sock")
    web = socket.socket(socket.AF_UNIX)
    web.bind(socket_path)
    Path(socket_path).chmod(0o777)
    web.listen()
    paths = [
        str(place.home), str(database), str(place.home / "volumes" / other), str(place.home / "runs" / other / "spec.json"),
        "/root", "/home", "/etc/shadow", "/var/lib", "/sys", "/proc/1/root/root", str(Path(__file__).parent), "/run/studium-stage",
    ]  # fmt: skip
    given = {
        "paths": paths, "sockets": [socket_path], "pid": os.getpid(),
        "addresses": [["127.0.0.1", listener], ["10.0.0.1", 80], ["169.254.169.254", 80]],
    }  # fmt: skip
    run_id = place.start(ATTEMPTS.read_text(), json.dumps(given))
    ended = place.wait(run_id)
    web.close()
    assert ended.code == 0, ended.log
    return Outcome(json.loads(ended.log.splitlines()[-1]), ended.log, run_id, paths)


def test_no_path_of_the_host_is_there(outcome: Outcome) -> None:
    for path in outcome.paths:
        assert outcome.refused(f"path {path}") in ("ENOENT", "EACCES", "ENOTDIR"), path


def test_the_platforms_sockets_are_out_of_reach(outcome: Outcome) -> None:
    names = [name for name in outcome.told if name.startswith("socket /")]
    assert names
    for name in names:
        outcome.refused(name)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_without_network_nothing_answers(outcome: Outcome, address: str) -> None:
    outcome.refused(f"address {address}")
    assert outcome.did("interfaces") == ["lo"]


@pytest.mark.parametrize("family", ["AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_CAN", "AF_NETLINK"])
def test_socket_families_that_no_namespace_fences_are_refused(outcome: Outcome, family: str) -> None:
    assert outcome.refused(f"family {family}") in ("EAFNOSUPPORT", "EPERM")


def test_raw_sockets_are_refused(outcome: Outcome) -> None:
    assert outcome.refused("raw socket") == "EPERM"


def test_only_own_processes_are_seen(outcome: Outcome) -> None:
    assert len(outcome.did("processes")) <= 3
    for name in ("kill host process", "ptrace host process", "signal all"):
        assert outcome.refused(name) == "ESRCH"


@pytest.mark.parametrize("kind", ["user", "mount", "pid", "network"])
def test_no_namespaces_can_be_made(outcome: Outcome, kind: str) -> None:
    assert outcome.refused(f"unshare {kind}") == "EPERM"
    assert outcome.refused(f"clone {kind}") == "EPERM"


@pytest.mark.parametrize(
    "name",
    ["unshare command", "mount", "chroot", "add key", "keyctl", "io_uring", "bpf", "perf", "userfaultfd",
     "open by handle", "kernel log", "host name", "x32 call", "terminal injection", "clone3"],
)  # fmt: skip
def test_dangerous_calls_are_refused(outcome: Outcome, name: str) -> None:
    assert outcome.refused(name) in ("EPERM", "ENOSYS", "CalledProcessError")


def test_debugging_ones_own_stays_possible(outcome: Outcome) -> None:
    assert outcome.did("trace own child") == 0


@pytest.mark.parametrize(
    "path", ["/usr/x", "/opt/env/x", "/etc/x", "/x", "/dev/x", "/run/x", "/proc/sys/kernel/core_pattern"]
)
def test_the_system_is_read_only(outcome: Outcome, path: str) -> None:
    assert outcome.refused(f"write {path}") in ("EROFS", "EACCES", "EPERM")


def test_only_plain_device_nodes_are_there(outcome: Outcome) -> None:
    plain = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "core", "console"}
    assert set(outcome.did("device nodes")) <= plain | {"stdin", "stdout", "stderr"}
    assert outcome.refused("make device") == "EPERM"
    assert outcome.refused("make disk") == "EPERM"


def test_no_privilege_is_to_be_had(outcome: Outcome) -> None:
    status = outcome.did("status")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert outcome.refused("become root") in ("EPERM", "EINVAL")
    assert outcome.did("run setuid") == "1000"


def test_no_name_of_the_host_is_told(outcome: Outcome) -> None:
    assert outcome.did("names") == [outcome.run_id, "studium"]
    words = json.dumps(outcome.did("environment"))
    assert socket.gethostname() not in words.replace(outcome.run_id, "")
    assert str(Path.home()) not in words
    assert MARK not in outcome.log


def test_scratch_space_is_part_of_the_memory(outcome: Outcome) -> None:
    assert outcome.did("scratch") <= 96 * MIB + 4096


def test_the_folder_of_sockets_is_small(outcome: Outcome, place: Place) -> None:
    if place.is_root:
        assert outcome.refused("socket folder") == "ENOSPC"
    else:  # a plain folder there, bounded by the size of single files; doctor says so
        assert "workspace size" in json.loads(place.drive("checks"))
