"""Every change to environments and their builds. The actor comes first."""

import tomllib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify

from studium.accounts.access import acting_for, require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.queries import plainest_type
from studium.environments import errors
from studium.environments.building import build_spec
from studium.environments.describe import describe
from studium.environments.models import Build, Environment
from studium.environments.publishing import twins
from studium.environments.queries import DEFAULT, build_of, current_build
from studium.environments.states import MOST_IN_A_TEAM, MOST_PACKAGES, SOURCE_BYTES, BuildState, SourceKind
from studium.errors import Refused, StudiumError
from studium.events.actions import record
from studium.storage import actions as storage

OWNER_KIND = "environment"
BUILD_SECONDS = 3600


def holder_of(build: Build, what: str) -> str:
    return f"build:{build.pk}:{what}"


def register_default(path: Path, *, now: datetime) -> Build:
    """Note the environment built at `path` as the default one. Runs that use an earlier build keep it."""
    found = describe(path)
    values = {
        "lock_digest": found.digest,
        "path": str(path),
        "python": found.python,
        "packages": [{"name": name, "version": version} for name, version in sorted(found.packages.items())],
        "size_bytes": found.size_bytes,
        "state": BuildState.READY,
        "built_at": now,
        "used_at": now,
        "compiled_at": now,
    }
    with transaction.atomic():
        environment, _ = Environment.objects.get_or_create(
            team=None, slug=DEFAULT, deleted_at=None, defaults={"name": "Default", "created_at": now}
        )
        known = environment.builds.filter(lock_digest=found.digest).first()
        if known is not None:
            environment.builds.filter(pk=known.pk).update(**values)
            known.refresh_from_db()
            return known
        return Build.objects.create(environment=environment, number=_next_number(environment), created_at=now, **values)


def create_environment(
    actor: User, team: Team, name: str, kind: SourceKind, source: str, *, now: datetime
) -> Environment:
    """A new environment of the team with its first build under way.

    Raises BadInput for a name or source, Refused where the team has too many or its plan does not let it build.
    """
    require(actor, team, Role.MEMBER)
    name = name.strip()[:120]
    slug = slugify(name)[:80]
    if not slug:
        raise errors.no_name()
    source = checked_source(kind, source)
    try:
        with transaction.atomic():
            Team.objects.select_for_update().get(pk=team.pk)  # who counts must not count beside another
            if Environment.objects.filter(team=team, deleted_at=None).count() >= MOST_IN_A_TEAM:
                raise errors.too_many()
            environment = Environment.objects.create(team=team, slug=slug, name=name, created_by=actor, created_at=now)
            _record("environment.created", actor, environment, now=now, name=name)
            build = _insert(actor, environment, kind, source, now=now)
    except IntegrityError:
        raise errors.name_taken(name) from None
    try:
        submit(build, now=now)
    except StudiumError:
        environment.delete()  # nothing was made: whoever asked hears of it and may ask again
        raise
    return environment


def build_anew(actor: User, environment: Environment, kind: SourceKind, source: str, *, now: datetime) -> Build:
    """A further build of the environment, fetched with `change=True`. Notebooks that follow it get it once it is ready."""
    source = checked_source(kind, source)
    with transaction.atomic():
        Environment.objects.select_for_update().get(pk=environment.pk)
        build = _insert(actor, environment, kind, source, now=now)
    try:
        submit(build, now=now)
    except StudiumError as error:
        fail(build, f"{error.message} {error.next_step}", now=now)
        raise
    build.refresh_from_db()
    return build


