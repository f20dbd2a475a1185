"""Reads of repositories and of the work on them."""

from django.db.models import QuerySet

from studium.accounts.models import User
from studium.errors import NotFound, NotYet
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.states import Cloned, WorkState
from studium.notebooks.models import Notebook

_NOT_READY = {
    Cloned.CLONING: ("git.cloning", "The repository is still being cloned.", "Wait for it."),
    Cloned.TAKING: ("git.cloning", "The chosen notebook is being read.", "Wait a few seconds."),
    Cloned.CHOOSING: ("git.choose", "The repository has several notebooks.", "Choose one on the notebook's page."),
    Cloned.NONE: ("git.none", "The repository has no notebook.", "Begin a blank one on the notebook's page."),
    Cloned.FAILED: (
        "git.not_cloned",
        "The repository could not be cloned.",
        "See why on the notebook's page, try again.",
    ),
}


def repository_of(notebook: Notebook) -> Repository | None:
    return Repository.objects.filter(notebook=notebook).select_related("notebook__team", "notebook__project").first()


def require_repository(notebook: Notebook) -> Repository:
    """Raises NotFound for a notebook that is of no repository."""
    found = repository_of(notebook)
    if found is None:
        raise NotFound(
            "git.unknown",
            f"{notebook.title} is not from a git repository.",
            "Make one: studium notebooks create --git URL",
        )
    return found


def files_holder(repository: str) -> str:
    """Under what the files that versions begin with are held, by the repository's key."""
    return f"repository:{repository}"


def files_of(notebook: Notebook) -> tuple[str, int, str]:
    """The manifest of the files that runs of its versions begin with, their bytes and the commit they are of.

    Empty and nothing for other notebooks.
    """
    rows = Repository.objects.filter(notebook=notebook).values_list("files", "files_bytes", "files_commit")
    return rows.first() or ("", 0, "")


def require_free(notebook: Notebook) -> None:
    """Raises NotYet while what a git run did is being taken over: the workspace and the document are its own until then."""
    if GitWork.objects.filter(repository__notebook=notebook, state=WorkState.LIVE).exists():
        raise NotYet(
            "git.busy", "A git run has the workspace, or is just being taken over.", "Try again in a few seconds."
        )


def require_ready(notebook: Notebook) -> None:
    """Raises NotYet while a notebook from git has no document that could be worked with."""
    state = Repository.objects.filter(notebook=notebook).values_list("state", flat=True).first()
    if state is not None and state != Cloned.READY:
        raise NotYet(*_NOT_READY[Cloned(state)])


def work_of(repository: Repository) -> QuerySet[GitWork]:
    """What was done on it, newest first."""
    rows = GitWork.objects.filter(repository=repository).select_related("run__machine_type", "created_by")
    return rows.order_by("-created_at", "-pk")


def one_work(repository: Repository, name: str) -> GitWork:
    """Raises NotFound."""
    found = work_of(repository).filter(pk=name).first()
    if found is None:
        raise NotFound("git.work_unknown", f"There is no git work {name!r} here.", "The listing shows those there are.")
    return found


def live_work(repository: Repository) -> GitWork | None:
    return work_of(repository).filter(state=WorkState.LIVE).first()


def terminal_variables(user: User, notebook: Notebook) -> dict[str, str]:
    """What a session's terminal is told, so that git there finds the secret and the person; empty without a repository.

    The secret's value comes with the session's own secrets, and only where the notebook is set to use it.
    """
    found = repository_of(notebook)
    if found is None:
        return {}
    return {
        "STUDIUM_GIT_URL": found.url,
        "STUDIUM_GIT_SECRET": found.secret,
        "STUDIUM_GIT_USERNAME": found.username,
        "STUDIUM_GIT_NAME": author_of(user)[0],
        "STUDIUM_GIT_EMAIL": author_of(user)[1],
    }


def author_of(user: User) -> tuple[str, str]:
    """Name and address for commits, without what git takes for marks."""
    name = "".join(c for c in user.get_full_name() or user.username if c.isprintable() and c not in "<>").strip()
    return name[:100] or "somebody", "".join(c for c in user.email if c.isprintable() and c not in "<> ")[:200]
