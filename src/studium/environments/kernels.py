"""Which languages notebooks can be written in here: what the kernel files say, and what this machine lacks of it."""

from dataclasses import dataclass
from pathlib import Path

from studium.config.options import options
from studium.environments.commands import code_folder
from studium.environments.inside import kernel_files
from studium.environments.inside.kernel_files import BadKernelFile, KernelFile, Language
from studium.errors import BadInput

PYTHON = "python"
# Stands for an environment that is not built: nothing is found in it.
NOT_BUILT = Path("/nonexistent")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A language that a notebook can be written in. `missing` is what this machine lacks for it, `remedy` how to add that."""

    language: Language
    kernel: KernelFile
    missing: tuple[str, ...]

    @property
    def slug(self) -> str:
        return self.language.slug

    @property
    def name(self) -> str:
        return self.language.name

    @property
    def may_be_chosen(self) -> bool:
        """Python always: who waits for the environment to be built may write meanwhile."""
        return not self.missing or self.slug == PYTHON

    @property
    def remedy(self) -> str:
        return self.kernel.how_to_add()


def operator_folder() -> Path:
    """Where an operator drops kernel files of their own. It need not exist."""
    return options().home.resolve() / "kernels"


def known() -> tuple[list[KernelFile], list[BadKernelFile]]:
    """The shipped kernels and the operator's, and what is wrong with files that are left out."""
    return kernel_files.read_all(code_folder() / "kernels", operator_folder())


def choices(environment: Path) -> list[Choice]:
    """The languages by name, Python first. Those that something is missing for are among them."""
    found = {
        language.slug: Choice(language=language, kernel=kernel, missing=tuple(kernel.missing(environment)))
        for kernel in known()[0]
        for language in kernel.languages
    }
    return sorted(found.values(), key=lambda choice: (choice.slug != PYTHON, choice.name.lower()))


def find(slug: str) -> Choice:
    """The language of this name, usable or not. Raises BadInput."""
    found = choices(NOT_BUILT)
    for choice in found:
        if choice.slug == slug.lower():
            return choice
    raise BadInput(
        "notebook.language_unknown",
        f"There is no language {slug!r} for notebooks here.",
        f"Choose one of {', '.join(choice.slug for choice in found)}.",
    )
