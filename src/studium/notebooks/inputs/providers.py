"""Storage providers as inputs: folders of a notebook's runs whose files are fetched as they are read.

They are of the notebook's own team, have no versions, and are in the session from its next start on.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from studium.accounts.access import role_in
from studium.accounts.models import Team, User
from studium.accounts.states import Role, covers
from studium.compute.actions import spec_of
from studium.compute.spec import Remote
from studium.errors import BadInput, Refused
from studium.events.actions import hint, record
from studium.notebooks.inputs.live import session_of
from studium.notebooks.inputs.models import Input, ProviderInput
from studium.notebooks.inputs.naming import MOST_PROVIDERS, check_name, name_taken, provider_path
from studium.notebooks.inputs.queries import Sight
from studium.notebooks.models import Notebook
from studium.storage.providers import queries as rows
from studium.storage.providers.access import provider_for
from studium.storage.providers.models import Provider
from studium.storage.providers.mounting import check_mountable


@dataclass(frozen=True, kw_only=True)
class ShownProvider:
    """A provider among the inputs as somebody may see it: `provider` is None where it is not theirs to use or is gone.

    `trouble` says why a run could not start.
    """

    name: str
    provider: Provider | None
    trouble: str
    sight: Sight

    @property
    def path(self) -> str:
        return provider_path(self.name)

    @property
    def page(self) -> str:
        """The path of its page; empty without one."""
        return f"/teams/{self.provider.team.slug}/providers/{self.provider.name}/" if self.provider else ""


def providers_of(notebook: Notebook) -> list[ProviderInput]:
    """By name."""
    return list(ProviderInput.objects.filter(notebook=notebook).select_related("provider__team").order_by("name"))


def add_provider(actor: User, notebook: Notebook, name: str, *, now: datetime, called: str = "") -> ProviderInput:
    """Have the runs that start from now on read a provider of the notebook's team as `/providers/<called>`.

    The caller fetched the notebook as the actor with `change=True`. Raises NotFound or Forbidden for a provider that is not
    the actor's to use, Refused for one that cannot be mounted, BadInput for a name that is none or is taken.
    """
    provider = provider_for(actor, notebook.team.slug, name.strip())
    check_mountable(provider)
    called = check_name(called.strip() or provider.name)
    try:
        with transaction.atomic():
            Notebook.objects.select_for_update(of=("self",)).get(pk=notebook.pk)
            if ProviderInput.objects.filter(notebook=notebook).count() >= MOST_PROVIDERS:
                words = f"A notebook has at most {MOST_PROVIDERS} storage providers."
                raise BadInput("input.too_many", words, "Remove one first.")
            if Input.objects.filter(notebook=notebook, name=called).exists():
                raise name_taken(called)
            made = ProviderInput.objects.create(
                notebook=notebook, name=called, provider=provider, added_by=actor, added_at=now
            )
            _recorded("notebook.input_added", actor, notebook, now, input=called, of="provider", source=provider.pk)
    except IntegrityError:
        raise name_taken(called) from None
    return made


def remove_provider_input(actor: User, notebook: Notebook, name: str, *, now: datetime) -> bool:
    """Whether there was one of this name; runs that start from now on do not have it."""
    with transaction.atomic():
        gone, _ = ProviderInput.objects.filter(notebook=notebook, name=name).delete()
        if gone:
            _recorded("notebook.input_removed", actor, notebook, now, input=name)
    return bool(gone)


def carry_over_providers(actor: User, origin: Notebook, copy: Notebook, *, now: datetime) -> None:
    """Give a copy in the same team the providers of what it was copied from, if the actor may use them."""
    if origin.team_id != copy.team_id or not may_use(actor, origin.team):
        return
    ProviderInput.objects.bulk_create(
        ProviderInput(notebook=copy, name=row.name, provider=row.provider, added_by=actor, added_at=now)
        for row in providers_of(origin)
        if row.provider is not None
    )


def may_use(user: User, team: Team) -> bool:
    """Whether the user may use the team's providers: its members may."""
    role = role_in(user, team)
    return role is not None and covers(role, Role.MEMBER)


def remotes_for(user: User, notebook: Notebook) -> tuple[Remote, ...]:
    """What to ask compute for, so that a run that the user starts reads them. None for who is no member of the team.

    Raises Refused where one is gone.
    """
    found = providers_of(notebook)
    if not found or not may_use(user, notebook.team):
        return ()
    for row in found:
        if row.provider is None:
            raise Refused("input.gone", _gone(row), "Remove the input.")
        check_mountable(row.provider)
    return tuple(Remote(source=row.provider.pk, target=provider_path(row.name)) for row in found if row.provider)


def shown_providers(user: User, notebook: Notebook) -> list[ShownProvider]:
    """By name, with how the notebook's session sees them."""
    found = providers_of(notebook)
    if not found:
        return []
    run, theirs = session_of(notebook), may_use(user, notebook.team)
    there = {(each.source, each.target) for each in spec_of(run).remotes} if run else set()
    shown = []
    for row in found:
        sight = Sight.NONE
        if run:
            sight = Sight.SEEN if (row.provider_id, provider_path(row.name)) in there else Sight.NEXT
        shown.append(
            ShownProvider(
                name=row.name,
                provider=row.provider if theirs else None,
                trouble="" if row.provider else _gone(row),
                sight=sight,
            )
        )
    return shown


def offered_providers(user: User, notebook: Notebook) -> list[Provider]:
    """What a form may propose."""
    return list(rows.of_team(notebook.team)) if may_use(user, notebook.team) else []


def _gone(row: ProviderInput) -> str:
    return f"The storage provider that the input {row.name} comes from was removed."


def _recorded(name: str, actor: User, notebook: Notebook, now: datetime, **data: object) -> None:
    record(name, subject=("notebook", notebook.pk), actor=actor, team_id=notebook.team_id, now=now, data=data)
    hint([f"notebook:{notebook.pk}"])
