"""Teams, tokens, plans and the admin area through REST."""

import pytest
from rest_world import World, make_token

from studium.accounts.states import Scope
from studium.events.models import Event

pytestmark = pytest.mark.django_db


def test_a_team_from_making_to_leaving(world: World) -> None:
    owner, newcomer = world.cast.owner, world.cast.stranger
    team = world.json(owner, "POST", "/teams", {"name": "Vision Lab"}, status=201)
    assert (team["slug"], team["role"], team["members"], team["plan"]) == ("vision-lab", "owner", 1, "open")
    invitation = world.json(owner, "POST", "/teams/vision-lab/invitations", {"role": "reader"}, status=201)
    assert "/join/" in invitation["url"]
    assert [i["url"] for i in world.json(owner, "GET", "/teams/vision-lab/invitations")] == [""], "shown once"
    joined = world.json(newcomer, "POST", "/teams/join", {"invitation": invitation["url"]})
    assert joined["role"] == "reader"
    assert (
        world.json(newcomer, "POST", "/teams/join", {"invitation": invitation["url"]}, status=404)["code"]
        == "invite.gone"
    )
    member = world.json(owner, "PUT", f"/teams/vision-lab/members/{newcomer.username}", {"role": "admin"})
    assert member["role"] == "admin"
    assert world.call(newcomer, "POST", "/teams/vision-lab/leave", {}).status_code == 204
    assert world.call(newcomer, "GET", "/teams/vision-lab").status_code == 404
    assert world.json(owner, "POST", "/teams/vision-lab/leave", {}, status=422)["code"] == "team.last_owner"


def test_a_withdrawn_invitation_is_worth_nothing(world: World) -> None:
    slug = world.cast.team.slug
    made = world.json(world.cast.owner, "POST", f"/teams/{slug}/invitations", {}, status=201)
    assert world.call(world.cast.owner, "DELETE", f"/teams/{slug}/invitations/{made['id']}").status_code == 204
    assert (
        world.json(world.cast.stranger, "POST", "/teams/join", {"invitation": made["url"]}, status=404)["code"]
        == "invite.gone"
    )


def test_projects_count_what_one_may_read(world: World) -> None:
    from studium.notebooks.states import Visibility

    slug = world.cast.team.slug
    world.notebook(Visibility.TEAM)
    world.notebook(Visibility.PRIVATE)
    world.json(world.cast.owner, "POST", f"/teams/{slug}/projects", {"name": "Side"}, status=201)

    def counts(user: object) -> dict[str, int]:
        return {p["slug"]: p["notebooks"] for p in world.json(user, "GET", f"/teams/{slug}/projects")}  # type: ignore[arg-type]

    assert counts(world.cast.owner) == {"main": 2, "side": 0}
    assert counts(world.cast.reader) == {"main": 1, "side": 0}


def test_a_token_works_until_it_is_revoked(world: World) -> None:
    owner = world.cast.owner
    made = world.json(
        owner, "POST", "/tokens", {"name": "ci", "scopes": ["read", "write"], "expires_in_days": 7}, status=201
    )
    assert world.json(None, "GET", "/me", token=made["secret"])["scopes"] == ["read", "write"]
    listed = {t["id"]: t for t in world.json(owner, "GET", "/tokens")}
    assert listed[made["id"]]["secret"] == ""
    assert made["secret"].startswith(listed[made["id"]]["prefix"])
    assert world.call(owner, "DELETE", f"/tokens/{made['id']}").status_code == 204
    assert world.call(None, "GET", "/me", token=made["secret"]).status_code == 401


def test_a_token_makes_none_wider_or_longer_than_itself(world: World) -> None:
    narrow = make_token(world.cast.operator, [Scope.TEAM])
    body = {"name": "wide", "scopes": ["write"], "expires_in_days": 1}
    assert world.json(None, "POST", "/tokens", body, token=narrow, status=403)["code"] == "token.wider"
    body = {"name": "long", "scopes": ["team"], "expires_in_days": None}
    assert world.json(None, "POST", "/tokens", body, token=narrow, status=403)["code"] == "token.longer"
    body = {"name": "like it", "scopes": ["team", "read"], "expires_in_days": 1}
    world.json(None, "POST", "/tokens", body, token=narrow, status=201)


