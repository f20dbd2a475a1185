"""Sign-in through an identity provider, set up by a setting: the whole exchange with a real provider on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from oidc_provider import CLIENT, SECRET, Provider, oidc_provider

from factories.accounts import make_user
from factories.compute import load_plans
from studium.accounts.models import User

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/oidc/university/login/"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    load_plans()
    with oidc_provider(sub="42", email="grace@university.example", name="Grace", preferred_username="grace") as up:
        app = {
            "provider_id": "university",
            "name": "University",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": {"server_url": up.url},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        yield up


def sign_in(client: Client, provider: Provider) -> str:
    """From our button to the provider and back; the address one lands on."""
    away = client.post(SIGN_IN)
    assert away.status_code == 302, away.content
    assert away["Location"].startswith(provider.url)
    back = client.get(provider.agree(away["Location"]))
    assert back.status_code == 302, back.content
    return back["Location"]


def test_a_person_of_the_provider_gets_an_account_and_a_team(client: Client, provider: Provider) -> None:
    assert b"University" in client.get("/accounts/login/").content
    assert sign_in(client, provider) == "/"
    user = User.objects.get(email="grace@university.example")
    assert user.personal_team.projects.get().slug == "main"
    assert client.get("/").status_code == 200
    assert not user.has_usable_password()


def test_the_same_person_comes_back_to_the_same_account(client: Client, provider: Provider) -> None:
    sign_in(client, provider)
    again = Client()
    sign_in(again, provider)
    assert User.objects.filter(email="grace@university.example").count() == 1
    assert again.get("/").status_code == 200


def test_a_code_without_our_state_signs_nobody_in(client: Client, provider: Provider) -> None:
    away = client.post(SIGN_IN)
    stolen = provider.agree(away["Location"])
    stranger = Client()
    assert stranger.get(stolen).status_code != 302 or "/accounts/login" in stranger.get(stolen).get("Location", "")
    assert not User.objects.filter(email="grace@university.example").exists()


def test_an_address_that_has_an_account_is_not_taken_over(client: Client, provider: Provider) -> None:
    """A provider that names somebody else's address does not get into their account."""
    mine = make_user("grace")
    provider.person = {"sub": "666", "email": mine.email, "name": "Mallory"}
    sign_in(client, provider)
    assert client.session.get("_auth_user_id") != str(mine.pk)
    assert client.get("/settings/").status_code == 302


def test_a_deactivated_person_stays_out(client: Client, provider: Provider) -> None:
    sign_in(client, provider)
    User.objects.update(is_active=False)
    again = Client()
    sign_in(again, provider)
    assert again.get("/settings/").status_code == 302
