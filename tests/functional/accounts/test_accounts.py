"""Teams, roles, invitations, tokens: who may, who may not, and what happens twice."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories.accounts import NOW, Cast, join, make_cast, make_team, make_user
from studium.accounts import access, actions
from studium.accounts.models import ApiToken, Invitation, Membership, Project
from studium.accounts.states import Role, Scope
from studium.errors import BadInput, Forbidden, NotFound, Refused
from studium.events.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_a_person_has_a_personal_team_with_a_project() -> None:
    user = make_user("ada")
    assert user.personal_team.slug == "ada"
    assert user.personal_team.projects.get().slug == "main"
    assert actions.give_personal_team(user, now=NOW) == user.personal_team


@pytest.mark.parametrize("name", ["admin", "api", "static", "notebooks"])
def test_reserved_names_are_no_team(name: str) -> None:
    assert make_user(name).personal_team.slug != name
    with pytest.raises(BadInput, match="cannot be used"):
        actions.create_team(make_user(), "x", now=NOW, slug=name)


@pytest.mark.parametrize(
    ("who", "error"),
    [("owner", None), ("teammate", Forbidden), ("reader", Forbidden), ("stranger", NotFound), ("operator", NotFound)],
)
def test_who_may_invite(cast: Cast, who: str, error: type[Exception] | None) -> None:
    actor = getattr(cast, who)
    if error:
        with pytest.raises(error):
            actions.invite(actor, cast.team, Role.MEMBER, now=NOW)
        return
    _, secret = actions.invite(actor, cast.team, Role.MEMBER, now=NOW)
    assert actions.accept_invitation(cast.stranger, secret, now=NOW) == cast.team
    assert access.role_in(cast.stranger, cast.team) == Role.MEMBER


@pytest.mark.parametrize(
    ("who", "error"), [("owner", None), ("teammate", None), ("reader", Forbidden), ("stranger", NotFound)]
)
def test_who_may_make_a_project(cast: Cast, who: str, error: type[Exception] | None) -> None:
    actor = getattr(cast, who)
    if error:
        with pytest.raises(error):
            actions.create_project(actor, cast.team, "New work", now=NOW)
        assert Project.objects.filter(team=cast.team).count() == 1
    else:
        assert actions.create_project(actor, cast.team, "New work", now=NOW).slug == "new-work"


def test_project_limit_names_the_figures(cast: Cast) -> None:
    with pytest.raises(Refused) as caught:
        actions.create_project(cast.owner, cast.team, "Two", now=NOW, limit=1)
    assert caught.value.code == "plan.projects"
    assert caught.value.facts == {"limit": 1, "have": 1}


def test_an_invitation_works_once_and_not_for_ever(cast: Cast) -> None:
    _, secret = actions.invite(cast.owner, cast.team, Role.READER, now=NOW)
    actions.accept_invitation(cast.stranger, secret, now=NOW)
    with pytest.raises(NotFound):
        actions.accept_invitation(make_user(), secret, now=NOW)
    _, late = actions.invite(cast.owner, cast.team, Role.READER, now=NOW)
    with pytest.raises(NotFound):
        actions.open_invitation(late, now=NOW + timedelta(days=8))
    invitation, withdrawn = actions.invite(cast.owner, cast.team, Role.READER, now=NOW)
    actions.revoke_invitation(cast.owner, invitation, now=NOW)
    with pytest.raises(NotFound):
        actions.open_invitation(withdrawn, now=NOW)
    assert not Invitation.objects.filter(secret_digest__in=[secret, late, withdrawn]).exists(), (
        "only digests are stored"
    )


def test_an_invitation_never_lowers_a_role(cast: Cast) -> None:
    _, secret = actions.invite(cast.owner, cast.team, Role.READER, now=NOW)
    actions.accept_invitation(cast.teammate, secret, now=NOW)
    assert access.role_in(cast.teammate, cast.team) == Role.MEMBER


def test_admins_stay_below_owners(cast: Cast) -> None:
    admin = join(cast.team, make_user(), Role.ADMIN)
    with pytest.raises(Forbidden):
        actions.invite(admin, cast.team, Role.OWNER, now=NOW)
    with pytest.raises(Forbidden):
        actions.set_role(admin, cast.team, cast.owner, Role.MEMBER, now=NOW)
    with pytest.raises(Forbidden):
        actions.remove_member(admin, cast.team, cast.owner, now=NOW)
    actions.set_role(admin, cast.team, cast.teammate, Role.READER, now=NOW)
    assert access.role_in(cast.teammate, cast.team) == Role.READER


def test_the_last_owner_stays(cast: Cast) -> None:
    with pytest.raises(Refused, match="last owner"):
        actions.remove_member(cast.owner, cast.team, cast.owner, now=NOW)
    with pytest.raises(Refused, match="last owner"):
        actions.set_role(cast.owner, cast.team, cast.owner, Role.MEMBER, now=NOW)
    actions.set_role(cast.owner, cast.team, cast.teammate, Role.OWNER, now=NOW)
    actions.remove_member(cast.owner, cast.team, cast.owner, now=NOW)
    assert access.role_in(cast.owner, cast.team) is None


def test_a_personal_team_has_one_member() -> None:
    user = make_user()
    with pytest.raises(Refused, match="one member"):
        actions.invite(user, user.personal_team, Role.MEMBER, now=NOW)


def test_one_teams_things_are_invisible_to_another(cast: Cast) -> None:
    make_team(cast.stranger, "Elsewhere")
    assert cast.team not in access.teams_of(cast.stranger)
    with pytest.raises(NotFound):
        access.project_for(cast.stranger, cast.team.slug, "main")
    cast.owner.is_active = False
    assert access.role_in(cast.owner, cast.team) is None, "a deactivated person has no role anywhere"


def test_tokens_are_stored_hashed_and_end() -> None:
    user = make_user()
    token, secret = actions.create_token(user, "laptop", [Scope.READ], now=NOW, expires_at=NOW + timedelta(days=1))
    assert secret not in str(ApiToken.objects.values().get(pk=token.pk))
    assert actions.use_token(secret, now=NOW) == token
    assert actions.use_token(secret, now=NOW + timedelta(days=2)) is None
    assert actions.use_token(secret + "x", now=NOW) is None
    with pytest.raises(NotFound):
        actions.revoke_token(make_user(), token.pk, now=NOW)
    actions.revoke_token(user, token.pk, now=NOW)
    assert actions.use_token(secret, now=NOW) is None


def test_a_token_of_a_deactivated_person_is_nothing() -> None:
    operator, user = make_user(operator=True), make_user()
    _, secret = actions.create_token(user, "t", [Scope.READ], now=NOW, expires_at=None)
    actions.set_active(operator, user, False, now=NOW)
    assert actions.use_token(secret, now=NOW) is None


def test_only_administrators_have_the_admin_scope() -> None:
    with pytest.raises(Forbidden):
        actions.create_token(make_user(), "t", [Scope.ADMIN], now=NOW, expires_at=None)
    actions.create_token(make_user(operator=True), "t", [Scope.ADMIN], now=NOW, expires_at=None)


def test_a_login_link_works_once() -> None:
    user = make_user()
    first, second = actions.make_login_link(user, now=NOW), actions.make_login_link(user, now=NOW)
    with pytest.raises(NotFound):
        actions.use_login_link(first, now=NOW)
    assert actions.use_login_link(second, now=NOW) == user
    with pytest.raises(NotFound):
        actions.use_login_link(second, now=NOW)


def test_a_ticket_is_for_one_host_once_and_soon() -> None:
    user = make_user()
    ticket = actions.make_ticket(user, "abc", "/lab", now=NOW)
    assert actions.use_ticket(ticket, "other", now=NOW) is None
    used = actions.use_ticket(ticket, "abc", now=NOW)
    assert used is not None
    assert (used.user, used.path) == (user, "/lab")
    assert actions.use_ticket(ticket, "abc", now=NOW) is None
    late = actions.make_ticket(user, "abc", "/", now=NOW)
    assert actions.use_ticket(late, "abc", now=NOW + timedelta(minutes=2)) is None


def test_the_last_administrator_stays() -> None:
    only = make_user(operator=True)
    with pytest.raises(Refused):
        actions.set_operator(only, only, False, now=NOW)
    with pytest.raises(Refused):
        actions.set_active(only, only, False, now=NOW)


def test_changes_leave_events(cast: Cast) -> None:
    actions.set_role(cast.owner, cast.team, cast.teammate, Role.ADMIN, now=NOW)
    event = Event.objects.filter(kind="team.role").get()
    assert (event.actor_id, event.team_id, event.data["role"]) == (cast.owner.pk, cast.team.pk, "admin")
    assert Membership.objects.get(team=cast.team, user=cast.teammate).role == Role.ADMIN


def test_nobody_comes_back_by_an_invitation_they_made_themselves(cast: Cast) -> None:
    """An admin who was removed, demoted or deactivated keeps no way in, not even for somebody else."""
    for undo in (
        lambda admin: actions.remove_member(cast.owner, cast.team, admin, now=NOW),
        lambda admin: actions.set_role(cast.owner, cast.team, admin, Role.MEMBER, now=NOW),
        lambda admin: actions.set_active(cast.operator, admin, False, now=NOW),
    ):
        admin = join(cast.team, make_user(), Role.ADMIN)
        _, secret = actions.invite(admin, cast.team, Role.ADMIN, now=NOW)
        assert actions.open_invitation(secret, now=NOW).created_by == admin
        undo(admin)
        with pytest.raises(NotFound):
            actions.accept_invitation(admin, secret, now=NOW)
        with pytest.raises(NotFound):
            actions.accept_invitation(make_user(), secret, now=NOW)
    operator = make_user(operator=True)
    _, secret = actions.invite(operator, None, Role.MEMBER, now=NOW)
    actions.set_operator(cast.operator, operator, False, now=NOW)
    with pytest.raises(NotFound):
        actions.open_invitation(secret, now=NOW)


def test_one_person_owns_so_many_shared_teams(cast: Cast) -> None:
    """Each team brings allowances of its own."""
    person = make_user()
    for _ in range(5):
        make_team(person)
    with pytest.raises(Refused) as caught:
        make_team(person)
    assert (caught.value.code, caught.value.facts) == ("team.too_many", {"limit": 5, "have": 5})
    assert person.memberships.count() == 6
    for _ in range(7):
        make_team(cast.operator)


def test_what_works_once_is_marked_by_columns_of_its_own_table(cast: Cast) -> None:
    """A condition on the user's row makes the update a subquery, which PostgreSQL does not look at again when two meet."""
    link = actions.make_login_link(cast.owner, now=NOW)
    ticket = actions.make_ticket(cast.owner, "label", "/", now=NOW)
    with CaptureQueriesContext(connection) as seen:
        actions.use_login_link(link, now=NOW)
        assert actions.use_ticket(ticket, "label", now=NOW)
    updates = [query["sql"] for query in seen if query["sql"].startswith("UPDATE")]
    assert len(updates) == 2
    assert not any("SELECT" in sql for sql in updates)
