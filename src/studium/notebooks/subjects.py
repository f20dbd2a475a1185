"""A notebook as something that people talk about. The community knows no more of it than this."""

from datetime import datetime

from studium.accounts.models import User
from studium.community.access import Subject
from studium.community.notifications.actions import tell
from studium.community.states import Told
from studium.notebooks.access import visible_to
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility

KIND = "notebook"


def subject_of(notebook: Notebook) -> Subject:
    """The caller fetched the notebook as the user."""
    return Subject(
        kind=KIND,
        id=notebook.pk,
        team=notebook.team,
        owner=notebook.created_by,
        title=notebook.title,
        path=f"/notebooks/{notebook.team.slug}/{notebook.slug}/",
        public=notebook.visibility == Visibility.PUBLIC and notebook.taken_down_at is None,
        readable_by=lambda user: user.is_active and visible_to(user).filter(pk=notebook.pk).exists(),
    )


def tell_owner(kind: Told, notebook: Notebook, *, actor: User, now: datetime) -> None:
    """Tell who made the notebook, if it is still theirs to read, within the caller's transaction."""
    subject = subject_of(notebook)
    if subject.readable_by(subject.owner):
        tell([subject.owner], kind, subject.about(), now=now, actor=actor)


def tell_of_run(person: User, notebook: Notebook, rest: str, words: str, *, now: datetime) -> None:
    """Tell whose run of the notebook failed, why and where to look, within the caller's transaction."""
    subject = subject_of(notebook)
    if subject.readable_by(person):
        tell([person], Told.RUN_FAILED, subject.about(rest), now=now, words=words)
