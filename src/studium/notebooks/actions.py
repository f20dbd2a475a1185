"""Every change to notebooks. The actor comes first; the caller fetched the notebook as that actor with `change=True`."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from studium.accounts.access import require
from studium.accounts.models import Project, User
from studium.accounts.states import Role
from studium.community.actions import forget as forget_subject
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.states import LIVE
from studium.environments.models import Environment
from studium.environments.queries import build_of, require_language
from studium.errors import BadInput, NotYet
from studium.events.actions import record
from studium.lib.ids import new_id
from studium.notebooks.access import guest_of, may_manage, not_yours
from studium.notebooks.document import blank, check_notebook
from studium.notebooks.git import queries as git
from studium.notebooks.inputs.providers import remotes_for
from studium.notebooks.inputs.queries import given_now, trees_of
from studium.notebooks.launching import OWNER_KIND, build_for, build_spec, check_options, disk_bytes, place_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.queries import stored_bytes
from studium.notebooks.search.actions import forget
from studium.notebooks.snapshots import queries as snapshots
from studium.notebooks.snapshots.actions import forget_of_notebook as forget_snapshots
from studium.notebooks.states import LaunchKind, RunOptions, Visibility
from studium.notebooks.subjects import KIND
from studium.notebooks.webhooks.actions import forget_of_notebook as forget_webhooks
from studium.plans import checks
from studium.plans import queries as plans
from studium.secrets.actions import forget_holder
from studium.storage import actions as storage
from studium.storage.models import Blob


def holder_of(notebook: Notebook) -> str:
    return f"notebook:{notebook.pk}:document"


def create_notebook(
    actor: User,
    project: Project,
    title: str,
    content: bytes | None = None,
    *,
    now: datetime,
    visibility: Visibility | None = None,
    internet: bool = False,
    machine_type: str = "",
    gallery_slug: str = "",
    copied_from: Notebook | None = None,
    copied_version: int | None = None,
    language: str = "",
    environment: Environment | None = None,
    environment_number: int | None = None,
) -> Notebook:
    """A notebook from nothing, a file, the gallery or another one. Without a visibility, the most private one the plan allows.

    `language` is for a notebook from nothing, Python where none is named. Raises BadInput for content that is no notebook
    or an unknown language, NotYet for one that is not installed, Refused where the plan says no.
    """
    require(actor, project.team, Role.MEMBER)
    standing = plans.standing(project.team, now=now)
    chosen = visibility or checks.default_visibility(standing.plan)
    checks.check_visibility(standing.plan, chosen)
    if internet:
        checks.check_internet(standing.plan)
    if environment is not None and environment.team_id is None:
        environment = None
    title = title.strip()[:200] or "Untitled"
    found = check_notebook(_beginning(title, content, language))
    blob = storage.put(found.content, now=now)
    for attempt in range(6):
        try:
            with transaction.atomic():
                return _insert(
                    actor,
                    project,
                    blob,
                    now=now,
                    slug=_slug(title, attempt),
                    title=title,
                    visibility=chosen,
                    internet=internet,
                    machine_type=machine_type,
                    gallery_slug=gallery_slug,
                    copied_from=copied_from,
                    copied_version=copied_version,
                    environment=environment,
                    environment_number=environment_number,
                    language=found.language,
                    cells=found.cells,
                    upgrade=found.upgrade,
                )
        except IntegrityError:
            continue
    raise NotYet(
        "notebook.name_race", "Too many notebooks of this name are being made.", "Try again, or choose another title."
    )


def _beginning(title: str, content: bytes | None, language: str) -> bytes:
    if content is None:
        return blank(title, require_language(language).slug) if language else blank(title)
    if language:
        raise BadInput(
            "notebook.language_given",
            "The notebook's own content says what language it is in.",
            "Leave out the language, or the content.",
        )
    return content


def _slug(title: str, attempt: int) -> str:
    base = slugify(title)[:70] or "notebook"
    return base if attempt == 0 else f"{base}-{new_id(4)}"


def _insert(actor: User, project: Project, blob: Blob, *, now: datetime, **fields: object) -> Notebook:
    notebook = Notebook.objects.create(
        team=project.team,
        project=project,
        created_by=actor,
        created_at=now,
        changed_at=now,
        label=new_id(16),
        document=blob.digest,
        document_bytes=blob.size,
        **fields,
    )
    storage.hold(holder_of(notebook), blob.digest)
    record(
        "notebook.created",
        subject=("notebook", notebook.pk),
        actor=actor,
        team_id=notebook.team_id,
        now=now,
        data={"title": notebook.title},
    )
    return notebook


def unmake(notebook: Notebook) -> None:
    """Take back a notebook that was made a moment ago and never shown, as what was to follow was refused."""
    with transaction.atomic():
        storage.release_under(f"notebook:{notebook.pk}:")
        Notebook.objects.filter(pk=notebook.pk).delete()


def replace_document(
    actor: User,
    notebook: Notebook,
    content: bytes,
    *,
    now: datetime,
    keep: Callable[[Notebook], object] | None = None,
) -> Notebook:
    """Put other content in place; the workspace gets it at the next start. In the same step `keep` may keep what is replaced.

    Raises NotYet while a run holds the workspace, or it is emptied or given the contents of a snapshot.
    """
    found = check_notebook(content)
    if live_run(notebook) is not None:
        raise NotYet(
            "notebook.running", "The notebook is open in a running session.", "Stop the session first, then upload."
        )
    git.require_free(notebook)
    blob = storage.put(found.content, now=now)
    with transaction.atomic():
        snapshots.require_free(notebook)
        if keep is not None:
            keep(Notebook.objects.get(pk=notebook.pk))
        storage.hold(holder_of(notebook), blob.digest)
        Notebook.objects.filter(pk=notebook.pk).update(
            document=blob.digest, document_bytes=blob.size, cells=found.cells, language=found.language,
            upgrade=found.upgrade, changed_at=now,
        )  # fmt: skip
        record("notebook.uploaded", subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now)
    notebook.refresh_from_db()
    return notebook


def live_run(notebook: Notebook) -> Run | None:
    """The run that holds the workspace now, queued ones included."""
    return (
        Run.objects.filter(owner_kind=OWNER_KIND, owner_id=notebook.pk, state__in=[s.value for s in LIVE])
        .select_related("team", "user", "machine_type", "machine")
        .first()
    )


def start(
    actor: User,
    notebook: Notebook,
    kind: LaunchKind,
    machine: str,
    *,
    now: datetime,
    max_seconds: int | None = None,
    options: RunOptions | None = None,
) -> Run:
    """Put a session or an execution of the notebook in the queue. Raises Refused, NotYet, BadInput with the rule and figures."""
    options = check_options(kind, options or RunOptions())
    git.require_ready(notebook)
    git.require_free(notebook)
    machine_type = compute.find_machine_type(machine or notebook.machine_type or "cpu-small")
    standing = plans.standing(notebook.team, now=now)
    if notebook.internet:
        checks.check_internet(standing.plan)
    stored = stored_bytes(notebook.team)
    checks.check_team_storage(standing.plan, stored, 0)
    disk = disk_bytes(standing.plan, stored=stored, own=notebook.workspace_bytes)
    build, guest = build_for(notebook, now=now), guest_of(actor, notebook)
    spec = build_spec(
        notebook,
        kind,
        standing.rules,
        run_id=compute.new_run_id(),
        disk=disk,
        build=build,
        options=options,
        guest=guest,
        trees=trees_of(given_now(actor, notebook)),
        remotes=remotes_for(actor, notebook),
    )
    if kind == LaunchKind.SESSION and not guest:
        spec = replace(spec, variables={**spec.variables, **git.terminal_variables(actor, notebook)})
    with transaction.atomic():
        run = compute.submit_run(
            actor,
            notebook.team,
            machine_type,
            spec,
            title=notebook.title,
            owner_kind=OWNER_KIND,
            owner_id=notebook.pk,
            interactive=kind == LaunchKind.SESSION,
            now=now,
            max_seconds=max_seconds,
        )
        Launch.objects.create(run=run, notebook=notebook, kind=kind, **asdict(options))
        # In the same step as the run: whoever asks for the workspace to be emptied either sees this run or keeps it out.
        snapshots.require_free(notebook)
        Notebook.objects.filter(pk=notebook.pk).update(machine_type=machine_type.slug, next_machine="", next_user=None)
    return run


def change_machine(actor: User, notebook: Notebook, machine: str, *, now: datetime) -> Run:
    """Move a session to another machine type: the running one saves and stops, then a new one starts with the same workspace."""
    machine_type = compute.find_machine_type(machine)
    standing = plans.standing(notebook.team, now=now)
    checks.check_machine(standing.plan, machine_type.as_spec())
    run = live_run(notebook)
    if run is None:
        return start(actor, notebook, LaunchKind.SESSION, machine, now=now)
    Notebook.objects.filter(pk=notebook.pk).update(next_machine=machine_type.slug, next_user=actor)
    return compute.stop_run(actor, run, now=now, message=f"Changing to {machine_type.label}.")


def update_notebook(
    actor: User,
    notebook: Notebook,
    *,
    now: datetime,
    title: str | None = None,
    visibility: Visibility | None = None,
    internet: bool | None = None,
) -> Notebook:
    """Change title, visibility or internet access; the last takes effect at the next start.

    Raises Forbidden where an editor it is shared with would change more than the title.
    """
    theirs = visibility in (None, notebook.visibility) and internet in (None, notebook.internet)
    if not theirs and not may_manage(actor, notebook):
        raise not_yours(notebook)
    standing = plans.standing(notebook.team, now=now)
    changes: dict[str, object] = {}
    if title is not None:
        if not title.strip():
            raise BadInput("notebook.no_title", "A notebook needs a title.", "Type a title.")
        changes["title"] = title.strip()[:200]
    if visibility is not None:
        checks.check_visibility(standing.plan, visibility)
        changes["visibility"] = visibility
    if internet is not None:
        if internet:
            checks.check_internet(standing.plan)
        changes["internet"] = internet
    with transaction.atomic():
        Notebook.objects.filter(pk=notebook.pk).update(**changes, changed_at=now)
        record(
            "notebook.changed",
            subject=("notebook", notebook.pk),
            actor=actor,
            team_id=notebook.team_id,
            now=now,
            data={k: str(v) for k, v in changes.items()},
        )
    notebook.refresh_from_db()
    return notebook


def choose_environment(
    actor: User, notebook: Notebook, environment: Environment | None, *, now: datetime, number: int | None = None
) -> Notebook:
    """What software the notebook's runs see from the next start on: the newest build, or the one of this number.

    None is the default one. The caller fetched the environment as the actor. Raises NotFound for an unknown build.
    """
    if environment is not None and environment.team is None:
        environment = None
    if environment is None:
        number = None
    elif number is not None:
        build_of(environment, number)
    with transaction.atomic():
        Notebook.objects.filter(pk=notebook.pk).update(
            environment=environment, environment_number=number, changed_at=now
        )
        record(
            "notebook.environment",
            subject=("notebook", notebook.pk),
            actor=actor,
            team_id=notebook.team_id,
            now=now,
            data={"environment": environment.full_name if environment else "default", "build": number},
        )
    notebook.refresh_from_db()
    return notebook


def delete_notebook(actor: User, notebook: Notebook, *, now: datetime) -> None:
    """Delete a notebook, which the caller fetched with `manage=True`.

    Its run is stopped, it leaves every listing, its workspace is removed once the run has ended.
    """
    with transaction.atomic():
        Notebook.objects.filter(pk=notebook.pk, deleted_at=None).update(deleted_at=now, next_machine="", next_user=None)
        forget_holder(place_of(notebook).holder)
        forget_subject(KIND, notebook.pk, now=now)
        forget(notebook)
        forget_holder(f"git:{notebook.pk}")
        if (cloned := git.repository_of(notebook)) is not None:
            storage.release_under(f"{git.files_holder(cloned.pk)}:")
        forget_webhooks(notebook)
        forget_snapshots(notebook)
        record("notebook.deleted", subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now)
    run = live_run(notebook)
    if run is not None:
        compute.stop_run(actor, run, now=now, message="The notebook was deleted.")


RESTART_PATIENCE = timedelta(minutes=5)
