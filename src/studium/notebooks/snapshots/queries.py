"""Reads of workspaces' snapshots, and whether a workspace is free for a run."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from studium.accounts.models import Team
from studium.compute.volumes.states import SnapshotState
from studium.compute.volumes.streaming import chunks_of
from studium.errors import NotYet
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.snapshots.models import WorkspaceCare, WorkspaceSnapshot
from studium.notebooks.states import LaunchKind
from studium.storage.chunks.queries import owned_together

OWNER = "workspaces:"


def owner_of(team: int) -> str:
    """Who owns the chunks of the snapshots of a team's workspaces."""
    return f"{OWNER}{team}"


def snapshots_of(notebook: Notebook) -> QuerySet[WorkspaceSnapshot]:
    """Newest first."""
    rows = WorkspaceSnapshot.objects.filter(notebook=notebook).select_related("created_by")
    return rows.order_by("-created_at", "-pk")


@dataclass(frozen=True, kw_only=True)
class Care:
    """What is being done to a workspace: whose contents it is given, and in words what that waits for or why it was not done.

    `kept` is how many snapshots of it there are to put back.
    """

    restoring: WorkspaceSnapshot | None = None
    trouble: str = ""
    kept: int = 0


def care_of(notebook: Notebook) -> Care:
    # Where there is no such row nothing was ever asked for, so there are no snapshots either.
    ready = Count("notebook__snapshots", filter=Q(notebook__snapshots__state=SnapshotState.READY))
    rows = WorkspaceCare.objects.filter(notebook=notebook).select_related("restoring").annotate(kept=ready)
    found = rows.first()
    return Care(restoring=found.restoring, trouble=found.trouble, kept=found.kept) if found else Care()


def require_free(notebook: Notebook) -> None:
    """Hold the notebook's row for the caller's transaction, which has something use or replace what is in the workspace.

    Raises NotYet while the workspace is emptied or given the contents of a snapshot. Whoever asks for one of those holds the
    row too, and sees then what was put into the workspace, or is seen.
    """
    row = Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
    if row.emptying_at is not None:
        raise NotYet("notebook.emptying", "The workspace is just being emptied.", "Start again in a few seconds.")
    if WorkspaceCare.objects.filter(notebook=row).exclude(restoring=None).exists():
        raise NotYet(
            "notebook.putting_back",
            "The workspace is given the contents of a snapshot, and nothing can run in it meanwhile.",
            "Try again in a minute, or see the notebook's snapshots for what it waits for.",
        )


def unsettled() -> QuerySet[Launch]:
    """What has a notebook's own workspace, or had it and is not taken over yet."""
    return Launch.objects.filter(settled_at=None).exclude(kind=LaunchKind.VERSION)


def had_by_a_run(notebook: Notebook) -> bool:
    """Whether something is unsettled in the notebook's workspace."""
    return unsettled().filter(notebook=notebook).exists()


def snapshot_bytes(team: Team, *others: str) -> int:
    """What the snapshots of the team's workspaces, and what is of these other owners, are made of, each piece once."""
    return owned_together([owner_of(team.pk), *others])


def needed_by(team: int, *, but: Collection[str] = ()) -> set[str]:
    """The digests of all chunks that the snapshots of the team's workspaces, `but` these, are put together from.

    Raises FileNotFoundError.
    """
    rows = WorkspaceSnapshot.objects.filter(notebook__team_id=team, state=SnapshotState.READY).exclude(pk__in=list(but))
    return chunks_of(rows.values_list("manifest", flat=True))
