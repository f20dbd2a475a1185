"""How fast bytes of a dataset come, through the edge, beside nginx serving the same file.

One file of 4 GiB, all of it, on loopback, by the same client (curl, which throws the bytes away): `one_file`, sides in turn.
Then the zip of a version of 20,000 files: `zip_start_ms`, from the request until the first byte of the archive is there. Both
are warm: in the page cache, and asked for once before.
"""

import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from report import figure
from running.platform import Platform, running_platform, wait_for
from upload import LARGE_BYTES, MIB, SMALL_FILES, many_small, one_large

ROUNDS, ZIPS = 5, 20
SHARE, ZIP_START_MS = 0.7, 200
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error; user root; worker_processes 1;
events {{}}
http {{
  access_log off; sendfile on; tcp_nopush on; client_body_temp_path {folder}/temp;
  server {{ listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream; }}
}}
"""


def nginx_program() -> str:
    """The peer's program; on Debian and Ubuntu it is fetched if need be."""
    if not shutil.which("nginx") and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"], check=True)
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not found:
        raise SystemExit("This needs nginx and curl. Type: apt-get install nginx-light curl")
    return found


@contextlib.contextmanager
def nginx(root: Path) -> Iterator[str]:
    """The address of a server of the files in `root`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conf").write_text(NGINX.format(folder=folder, port=port, root=root))
        server = subprocess.Popen([nginx_program(), "-p", folder, "-c", f"{folder}/conf"])
        try:
            wait_for(lambda: answers(port), seconds=10, says="nginx")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def got(address: str, token: str = "") -> tuple[int, float, float]:
    """Bytes of the body, seconds until the first of them and until the last."""
    words = ["curl", "-s", "-f", "-o", "/dev/null", "-w", "%{size_download} %{time_starttransfer} %{time_total}"]
    words += ["-H", f"Authorization: Bearer {token}"] if token else []
    done = subprocess.run([*words, address], check=True, capture_output=True, text=True)
    size, first, last = done.stdout.split()
    return int(size), float(first), float(last)


def bring(platform: Platform, folder: Path, title: str) -> str:
    """A dataset of the folder's files; its address in REST."""
    done = platform.cli("datasets", "create", str(folder), "--title", title)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    with platform.client() as client:
        found = next(each for each in client.datasets.all() if each.title == title)
    return f"{platform.url}/rest/datasets/{found.id}/versions/1"


def one_file(platform: Platform, folder: Path) -> bool:
    one_large(folder, seed=1)
    address = f"{bring(platform, folder, 'One large file')}/files/large.bin"
    ours, theirs = list[float](), list[float]()
    with nginx(folder) as peer:
        for turn in range(-1, ROUNDS):
            for side, where, token in ((ours, address, platform.token), (theirs, f"{peer}/large.bin", "")):
                size, _, took = got(where, token)
                if size != LARGE_BYTES:
                    raise SystemExit(f"{size} bytes came")
                if turn >= 0:
                    side.append(size / MIB / took)
    value, other = statistics.median(ours), statistics.median(theirs)
    good = value >= SHARE * other
    figure(
        "download", "one_file", value, "MiB/s", peer="nginx", peer_value=other, goal=f">= {SHARE:g} x", ok=good,
        conditions=(
            f"{LARGE_BYTES // MIB:,} MiB on loopback by curl, medians of {ROUNDS} in turn, {min(ours):,.0f} to "
            f"{max(ours):,.0f} beside {min(theirs):,.0f} to {max(theirs):,.0f}"
        ),
    )  # fmt: skip
    return good


def zip_start(platform: Platform, folder: Path) -> bool:
    made = many_small(folder, seed=1)
    address = f"{bring(platform, folder, 'Many small files')}/archive"
    whole, _, took = got(address, platform.token)
    if whole < made:
        raise SystemExit(f"{whole} bytes came of {made}")
    starts = sorted(first_byte(address, platform.token) * 1000 for _ in range(ZIPS))
    value = statistics.median(starts)
    good = value <= ZIP_START_MS
    figure(
        "download", "zip_start_ms", value, "ms", goal=f"<= {ZIP_START_MS}", ok=good,
        conditions=(
            f"a version of {SMALL_FILES:,} files, {made / MIB:,.0f} MiB, median of {ZIPS}, {starts[0]:.0f} to {starts[-1]:.0f}; "
            f"all of it before that took {took:.1f} s"
        ),
    )  # fmt: skip
    return good


def first_byte(address: str, token: str) -> float:
    """Seconds until the first byte of the body; the rest is not waited for."""
    words = ["curl", "-s", "-f", "-N", "-H", f"Authorization: Bearer {token}", address]
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        if client.stdout.read(4) != b"PK\3\4":
            raise SystemExit("no archive came")
        took = time.perf_counter() - began
        client.kill()
    return took


def main() -> int:
    nginx_program()
    good = True
    with running_platform() as platform, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        for measure in (zip_start, one_file):
            folder = Path(name, measure.__name__)
            folder.mkdir()
            good &= measure(platform, folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
