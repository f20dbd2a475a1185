"""Reads of environments and builds, and of the languages that notebooks can be run in now."""

from pathlib import Path

from django.db.models import QuerySet

from studium.accounts.models import Team
from studium.environments import errors
from studium.environments.kernels import NOT_BUILT, Choice, choices, find
from studium.environments.models import Build, Environment
from studium.environments.states import BuildState
from studium.errors import NotYet

DEFAULT = "default"


def default_builds() -> QuerySet[Build]:
    """Those of the default environment, the present one first."""
    return Build.objects.filter(environment__team=None, environment__slug=DEFAULT).order_by("-built_at")


def default_build() -> Build:
    """What runs use that name no other environment. Raises NotYet before it is built."""
    found = default_builds().filter(state=BuildState.READY).select_related("environment").first()
    if found is None:
        raise NotYet(
            "environment.not_built",
            "The default environment is not built yet.",
            "An administrator builds it with `studium up`.",
        )
    return found


def of_team(team: Team) -> QuerySet[Environment]:
    return Environment.objects.filter(team=team, deleted_at=None).select_related("team").order_by("name")


def builds_of(environment: Environment) -> QuerySet[Build]:
    """The newest first."""
    return environment.builds.select_related("run", "created_by", "environment__team").order_by("-number")


def build_of(environment: Environment, number: int) -> Build:
    """Raises NotFound."""
    found = builds_of(environment).filter(number=number).first()
    if found is None:
        raise errors.unknown_build(environment.full_name, number)
    return found


def current_build(environment: Environment) -> Build | None:
    """What a notebook that follows the environment gets: the newest build that succeeded."""
    done = (BuildState.READY, BuildState.COLLECTED)
    return builds_of(environment).filter(state__in=done).first()


def twin_of(build: Build) -> Build | None:
    """The first build that has the very same files, because their locks are the same; None where it is this one."""
    sharing = Build.objects.filter(path=build.path).exclude(path="").select_related("environment__team")
    first = sharing.order_by("built_at", "created_at").first()
    return None if first is None or first.pk == build.pk else first


def offered() -> list[Choice]:
    """The languages with the environment that runs get now."""
    built = default_builds().filter(state=BuildState.READY).first()
    return choices(Path(built.path) if built else NOT_BUILT)


def require_language(slug: str) -> Choice:
    """The language, which notebooks can be run in now. Raises BadInput for an unknown one, NotYet for a missing one."""
    slug = find(slug).slug
    choice = next(each for each in offered() if each.slug == slug)
    if not choice.may_be_chosen:
        raise NotYet(
            "notebook.language_missing",
            f"{choice.name} is not installed on this machine: {' and '.join(choice.missing)} is missing.",
            f"An operator adds it: {choice.remedy}",
        )
    return choice
