"""Both back ends of control groups on a folder in place of the kernel's tree, where files are just files."""

import os
from pathlib import Path

import pytest

from studium.runner import cgroups
from studium.runner.cgroups import Backend, Group, Reading


def make_v2(folder: Path, controllers: str = "cpu memory pids io") -> Path:
    for where in (folder, folder / "studium"):
        where.mkdir(exist_ok=True)
        (where / "cgroup.controllers").write_text(controllers)
        (where / "cgroup.subtree_control").write_text("")
        (where / "cgroup.procs").write_text("")
    return folder


def v2_group(folder: Path, **files: str) -> Group:
    group = Group(Backend(2, {"": str(folder)}), "run")
    place = folder / "run"
    place.mkdir(parents=True)
    names = ("memory.max", "cpu.max", "pids.max", "memory.swap.max", "cgroup.procs", "cgroup.kill")
    for name in names:
        (place / name).write_text("")
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text)
    return group


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's group is the one it is in")
def test_version_2_is_found_and_controllers_are_switched_on(tmp_path: Path) -> None:
    top = make_v2(tmp_path / "cgroup")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"cgroup2 {top} cgroup2 rw,nosuid 0 0\n")
    found = cgroups.find(str(mounts))
    assert found == Backend(2, {"": str(top / "studium")})
    assert (top / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"


def test_without_the_controllers_there_is_none(tmp_path: Path) -> None:
    top = make_v2(tmp_path / "cgroup", controllers="hugetlb")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"cgroup2 {top} cgroup2 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n")
    assert not cgroups.find(str(mounts))


def test_version_1_needs_all_of_its_controllers(tmp_path: Path) -> None:
    lines = []
    for name in ("memory", "cpu,cpuacct", "pids"):
        (tmp_path / name).mkdir()
        lines.append(f"cgroup {tmp_path / name} cgroup rw,relatime,{name} 0 0\n")
    mounts = tmp_path / "mounts"
    mounts.write_text("".join(lines))
    found = cgroups.find(str(mounts))
    assert found.version == 1
    assert found.roots["cpuacct"] == str(tmp_path / "cpu,cpuacct" / "studium")
    mounts.write_text("".join(lines[:-1]))
    assert not cgroups.find(str(mounts))


def test_version_2_limits_are_written(tmp_path: Path) -> None:
    group = v2_group(tmp_path)
    group.create(vcpu=1.5, memory_bytes=1000, pids=64)
    texts = {
        name: (tmp_path / "run" / name).read_text() for name in ("memory.max", "cpu.max", "pids.max", "memory.swap.max")
    }
    assert texts == {"memory.max": "1000", "cpu.max": "150000 100000", "pids.max": "67", "memory.swap.max": "0"}
    group.join(0)
    assert (tmp_path / "run" / "cgroup.procs").read_text() == "0"


def test_version_2_use_is_read(tmp_path: Path) -> None:
    group = v2_group(
        tmp_path, memory__current="5000\n", memory__stat="anon 100\ninactive_file 2000\n", memory__peak="9000\n",
        memory__events="low 0\noom 2\noom_kill 1\n", pids__current="7\n", pids__events="max 3\n", cpu__stat="usage_usec 2500000\n",
    )  # fmt: skip
    assert group.read() == Reading(2.5, 3000, 9000, 7, 1, 3)


def test_a_group_that_is_gone_reads_as_nothing(tmp_path: Path) -> None:
    assert Group(Backend(2, {"": str(tmp_path)}), "gone").read() == Reading()
    group = Group(Backend(2, {"": str(tmp_path)}), "gone")
    assert group.kill()
    group.remove()


def test_version_2_is_killed_by_the_kernel(tmp_path: Path) -> None:
    group = v2_group(tmp_path, cgroup__procs="4194304\n")  # beyond any pid
    assert not group.kill(seconds=0.01)
    assert (tmp_path / "run" / "cgroup.kill").read_text() == "1"
