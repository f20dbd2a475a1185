"""Ways in: the sign-in form, closed sign-up, invitations, the one-time address."""

from datetime import timedelta

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from scenes import Scene, client_of
from test_web_access import problems_of
from test_web_notebooks import text_of

from factories.accounts import NOW, make_user
from studium.accounts import actions
from studium.accounts.models import Membership, Team, User
from studium.accounts.states import Role
from studium.config.options import Options
from studium.errors import NotYet
from studium.operations import first_run, setup, up
from studium.web import signing_in

SIGN_UP = {"email": "new@example.org", "username": "newcomer", "password1": "a long enough secret 7"}


def test_sign_in_by_name_or_address_and_back_to_the_page(scene: Scene) -> None:
    for login in (scene.cast.owner.username, scene.cast.owner.email):
        response = client_of(None).post("/accounts/login/?next=/teams/", {"login": login, "password": "correct horse"})
        assert response.headers["Location"] == "/teams/"


def test_wrong_password_is_said(scene: Scene) -> None:
    response = client_of(None).post("/accounts/login/", {"login": scene.cast.owner.username, "password": "no"})
    assert response.status_code == 200
    assert "not correct" in text_of(response)


def test_deactivated_people_stay_out(scene: Scene) -> None:
    actions.set_active(scene.cast.operator, scene.cast.owner, False, now=NOW)
    client = client_of(None)
    client.post("/accounts/login/", {"login": scene.cast.owner.username, "password": "correct horse"})
    assert client.get("/").status_code == 302


def test_sign_up_is_closed(scene: Scene) -> None:
    client = client_of(None)
    assert "Sign-up is closed" in text_of(client.get("/accounts/signup/"))
    client.post("/accounts/signup/", SIGN_UP)
    assert not User.objects.filter(username="newcomer").exists()
    assert "by invitation" in text_of(client.get("/accounts/login/"))


def test_invited_stranger_makes_an_account_and_joins(scene: Scene) -> None:
    _, secret = actions.invite(scene.cast.owner, scene.cast.team, Role.READER, now=NOW)
    client = client_of(None)
    assert scene.cast.team.name in text_of(client.get(f"/join/{secret}/"))
    client.post("/accounts/signup/", SIGN_UP)
    user = User.objects.get(username="newcomer")
    assert Team.objects.filter(personal_of=user).exists()
    assert Membership.objects.get(team=scene.cast.team, user=user).role == "reader"
    assert client_of(None).get(f"/join/{secret}/").status_code == 404


def test_account_by_invitation_behind_the_edge(scene: Scene) -> None:
    """Behind the edge the peer is a socket without an address; the visitor's is in the edge's header."""
    _, secret = actions.invite(scene.cast.owner, scene.cast.team, Role.READER, now=NOW)
    client = Client(headers={"host": "localhost", "X-Forwarded-For": "192.0.2.9"}, REMOTE_ADDR="")
    client.get(f"/join/{secret}/")
    assert client.post("/accounts/signup/", SIGN_UP).status_code == 302
    assert "192.0.2.9" in text_of(client.get("/accounts/sessions/"))


@pytest.mark.parametrize("password", ["short", "password123", "newcomer12"])
def test_weak_passwords_are_refused(scene: Scene, password: str) -> None:
    _, secret = actions.invite(scene.cast.operator, None, Role.MEMBER, now=NOW)
    client = client_of(None)
    client.get(f"/join/{secret}/")
    assert client.post("/accounts/signup/", {**SIGN_UP, "password1": password}).status_code == 200
    assert not User.objects.filter(username="newcomer").exists()


def test_invitation_of_one_who_has_an_account_waits_for_their_word(scene: Scene) -> None:
    _, secret = actions.invite(scene.cast.owner, scene.cast.team, Role.MEMBER, now=NOW)
    client = client_of(scene.cast.stranger)
    client.get(f"/join/{secret}/")
    assert not Membership.objects.filter(team=scene.cast.team, user=scene.cast.stranger).exists()
    response = client.post(f"/join/{secret}/")
    assert response.headers["Location"] == f"/teams/{scene.cast.team.slug}/"
    assert Membership.objects.filter(team=scene.cast.team, user=scene.cast.stranger).exists()


def test_invitation_survives_signing_in_and_is_still_asked_about(scene: Scene) -> None:
    """Somebody else may have made this browser open the link: an account joins nothing by signing in."""
    _, secret = actions.invite(scene.cast.owner, scene.cast.team, Role.MEMBER, now=NOW)
    client = client_of(None)
    client.get(f"/join/{secret}/")
    response = client.post("/accounts/login/", {"login": scene.cast.stranger.username, "password": "correct horse"})
    assert response.headers["Location"] == f"/join/{secret}/"
    assert not Membership.objects.filter(team=scene.cast.team, user=scene.cast.stranger).exists()
    assert f"Join as {scene.cast.stranger.username}" in text_of(client.get(f"/join/{secret}/"))
    client.post(f"/join/{secret}/")
    assert Membership.objects.filter(team=scene.cast.team, user=scene.cast.stranger).exists()
    client.post("/accounts/logout/")
    again = client.post("/accounts/login/", {"login": scene.cast.stranger.username, "password": "correct horse"})
    assert again.headers["Location"] == "/"


def test_wrong_passwords_of_one_visitor_lock_out_no_other(scene: Scene) -> None:
    def sign_in(address: str, password: str, login: str) -> int:
        headers = {"host": "localhost", "X-Forwarded-For": address}
        return Client(headers=headers).post("/accounts/login/", {"login": login, "password": password}).status_code

    cache.clear()
    tries = [sign_in("192.0.2.1", f"wrong {n}", f"nobody{n}") for n in range(40)]
    assert tries[-1] in (403, 429), "tries are counted"
    assert sign_in("192.0.2.2", "correct horse", scene.cast.owner.username) == 302
    cache.clear()