def checked_source(kind: SourceKind, source: str) -> str:
    """The text as it is kept. Raises BadInput for what no resolver could read."""
    source = source.replace("\r\n", "\n").strip() + "\n"
    if len(source.encode(errors="surrogatepass")) > SOURCE_BYTES:
        raise errors.bad_source(kind, "is too large")
    if "\0" in source or any("\ud800" <= letter <= "\udfff" for letter in source):
        raise errors.bad_source(kind, "is not text")
    if kind == SourceKind.PYPROJECT:
        try:
            project = tomllib.loads(source).get("project")
        except (ValueError, RecursionError) as error:
            raise errors.bad_source(kind, f"is no TOML: {str(error)[:200]}") from None
        if not isinstance(project, dict) or not isinstance(project.get("dependencies", []), list):
            raise errors.bad_source(kind, "has no `[project]` table with `dependencies`")
        _check_addresses(str(each) for each in project.get("dependencies", []))
    elif source.count("\n") > MOST_PACKAGES:
        raise errors.bad_source(kind, f"has more than {MOST_PACKAGES} lines")
    else:
        _check_addresses(line for line in source.split("\n") if not line.lstrip().startswith(("#", "-")))
    return source


def _check_addresses(requirements: Iterable[str]) -> None:
    """Raises BadInput for a package that is named by an address: a build would run and get nowhere."""
    for each in requirements:
        if "://" in each.partition(" #")[0]:
            raise errors.address(each)


def _insert(actor: User, environment: Environment, kind: SourceKind, source: str, *, now: datetime) -> Build:
    build = Build.objects.create(
        environment=environment,
        number=_next_number(environment),
        kind=kind,
        source=source,
        created_by=actor,
        created_at=now,
    )
    _record("environment.build", actor, environment, now=now, number=build.number)
    return build


def _next_number(environment: Environment) -> int:
    return (environment.builds.aggregate(last=Max("number"))["last"] or 0) + 1


def submit(build: Build, *, now: datetime) -> Run | None:
    """The run that builds it; None while another build of the team is under way, as they share what they have fetched.

    Raises Refused or NotYet, as starting any run does.
    """
    environment = build.environment
    assert environment.team is not None
    if under_way(environment.team):
        return None
    actor, machine = _builder(build), plainest_type(environment.team, now=now)
    if machine is None:
        raise errors.no_machine()
    lock = storage.get(build.lock) if build.lock else b""
    in_place = [twin.lock for twin in twins(environment.team)]
    spec, request = build_spec(build, run_id=compute.new_run_id(), lock=lock, ready=in_place)
    storage.put(request, now=now)
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=environment.team.pk)
        if under_way(environment.team):
            return None
        run = compute.submit_run(
            actor,
            environment.team,
            machine,
            spec,
            title=f"Build {build.number} of the environment {environment.name}",
            owner_kind=OWNER_KIND,
            owner_id=build.pk,
            interactive=False,
            now=now,
            max_seconds=BUILD_SECONDS,
        )
        storage.hold(holder_of(build, "request"), spec.seeds[0].source.removeprefix("blob:"))
        if not Build.objects.filter(pk=build.pk, state=BuildState.BUILDING, run=None).update(run=run, fault=""):
            transaction.set_rollback(True)  # somebody settled it meanwhile: there is nothing to run
            return None
    return run


def _builder(build: Build) -> User:
    """As whom it is built: who asked for it, or an owner of the team where that person may no longer. Raises Refused."""
    team = build.environment.team
    assert team is not None
    found = acting_for(team, build.created_by)
    if found is None:
        raise Refused("environment.nobody", "The team of this environment has no owner.", "Choose another environment.")
    return found


def under_way(team: Team) -> bool:
    """Whether a build of the team has the volume that its builds share."""
    return Build.objects.filter(environment__team=team, state=BuildState.BUILDING).exclude(run=None).exists()


def fail(build: Build, reason: str, *, now: datetime) -> bool:
    """The build has not come about. One that was there before and collected stays so. False if it was settled already."""
    after = BuildState.COLLECTED if build.lock else BuildState.FAILED
    with transaction.atomic():
        changed = Build.objects.filter(pk=build.pk, state=BuildState.BUILDING).update(state=after, fault=reason[:4000])
        if changed:
            _record("environment.build_failed", None, build.environment, now=now, number=build.number)
    return bool(changed)


