"""What a run is, as plain data: everything an engine needs to carry it out and nothing about why it exists.

Written by `compute.actions`, read by engines and (as JSON) by the runner. All sizes are bytes, all times seconds.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may use. `disk_bytes` sizes the workspace volume; `log_bytes` caps the captured log."""

    vcpu: float
    memory_bytes: int
    pids: int = 512
    disk_bytes: int = 20 * 1024**3
    log_bytes: int = 32 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The writable workspace. It is kept between runs under `name`; only one live run may hold it."""

    name: str
    target: str = "/notebooks"
    aliases: tuple[str, ...] = ("/kaggle/working",)


@dataclass(frozen=True, kw_only=True)
class SharedVolume:
    """A writable volume that other runs may have at the same time. It is kept under `name` and made of `size_bytes`."""

    name: str
    target: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A host folder or file shown inside at `target`."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files of a manifest, given by its blob's digest, shown inside read-only at each of `targets`.

    The start pass has them laid down and makes mounts of them: engines know of mounts alone.
    """

    manifest: str
    targets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A storage provider shown inside read-only at `target`, its files fetched as they are read. `source` is its id.

    The start pass fills in the rest: what it is called, the folder of it as rclone names it, the servers (`host:port`) that
    it may be asked for, and what is allowed beside public addresses, as with `RunSpec.within`. What opens it is never
    part of a spec.
    """

    source: str
    target: str
    name: str = ""
    root: str = ""
    hosts: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A host file copied into the volume before the command starts, replacing what stood there (never through a link).

    A host folder is copied with all that is in it, to the volume itself with an empty `target`.
    """

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Device:
    """One accelerator given to the run: the device nodes it may open and the variables that make it the visible one."""

    id: str
    kind: str
    index: int
    simulated: bool = False
    paths: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server the command starts on a unix socket. Ready means that `path` answers below 500 on it.

    The socket is `/run/studium/<socket>` inside. Jupyter services are also asked for their kernels' state.
    """

    socket: str = "service.sock"
    path: str = "/"
    kind: Literal["jupyter", "http"] = "http"
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run. `environment_path` is a host folder shown read-only at `/opt/env`; `command[0]` is looked up inside.

    `network` gives no way out, the public internet, or a proxy that reaches the `hosts` (`host:port`) alone.
    Hosts that a member chose are given with `within`: then they are reached at public addresses only, and at those that
    its entries name (`studium.runner.addresses`); `*:443` is every host.
    `filling` is the digest of a manifest whose files are copied into the volume before the seeds.
    `secrets` names where the run's secrets are found when it starts; their values are never part of a spec.
    """

    run_id: str
    command: tuple[str, ...]
    limits: Limits
    environment_path: str
    volume: Volume | None = None
    shared: tuple[SharedVolume, ...] = ()
    mounts: tuple[Mount, ...] = ()
    trees: tuple[Tree, ...] = ()
    remotes: tuple[Remote, ...] = ()
    filling: str = ""
    seeds: tuple[Seed, ...] = ()
    devices: tuple[Device, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    workdir: str = "/notebooks"
    network: Literal["none", "outbound", "hosts"] = "none"
    hosts: tuple[str, ...] = ()
    within: tuple[str, ...] | None = None
    service: Service | None = None
    nested_namespaces: bool = False
    secrets: str = ""

    @property
    def manifests(self) -> frozenset[str]:
        """Of everything that must be laid down on the machine before the run can start."""
        return frozenset(tree.manifest for tree in self.trees) | ({self.filling} if self.filling else frozenset())

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "RunSpec":
        """Inverse of `to_json`. Raises TypeError or KeyError on data that is not a spec."""
        known = dict(data)
        known["command"] = tuple(known["command"])
        known["limits"] = Limits(**known["limits"])
        if known.get("volume"):
            known["volume"] = Volume(**{**known["volume"], "aliases": tuple(known["volume"]["aliases"])})
        known["shared"] = tuple(SharedVolume(**s) for s in known.get("shared", ()))
        known["mounts"] = tuple(Mount(**m) for m in known.get("mounts", ()))
        known["trees"] = tuple(Tree(**{**t, "targets": tuple(t["targets"])}) for t in known.get("trees", ()))
        known["remotes"] = tuple(
            Remote(**{**r, "hosts": tuple(r["hosts"]), "within": tuple(r["within"])}) for r in known.get("remotes", ())
        )
        known["seeds"] = tuple(Seed(**s) for s in known.get("seeds", ()))
        known["devices"] = tuple(Device(**{**d, "paths": tuple(d["paths"])}) for d in known.get("devices", ()))
        known["hosts"] = tuple(known.get("hosts", ()))
        known["within"] = None if known.get("within") is None else tuple(known["within"])
        if known.get("service"):
            known["service"] = Service(**known["service"])
        return cls(**known)
