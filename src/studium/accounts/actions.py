"""Every change to users, teams and projects. The actor comes first; None is the installation itself."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.text import slugify

from studium.accounts.access import require, role_in
from studium.accounts.models import ApiToken, EntryTicket, Invitation, LoginLink, Membership, Project, Team, User
from studium.accounts.states import Role, Scope, covers
from studium.config.options import options
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.events.actions import record
from studium.lib.ids import new_id, new_secret, secret_digest

INVITATION_LIFE = timedelta(days=7)
TICKET_LIFE = timedelta(seconds=60)
STAY_LIFE = timedelta(hours=12)  # in a content host, by one ticket
LOGIN_LINK_LIFE = timedelta(hours=24)
# Addresses of the platform's own pages start with these; a team may not take their place.
RESERVED_SLUGS = frozenset(
    (
        "accounts admin api events healthz metrics open rest static notebooks runs usage teams settings gallery machines queue "
        "new join datasets models competitions workflows deployments search login signup people notifications bookmarks shared -"
    ).split()
)


def free_slug(wanted: str) -> str:
    """A team slug near `wanted` that nobody has."""
    base = slugify(wanted)[:50] or "team"
    if base in RESERVED_SLUGS:
        base = f"{base}-team"
    slug = base
    while Team.objects.filter(slug=slug).exists():
        slug = f"{base}-{new_id(4)}"
    return slug


def give_personal_team(user: User, *, now: datetime) -> Team:
    """The user's personal team with its first project, made if it is not there. Repeatable."""
    with transaction.atomic():
        found = Team.objects.filter(personal_of=user).first()
        if found:
            return found
        team = Team.objects.create(slug=free_slug(user.username), name=user.username, personal_of=user, created_at=now)
        _open_team(team, user, now)
        return team


def _open_team(team: Team, owner: User, now: datetime) -> None:
    Membership.objects.create(team=team, user=owner, role=Role.OWNER, since=now)
    Project.objects.create(team=team, slug="main", name="Main", created_at=now)
    record("team.created", subject=("team", team.pk), actor=owner, team_id=team.pk, now=now, data={"slug": team.slug})


@transaction.atomic
def create_user(
    username: str, email: str, *, now: datetime, password: str | None = None, operator: bool = False
) -> User:
    """A new person with their personal team. Without a password they enter by a link. Raises BadInput."""
    if User.objects.filter(username__iexact=username).exists() or User.objects.filter(email__iexact=email).exists():
        raise BadInput(
            "user.exists", f"{username} or {email} already has an account.", "Choose another name, or sign in."
        )
    user = User(username=username, email=email, is_staff=operator, is_superuser=operator, date_joined=now)
    user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save()
    give_personal_team(user, now=now)
    record("user.created", subject=("user", user.pk), actor=user, now=now, data={"username": username})
    return user


@transaction.atomic
def set_active(actor: User, user: User, active: bool, *, now: datetime) -> None:
    """Deactivate or reactivate a person. The compute domain stops what a deactivated person runs in its next pass."""
    if actor.pk == user.pk and not active:
        raise Refused("user.self", "You cannot deactivate yourself.", "Ask another administrator.")
    User.objects.filter(pk=user.pk).update(is_active=active)
    user.is_active = active
    record("user.activated" if active else "user.deactivated", subject=("user", user.pk), actor=actor, now=now)


@transaction.atomic
def set_operator(actor: User, user: User, operator: bool, *, now: datetime) -> None:
    """Make a person an administrator of the installation, or no longer. The last one stays."""
    if not operator and not User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk).exists():
        raise Refused("user.last_admin", "This is the last administrator.", "Make somebody else administrator first.")
    User.objects.filter(pk=user.pk).update(is_staff=operator, is_superuser=operator)
    record("user.operator" if operator else "user.not_operator", subject=("user", user.pk), actor=actor, now=now)


