"""The start pass: an assigned run gets its devices and files, then the engine is asked. Asking again starts it once."""

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

from studium.compute.actions import spec_of
from studium.compute.engines.base import EngineError, Phase
from studium.compute.engines.registry import Engines
from studium.compute.models import Accelerator, Run
from studium.compute.reconcile.ending import finish
from studium.compute.reconcile.leases import each, give_back, lease_due
from studium.compute.spec import Device, Mount, RunSpec, Seed
from studium.compute.states import Reason, State
from studium.compute.transitions import move
from studium.config.options import options
from studium.errors import StudiumError
from studium.secrets.giving import give
from studium.storage import actions as storage
from studium.storage import trees
from studium.storage.providers.mounting import mountable

HEALED_AFTER = timedelta(seconds=1)


def run_pass(engines: Engines, now: datetime) -> int:
    """Start what is assigned; returns how many runs were handled."""

    def start(run: Run) -> None:
        if not all(trees.is_down(manifest) for manifest in spec_of(run).manifests):
            give_back(run, now=now, after=1)  # the pass that lays them down says when they are there
            return
        for manifest in spec_of(run).manifests:
            trees.note_use(manifest, now=now)
        # The state moves first: a crash after it is healed by the watch pass, which asks the engine again. It looks
        # only when the engine has been asked, or not been for a second.
        if move(run, State.STARTING, now=now, lease=run.lease, due_at=now + HEALED_AFTER):
            ask(engines, run, now)
            Run.objects.filter(pk=run.pk, state=State.STARTING).update(due_at=now)

    return each("start", lease_due([State.ASSIGNED], now=now), now, start)


def ask(engines: Engines, run: Run, now: datetime) -> None:
    """Ask the engine to carry out a starting run. Repeatable. A refusal ends the run with the engine's words.

    An engine may fail after it has started the run (a lost answer): what it then says of the run decides.
    """
    assert run.machine is not None
    engine = engines[run.machine.engine]
    spec = complete_spec(run)
    try:
        spec, access = with_remotes(spec, run)
        values = give(spec.secrets, run.team, run.user, now=now)
    except StudiumError as error:
        finish(run, Reason.COULD_NOT_START, now=now, message=f"{error.message} {error.next_step}")
        return
    try:
        engine.start(spec, run.machine.name, secrets=values, access=access)
    except EngineError as error:
        if engine.poll(run.pk).phase == Phase.UNKNOWN:
            finish(run, Reason.COULD_NOT_START, now=now, message=str(error))


def complete_spec(run: Run) -> RunSpec:
    """The run's spec with the devices it was given, its trees made into mounts and its seed files into files."""
    spec = spec_of(run)
    devices = tuple(
        Device(
            id=d.pk,
            kind=d.kind,
            index=d.index,
            simulated=d.simulated,
            paths=tuple(d.paths),
            variables=dict(d.variables),
        )
        for d in Accelerator.objects.filter(allocation__run=run).order_by("index")
    )
    filling = (Seed(source=str(trees.folder_of(spec.filling)), target=""),) if spec.filling else ()
    seeds = filling + tuple(_local(seed) for seed in spec.seeds)
    return dataclasses.replace(
        spec, devices=devices, seeds=seeds, filling="", mounts=spec.mounts + mounts_of(spec), trees=()
    )


def with_remotes(spec: RunSpec, run: Run) -> tuple[RunSpec, dict[str, dict[str, str]]]:
    """The spec with what is told of its providers, and apart from it what opens them. Raises Refused where one may not be."""
    found = {each.source: mountable(run.user, run.team, each.source) for each in spec.remotes}
    filled = tuple(
        dataclasses.replace(each, name=known.name, root=known.root, hosts=known.hosts, within=known.within)
        for each in spec.remotes
        if (known := found[each.source])
    )
    return dataclasses.replace(spec, remotes=filled), {source: known.variables for source, known in found.items()}


def mounts_of(spec: RunSpec) -> tuple[Mount, ...]:
    """The spec's trees as folders of this machine."""
    return tuple(
        Mount(source=str(trees.folder_of(tree.manifest)), target=target)
        for tree in spec.trees
        for target in tree.targets
    )


def _local(seed: Seed) -> Seed:
    """A seed named by a blob's digest, `blob:<digest>`, as a host file."""
    if not seed.source.startswith("blob:"):
        return seed
    digest = seed.source.removeprefix("blob:")
    path: Path = options().home / "seeds" / digest
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{digest}.new")
        fresh.write_bytes(storage.get(digest))
        fresh.rename(path)
    return dataclasses.replace(seed, source=str(path))
