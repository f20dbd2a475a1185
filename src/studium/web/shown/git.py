"""How a notebook from git is shown on its page."""

from dataclasses import dataclass

from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.queries import repository_of, work_of
from studium.notebooks.git.states import Verb, WorkState, next_step
from studium.notebooks.models import Notebook
from studium.web.forms.git import CredentialsForm, PushForm, RepositoryForm

_DONE = {Verb.CLONE: "Cloned", Verb.CHECK: "Looked at the server", Verb.PULL: "Pulled", Verb.PUSH: "Pushed"}
_LIVE = {Verb.CLONE: "Cloning", Verb.CHECK: "Looking at the server", Verb.PULL: "Pulling", Verb.PUSH: "Pushing"}


@dataclass(frozen=True, kw_only=True)
class GitShown:
    """The repository with its newest piece of work in words. `moving`: the page is to look again."""

    repository: Repository
    last: GitWork | None
    moving: bool
    line: str
    advice: str
    kept: list[str]
    files: list[str]

    @property
    def where(self) -> str:
        found = self.repository
        return found.branch or (f"{found.kind} {found.ref_found[:40]}" if found.kind else found.ref)

    @property
    def failed(self) -> bool:
        return self.last is not None and self.last.state == WorkState.FAILED


def shown_git(notebook: Notebook) -> GitShown | None:
    """None for a notebook that is not from git."""
    found = repository_of(notebook)
    if found is None:
        return None
    last = work_of(found).first()
    moving = found.state in ("cloning", "taking") or (last is not None and last.state == WorkState.LIVE)
    result = last.result if last else {}
    return GitShown(
        repository=found,
        last=last,
        moving=moving,
        line=_line(last),
        advice=next_step(last.code) if last and last.code else "",
        kept=result.get("kept", []),
        files=result.get("files", []),
    )


def _line(last: GitWork | None) -> str:
    if last is None:
        return ""
    verb = Verb(last.verb)
    if last.state == WorkState.LIVE:
        return f"{_LIVE[verb]}; the run is {last.run.state}."
    if last.state == WorkState.FAILED:
        return last.message
    if verb == Verb.PULL:
        count = last.result.get("changed", 0)
        return f"Pulled {count} commit{'' if count == 1 else 's'}." if count else "There was nothing to pull."
    if verb == Verb.PUSH:
        count = last.result.get("pushed", 0)
        return f"Pushed {count} commit{'' if count == 1 else 's'}." if count else "There was nothing to push."
    return f"{_DONE[verb]}."


def forms_of(shown: GitShown) -> dict[str, object]:
    """The forms that the state calls for."""
    found = shown.repository
    names = ("url", "ref", "path", "secret", "username", "submodules")
    again = {**{name: getattr(found, name) for name in names}, "depth": found.depth or None}
    return {
        "clone_form": RepositoryForm(initial=again, auto_id="git_%s"),
        "push_form": PushForm(auto_id="git_%s"),
        "credentials_form": CredentialsForm(
            initial={"secret": found.secret, "username": found.username}, auto_id="git_%s"
        ),
    }
