"""Every change to versions. The actor comes first; the caller fetched the notebook as that actor with `change=True`."""

import hashlib
import time
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q

from studium.accounts.models import Project, User
from studium.community.states import Told
from studium.compute import actions as compute
from studium.compute.models import MachineType
from studium.compute.spec import RunSpec
from studium.compute.states import State
from studium.environments.actions import ready
from studium.environments.models import Build
from studium.errors import NotYet, Refused
from studium.events.actions import hint, record
from studium.lib.ids import new_id
from studium.notebooks import actions as notebooks
from studium.notebooks.access import guest_of
from studium.notebooks.git.queries import files_of, require_ready
from studium.notebooks.inputs.actions import carry_over, note_given
from studium.notebooks.inputs.providers import remotes_for
from studium.notebooks.inputs.queries import Given, given_again, given_lately, given_now, trees_of
from studium.notebooks.launching import build_for, build_spec, check_options, disk_bytes, present_build
from studium.notebooks.models import Launch, Notebook, Version
from studium.notebooks.queries import stored_bytes
from studium.notebooks.states import LaunchKind, RunOptions, VersionKind
from studium.notebooks.subjects import tell_owner
from studium.notebooks.taking import hold_taken, named_in
from studium.notebooks.versions.comparing import compare_page
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage import actions as storage
from studium.storage.models import Hold

OWNER_KIND = "version"
COMPARISON = "comparison:"
# Raised when pages of comparisons are made differently; those made before are made anew.
_COMPARISON_LAYOUT = 3
# How long saving waits for the controller to look at a running session's file once more.
LOOKS, BETWEEN_LOOKS = 200, 0.05


@dataclass(frozen=True)
class _Begun:
    """What a run begins with of a git repository: the manifest of its files, and their commit."""

    manifest: str
    size: int
    commit: str


def holder_of(version: Version, what: str) -> str:
    return f"version:{version.pk}:{what}"


def save_quick(actor: User, notebook: Notebook, *, now: datetime, note: str = "") -> Version:
    """Save the notebook as it is. Raises Refused where the team's storage is full, NotYet for a session nobody can read."""
    require_ready(notebook)
    _look_again(notebook, now)
    standing = plans.standing(notebook.team, now=now)
    checks.check_team_storage(standing.plan, stored_bytes(notebook.team), notebook.document_bytes)
    return _save(actor, notebook, note, now)


def _save(actor: User, notebook: Notebook, note: str, now: datetime) -> Version:
    with transaction.atomic():
        version = _insert(
            actor,
            notebook,
            VersionKind.QUICK,
            notebook.document,
            build=present_build(notebook),
            now=now,
            note=note,
            settled_at=now,
        )
        note_given(version, given_lately(notebook))
        _recorded("version.saved", actor, version, now=now)
    return version


def save_and_run(
    actor: User,
    notebook: Notebook,
    machine: str,
    *,
    now: datetime,
    note: str = "",
    max_seconds: int | None = None,
    options: RunOptions | None = None,
    again: Version | None = None,
) -> Version:
    """Save the notebook and run all of it in a fresh workspace, beside whatever else runs.

    `again` runs that version's source in that version's environment with its options. Raises Refused, NotYet, BadInput as a
    start does.
    """
    if again is None:
        _look_again(notebook, now)
    source = again.source if again else notebook.document
    return run_document(
        actor, notebook, machine, source, now=now, note=note, max_seconds=max_seconds, options=options, again=again
    )


def run_document(
    actor: User,
    notebook: Notebook,
    machine: str,
    source: str,
    *,
    now: datetime,
    note: str = "",
    max_seconds: int | None = None,
    options: RunOptions | None = None,
    again: Version | None = None,
) -> Version:
    """Run a document, given by its digest, as a new version. Raises as `save_and_run` does."""
    if options is None:
        options = again.run.launch.options if again and again.run else RunOptions()
    check_options(LaunchKind.VERSION, options)
    require_ready(notebook)
    internet = again.internet if again else notebook.internet
    before = again.run.machine_type.slug if again and again.run else ""
    machine_type = compute.find_machine_type(machine or before or notebook.machine_type or "cpu-small")
    standing = plans.standing(notebook.team, now=now)
    if internet:
        checks.check_internet(standing.plan)
    stored = stored_bytes(notebook.team)
    checks.check_team_storage(standing.plan, stored, 0)
    build = _build_again(again, now) if again else build_for(notebook, now=now)
    given = given_again(actor, again) if again else given_now(actor, notebook)
    begun = _Begun(again.begun_with, again.begun_bytes, again.commit) if again else _Begun(*files_of(notebook))
    spec = build_spec(
        notebook,
        LaunchKind.VERSION,
        standing.rules,
        run_id=compute.new_run_id(),
        disk=disk_bytes(standing.plan, stored=stored, own=0),
        source=source,
        build=build,
        options=options,
        guest=guest_of(actor, notebook),
        trees=trees_of(given),
        remotes=remotes_for(actor, notebook),
        filling=begun.manifest,
    )
    return _submit(
        actor,
        notebook,
        machine_type,
        spec,
        build,
        given,
        now=now,
        note=note,
        max_seconds=max_seconds,
        options=options,
        again=again,
        begun=begun,
    )