def test_plans_are_loaded_and_assigned(world: World) -> None:
    operator, team = world.cast.operator, world.cast.team.slug
    loaded = world.json(operator, "POST", "/plans/load", {"names": ["kaggle", "gradient"]})
    assert "kaggle" in [plan["slug"] for plan in loaded]
    assert world.json(operator, "POST", "/plans/assign", {"team": team, "plan": "kaggle"})["plan"] == "kaggle"
    assert world.json(world.cast.owner, "GET", f"/teams/{team}")["plan"] == "kaggle"
    kinds = {kind["slug"]: kind for kind in world.json(world.cast.owner, "GET", f"/machines/types?team={team}")}
    assert kinds["p100"]["allowed"]
    assert kinds["p4000"]["refusal"]["code"] == "plan.machine_not_allowed"
    assert (
        world.json(operator, "POST", "/plans/load", {"names": ["nonsense"]}, status=404)["code"] == "plan.set_unknown"
    )
    assert world.json(operator, "POST", "/plans/load", {}, status=400)["code"] == "plan.nothing_to_load"
    assert (
        world.json(operator, "POST", "/plans/assign", {"team": team, "plan": "x"}, status=400)["code"] == "plan.unknown"
    )
    assert (
        world.json(operator, "POST", "/plans/load", {"content": {"set": "mine", "plans": 3}}, status=400)["code"]
        == "plan.file_invalid"
    )


def test_people_are_made_and_put_out(world: World) -> None:
    operator = world.cast.operator
    link = world.json(operator, "POST", "/admin/users", {"username": "ada", "email": "ada@example.org"}, status=201)
    assert "/login/link/" in link["url"]
    assert world.json(operator, "GET", "/admin/users?q=ada")["items"][0]["active"] is True
    said = world.json(operator, "POST", "/admin/users", {"username": "ada", "email": "x@example.org"}, status=400)
    assert said["code"] == "user.exists"
    said = world.json(operator, "POST", "/admin/users", {"username": "eve", "email": "no address"}, status=400)
    assert said["code"] == "user.invalid"
    assert world.json(operator, "POST", "/admin/users/ada/deactivate", {})["active"] is False
    assert world.json(operator, "POST", "/admin/users/ada/activate", {})["active"] is True
    assert world.json(operator, "POST", "/admin/users/ada/operator", {"operator": True})["operator"] is True
    said = world.json(operator, "POST", f"/admin/users/{operator.username}/deactivate", {}, status=422)
    assert said["code"] == "user.self"


def test_machines_are_drained_and_opened(world: World) -> None:
    operator = world.cast.operator
    world.run()
    assert world.json(operator, "POST", "/admin/machines/box/drain", {})["draining"] is True
    assert world.json(world.cast.owner, "GET", "/machines")[0]["draining"] is True
    assert world.json(operator, "GET", "/admin/machines")[0]["runs"] == 1
    assert world.json(operator, "POST", "/admin/machines/box/open", {})["draining"] is False
    assert world.json(operator, "POST", "/admin/machines/none/drain", {}, status=404)["code"] == "machine.no_such"


def test_an_administrator_stops_a_run_with_a_reason_its_owner_reads(world: World) -> None:
    run = world.run()
    world.json(world.cast.operator, "POST", f"/admin/runs/{run.pk}/stop", {"reason": "the machine is needed"})
    told = world.json(world.cast.owner, "GET", f"/runs/{run.pk}")
    assert "Stopped by an administrator: the machine is needed" in told["words"]
    assert [r["id"] for r in world.json(world.cast.operator, "GET", "/admin/runs?state=live")["items"]] == [run.pk]


def test_events_are_read_newest_first_and_filtered(world: World) -> None:
    run = world.run()
    found = world.json(world.cast.operator, "GET", f"/admin/events?subject=run:{run.pk}")["items"]
    assert [e["kind"] for e in found] == ["run.running", "run.starting", "run.assigned", "run.queued"]
    assert all(
        e["kind"].startswith("team.")
        for e in world.json(world.cast.operator, "GET", "/admin/events?kind=team")["items"]
    )
    page = world.json(world.cast.operator, "GET", "/admin/events?limit=1")
    assert page["items"][0]["id"] == Event.objects.latest("id").pk
    assert (
        world.json(world.cast.operator, "GET", f"/admin/events?limit=1&cursor={page['next_cursor']}")["items"][0]["id"]
        < page["items"][0]["id"]
    )


def test_checks_say_what_is_missing_and_the_remedy(world: World) -> None:
    found = world.json(world.cast.operator, "GET", "/admin/checks")
    assert (found[0]["ok"], found[0]["remedy"]) == (False, "Use a real engine.")


def test_me_says_who_and_what_for(world: World) -> None:
    me = world.json(world.cast.teammate, "GET", "/me")
    assert (me["username"], me["team"], me["operator"]) == (
        world.cast.teammate.username,
        world.cast.teammate.username,
        False,
    )
    assert [(t["slug"], t["role"]) for t in me["teams"]] == [(me["team"], "owner"), (world.cast.team.slug, "member")]
