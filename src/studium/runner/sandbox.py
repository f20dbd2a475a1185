"""The sandbox as bubblewrap arguments: which parts of the host a run sees, and everything it does not.

Only what is named here exists inside. The root folder and /dev are made read-only last.
"""

import os
from typing import Any, NamedTuple

from . import inside, showing
from .stage import Stage


class Places(NamedTuple):
    """Where the sandbox's sources lie, as its own uid reaches them."""

    environment: str
    run_folder: str
    volume: str | None
    mounts: tuple[tuple[str, str, bool], ...]
    prefixes: tuple[tuple[str, str], ...]
    devices: tuple[tuple[str, str], ...]
    inputs: str | None
    shared: tuple[tuple[str, str], ...]
    remotes: tuple[tuple[str, str], ...]


def gather(
    spec: dict[str, Any],
    run_folder: str,
    volume: str | None,
    stage: Stage,
    *,
    inputs: str | None = None,
    shared: tuple[tuple[str, str], ...] = (),
    remotes: tuple[tuple[str, str], ...] = (),
) -> Places:
    """Put every source on the stage. Raises FileNotFoundError with the path when one is not there.

    `inputs` is a folder that inputs may be linked into later, where they cannot be mounted; `shared` are folders of shared
    volumes and `remotes` those of storage providers, on the stage already, with their paths inside.
    """
    wanted = [spec["environment_path"], *(mount["source"] for mount in spec["mounts"])]
    wanted += [path for device in spec["devices"] for path in device["paths"]]
    for path in wanted:
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path} is not there")
    prefixes = inside.interpreter_prefixes(spec["environment_path"])
    return Places(
        environment=stage.show(spec["environment_path"]),
        run_folder=stage.show(run_folder),
        volume=volume,
        mounts=tuple((stage.show(m["source"]), m["target"], m["writable"]) for m in spec["mounts"]),
        prefixes=tuple((stage.show(source), target) for target, source in sorted(prefixes.items())),
        devices=tuple((stage.show(path), path) for path in inside.device_nodes(spec["devices"])),
        inputs=inputs,
        shared=shared,
        remotes=remotes,
    )


def _namespaces(spec: dict[str, Any]) -> list[str]:
    words = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if spec["network"] != "outbound":
        words.append("--unshare-net")
    if not spec["nested_namespaces"]:
        words.append("--disable-userns")
    uid = str(inside.UID)
    words += ["--uid", uid, "--gid", uid, "--hostname", spec["run_id"], "--cap-drop", "ALL"]
    return [*words, "--die-with-parent", "--new-session", "--clearenv"]


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = f"/{name}"
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            words += ["--ro-bind", path, path]
    for path in inside.HOST_FILES:
        words += ["--ro-bind-try", path, path]
    return words


def _scratch(memory_bytes: int) -> list[str]:
    """In-memory folders: each at most half of the run's memory, and charged to it."""
    half = str(max(16 * 1024**2, memory_bytes // 2))
    words: list[str] = []
    for path in ("/tmp", "/dev/shm"):  # noqa: S108 (paths inside, private to the run)
        words += ["--perms", "1777", "--size", half, "--tmpfs", path]
    return [*words, "--dir", "/var", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108


def _devices(devices: tuple[tuple[str, str], ...]) -> list[str]:
    words: list[str] = []
    for source, path in devices:
        words += ["--dev-bind", source, path]
    if words:  # drivers read the bus topology there
        words += ["--ro-bind", "/sys", "/sys"]
    return words


def _work(spec: dict[str, Any], places: Places) -> list[str]:
    words = ["--bind", places.run_folder, inside.RUN_FOLDER, "--ro-bind", places.environment, "/opt/env"]
    for source, target in places.prefixes:
        words += ["--ro-bind", source, target]
    if spec["volume"] and places.volume:
        for target in (spec["volume"]["target"], *spec["volume"]["aliases"]):
            words += ["--bind", places.volume, target]
    elif spec["workdir"] == inside.HOME:
        words += ["--size", str(spec["limits"]["disk_bytes"]), "--tmpfs", inside.HOME]
    for source, target in places.shared:
        words += ["--bind", source, target]
    for source, target in places.remotes:
        words += ["--ro-bind", source, target]
    if places.inputs:
        for target in showing.FOLDERS:
            words += ["--ro-bind", places.inputs, target]
    for source, target, writable in places.mounts:
        words += ["--bind" if writable else "--ro-bind", source, target]
    return words


def arguments(spec: dict[str, Any], places: Places, files: dict[str, int], fds: dict[str, int]) -> list[str]:
    """All of bubblewrap's options. `files` maps paths in /etc to descriptors with their contents.

    `fds` has `status` (bubblewrap reports there), `block` (it waits there) and, where a filter is used, `seccomp`.
    """
    words = _namespaces(spec)
    for name, value in inside.variables(spec).items():
        words += ["--setenv", name, value]
    words += _system()
    for path, descriptor in files.items():
        words += ["--perms", "0644", "--file", str(descriptor), path]
    words += ["--proc", "/proc", "--dev", "/dev", *_scratch(spec["limits"]["memory_bytes"])]
    words += [*_devices(places.devices), *_work(spec, places)]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", spec["workdir"]]
    words += ["--json-status-fd", str(fds["status"]), "--block-fd", str(fds["block"])]
    if "seccomp" in fds:
        words += ["--seccomp", str(fds["seccomp"])]
    return words