@transaction.atomic
def create_team(actor: User, name: str, *, now: datetime, slug: str = "") -> Team:
    """A shared team that the actor owns. Raises BadInput when the slug is taken or reserved, Refused when they own enough."""
    _owns_not_too_many(actor)
    name = name.strip()
    if not name:
        raise BadInput("team.no_name", "A team needs a name.", "Type a name.")
    wanted = slug or free_slug(name)
    if wanted != slugify(wanted) or wanted in RESERVED_SLUGS or Team.objects.filter(slug=wanted).exists():
        raise BadInput(
            "team.slug_taken",
            f"The short name {wanted!r} cannot be used.",
            "Choose another: lower-case letters, digits and dashes.",
        )
    team = Team.objects.create(slug=wanted, name=name[:120], created_at=now)
    _open_team(team, actor, now)
    return team


def _owns_not_too_many(actor: User) -> None:
    """Each team has allowances of its own: without a bound one person could have as much as they make teams."""
    most = options().teams_per_person
    if actor.is_staff:
        return
    User.objects.select_for_update().get(pk=actor.pk)
    have = Membership.objects.filter(user_id=actor.pk, role=Role.OWNER, team__personal_of=None).count()
    if have >= most:
        raise Refused(
            "team.too_many",
            f"You own {have} shared teams; one person may own {most}.",
            "Make somebody else owner of one, or ask an administrator.",
            {"limit": most, "have": have},
        )


@transaction.atomic
def create_project(actor: User, team: Team, name: str, *, now: datetime, limit: int | None = None) -> Project:
    """A project in the team. `limit` is the plan's number of projects, None for no limit."""
    require(actor, team, Role.MEMBER)
    slug = slugify(name)[:60]
    if not slug:
        raise BadInput("project.no_name", "A project needs a name with at least one letter or digit.", "Type a name.")
    Team.objects.select_for_update().get(pk=team.pk)  # two at once must not both find room for the last one
    have = Project.objects.filter(team=team, deleted_at=None)
    if have.filter(slug=slug).exists():
        raise BadInput("project.exists", f"{team.slug} already has a project {slug}.", "Choose another name.")
    if limit is not None and have.count() >= limit:
        raise Refused(
            "plan.projects",
            f"The plan of {team.slug} allows {limit} projects and {have.count()} exist.",
            "Delete a project, or switch to a larger plan.",
            {"limit": limit, "have": have.count()},
        )
    project = Project.objects.create(team=team, slug=slug, name=name.strip()[:120], created_at=now)
    record(
        "project.created", subject=("project", project.pk), actor=actor, team_id=team.pk, now=now, data={"slug": slug}
    )
    return project


