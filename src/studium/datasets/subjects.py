"""A dataset as something that people talk about. The community knows no more of it than this."""

from studium.accounts.states import Visibility
from studium.community.access import Subject
from studium.datasets.access import visible_to
from studium.datasets.actions import KIND
from studium.datasets.models import Dataset

__all__ = ["KIND", "subject_of"]


def subject_of(dataset: Dataset) -> Subject:
    """The caller fetched the dataset as the user."""
    return Subject(
        kind=KIND,
        id=dataset.pk,
        team=dataset.team,
        owner=dataset.created_by,
        title=dataset.title,
        path=f"/datasets/{dataset.team.slug}/{dataset.slug}/",
        public=dataset.visibility == Visibility.PUBLIC and dataset.taken_down_at is None,
        readable_by=lambda user: user.is_active and visible_to(user).filter(pk=dataset.pk).exists(),
    )
