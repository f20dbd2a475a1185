"""Reads of providers."""

from django.db.models import QuerySet

from studium.accounts.models import Team
from studium.secrets.access import Place
from studium.secrets.queries import own
from studium.storage.providers.models import Provider


def of_team(team: Team) -> QuerySet[Provider]:
    """By name."""
    return Provider.objects.filter(team=team).select_related("team", "created_by", "changed_by").order_by("name")


def secret_names(team: Team) -> list[str]:
    """The secrets of the team that a provider of it can name."""
    return list(own(Place(team)).values_list("name", flat=True))
