"""Every change to who shares a notebook. The actor comes first; where it says so, the caller fetched the notebook as that
actor with `manage=True`.

What ends somebody's access ends what they run there in the same transaction; content hosts ask anew within seconds.
"""

from datetime import datetime, timedelta

from django.db import transaction

from studium.accounts.access import role_in
from studium.accounts.models import User
from studium.compute import actions as compute
from studium.compute.models import Run
from studium.compute.states import LIVE
from studium.errors import BadInput, Forbidden, NotFound, NotYet
from studium.events.actions import record
from studium.lib.ids import new_secret, secret_digest
from studium.notebooks.access import manages, may_change, visible_to
from studium.notebooks.models import Collaborator, LinkUse, Notebook, ShareLink
from studium.notebooks.sharing import queries
from studium.notebooks.states import SharedRole

MOST_PEOPLE, MOST_LINKS, MOST_DAYS = 200, 20, 366


def share(actor: User, notebook: Notebook, person: User, role: SharedRole, *, now: datetime) -> Collaborator:
    """Make somebody a collaborator, or change as what. Repeatable. Needs `manage`. Raises BadInput for who has more already."""
    if person.pk == actor.pk:
        raise BadInput("share.self", "You cannot share a notebook with yourself.", "Type somebody else's name.")
    if manages(person.pk, notebook, role_in(person, notebook.team)):
        raise BadInput(
            "share.of_the_team",
            f"{person.username} may change this notebook already, as a member of {notebook.team.slug}.",
            "Their role in the team decides.",
        )
    with transaction.atomic():
        _locked(notebook)
        found = Collaborator.objects.filter(notebook=notebook, user=person).first()
        if found is None:
            found = _add(notebook, person, role, by=actor, link=None, now=now)
        elif found.role != role:
            Collaborator.objects.filter(pk=found.pk).update(role=role)
            found.role = role
            _recorded("notebook.shared", actor, notebook, now=now, username=person.username, role=role)
            _end_what_ended(person, notebook, now=now)
    return found


def _locked(notebook: Notebook) -> None:
    """What follows counts, and two at once must not count the same."""
    Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)


def _add(
    notebook: Notebook, person: User, role: SharedRole, *, by: User | None, link: ShareLink | None, now: datetime
) -> Collaborator:
    if Collaborator.objects.filter(notebook=notebook).count() >= MOST_PEOPLE:
        raise NotYet(
            "share.too_many",
            f"This notebook is shared with {MOST_PEOPLE} people, which is the most.",
            "Remove some, put them into a team, or make the notebook public.",
        )
    made = Collaborator.objects.create(notebook=notebook, user=person, role=role, added_by=by, link=link, added_at=now)
    # Who comes by a link is the actor, and who shared it is on the link.
    _recorded("notebook.shared", by if link is None else person, notebook, now=now, username=person.username, role=role)
    return made


def remove(actor: User, notebook: Notebook, person: User, *, now: datetime) -> None:
    """End it for somebody: they are out, and what they run there is stopped. For oneself this is leaving; for others it
    needs `manage`. Raises NotFound for who is no collaborator.
    """
    with transaction.atomic():
        if not Collaborator.objects.filter(notebook=notebook, user=person).delete()[0]:
            raise queries.not_shared_with(person.username)
        kind = "notebook.left" if actor.pk == person.pk else "notebook.unshared"
        _recorded(kind, actor, notebook, now=now, username=person.username)
        _end_what_ended(person, notebook, now=now)


def _end_what_ended(person: User, notebook: Notebook, *, now: datetime) -> None:
    """Stop what a person runs for a notebook that they may no longer run."""
    if may_change(person, notebook):
        return
    Notebook.objects.filter(pk=notebook.pk, next_user=person).update(next_machine="", next_user=None)
    live = Run.objects.filter(launch__notebook=notebook, user=person, state__in=LIVE)
    for run in live.select_related("user"):
        stop_unwelcome(run, now=now)


