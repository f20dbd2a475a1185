"""From a build to the plain run spec that compute carries out."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import uv

from studium.accounts.models import Team
from studium.compute.spec import Limits, Mount, RunSpec, Seed, Volume
from studium.environments import commands, interpreter
from studium.environments.index import package_index
from studium.environments.models import Build
from studium.environments.queries import default_build
from studium.lib.units import GIB

# What a build may take: its packages, and what was fetched for it and earlier ones of the team.
DISK_BYTES = 16 * GIB


def volume_of(team: Team) -> str:
    """The builds of a team share what they have fetched, and one build at a time has it."""
    return f"env-{team.pk}"


def build_spec(build: Build, *, run_id: str, lock: bytes, ready: Sequence[str] = ()) -> tuple[RunSpec, bytes]:
    """The spec, and the request that it names as its seed. `lock` is there when the build is to be made exactly again.

    `ready` are the digests of locks whose packages need not be installed, as the team has them in place.
    """
    default = default_build()
    index = package_index(default.path)
    team = build.environment.team
    assert team is not None
    asked = {
        "kind": build.kind,
        "source": build.source,
        "python": server_python(),
        "index": index.url,
        "lock": lock.decode(),
        "ready": list(ready),
    }
    request = json.dumps(asked, sort_keys=True).encode()
    mounts = {
        commands.SERVER: default.path,
        commands.CODE: str(commands.code_folder()),
        commands.UV: str(Path(uv.find_uv_bin()).resolve()),
    }
    spec = RunSpec(
        run_id=run_id,
        command=commands.build_command(),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=DISK_BYTES),
        environment_path=default.path,
        volume=Volume(name=volume_of(team)),
        mounts=tuple(Mount(source=source, target=target) for target, source in mounts.items()),
        seeds=(Seed(source=f"blob:{hashlib.sha256(request).hexdigest()}", target="request.json"),),
        network="hosts",
        hosts=index.hosts,
    )
    return spec, request


def server_python() -> str:
    """The interpreter, as a sandbox sees it, that the default environment stands on."""
    found = interpreter.choose()
    return f"{commands.SERVER}/bin/python3" if found.copied else str(found.executable)