def test_old_invitation_opens_nothing(scene: Scene, frozen: time_machine.Traveller) -> None:
    _, secret = actions.invite(scene.cast.operator, None, Role.MEMBER, now=NOW)
    client = client_of(None)
    client.get(f"/join/{secret}/")
    frozen.shift(timedelta(days=8))
    client.post("/accounts/signup/", SIGN_UP)
    assert not User.objects.filter(username="newcomer").exists()


def test_one_time_address_is_not_used_up_by_looking(scene: Scene) -> None:
    user = make_user()
    secret = actions.make_login_link(user, now=NOW)
    for _ in range(3):
        assert f"Sign in as {user.username}" in text_of(client_of(None).get(f"/login/link/{secret}/"))
    signed_in = client_of(scene.cast.owner).get(f"/login/link/{secret}/")
    assert f"You are signed in as {scene.cast.owner.username}" in text_of(signed_in)
    client = client_of(None)
    assert client.post(f"/login/link/{secret}/").headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client_of(None).post(f"/login/link/{secret}/").status_code == 404


def test_one_time_address_of_someone_without_a_password_leads_to_setting_one(scene: Scene) -> None:
    user = actions.create_user("root", "root@example.org", now=NOW, operator=True)
    client = client_of(None)
    response = client.post(f"/login/link/{actions.make_login_link(user, now=NOW)}/")
    assert response.headers["Location"] == "/accounts/password/set/"
    page = text_of(client.get("/accounts/password/set/"))
    assert "Set a password, or add a passkey" in page
    assert UserSession.objects.filter(user=user).count() == 1, "signed-in browsers list this one"


def test_the_operator_is_offered_a_link_until_an_administrator_has_a_way_in(scene: Scene) -> None:
    assert not setup.nobody_can_administer()
    User.objects.filter(is_staff=True).update(is_active=False)
    person = actions.create_user("root", "root@example.org", now=NOW, operator=True)
    assert setup.nobody_can_administer(), "a link that was used or lost is no way in"
    SocialAccount.objects.create(user=person, provider="oidc", uid="1")
    assert not setup.nobody_can_administer()


def test_a_first_notebook_that_is_slow_does_not_end_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_say: object) -> bool:
        raise NotYet("up.first_run_slow", "The first notebook is still running.", "It goes on.")

    monkeypatch.setattr(first_run, "run_first_notebook", slow)
    said: list[str] = []
    up.prove(said.append)
    assert said == ["The first notebook is still running. It goes on."]


def test_security_pages_can_be_used(scene: Scene) -> None:
    """The library asks for the password again before it lets somebody change how they sign in."""
    client = client_of(None)
    client.post("/accounts/login/", {"login": scene.cast.owner.username, "password": "correct horse"})
    assert client.get("/accounts/2fa/totp/activate/").headers["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": "correct horse"})
    page = client.get("/accounts/2fa/totp/activate/")
    assert problems_of(page.content.decode()) == []
    assert "data:image/svg+xml" in text_of(page)
    assert problems_of(client.get("/accounts/2fa/webauthn/add/").content.decode()) == []
    assert "Signed-in browsers" in text_of(client.get("/accounts/sessions/"))


def test_only_the_page_that_leaves_for_an_identity_provider_may_send_forms_away(scene: Scene) -> None:
    leaving = client_of(None).get("/accounts/oidc/anything/login/").headers["Content-Security-Policy"]
    assert "form-action 'self' https:;" in leaving
    assert "form-action 'self';" in client_of(None).get("/accounts/login/").headers["Content-Security-Policy"]


def test_person_of_an_identity_provider_gets_a_team_and_needs_no_invitation(scene: Scene) -> None:
    from allauth.socialaccount.models import SocialAccount, SocialLogin
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.messages.storage.fallback import FallbackStorage
    from django.test import RequestFactory

    from studium.web.signing_in import SocialAdapter

    client = client_of(None)
    client.get("/accounts/login/")
    request = RequestFactory().get("/")
    request.session, request.user = client.session, AnonymousUser()
    request._messages = FallbackStorage(request)
    login = SocialLogin(
        user=User(username="", email="mia@uni.example"), account=SocialAccount(provider="uni", uid="7", extra_data={})
    )
    adapter = SocialAdapter(request)
    assert adapter.is_open_for_signup(request, login)
    user = adapter.save_user(request, adapter_ready(request, adapter, login))
    assert Team.objects.filter(personal_of=user).exists()


def adapter_ready(request, adapter, login):  # type: ignore[no-untyped-def]
    """The login as the library hands it on: with the name the provider told."""
    adapter.populate_user(request, login, {"username": "mia", "email": "mia@uni.example"})
    return login


@pytest.mark.django_db
@pytest.mark.parametrize("isolated", [True, False])
def test_strangers_sign_up_only_where_runs_are_isolated(
    client: Client, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    """Asked to be open: it is, unless `studium doctor` says that isolation is not full."""
    monkeypatch.setattr(signing_in, "options", lambda: Options(open_signup=True))
    monkeypatch.setattr(signing_in, "isolation_is_full", lambda: isolated)
    said = client.post(
        "/accounts/signup/", {"email": "new@example.org", "username": "newcomer", "password1": "long enough words"}
    )
    assert User.objects.filter(username="newcomer").exists() == isolated
    assert said.status_code == (302 if isolated else 200)