def stop_unwelcome(run: Run, *, now: datetime) -> None:
    compute.stop_run(None, run, now=now, message=f"{run.user.username} may no longer run this notebook.")


def make_link(
    actor: User,
    notebook: Notebook,
    role: SharedRole,
    *,
    now: datetime,
    days: int | None = None,
    most_uses: int | None = None,
) -> tuple[ShareLink, str]:
    """A link and its secret, which is shown once. Needs `manage`. `days` None does not end it by itself."""
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise BadInput(
            "share.days", f"A link works for 1 to {MOST_DAYS} days.", "Leave it out for a link without an end."
        )
    if most_uses is not None and not 1 <= most_uses <= MOST_PEOPLE:
        raise BadInput(
            "share.uses", f"A link lets 1 to {MOST_PEOPLE} people in.", "Leave it out for a link without such a bound."
        )
    secret = new_secret()
    with transaction.atomic():
        _locked(notebook)
        if queries.open_links(notebook, now=now).count() >= MOST_LINKS:
            raise NotYet("share.many_links", f"This notebook has {MOST_LINKS} links.", "Revoke one that is not needed.")
        link = ShareLink.objects.create(
            notebook=notebook,
            role=role,
            secret_digest=secret_digest(secret),
            created_by=actor,
            created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
            most_uses=most_uses,
        )
        _recorded("notebook.link_made", actor, notebook, now=now, link=link.pk, role=role)
    return link, secret


def revoke_link(actor: User, notebook: Notebook, link_id: str, *, now: datetime) -> None:
    """Let a link work no more; who came by it stays. Needs `manage`. Repeatable. Raises NotFound."""
    with transaction.atomic():
        links = ShareLink.objects.filter(pk=link_id, notebook=notebook)
        if links.filter(revoked_at=None).update(revoked_at=now):
            _recorded("notebook.link_revoked", actor, notebook, now=now, link=link_id)
        elif not links.exists():
            raise NotFound(
                "share.no_link", "This notebook has no such link.", "`studium notebooks shares` lists its links."
            )


def accept_link(user: User, secret: str, *, now: datetime) -> Notebook:
    """Become a collaborator by a link; a role that is there already is never lowered. Repeatable, counted once a person.

    Raises NotFound for a link that lets nobody in, Forbidden for who came by it before and is out.
    """
    with transaction.atomic():
        notebook = queries.link_for(user, secret, now=now).notebook
        # From here on one at a time: the last use is one person's, and a link that is revoked now lets nobody in.
        _locked(notebook)
        link = queries.link_for(user, secret, now=now)
        if queries.gains(user, notebook, SharedRole(link.role)):
            _come_by(user, notebook, link, now)
    return visible_to(user).get(pk=notebook.pk)


def _come_by(user: User, notebook: Notebook, link: ShareLink, now: datetime) -> None:
    role, found = SharedRole(link.role), Collaborator.objects.filter(notebook=notebook, user=user).first()
    _, fresh = LinkUse.objects.get_or_create(link=link, user=user, defaults={"used_at": now})
    if not fresh and found is None:
        raise Forbidden(
            "share.not_again",
            "You came by this link before, and the notebook is no longer shared with you.",
            f"Ask {link.created_by.username} to add you by name.",
        )
    if found is None:
        _add(notebook, user, role, by=link.created_by, link=link, now=now)
    elif fresh:  # a role that was lowered since is not raised again by the same link
        Collaborator.objects.filter(pk=found.pk).update(role=role)
        _recorded("notebook.shared", user, notebook, now=now, username=user.username, role=role)


def _recorded(kind: str, actor: User | None, notebook: Notebook, *, now: datetime, **data: object) -> None:
    record(
        kind,
        subject=("notebook", notebook.pk),
        actor=actor,
        team_id=notebook.team_id,
        now=now,
        data={name: str(value) for name, value in data.items()},
    )
