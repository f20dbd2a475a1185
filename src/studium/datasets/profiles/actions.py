"""Ask for profiles, and record how they went. States move by compare-and-set."""

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from studium.accounts.access import acting_for
from studium.accounts.models import User
from studium.compute import actions as compute
from studium.compute.queries import plainest_type
from studium.compute.spec import Limits, Mount, RunSpec, Seed, Tree, Volume
from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles.packing import packed
from studium.datasets.states import PROFILE_MOVES, ProfileState
from studium.environments import commands
from studium.environments.queries import default_build
from studium.errors import Refused
from studium.events.actions import hint
from studium.lib.units import GIB
from studium.storage import actions as storage
from studium.storage import manifests

OWNER_KIND = "profile"
DATA = "/datasets/data"
SECONDS = 900
# What a run may use to put large tables aside, and how many files are looked into.
_DISK_BYTES, _MOST_FILES = 16 * GIB, 2000
_RUN_LEFT = 60  # seconds of the run's time in which it starts and writes its answer


def volume_of(profile: Profile) -> str:
    return f"profile-{profile.version_id}"


def ask(version: DatasetVersion, *, now: datetime) -> None:
    """Have the files of a version looked into, within the caller's transaction; repeatable while that is under way."""
    row, made = Profile.objects.get_or_create(version=version, defaults={"asked_at": now, "due_at": now})
    if not made:
        move(row, ProfileState.WAITING, run=None, fault="", asked_at=now, due_at=now, ended_at=None)
    hint([f"dataset:{version.dataset_id}"])


def ask_again(actor: User, version: DatasetVersion, *, now: datetime) -> None:
    """Have them looked into once more; the caller fetched the dataset as the actor with `change=True`."""
    with transaction.atomic():
        ask(version, now=now)


def move(profile: Profile, after: ProfileState, **changes: Any) -> bool:
    """Whether it was this call that moved it, from the state that the row was read in."""
    if after not in PROFILE_MOVES[ProfileState(profile.state)]:
        return False
    rows = Profile.objects.filter(pk=profile.pk, state=profile.state, run=profile.run_id)
    return bool(rows.update(state=after, **changes))


def start(profile: Profile, *, now: datetime) -> bool:
    """Ask for its run. Raises Refused or NotYet as starting any run does."""
    version = profile.version
    team = version.dataset.team
    actor, machine = acting_for(team, version.created_by), plainest_type(team, now=now)
    if actor is None or machine is None:
        what = "owner" if actor is None else "plan with a machine that could look into the files"
        raise Refused("profile.cannot", f"The team of this dataset has no {what}.", "Ask an administrator.")
    spec, request = _spec(profile)
    storage.put(request, now=now)
    with transaction.atomic():
        run = compute.submit_run(
            actor,
            team,
            machine,
            spec,
            title=f"Look into {version.dataset.title}, version {version.number}",
            owner_kind=OWNER_KIND,
            owner_id=str(version.pk),
            interactive=False,
            now=now,
            max_seconds=SECONDS,
        )
        storage.hold(f"profile:{version.pk}:request", spec.seeds[0].source.removeprefix("blob:"))
        if not move(profile, ProfileState.RUNNING, run=run, fault=""):
            transaction.set_rollback(True)  # somebody else was quicker
            return False
    return True


def later(profile: Profile, *, now: datetime, pause: timedelta) -> None:
    """See to it some time later: its run is asked for, or what that found is kept."""
    Profile.objects.filter(pk=profile.pk, state=profile.state).update(due_at=now + pause)


def end(profile: Profile, content: bytes, fault: str, *, now: datetime) -> bool:
    """Record what was found (JSON as `inside/profile_files.py` writes it), and why it is not all."""
    kept = (
        storage.put(packed(json.loads(content, parse_constant=lambda word: None)["files"]), now=now)
        if content
        else None
    )
    after = ProfileState.FAILED if fault and not content else ProfileState.READY
    with transaction.atomic():
        changes = {"content": kept.digest if kept else "", "fault": fault[:500], "ended_at": now}
        if not move(profile, after, **changes):
            return False
        if kept:
            storage.hold(holder_of(profile.version), kept.digest)
        storage.release(f"profile:{profile.version_id}:request")
        hint([f"dataset:{profile.version.dataset_id}"])
    return True


def holder_of(version: DatasetVersion) -> str:
    """Let go of with the dataset's others."""
    return f"dataset:{version.dataset_id}:{version.number}:profile"


def _spec(profile: Profile) -> tuple[RunSpec, bytes]:
    version = profile.version
    found = sorted(manifests.read(version.manifest), key=lambda entry: (entry.path.count("/"), entry.path))
    asked = {
        "root": DATA,
        "files": [{"path": entry.path, "size": entry.size} for entry in found[:_MOST_FILES]],
        "seconds": SECONDS - _RUN_LEFT,
        "memory_bytes": GIB,
    }
    request = json.dumps(asked).encode()
    build = default_build()
    spec = RunSpec(
        run_id=compute.new_run_id(),
        command=(f"{commands.ENVIRONMENT}/bin/python", "-s", f"{commands.CODE}/profile_files.py"),
        limits=Limits(vcpu=1, memory_bytes=GIB, disk_bytes=_DISK_BYTES),
        environment_path=build.path,
        volume=Volume(name=volume_of(profile)),
        mounts=(Mount(source=str(Path(__file__).resolve().parent.parent / "inside"), target=commands.CODE),),
        trees=(Tree(manifest=version.manifest, targets=(DATA,)),),
        seeds=(Seed(source=f"blob:{hashlib.sha256(request).hexdigest()}", target="request.json"),),
    )
    return spec, request