@transaction.atomic
def invite(actor: User, team: Team | None, role: Role, *, now: datetime, email: str = "") -> tuple[Invitation, str]:
    """An invitation and its secret, which is shown once. Admins invite up to their own role; operators invite to no team."""
    if team is None:
        if not actor.is_staff:
            raise Forbidden(
                "invite.not_operator", "Only administrators invite people without a team.", "Invite to a team."
            )
    else:
        own = require(actor, team, Role.ADMIN)
        if team.personal_of_id is not None:
            raise Refused(
                "team.personal", "A personal team has one member.", "Create a shared team and invite people there."
            )
        if not covers(own, role):
            raise Forbidden(
                "team.role_too_low", f"As {own} you cannot invite with the role {role}.", "Choose a lower role."
            )
    secret = new_secret()
    invitation = Invitation.objects.create(
        team=team,
        role=role,
        email=email,
        secret_digest=secret_digest(secret),
        created_by=actor,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    record(
        "team.invited",
        subject=("invitation", invitation.pk),
        actor=actor,
        team_id=team.pk if team else None,
        now=now,
        data={"role": role},
    )
    return invitation, secret


def open_invitation(secret: str, *, now: datetime) -> Invitation:
    """The invitation a link stands for. Raises NotFound once it is used, revoked or past its time."""
    found = (
        Invitation.objects.filter(
            secret_digest=secret_digest(secret), used_at=None, revoked_at=None, expires_at__gt=now
        )
        .select_related("team", "created_by")
        .first()
    )
    if found is None or not _still_invites(found):
        raise NotFound("invite.gone", "This invitation was used, withdrawn or is too old.", "Ask for a new one.")
    return found


def _still_invites(invitation: Invitation) -> bool:
    """Whether who made the link could still make it: nobody who was removed or deactivated comes back by their own."""
    if invitation.team is None:
        return invitation.created_by.is_active and invitation.created_by.is_staff
    role = role_in(invitation.created_by, invitation.team)
    return role is not None and covers(role, Role.ADMIN) and covers(role, Role(invitation.role))


@transaction.atomic
def accept_invitation(user: User, secret: str, *, now: datetime) -> Team | None:
    """Join by a link. An existing membership keeps the higher role. Two at once: one joins, the other gets NotFound."""
    invitation = open_invitation(secret, now=now)
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
    if not unused.update(used_at=now, used_by=user):
        raise NotFound("invite.gone", "This invitation was used a moment ago.", "Ask for a new one.")
    if invitation.team is None:
        return None
    member, made = Membership.objects.get_or_create(
        team=invitation.team, user=user, defaults={"role": invitation.role, "since": now}
    )
    if not made and covers(Role(invitation.role), Role(member.role)):
        Membership.objects.filter(pk=member.pk).update(role=invitation.role)
    record(
        "team.joined",
        subject=("team", invitation.team.pk),
        actor=user,
        team_id=invitation.team.pk,
        now=now,
        data={"role": invitation.role},
    )
    return invitation.team


@transaction.atomic
def revoke_invitation(actor: User, invitation: Invitation, *, now: datetime) -> None:
    """Withdraw a link that nobody used yet."""
    if invitation.team is not None:
        require(actor, invitation.team, Role.ADMIN)
    elif not actor.is_staff:
        raise NotFound("invite.gone", "There is no such invitation.", "")
    Invitation.objects.filter(pk=invitation.pk, used_at=None).update(revoked_at=now)


def _owners_stay(team: Team, user: User) -> None:
    owners = Membership.objects.select_for_update().filter(team=team, role=Role.OWNER)
    if set(owners.values_list("user_id", flat=True)) == {user.pk}:
        raise Refused(
            "team.last_owner", f"{user.username} is the last owner of {team.slug}.", "Make somebody else owner first."
        )


@transaction.atomic
def set_role(actor: User, team: Team, user: User, role: Role, *, now: datetime) -> None:
    """Change a member's role. Admins change roles below owner; only owners make or unmake owners."""
    own = require(actor, team, Role.ADMIN)
    old = Membership.objects.select_for_update().filter(team=team, user=user).first()
    if old is None:
        raise NotFound("member.unknown", f"{user.username} is not a member of {team.slug}.", "Invite them.")
    if not covers(own, role) or not covers(own, Role(old.role)):
        raise Forbidden("team.role_too_low", f"As {own} you cannot make this change.", "Ask an owner.")
    if role != Role.OWNER:
        _owners_stay(team, user)
    Membership.objects.filter(pk=old.pk).update(role=role)
    record(
        "team.role",
        subject=("team", team.pk),
        actor=actor,
        team_id=team.pk,
        now=now,
        data={"user": user.username, "role": role},
    )


@transaction.atomic
def remove_member(actor: User, team: Team, user: User, *, now: datetime) -> None:
    """Remove a member, or leave. The last owner and the person of a personal team stay."""
    if actor.pk != user.pk:
        own = require(actor, team, Role.ADMIN)
        old = Membership.objects.filter(team=team, user=user).first()
        if old is not None and not covers(own, Role(old.role)):
            raise Forbidden("team.role_too_low", f"As {own} you cannot remove {user.username}.", "Ask an owner.")
    _owners_stay(team, user)
    if not Membership.objects.filter(team=team, user=user).delete()[0]:
        raise NotFound("member.unknown", f"{user.username} is not a member of {team.slug}.", "")
    record("team.left", subject=("team", team.pk), actor=actor, team_id=team.pk, now=now, data={"user": user.username})


@transaction.atomic
def create_token(
    actor: User, name: str, scopes: list[Scope], *, now: datetime, expires_at: datetime | None
) -> tuple[ApiToken, str]:
    """A personal token and its secret, `studium_<...>`, which is shown once."""
    if not name.strip():
        raise BadInput("token.no_name", "A token needs a name, to know it by later.", "Say what it is for.")
    if not scopes:
        raise BadInput("token.no_scope", "A token needs at least one scope.", "Choose what it may do.")
    if Scope.ADMIN in scopes and not actor.is_staff:
        raise Forbidden(
            "token.admin_scope", "Only administrators can have tokens with the scope admin.", "Leave that scope out."
        )
    if expires_at is not None and expires_at <= now:
        raise BadInput("token.expired", "The token would already be expired.", "Choose a later day.")
    if ApiToken.objects.filter(user=actor, revoked_at=None).count() >= 50:
        raise NotYet("token.many", "You have 50 live tokens.", "Revoke those you no longer need.")
    secret = f"studium_{new_secret()}"
    token = ApiToken.objects.create(
        user=actor,
        name=name.strip()[:80],
        prefix=secret[:12],
        secret_digest=secret_digest(secret),
        scopes=[str(s) for s in scopes],
        created_at=now,
        expires_at=expires_at,
    )
    record(
        "token.created",
        subject=("user", actor.pk),
        actor=actor,
        now=now,
        data={"name": token.name, "scopes": token.scopes},
    )
    return token, secret


def use_token(secret: str, *, now: datetime) -> ApiToken | None:
    """The live token of an active user that `secret` is, or None. Notes the use, at most once a minute."""
    token = (
        ApiToken.objects.filter(secret_digest=secret_digest(secret), revoked_at=None, user__is_active=True)
        .select_related("user")
        .first()
    )
    if token is None or (token.expires_at is not None and token.expires_at <= now):
        return None
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke_token(actor: User, token_id: int, *, now: datetime) -> None:
    """End one of the actor's own tokens. Repeatable."""
    if not ApiToken.objects.filter(pk=token_id, user=actor).exists():
        raise NotFound("token.unknown", "There is no such token of yours.", "See your settings.")
    ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now)
    record("token.revoked", subject=("user", actor.pk), actor=actor, now=now, data={"token": token_id})