def use(environment: Environment, number: int | None, *, now: datetime) -> Build:
    """The build that a run is to get: the newest, or the one of this number. Notes that it is used.

    Raises NotYet while it is being built, Refused for an environment that is gone or never was built. What was collected
    is built again from its lock.
    """
    if environment.deleted_at is not None:
        raise errors.deleted(environment.full_name)
    found = build_of(environment, number) if number else current_build(environment)
    if found is None:
        if environment.builds.filter(state=BuildState.BUILDING).exists():
            raise errors.building(environment.full_name)
        raise errors.never_built(environment.full_name)
    return ready(found, now=now)


def ready(build: Build, *, now: datetime) -> Build:
    """The build, which can be mounted now. Raises as `use` does."""
    name = build.environment.full_name
    if build.state == BuildState.BUILDING:
        raise errors.coming_back(name, build.number) if build.lock else errors.building(name)
    if build.state == BuildState.FAILED:
        raise errors.never_built(name)
    if build.state == BuildState.READY and not Path(build.path).is_dir():  # removed by hand, or not in a backup
        Build.objects.filter(pk=build.pk, state=BuildState.READY).update(state=BuildState.COLLECTED, path="")
        build.refresh_from_db()
    if build.state == BuildState.COLLECTED:
        bring_back(build, now=now)
        raise errors.coming_back(name, build.number)
    if not Build.objects.filter(pk=build.pk, state=BuildState.READY, path=build.path).update(used_at=now):
        build.refresh_from_db()  # it was collected at this moment
        return ready(build, now=now)
    return build


def bring_back(build: Build, *, now: datetime) -> None:
    """Build again, from its lock, what was collected. The default environment's cannot: its lock came with the platform."""
    if build.environment.team is None or not build.lock:
        raise Refused(
            "environment.gone",
            f"Build {build.number} of the environment {build.environment.full_name} is no longer on this machine.",
            "Use the present build instead.",
        )
    if Build.objects.filter(pk=build.pk, state=BuildState.COLLECTED).update(state=BuildState.BUILDING, run=None):
        build.refresh_from_db()
        submit(build, now=now)


def collect(actor: User, build: Build, *, now: datetime) -> bool:
    """Have the files of a build removed that is not the present one. Its lock stays, so it comes back where it is asked for.

    False where somebody used or removed it at this moment.
    """
    with transaction.atomic():
        rows = Build.objects.filter(pk=build.pk, state=BuildState.READY, used_at=build.used_at)
        changed = rows.update(state=BuildState.COLLECTED)
        if changed:
            _record("environment.build_removed", actor, build.environment, now=now, number=build.number)
    return bool(changed)


def rename(actor: User, environment: Environment, name: str, *, now: datetime) -> Environment:
    """Another name for people. The name in addresses stays."""
    name = name.strip()[:120]
    if not name:
        raise errors.no_name()
    with transaction.atomic():
        Environment.objects.filter(pk=environment.pk).update(name=name)
        _record("environment.renamed", actor, environment, now=now, name=name)
    environment.refresh_from_db()
    return environment


def delete_environment(actor: User, environment: Environment, *, now: datetime) -> None:
    """Delete it: runs that have it keep it until they end, notebooks that use it must choose another to start again."""
    with transaction.atomic():
        if not Environment.objects.filter(pk=environment.pk, deleted_at=None).update(deleted_at=now):
            return
        _record("environment.deleted", actor, environment, now=now, name=environment.name)
    for build in environment.builds.filter(state=BuildState.BUILDING).select_related("run"):
        if build.run is not None:
            compute.stop_run(actor, build.run, now=now, message="The environment was deleted.")


def _record(kind: str, actor: User | None, environment: Environment, *, now: datetime, **data: object) -> None:
    record(
        kind, subject=("environment", environment.pk), actor=actor, team_id=environment.team_id, now=now, data=dict(data)
    )  # fmt: skip
