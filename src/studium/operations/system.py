"""What the platform needs from the system: installed with the package manager where it may, else named with the command."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Need:
    """A program, the Debian package that has it, and what is lost without it."""

    program: str
    package: str
    without: str
    required: bool = False


NEEDS = (
    Need("bwrap", "bubblewrap", "no run can be started: there is no sandbox", required=True),
    Need("pasta", "passt", "runs have no outgoing network"),
    Need("nft", "nftables", "runs have no outgoing network: private addresses could not be closed"),
    Need("ip", "iproute2", "runs have no outgoing network"),
    Need("git", "git", "notebooks cannot come from git repositories, and terminals have no git"),
    Need("rclone", "rclone", "storage providers cannot be mounted into runs"),
    Need("fusermount3", "fuse3", "storage providers cannot be mounted into runs"),
    Need("mkfs.ext4", "e2fsprogs", "workspaces have no hard size limit"),
)


def missing() -> list[Need]:
    """The needs whose program is not on the path (system folders included)."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
    return [need for need in NEEDS if shutil.which(need.program, path=path) is None]


def install_command(needs: list[Need]) -> str:
    """The one command to type."""
    packages = " ".join(sorted({need.package for need in needs}))
    return f"sudo apt-get install --no-install-recommends -y {packages}"


def install_missing(say: Say) -> list[Need]:
    """Install what is missing if this is root on a Debian-like system; returns what is still missing, having said so."""
    lacking = missing()
    if lacking and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = sorted({need.package for need in lacking})
        say(f"Installing {', '.join(packages)} with apt-get")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
            )
            if done.returncode:
                words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
                say(f"{' '.join(command[:2])} failed: {words[-1]}")
        lacking = missing()
    if lacking:
        say(f"Missing on this system. Type:  {install_command(lacking)}")
        for need in lacking:
            say(f"  without {need.program}: {need.without}")
    return lacking
