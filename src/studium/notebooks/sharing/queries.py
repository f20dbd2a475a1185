"""Reads of who shares a notebook: its people, its links and their states, whom a typed name means."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, F, Q, QuerySet

from studium.accounts.access import role_in
from studium.accounts.models import Membership, User
from studium.config.options import options
from studium.errors import NotFound
from studium.lib.ids import secret_digest
from studium.notebooks.access import manages, shared_role
from studium.notebooks.models import Collaborator, Notebook, ShareLink
from studium.notebooks.states import SharedRole

LinkState = Literal["open", "used up", "ended", "revoked"]


@dataclass(frozen=True, kw_only=True)
class LinkShown:
    """A link as people see it: never its secret. `used` counts the people who came by it."""

    link: ShareLink
    used: int
    state: LinkState


def people_of(notebook: Notebook) -> QuerySet[Collaborator]:
    """Its collaborators, the newest last."""
    rows = Collaborator.objects.filter(notebook=notebook).select_related("user", "added_by", "link")
    return rows.order_by("added_at", "pk")


def collaborator(notebook: Notebook, username: str) -> User:
    """Who of its collaborators has this name, deactivated ones too. Raises NotFound."""
    found = User.objects.filter(collaborations__notebook=notebook, username=username).first()
    if found is None:
        raise not_shared_with(username)
    return found


def not_shared_with(username: str) -> NotFound:
    return NotFound(
        "share.nobody",
        f"This notebook is not shared with {username!r}.",
        "`studium notebooks shares` lists with whom.",
    )


def shared_roles(user: User, notebooks: Iterable[Notebook]) -> dict[str, SharedRole]:
    """As what each of the notebooks is shared with the user, by its id, where it is; one query."""
    rows = Collaborator.objects.filter(user=user, notebook__in=[notebook.pk for notebook in notebooks])
    return {notebook: SharedRole(role) for notebook, role in rows.values_list("notebook_id", "role")}


def links_of(notebook: Notebook, *, now: datetime) -> list[LinkShown]:
    """Its links, the newest first; of those that let nobody in any more the newest few."""
    rows = ShareLink.objects.filter(notebook=notebook).select_related("created_by").annotate(used=Count("uses"))
    shown = [
        LinkShown(link=row, used=row.used, state=_state(row, row.used, now)) for row in rows.order_by("-created_at")
    ]
    over = [each for each in shown if each.state != "open"][:5]
    return [each for each in shown if each.state == "open"] + over


def _state(link: ShareLink, used: int, now: datetime) -> LinkState:
    if link.revoked_at is not None:
        return "revoked"
    if link.expires_at is not None and link.expires_at <= now:
        return "ended"
    return "used up" if link.most_uses is not None and used >= link.most_uses else "open"


def open_links(notebook: Notebook | None = None, *, now: datetime) -> QuerySet[ShareLink]:
    """Links that still let somebody in, of one notebook or of all."""
    rows = ShareLink.objects.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))
    if notebook is not None:
        rows = rows.filter(notebook=notebook)
    return rows.annotate(used=Count("uses")).filter(Q(most_uses=None) | Q(most_uses__gt=F("used")))


def link_for(user: User, secret: str, *, now: datetime) -> ShareLink:
    """The link of this secret, with its notebook, if it can still take the user there. Looking does not use it.

    One that is used up still leads those who came by it. One that was made by somebody who may no longer share the
    notebook leads nobody. Raises NotFound.
    """
    rows = ShareLink.objects.filter(secret_digest=secret_digest(secret), notebook__deleted_at=None)
    link = rows.select_related("notebook__team", "created_by").first()
    if link is None or not _still_shares(link) or not _takes(link, user, now):
        raise NotFound(
            "share.link_gone", "This link was revoked, used up, is too old or never was.", "Ask for a new one."
        )
    return link


def _still_shares(link: ShareLink) -> bool:
    maker, notebook = link.created_by, link.notebook
    return maker.is_active and manages(maker.pk, notebook, role_in(maker, notebook.team))


def _takes(link: ShareLink, user: User, now: datetime) -> bool:
    state = _state(link, link.uses.count(), now)
    return state == "open" or (state == "used up" and link.uses.filter(user=user).exists())


def gains(user: User, notebook: Notebook, role: SharedRole) -> bool:
    """Whether being shared with as this is more than what the user has of the notebook."""
    if manages(user.pk, notebook, role_in(user, notebook.team)):
        return False
    return shared_role(user, notebook) not in (role, SharedRole.EDITOR)


def person_called(
    actor: User, text: str, *, otherwise: str = "Check the name, or make a link and send it to them."
) -> User:
    """Whom a username, or an e-mail address, means. Raises NotFound in the same words whatever is the reason, with `otherwise`
    as the next step.

    Addresses find only people the actor shares a team with where strangers may sign up: otherwise anybody could ask who
    has an account, and an account with an address of somebody else's could be made to be found.
    """
    wanted = text.strip().removeprefix("@")
    people = User.objects.filter(is_active=True)
    if "@" not in wanted:
        found = people.filter(username=wanted).first() or people.filter(username__iexact=wanted).first()
    else:
        found = people.filter(email__iexact=wanted).first()
        if found is not None and options().open_signup and not _share_a_team(actor, found):
            found = None
    if found is None:
        raise NotFound(
            "share.no_person",
            f"Nobody called {wanted!r} was found here.",
            otherwise,
        )
    return found


def _share_a_team(one: User, other: User) -> bool:
    return Membership.objects.filter(user=one, team__in=other.memberships.values("team_id")).exists()
