"""Scopes of secrets, and which names they may have. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

NAME_LENGTH = 64
VALUE_BYTES = 32 * 1024
# A run's variables must fit into what the kernel passes to a program: 2 MiB with everything else.
MOST_ATTACHED = 32
MOST_IN_A_SCOPE = 100

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
# What the platform, the loader, the shell and the interpreters read. Of PIP_* only what a run is given is among it: an
# address of a package index with its password is a good use of a secret.
_RESERVED = frozenset(
    (
        "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TERM PWD OLDPWD SHLVL IFS ENV HOSTNAME TMPDIR TMP TEMP "
        "PIP_USER PIP_DISABLE_PIP_VERSION_CHECK PIP_PROGRESS_BAR OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS "
        "CUDA_VISIBLE_DEVICES GCONV_PATH MPLBACKEND MPLCONFIGDIR JPY_SESSION_NAME JPY_PARENT_PID _"
    ).split()
)
_RESERVED_BEGINNINGS = (
    "STUDIUM_",
    "LD_",
    "LC_",
    "PYTHON",
    "JUPYTER_",
    "IPYTHON",
    "BASH_",
    "GLIBC_",
    "NVIDIA_",
    "PYDEVD_",
    "XDG_",
)


class Scope(StrEnum):
    """Where a secret belongs, widest first."""

    TEAM = "team"
    PROJECT = "project"
    NOTEBOOK = "notebook"


WIDTH = {Scope.TEAM: 0, Scope.PROJECT: 1, Scope.NOTEBOOK: 2}


@dataclass(frozen=True)
class Reference:
    """Where a run may take secrets from, as the plain text that stands in its spec. It names nothing secret.

    `guest` is the user of another team, or none, who may run the holder all the same: what they start is given its secrets.
    """

    team: int
    project: str
    holder: str
    guest: int | None = None

    def __str__(self) -> str:
        guest = "" if self.guest is None else f"/{self.guest}"
        return f"{self.team}/{self.project}/{self.holder}{guest}"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Raises ValueError for what is no reference."""
        team, project, holder, *guest = text.split("/", 3)
        return cls(int(team), project, holder, int(guest[0]) if guest else None)


def well_formed(name: str) -> bool:
    """Whether it is the name of an environment variable in capitals."""
    return len(name) <= NAME_LENGTH and _NAME.fullmatch(name) is not None


def reserved(name: str) -> bool:
    """Whether the variable of this name means something to the platform or to programs."""
    return name in _RESERVED or name.startswith(_RESERVED_BEGINNINGS)
