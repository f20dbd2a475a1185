"""Every change people make to secrets. The actor comes first. What is recorded says names and scopes, never values."""

from datetime import datetime

from django.db import transaction

from studium.accounts.access import require
from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.events.actions import record
from studium.secrets import queries
from studium.secrets.access import Place
from studium.secrets.errors import bad_name, bad_value, reserved_name, too_many, too_many_attached, unknown
from studium.secrets.models import Attachment, Secret
from studium.secrets.sealing import ensure_key, put_value
from studium.secrets.states import MOST_ATTACHED, MOST_IN_A_SCOPE, VALUE_BYTES, Scope, reserved, well_formed


def check_name(name: str) -> None:
    """Raises BadInput for what cannot name a secret."""
    if not well_formed(name):
        raise bad_name()
    if reserved(name):
        raise reserved_name(name)


def check_value(value: str) -> None:
    """Raises BadInput for what cannot be an environment variable's value, or is too large."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise bad_value("is not text") from None
    if not value:
        raise bad_value("is empty")
    if size > VALUE_BYTES:
        raise bad_value("is too large")
    if "\0" in value:
        raise bad_value("contains a NUL byte, which no variable can")


def set_secret(actor: User, place: Place, name: str, value: str, *, now: datetime) -> Secret:
    """Make a secret or give it another value; runs that start later get it. One of a notebook is attached to it as well.

    Raises BadInput for name or value, Refused when there are too many.
    """
    require(actor, place.team, Role.MEMBER)
    check_name(name)
    check_value(value)
    ensure_key(now)
    with transaction.atomic():
        _one_at_a_time(place.team)
        secret = queries.own(place).filter(name=name).first()
        fresh = secret is None
        if secret is None:
            if queries.own(place).count() >= MOST_IN_A_SCOPE:
                raise too_many()
            project = place.project if place.scope == Scope.PROJECT else None
            secret = Secret(team=place.team, project=project, holder=place.holder, name=name)
            secret.created_by, secret.created_at = actor, now
        secret.changed_by, secret.changed_at = actor, now
        put_value(secret, value)
        if fresh:
            secret.save(force_insert=True)
        else:
            secret.save(update_fields=["changed_by", "changed_at", "sealed", "key"])
        if place.holder:
            _attach(actor, place, name, now)
        _record("secret.set", actor, place, name, now)
    return secret


def delete_secret(actor: User, place: Place, name: str, *, now: datetime) -> None:
    """Delete the secret of exactly this scope. Runs that have it keep it until they end. Raises NotFound."""
    require(actor, place.team, Role.MEMBER)
    with transaction.atomic():
        _one_at_a_time(place.team)
        if not Secret.objects.filter(pk__in=queries.own(place).filter(name=name).values("pk")).delete()[0]:
            raise unknown(name)
        if place.holder and all(row.name != name for row in queries.for_notebook(place)):
            Attachment.objects.filter(holder=place.holder, name=name).delete()
        _record("secret.deleted", actor, place, name, now)


def attach(actor: User, place: Place, name: str, *, now: datetime) -> None:
    """Let the notebook's runs have the secret of this name, from the next start on. Repeatable. Raises NotFound, Refused."""
    require(actor, place.team, Role.MEMBER)
    with transaction.atomic():
        _one_at_a_time(place.team)
        if all(shown.name != name for shown in queries.for_notebook(place)):
            raise unknown(name)
        if _attach(actor, place, name, now):
            _record("secret.attached", actor, place, name, now)


def detach(actor: User, place: Place, name: str, *, now: datetime) -> None:
    """Give the secret to no further run of the notebook. Repeatable. Raises NotFound for a name it never had."""
    require(actor, place.team, Role.MEMBER)
    with transaction.atomic():
        gone, _ = Attachment.objects.filter(holder=place.holder, name=name).delete()
        if gone:
            _record("secret.detached", actor, place, name, now)
        elif all(shown.name != name for shown in queries.for_notebook(place)):
            raise unknown(name)


@transaction.atomic
def forget_holder(holder: str) -> None:
    """Delete what belongs to a holder that is deleted itself."""
    Attachment.objects.filter(holder=holder).delete()
    Secret.objects.filter(holder=holder).delete()


def _attach(actor: User, place: Place, name: str, now: datetime) -> bool:
    if Attachment.objects.filter(holder=place.holder, name=name).exists():
        return False
    if Attachment.objects.filter(holder=place.holder).count() >= MOST_ATTACHED:
        raise too_many_attached()
    Attachment.objects.create(team=place.team, holder=place.holder, name=name, attached_by=actor, attached_at=now)
    return True


def _one_at_a_time(team: Team) -> None:
    """What follows counts and looks for the name, and two at once must not find the same."""
    Team.objects.select_for_update().get(pk=team.pk)


def _record(kind: str, actor: User, place: Place, name: str, now: datetime) -> None:
    subject = place.holder.rpartition(":")[2] or (place.project.pk if place.project else str(place.team.pk))
    data = {"name": name, "scope": place.scope.value}
    record(kind, subject=(place.scope.value, subject), actor=actor, team_id=place.team.pk, now=now, data=data)