def _submit(
    actor: User,
    notebook: Notebook,
    machine_type: MachineType,
    spec: RunSpec,
    build: Build,
    given: list[Given],
    *,
    now: datetime,
    note: str,
    max_seconds: int | None,
    options: RunOptions,
    again: Version | None,
    begun: _Begun,
) -> Version:
    """The run in the queue and the version that it is for, together or not at all."""
    version_id, source = new_id(), spec.seeds[0].source.removeprefix("blob:")
    contents = named_in(begun.manifest) if begun.manifest else frozenset()
    with transaction.atomic():
        run = compute.submit_run(
            actor,
            notebook.team,
            machine_type,
            spec,
            title=notebook.title,
            owner_kind=OWNER_KIND,
            owner_id=version_id,
            interactive=False,
            now=now,
            max_seconds=max_seconds,
        )
        Launch.objects.create(run=run, notebook=notebook, kind=LaunchKind.VERSION, **asdict(options))
        version = _insert(
            actor,
            notebook,
            VersionKind.RUN,
            source,
            build=build,
            now=now,
            note=note,
            pk=version_id,
            run=run,
            again_of=again,
            begun_with=begun.manifest,
            begun_bytes=begun.size,
            commit=begun.commit,
        )
        if begun.manifest:
            hold_taken(holder_of(version, "begun"), begun.manifest, contents)
        note_given(version, given)
        _recorded("version.run", actor, version, now=now)
    return version


def _look_again(notebook: Notebook, now: datetime) -> None:
    """Have the file of a running session looked at once more, so that what was just saved there is in the document.

    Raises NotYet where nobody looks: a version must not silently be of something older.
    """
    run = notebooks.live_run(notebook)
    if run is None or run.state != State.RUNNING:
        return
    Launch.objects.filter(run=run).update(synced_at=None)
    hint([f"run:{run.pk}"])
    for _ in range(LOOKS):
        if Launch.objects.filter(run=run, looked_at__gte=now).exists():
            notebook.refresh_from_db()
            return
        time.sleep(BETWEEN_LOOKS)
    raise NotYet(
        "version.not_looked",
        "What the running session has saved could not be read at this moment.",
        "Nothing is lost. Try again in a minute, or stop the session first.",
    )


def _build_again(version: Version, now: datetime) -> Build:
    """The build the version was made with. Raises Refused when it is gone, NotYet while it is built again from its lock."""
    if version.build is None:
        raise _environment_gone(version)
    try:
        return ready(version.build, now=now)
    except Refused:
        raise _environment_gone(version) from None


def _environment_gone(version: Version) -> Refused:
    return Refused(
        "version.environment_gone",
        f"The environment of version {version.number} ({version.environment}) is no longer on this machine.",
        "Run the notebook as a new version in today's environment instead.",
    )


def _insert(
    actor: User,
    notebook: Notebook,
    kind: VersionKind,
    source: str,
    *,
    build: Build | None,
    now: datetime,
    note: str,
    **fields: object,
) -> Version:
    """Insert a version under the next number. To be called in a transaction."""
    Notebook.objects.select_for_update().get(pk=notebook.pk)  # two at once must not take the same number
    last = Version.objects.filter(notebook=notebook).aggregate(last=Max("number"))["last"] or 0
    again = fields.get("again_of")
    shown = again if isinstance(again, Version) else notebook
    version = Version.objects.create(
        notebook=notebook,
        number=last + 1,
        kind=kind,
        note=" ".join(note.split())[:500],
        created_by=actor,
        created_at=now,
        source=source,
        document=source,
        document_bytes=shown.document_bytes,
        cells=shown.cells,
        environment=build.lock_digest if build else "",
        build=build,
        internet=shown.internet,
        **fields,
    )
    storage.hold(holder_of(version, "source"), source)
    storage.hold(holder_of(version, "document"), source)
    return version


