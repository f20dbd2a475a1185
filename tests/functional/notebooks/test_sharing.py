"""Collaborators: who becomes one, by name and by link, what they may, and what ends with it."""

from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast, join, make_team, make_user
from factories.compute import drive
from factories.notebooks import make_notebook
from studium.accounts import actions as accounts
from studium.accounts.models import Membership, User
from studium.accounts.states import Role
from studium.compute.actions import spec_of
from studium.compute.models import Run
from studium.compute.states import State
from studium.config.options import Options
from studium.errors import BadInput, Forbidden, NotFound, NotYet
from studium.events.models import Event
from studium.notebooks import access
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import place_of
from studium.notebooks.models import Collaborator, LinkUse, Notebook, ShareLink
from studium.notebooks.queries import listing, named
from studium.notebooks.schedules import actions as schedules
from studium.notebooks.schedules import reconcile as schedule_passes
from studium.notebooks.sharing import actions, queries
from studium.notebooks.sharing.reconcile import stop_of_unwelcome
from studium.notebooks.states import LaunchKind, SharedRole, Visibility
from studium.notebooks.versions import actions as versions
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.secrets.giving import give

READER, EDITOR = SharedRole.READER, SharedRole.EDITOR


@pytest.fixture
def private(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, "Private", visibility=Visibility.PRIVATE)


def link_of(notebook: Notebook, role: SharedRole = READER, **more: int | None) -> str:
    return actions.make_link(notebook.created_by, notebook, role, now=NOW, **more)[1]


def start(user: User, notebook: Notebook, kind: LaunchKind = LaunchKind.SESSION) -> Run:
    return notebooks.start(user, notebook, kind, "cpu-small", now=NOW)


def given(run: Run, user: User) -> dict[str, str]:
    return give(spec_of(run).secrets, run.team, user, now=NOW)


# What somebody of each kind may do with a notebook of each visibility, as: read, edit, manage, see runs.
RIGHTS = {
    ("owner", Visibility.PRIVATE): "read edit manage runs",
    ("teammate", Visibility.PRIVATE): "",
    ("reader of the team", Visibility.PRIVATE): "",
    ("stranger", Visibility.PRIVATE): "",
    ("collaborating reader", Visibility.PRIVATE): "read",
    ("collaborating editor", Visibility.PRIVATE): "read edit runs",
    ("owner", Visibility.TEAM): "read edit manage runs",
    ("teammate", Visibility.TEAM): "read edit manage runs",
    ("reader of the team", Visibility.TEAM): "read runs",
    ("stranger", Visibility.TEAM): "",
    ("collaborating reader", Visibility.TEAM): "read",
    ("collaborating editor", Visibility.TEAM): "read edit runs",
    ("owner", Visibility.PUBLIC): "read edit manage runs",
    ("teammate", Visibility.PUBLIC): "read edit manage runs",
    ("reader of the team", Visibility.PUBLIC): "read runs",
    ("stranger", Visibility.PUBLIC): "read",
    ("collaborating reader", Visibility.PUBLIC): "read",
    ("collaborating editor", Visibility.PUBLIC): "read edit runs",
}


def person_of(cast: Cast, kind: str, notebook: Notebook) -> User:
    if kind.startswith("collaborating"):
        person = make_user()
        actions.share(cast.owner, notebook, person, SharedRole(kind.split()[1]), now=NOW)
        return person
    return {"owner": cast.owner, "teammate": cast.teammate, "stranger": cast.stranger}.get(kind, cast.reader)


def rights(user: User, notebook: Notebook) -> str:
    reads = access.visible_to(user).filter(pk=notebook.pk).exists()
    changes, manages = access.may_change(user, notebook), access.may_manage(user, notebook)
    sees = reads and access.may_see_runs(user, notebook)
    return " ".join(
        word for word, true in (("read", reads), ("edit", changes), ("manage", manages), ("runs", sees)) if true
    )


@pytest.mark.parametrize(("kind", "visibility"), RIGHTS)
def test_rights(cast: Cast, kind: str, visibility: Visibility) -> None:
    notebook = make_notebook(cast.owner, cast.team, visibility=visibility)
    person = person_of(cast, kind, notebook)
    # A private notebook's runs are hidden in the listings too, whatever `may_see_runs` says to who may not read it.
    assert rights(person, notebook) == RIGHTS[kind, visibility]
    for change, manage, need in ((False, False, "read"), (True, False, "edit"), (False, True, "manage")):
        if need in RIGHTS[kind, visibility]:
            assert access.notebook_for(person, notebook.pk, change=change, manage=manage) == notebook
        else:
            with pytest.raises(Forbidden if "read" in RIGHTS[kind, visibility] else NotFound):
                access.notebook_for(person, notebook.pk, change=change, manage=manage)
    accounts.set_active(cast.operator, person, False, now=NOW)
    with pytest.raises(NotFound):
        access.notebook_for(person, notebook.pk)
    assert not access.may_change(person, notebook)