def make_login_link(user: User, *, now: datetime) -> str:
    """The secret of a one-time sign-in address. Earlier unused ones of the same user stop working."""
    secret = new_secret()
    with transaction.atomic():
        LoginLink.objects.filter(user=user, used_at=None).delete()
        LoginLink.objects.create(user=user, secret_digest=secret_digest(secret), expires_at=now + LOGIN_LINK_LIFE)
    return secret


def use_login_link(secret: str, *, now: datetime) -> User:
    """The user a sign-in address is for; works once. Raises NotFound."""
    live = LoginLink.objects.filter(secret_digest=secret_digest(secret), expires_at__gt=now, user__is_active=True)
    link = live.select_related("user").first()
    # The update names columns of its own table alone: with the user's it would be a subquery, which PostgreSQL does not
    # look at again when two come at once, and both would get in.
    if link is None or not LoginLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now):
        raise NotFound(
            "login.link_gone",
            "This sign-in link was used or is too old.",
            "Run `studium admin login-link` for a new one.",
        )
    return link.user


def make_ticket(user: User, label: str, path: str, *, now: datetime, session: str = "") -> str:
    """The secret of a one-time ticket into the content host `label`. The caller has checked that the user may enter.

    With `session`, the browser's session key, the stay inside ends when that session does.
    """
    secret = new_secret()
    with transaction.atomic():
        EntryTicket.objects.filter(expires_at__lt=now - STAY_LIFE - timedelta(hours=1)).delete()
        EntryTicket.objects.create(
            user=user,
            label=label,
            path=path,
            session=session,
            secret_digest=secret_digest(secret),
            expires_at=now + TICKET_LIFE,
        )
    return secret


def use_ticket(secret: str, label: str, *, now: datetime) -> EntryTicket | None:
    """The ticket, used up now; None if it was used, is too old or for another host."""
    live = EntryTicket.objects.filter(
        secret_digest=secret_digest(secret), label=label, expires_at__gt=now, user__is_active=True
    )
    ticket = live.select_related("user").first()
    # Of its own table's columns alone, as above.
    if ticket is None or not EntryTicket.objects.filter(pk=ticket.pk, used_at=None).update(used_at=now):
        return None
    ticket.used_at = now
    return ticket