def _recorded(name: str, actor: User | None, version: Version, *, now: datetime, **data: object) -> None:
    notebook = version.notebook
    data = {"number": version.number, **data}
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
    hint([f"notebook:{notebook.pk}"])


def update_version(
    actor: User, version: Version, *, now: datetime, note: str | None = None, pinned: bool | None = None
) -> Version:
    """Change what may change of a version: its note, and whether it is pinned (kept by every clean-up, shown first)."""
    changes: dict[str, object] = {}
    if note is not None:
        changes["note"] = " ".join(note.split())[:500]
    if pinned is not None:
        changes["pinned"] = pinned
    with transaction.atomic():
        Version.objects.filter(pk=version.pk).update(**changes)
        _recorded("version.changed", actor, version, now=now, **changes)
    version.refresh_from_db()
    return version


def delete_version(actor: User | None, version: Version, *, now: datetime) -> None:
    """Delete a version that is settled and whose workspace is gone; its bytes go where nothing else holds them."""
    with transaction.atomic():
        _recorded("version.deleted", actor, version, now=now)
        storage.release_under(f"version:{version.pk}:")
        version.delete()


def restore(actor: User, version: Version, *, now: datetime) -> Notebook:
    """Make the version's document the notebook's. What it replaces is saved as a version first, where none has it.

    Raises NotYet while a run holds the workspace or the version's own goes on.
    """
    if version.settled_at is None:
        raise _still_running(version, "Restore")

    def keep(present: Notebook) -> None:
        if present.document != version.document:
            keep_document(actor, present, f"Before version {version.number} was put back", now=now)

    content = storage.get(version.document)
    notebook = notebooks.replace_document(actor, version.notebook, content, now=now, keep=keep)
    _recorded("version.restored", actor, version, now=now)
    return notebook


def keep_document(actor: User, notebook: Notebook, note: str, *, now: datetime) -> Version | None:
    """Save the notebook's document before another takes its place; None where a version of it has it already.

    It is not looked at how full the team's storage is: nothing is lost for want of room.
    """
    has = Q(document=notebook.document) | Q(source=notebook.document)
    if Version.objects.filter(has, notebook=notebook).exists():
        return None
    return _save(actor, notebook, note, now)


def _still_running(version: Version, what: str) -> NotYet:
    return NotYet(
        "version.running",
        f"Version {version.number} is still being run.",
        f"{what} it when its run has ended, or stop the run.",
    )


def copy(
    actor: User, notebook: Notebook, project: Project, *, now: datetime, version: Version | None = None
) -> Notebook:
    """Copy and edit: a notebook of the actor's own from the document or a version, which remembers where it came from.

    Raises NotYet for a version that is still being run, Refused for a notebook that an administrator took down: a copy would be
    public again with a click.
    """
    if notebook.taken_down_at is not None:
        raise Refused(
            "notebook.taken_down",
            "An administrator took this notebook down, so it cannot be copied.",
            "Download it, or ask for it to be put back.",
        )
    if version is not None and version.settled_at is None:
        raise _still_running(version, "Copy")
    digest = version.document if version else notebook.document
    made = notebooks.create_notebook(
        actor,
        project,
        notebook.title,
        storage.get(digest),
        now=now,
        machine_type=notebook.machine_type,
        environment=notebook.environment,
        environment_number=notebook.environment_number,
        copied_from=notebook,
        copied_version=version.number if version else None,
    )
    with transaction.atomic():
        carry_over(actor, version or notebook, made, now=now)
        record(
            "notebook.copied", subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now,
            data={"copy": made.pk},
        )  # fmt: skip
        tell_owner(Told.COPY, notebook, actor=actor, now=now)
    return made


def comparison(left: str, right: str, *, now: datetime) -> str:
    """The digest of the rendering that compares two documents, given by theirs; made once and kept for a while.

    Raises CompareError.
    """
    name = hashlib.sha256(f"{_COMPARISON_LAYOUT} {left} {right}".encode()).hexdigest()
    known = Hold.objects.filter(holder=COMPARISON + name).first()
    if known is not None:
        return str(known.blob_id)
    made = storage.put(compare_page(storage.get(left), storage.get(right)), now=now)
    storage.hold(COMPARISON + name, made.digest)
    return made.digest