def test_shared_notebooks_are_listed_apart_and_found_by_their_short_name(cast: Cast, private: Notebook) -> None:
    actions.share(cast.owner, private, cast.stranger, READER, now=NOW)
    assert list(listing(cast.stranger, "shared")) == [private]
    assert private not in listing(cast.stranger, "team")
    assert private not in listing(cast.stranger, "mine")
    assert list(named(cast.stranger, private.slug)) == [private]
    assert list(named(cast.teammate, private.slug)) == []


def test_sharing_again_changes_the_role_and_with_members_is_refused(cast: Cast, notebook: Notebook) -> None:
    for role in (READER, EDITOR, EDITOR, READER):
        assert actions.share(cast.owner, notebook, cast.stranger, role, now=NOW).role == role
    assert Event.objects.filter(kind="notebook.shared").count() == 3, "nothing is told of what did not change"
    for person in (cast.owner, cast.teammate):
        with pytest.raises(BadInput):
            actions.share(cast.owner, notebook, person, READER, now=NOW)
    assert actions.share(cast.owner, notebook, cast.reader, EDITOR, now=NOW)
    assert access.may_change(cast.reader, notebook), "a reader of the team edits one notebook"


def test_so_many_and_no_more(cast: Cast, notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_PEOPLE", 2)
    monkeypatch.setattr(actions, "MOST_LINKS", 2)
    secret = link_of(notebook)
    for _ in range(2):
        actions.share(cast.owner, notebook, make_user(), READER, now=NOW)
    with pytest.raises(NotYet):
        actions.share(cast.owner, notebook, cast.stranger, READER, now=NOW)
    with pytest.raises(NotYet):
        actions.accept_link(cast.stranger, secret, now=NOW)
    assert not LinkUse.objects.exists(), "who did not get in has not used it"
    link_of(notebook)
    with pytest.raises(NotYet):
        link_of(notebook)


def test_whom_a_name_means(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger, mate = cast.stranger, cast.teammate
    assert queries.person_called(cast.owner, f" @{stranger.username.upper()} ") == stranger
    assert queries.person_called(cast.owner, stranger.email) == stranger
    monkeypatch.setattr(queries, "options", lambda: Options(open_signup=True))
    assert queries.person_called(cast.owner, mate.email.upper()) == mate
    accounts.set_active(cast.operator, cast.reader, False, now=NOW)
    said = set()
    for unknown in (stranger.email, cast.reader.email, "nobody@example.org"):
        with pytest.raises(NotFound) as refused:
            queries.person_called(cast.owner, unknown)
        said.add(refused.value.message.replace(unknown, ""))
    assert len(said) == 1, "nobody learns who has an account"


def test_an_account_named_like_an_address_is_not_found_by_it(cast: Cast) -> None:
    User.objects.filter(pk=cast.stranger.pk).update(username="maria@example.org")
    with pytest.raises(NotFound):
        queries.person_called(cast.owner, "maria@example.org")


def test_a_link_works_once_a_person_and_as_often_as_it_says(cast: Cast, private: Notebook) -> None:
    secret = link_of(private, EDITOR, most_uses=2)
    assert not ShareLink.objects.filter(secret_digest__contains=secret[:12]).exists(), "it is not stored as it is"
    first, second, third = make_user(), make_user(), make_user()
    for person in (first, first, second, first):
        assert actions.accept_link(person, secret, now=NOW) == private
    with pytest.raises(NotFound):
        actions.accept_link(third, secret, now=NOW)
    (shown,) = queries.links_of(private, now=NOW)
    assert (shown.used, shown.state) == (2, "used up")
    assert {row.user for row in queries.people_of(private)} == {first, second}
    assert all(row.added_by == cast.owner and row.link == shown.link for row in queries.people_of(private))


def test_who_has_as_much_uses_nothing_and_who_has_less_gains(cast: Cast, notebook: Notebook) -> None:
    secret, more = link_of(notebook), link_of(notebook, EDITOR)
    actions.accept_link(cast.teammate, secret, now=NOW)
    assert not LinkUse.objects.exists()
    actions.accept_link(cast.stranger, more, now=NOW)
    actions.accept_link(cast.stranger, secret, now=NOW)
    assert Collaborator.objects.get().role == EDITOR, "never lowered"
    assert LinkUse.objects.count() == 1
    actions.share(cast.owner, notebook, cast.stranger, READER, now=NOW)
    actions.accept_link(cast.stranger, more, now=NOW)
    assert Collaborator.objects.get().role == READER, "not raised again by the same link"


def test_a_link_lets_nobody_in_twice(cast: Cast, private: Notebook) -> None:
    secret = link_of(private)
    actions.accept_link(cast.stranger, secret, now=NOW)
    actions.remove(cast.owner, private, cast.stranger, now=NOW)
    with pytest.raises(Forbidden):
        actions.accept_link(cast.stranger, secret, now=NOW)
    assert not access.visible_to(cast.stranger).filter(pk=private.pk).exists()


def test_links_that_let_nobody_in(cast: Cast, notebook: Notebook) -> None:
    ended, revoked, gone, unshared = link_of(notebook, days=1), link_of(notebook), link_of(notebook), link_of(notebook)
    later = NOW + timedelta(days=1)
    assert actions.accept_link(make_user(), ended, now=later - timedelta(seconds=1))
    with pytest.raises(NotFound):
        actions.accept_link(cast.stranger, ended, now=later)
    link = queries.link_for(cast.stranger, revoked, now=NOW)
    actions.revoke_link(cast.teammate, notebook, link.pk, now=NOW)
    actions.revoke_link(cast.teammate, notebook, link.pk, now=NOW)
    with pytest.raises(NotFound):
        actions.accept_link(cast.stranger, revoked, now=NOW)
    mates = actions.make_link(cast.teammate, notebook, READER, now=NOW)[1]
    accounts.remove_member(cast.owner, cast.team, cast.teammate, now=NOW)
    with pytest.raises(NotFound):
        actions.accept_link(cast.stranger, mates, now=NOW)
    assert actions.accept_link(cast.stranger, unshared, now=NOW), "the owner's still works"
    notebooks.delete_notebook(cast.owner, notebook, now=NOW)
    for secret in (gone, "", "nonsense"):
        with pytest.raises(NotFound):
            actions.accept_link(make_user(), secret, now=NOW)


def test_a_link_of_another_notebook_is_not_revoked(cast: Cast, notebook: Notebook, private: Notebook) -> None:
    link = queries.link_for(cast.stranger, link_of(private), now=NOW)
    with pytest.raises(NotFound):
        actions.revoke_link(cast.owner, notebook, link.pk, now=NOW)


@pytest.mark.parametrize("bounds", [{"days": 0}, {"days": 367}, {"most_uses": 0}, {"most_uses": 201}])
def test_bounds_of_links(notebook: Notebook, bounds: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        link_of(notebook, **bounds)


def test_an_editor_changes_and_runs_on_the_teams_account(cast: Cast, private: Notebook) -> None:
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    run = start(cast.stranger, private)
    assert (run.team, run.user) == (cast.team, cast.stranger)
    assert access.run_as(cast.stranger, run.pk, change=True) == run
    version = versions.save_and_run(cast.stranger, private, "cpu-small", now=NOW)
    assert version.run is not None
    assert version.run.team == cast.team
    copied = versions.copy(cast.stranger, private, cast.stranger.personal_team.projects.get(), now=NOW)
    assert copied.team == cast.stranger.personal_team
    assert not copied.collaborators.exists()


@pytest.mark.parametrize("change", [{"visibility": Visibility.PUBLIC}, {"internet": True}])
def test_an_editor_does_not_decide_for_the_team(cast: Cast, private: Notebook, change: dict[str, object]) -> None:
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    with pytest.raises(Forbidden):
        notebooks.update_notebook(cast.stranger, private, now=NOW, title="New", **change)  # type: ignore[arg-type]
    private.refresh_from_db()
    assert private.title == "Private"
    same = notebooks.update_notebook(
        cast.stranger, private, now=NOW, title="New", visibility=Visibility.PRIVATE, internet=False
    )
    assert same.title == "New"


def test_an_editors_runs_are_given_what_the_notebook_uses_and_nothing_else(cast: Cast, private: Notebook) -> None:
    for name in ("USED", "OTHER"):
        secrets.set_secret(cast.owner, Place(cast.team), name, "correct horse", now=NOW)
    secrets.attach(cast.owner, place_of(private), "USED", now=NOW)
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    run = start(cast.stranger, private)
    assert given(run, cast.stranger) == {"USED": "correct horse"}
    assert given(run, make_user()) == {}, "the reference is one guest's"
    for act in (
        lambda: secrets.set_secret(cast.stranger, place_of(private), "MORE", "value of mine", now=NOW),
        lambda: secrets.attach(cast.stranger, place_of(private), "OTHER", now=NOW),
    ):
        with pytest.raises(NotFound):
            act()
    owners = versions.save_and_run(cast.owner, private, "cpu-small", now=NOW).run
    assert owners is not None
    assert given(owners, cast.stranger) == {}, "what the owner starts is no guest's"
    accounts.set_active(cast.operator, cast.stranger, False, now=NOW)
    cast.stranger.refresh_from_db()
    assert given(run, cast.stranger) == {}


@pytest.mark.parametrize("how", ["removed", "left", "made reader"])
def test_the_end_of_editing_stops_what_was_started(cast: Cast, private: Notebook, world: World, how: str) -> None:
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    queued = versions.save_and_run(cast.stranger, private, "cpu-small", now=NOW).run
    owners = versions.save_and_run(cast.owner, private, "cpu-small", now=NOW).run
    run = drive(start(cast.stranger, private), State.RUNNING)
    elsewhere = start(cast.stranger, make_notebook(cast.stranger))
    assert queued is not None and owners is not None  # noqa: PT018
    if how == "made reader":
        actions.share(cast.owner, private, cast.stranger, READER, now=NOW)
    else:
        actor = cast.owner if how == "removed" else cast.stranger
        actions.remove(actor, private, cast.stranger, now=NOW)
    for each in (run, queued, owners, elsewhere):
        each.refresh_from_db()
    assert (run.state, queued.state) == (State.STOPPING, State.ENDED)
    assert (owners.state, elsewhere.state) == (State.QUEUED, State.QUEUED)
    assert f"{cast.stranger.username} may no longer run" in run.stop_message
    assert access.visible_to(cast.stranger).filter(pk=private.pk).exists() == (how == "made reader")
    with pytest.raises(NotFound):
        access.run_as(cast.stranger, run.pk)


def test_a_member_of_the_team_who_is_removed_as_editor_runs_on(cast: Cast, notebook: Notebook) -> None:
    actions.share(cast.owner, notebook, cast.reader, EDITOR, now=NOW)
    Membership.objects.filter(user=cast.reader).update(role=Role.MEMBER)
    run = start(cast.reader, notebook)
    actions.remove(cast.owner, notebook, cast.reader, now=NOW)
    run.refresh_from_db()
    assert run.state == State.QUEUED


@pytest.mark.parametrize("how", ["left the team", "lower role", "made private", "nothing"])
def test_the_pass_stops_what_the_unwelcome_run(cast: Cast, notebook: Notebook, world: World, how: str) -> None:
    run = drive(start(cast.teammate, notebook), State.RUNNING)
    editors = make_notebook(cast.owner, cast.team, visibility=Visibility.PRIVATE)
    actions.share(cast.owner, editors, cast.stranger, EDITOR, now=NOW)
    kept = start(cast.stranger, editors)
    if how == "left the team":
        accounts.remove_member(cast.owner, cast.team, cast.teammate, now=NOW)
    elif how == "lower role":
        accounts.set_role(cast.owner, cast.team, cast.teammate, Role.READER, now=NOW)
    elif how == "made private":
        notebooks.update_notebook(cast.owner, notebook, now=NOW, visibility=Visibility.PRIVATE)
    assert stop_of_unwelcome(NOW) == (how != "nothing")
    assert stop_of_unwelcome(NOW) == 0
    run.refresh_from_db()
    kept.refresh_from_db()
    assert run.state == (State.RUNNING if how == "nothing" else State.STOPPING)
    assert kept.state == State.QUEUED


def test_a_change_of_machine_is_not_finished_for_who_was_removed(cast: Cast, private: Notebook, world: World) -> None:
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    drive(start(cast.stranger, private), State.RUNNING)
    notebooks.change_machine(cast.stranger, private, "cpu-large", now=NOW)
    actions.remove(cast.owner, private, cast.stranger, now=NOW)
    private.refresh_from_db()
    assert (private.next_machine, private.next_user) == ("", None)


def test_schedules_of_who_was_removed_pause(cast: Cast, private: Notebook) -> None:
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    made = schedules.create_schedule(cast.stranger, private, schedules.Wanted(cron="0 * * * *"), now=NOW)
    actions.remove(cast.owner, private, cast.stranger, now=NOW)
    later = NOW + timedelta(hours=1)
    schedule_passes.note_due(later)
    schedule_passes.start_due(later)
    made.refresh_from_db()
    assert made.paused
    assert "may no longer run" in made.trouble


def test_runs_of_shared_notebooks_end_in_the_listing_with_the_sharing(cast: Cast, private: Notebook) -> None:
    run = start(cast.owner, private)
    other_team = make_team(make_user())
    join(other_team, cast.stranger)
    assert run not in access.readable_runs(cast.stranger)
    actions.share(cast.owner, private, cast.stranger, EDITOR, now=NOW)
    assert list(access.readable_runs(cast.stranger)) == [run]
    actions.share(cast.owner, private, cast.teammate, READER, now=NOW)
    assert run not in access.readable_runs(cast.teammate), "a reader reads no runs of a private notebook"
    notebooks.delete_notebook(cast.owner, private, now=NOW)
    assert run not in access.readable_runs(cast.stranger)
