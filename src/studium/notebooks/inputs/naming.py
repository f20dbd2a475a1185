"""What inputs are called, and where a run finds them."""

import re

from studium.errors import BadInput

MOST = 50
# Each is a process beside every run.
MOST_PROVIDERS = 5
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def check_name(name: str) -> str:
    """A folder's name for an input. Raises BadInput."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            "input.name",
            f"{name[:100]!r} is no name for an input.",
            "Use letters, digits, dots, dashes and underscores, 80 at most, and begin with a letter or a digit.",
        )
    return name


def name_taken(name: str) -> BadInput:
    return BadInput(
        "input.name_taken",
        f"There is an input {name} already.",
        "Give this one another name, or change that one's version.",
    )


def no_versions(name: str) -> BadInput:
    return BadInput("input.no_versions", f"{name} is a storage provider, which has no versions.", "Leave it as it is.")


def provider_path(name: str) -> str:
    """Where a storage provider's files are inside a run."""
    return f"/providers/{name}"


def paths_of(name: str) -> tuple[str, ...]:
    """Where its files are inside a run; the second is for notebooks that were written for Kaggle."""
    return f"/datasets/{name}", f"/kaggle/input/{name}"
