"""Refusals of environments."""

from studium.environments.states import MOST_IN_A_TEAM, SOURCE_BYTES, SourceKind
from studium.errors import BadInput, NotFound, NotYet, Refused
from studium.lib.units import size_words


def unknown(name: str) -> NotFound:
    return NotFound(
        "environment.unknown",
        f"There is no environment {name!r} that you may see.",
        "`studium environments list` shows those there are.",
    )


def unknown_build(name: str, number: int) -> NotFound:
    return NotFound(
        "environment.build_unknown",
        f"The environment {name} has no build {number}.",
        f"`studium environments show {name}` lists its builds.",
    )


def address(requirement: str) -> BadInput:
    return BadInput(
        "environment.address",
        f"{requirement.strip()[:120]!r} is an address; builds reach the package index and nothing else.",
        "Name a published package, or install it in a notebook that has internet access.",
    )


def bad_source(kind: SourceKind, why: str) -> BadInput:
    what = "pyproject.toml" if kind == SourceKind.PYPROJECT else "list of requirements"
    return BadInput(
        "environment.bad_source",
        f"The {what} {why}.",
        f"Give text of at most {size_words(SOURCE_BYTES)}, as `uv pip compile` takes it.",
    )


def no_name() -> BadInput:
    return BadInput("environment.no_name", "An environment needs a name.", "Type a name, such as Vision.")


def name_taken(name: str) -> BadInput:
    return BadInput(
        "environment.name_taken",
        f"The team has an environment {name!r} already.",
        "Choose another name, or build that one anew.",
    )


def too_many() -> Refused:
    return Refused(
        "environment.too_many",
        f"The team has {MOST_IN_A_TEAM} environments, which is the most.",
        "Delete those that nobody uses.",
        {"limit": MOST_IN_A_TEAM},
    )


def building(name: str) -> NotYet:
    return NotYet(
        "environment.building",
        f"The environment {name} is still being built.",
        "Wait until its build has ended; its page shows how far it is.",
    )


def coming_back(name: str, number: int) -> NotYet:
    return NotYet(
        "environment.coming_back",
        f"Build {number} of the environment {name} had not been used for long; it is being built again from its lock.",
        "Start again when it is ready, in a minute or two.",
    )


def never_built(name: str) -> Refused:
    return Refused(
        "environment.never_built",
        f"No build of the environment {name} has succeeded.",
        "See the reason on its page and build it anew, or choose another environment.",
    )


def deleted(name: str) -> Refused:
    return Refused(
        "environment.deleted",
        f"The environment {name} was deleted.",
        "Choose another environment for the notebook.",
    )


def no_machine() -> Refused:
    return Refused(
        "environment.no_machine",
        "The plan of this team has no machine type without accelerators to build on.",
        "Ask an administrator for a plan that has one.",
    )
