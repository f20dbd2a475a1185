"""An S3-compatible server on loopback: OpenStack Swift with its s3api, of one device and without replicas.

Its packages are those of requirements/swift.txt, in an environment of their own (`running.locked`).
"""

import base64
import contextlib
import email.utils
import getpass
import hmac
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from running.locked import environment

USER, SECRET = "test:tester", "testing"
RINGS = ("account", "container", "object")
_SECONDS = 60

_PIPELINE = (
    "catch_errors proxy-logging cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes proxy-logging "
    "proxy-server"
)
_STORAGE = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
log_address = {folder}/no-syslog
log_statsd_host =
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
fallocate_reserve = 0
"""
_PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {folder}
log_address = {folder}/no-syslog
[pipeline:main]
pipeline = {pipeline}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
error_suppression_limit = 0
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
"""
_MAKE_RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, *ports = sys.argv[1:]
for kind, port in zip(("account", "container", "object"), ports):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
"""


@dataclass(frozen=True)
class Swift:
    """A running one. `url_of` gives the setting `storage_url` for a bucket, and `variables` the credentials."""

    endpoint: str

    variables = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}

    def url_of(self, bucket: str) -> str:
        return f"s3://{bucket}/some/prefix?endpoint={self.endpoint}"

    def make_bucket(self, name: str) -> None:
        when = email.utils.formatdate(usegmt=True)
        signed = hmac.digest(SECRET.encode(), f"PUT\n\n\n{when}\n/{name}".encode(), "sha1")
        told = {"Date": when, "Authorization": f"AWS {USER}:{base64.b64encode(signed).decode()}"}
        asked = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT", headers=told)
        end = time.monotonic() + _SECONDS
        while True:
            try:
                urllib.request.urlopen(asked).close()
                return
            except urllib.error.HTTPError as error:  # its servers wait for each other, on a busy machine too short
                if error.code != 503 or time.monotonic() > end:
                    raise
                time.sleep(0.05)


@contextlib.contextmanager
def running_swift(folder: Path) -> Iterator[Swift]:
    """Start it, in an empty folder of a file system with extended attributes; stopped at the end."""
    programs = environment("swift") / "bin"
    ports = _free_ports(4)
    told = {"user": getpass.getuser(), "folder": str(folder)}
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {secrets.token_hex(8)}\nswift_hash_path_suffix = {secrets.token_hex(8)}\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    for kind, port in zip(RINGS, ports, strict=False):
        (folder / f"{kind}.conf").write_text(_STORAGE.format(kind=kind, port=port, **told))
    _rings(programs, folder, ports[:3])
    (folder / "proxy.conf").write_text(_PROXY.format(port=ports[3], pipeline=_PIPELINE, **told))
    with contextlib.ExitStack() as stack:
        for kind in (*RINGS, "proxy"):
            log = stack.enter_context((folder / f"{kind}.log").open("wb"))
            command = [str(programs / f"swift-{kind}-server"), str(folder / f"{kind}.conf")]
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "SWIFT_DIR": str(folder)})
            stack.callback(_stop, process)
        endpoint = f"http://127.0.0.1:{ports[3]}"
        _wait(endpoint, folder)
        yield Swift(endpoint)


def _rings(programs: Path, folder: Path, ports: list[int]) -> None:
    """All in one process of the server's own Python: to start it takes longer than they do."""
    subprocess.run([str(programs / "python"), "-c", _MAKE_RINGS, str(folder), *map(str, ports)], check=True)


def _wait(endpoint: str, folder: Path) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{endpoint}/auth/v1.0", timeout=5).close()
        except urllib.error.HTTPError:  # it asks who we are
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("".join(path.read_text()[-2000:] for path in folder.glob("*.log")))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in socks]
