"""Reads of environments: which languages notebooks can be run in now."""

from pathlib import Path

from studium.environments.actions import DEFAULT
from studium.environments.kernels import NOT_BUILT, Choice, choices, find
from studium.environments.models import Environment
from studium.errors import NotYet


def offered() -> list[Choice]:
    """The choices with the environment that runs get now."""
    built = Environment.objects.filter(slug=DEFAULT).first()
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
