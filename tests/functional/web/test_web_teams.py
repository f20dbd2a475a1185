"""Teams, tokens, admin: the changes people make through pages, and that secrets are shown once."""

import pytest
from scenes import Scene, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from studium.accounts.models import ApiToken, Invitation, Membership, Project, Team
from studium.compute.models import Machine
from studium.plans.models import Plan, Subscription


def test_make_a_team(scene: Scene) -> None:
    response = client_of(scene.cast.stranger).post("/teams/", {"name": "Vision Lab", "slug": ""})
    assert response.headers["Location"] == "/teams/vision-lab/"


@pytest.mark.parametrize("data", [{"name": ""}, {"name": "x", "slug": "admin"}, {"name": "x", "slug": "Not a slug!"}])
def test_bad_team(scene: Scene, data: dict[str, str]) -> None:
    before = Team.objects.count()
    response = client_of(scene.cast.stranger).post("/teams/", data)
    assert response.status_code == 400
    assert "error" in text_of(response) or "note bad" in text_of(response)
    assert Team.objects.count() == before


def test_invitation_link_is_shown_once_and_can_be_withdrawn(scene: Scene) -> None:
    client, url = client_of(scene.cast.owner), f"/teams/{scene.cast.team.slug}/"
    made = text_of(client.post(f"{url}invite/", {"role": "reader", "email": "new@example.org"}))
    assert "/join/" in made
    again = text_of(client.get(url))
    assert "/join/" not in again
    assert "new@example.org" in again
    client.post(f"{url}invitations/{Invitation.objects.get().pk}/revoke/")
    assert "new@example.org" not in text_of(client.get(url))


def test_roles_and_leaving(scene: Scene) -> None:
    cast, url = scene.cast, f"/teams/{scene.cast.team.slug}/"
    owner = client_of(cast.owner)
    owner.post(f"{url}members/{cast.reader.username}/role/", {"role": "admin"})
    assert Membership.objects.get(team=cast.team, user=cast.reader).role == "admin"
    assert owner.post(f"{url}members/{cast.reader.username}/role/", {"role": "king"}).status_code == 400
    assert owner.post(f"{url}members/{cast.stranger.username}/role/", {"role": "admin"}).status_code == 404
    last = owner.post(f"{url}members/{cast.owner.username}/remove/")
    assert last.status_code == 422
    assert "last owner" in text_of(last)
    teammate = client_of(cast.teammate)
    assert "Leave" in text_of(teammate.get(f"{url}members/{cast.teammate.username}/remove/"))
    teammate.post(f"{url}members/{cast.teammate.username}/remove/")
    assert teammate.get(url).status_code == 404


def test_projects_up_to_the_plan(scene: Scene) -> None:
    client, url = client_of(scene.cast.owner), f"/teams/{scene.cast.team.slug}/projects/"
    assert client.post(url, {"name": "Second"}).status_code == 302
    assert client.post(url, {"name": "Second"}).status_code == 400
    assert Project.objects.filter(team=scene.cast.team).count() == 2


def test_token_is_shown_once(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    made = text_of(client.post("/settings/tokens/", {"name": "laptop", "scopes": ["read"], "days": "30"}))
    assert "studium_" in made
    token = ApiToken.objects.get()
    again = text_of(client.get("/settings/tokens/"))
    assert token.prefix in again
    secret = made.partition('value="studium_')[2].partition('"')[0]
    assert len(secret) > 20
    assert secret not in again
    assert client_of(scene.cast.stranger).post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/settings/tokens/{token.pk}/revoke/")
    assert "No tokens yet" in text_of(client.get("/settings/tokens/"))


@pytest.mark.parametrize("data", [{"name": "", "scopes": ["read"]}, {"name": "x"}, {"name": "x", "scopes": ["admin"]}])
def test_bad_token(scene: Scene, data: dict[str, object]) -> None:
    assert client_of(scene.cast.owner).post("/settings/tokens/", data).status_code == 400
    assert not ApiToken.objects.exists()


def test_operator_runs_the_installation(scene: Scene) -> None:
    cast, client = scene.cast, client_of(scene.cast.operator)
    client.post("/admin/machines/box/drain/", {"draining": "yes"})
    assert Machine.objects.get(pk="box").draining
    assert "draining" in text_of(client.get("/admin/"))
    client.post(f"/admin/users/{cast.teammate.pk}/", {"do": "deactivate"})
    cast.teammate.refresh_from_db()
    assert not cast.teammate.is_active
    own = client.post(f"/admin/users/{cast.operator.pk}/", {"do": "deactivate"})
    assert own.status_code == 422
    client.post("/admin/plans/load/", {"set": "gradient"})
    assert Plan.objects.filter(pk="gradient-free").exists()
    client.post("/admin/plans/assign/", {"team": cast.team.slug, "plan": "gradient-pro"})
    assert Subscription.objects.get(team=cast.team).plan_id == "gradient-pro"
    assert client.post("/admin/plans/assign/", {"team": "nobody", "plan": "open"}).status_code == 404
    assert "/join/" in text_of(client.post("/admin/users/invite/"))


def test_operator_stops_a_run_with_a_reason(scene: Scene) -> None:
    client = client_of(scene.cast.operator)
    client.post(f"/admin/runs/{scene.queued.pk}/stop/", {"reason": "maintenance at noon", "next": "//evil.example/"})
    said = text_of(client_of(scene.cast.teammate).get(f"/runs/{scene.queued.pk}/"))
    assert "Stopped by an administrator: maintenance at noon" in said


def test_stop_returns_only_to_our_own_pages(scene: Scene) -> None:
    response = client_of(scene.cast.operator).post(f"/admin/runs/{scene.queued.pk}/stop/", {"next": "//evil.example/"})
    assert response.headers["Location"] == "/admin/runs/"


def test_events_can_be_filtered(scene: Scene) -> None:
    client = client_of(scene.cast.operator)
    rows = client.get(f"/admin/events/?subject=run:{scene.ended.pk}&kind=run.").context["rows"]
    assert {event.subject_id for event, _ in rows} == {scene.ended.pk}
    assert "No such events" in text_of(client.get("/admin/events/?kind=no.such"))


def test_find_people(scene: Scene) -> None:
    found = client_of(scene.cast.operator).get(f"/admin/users/?q={scene.cast.reader.username}")
    assert [person.pk for person in found.context["page"].rows] == [scene.cast.reader.pk]


def test_usage_explains_the_bill(scene: Scene) -> None:
    from datetime import timedelta

    from studium.plans.actions import begin_charging, charge, take_claim

    for run, price in ((scene.ended, 510_000), (scene.running, 0)):
        take_claim(
            run.pk, run.team, user_id=run.user_id, machine_type="cpu-small", resource="cpu", kind="cpu", devices=1,
            price_micros_hour=price, hold_seconds=0, now=NOW,
        )  # fmt: skip
        begin_charging(run.pk, since=NOW)
        charge(run.pk, until=NOW + timedelta(minutes=30))
    client = client_of(scene.cast.reader)
    said = text_of(client.get(f"/usage/{scene.cast.team.slug}/"))
    assert "30 min \N{MULTIPLICATION SIGN} $0.51 / h" in said
    assert "Open work" in said
    lines = b"".join(client.get(f"/usage/{scene.cast.team.slug}/ledger.csv").streaming_content).decode().splitlines()
    assert lines[0].startswith("entry,run,user")
    assert len(lines) == 3
    assert any(line.endswith(",0.51,0.255000,,,") for line in lines)
