"""Notebooks: who sees and changes them, what the plan says, and how documents follow their workspaces."""

from datetime import timedelta

import pytest
from world import World

from factories.accounts import NOW, Cast, make_user
from factories.compute import load_plans
from factories.notebooks import make_environment, make_notebook, notebook_json
from studium.accounts.models import User
from studium.compute.states import Reason, State
from studium.environments.queries import default_build
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused
from studium.events.models import Event
from studium.lib.units import GIB
from studium.notebooks import actions, reconcile
from studium.notebooks.access import mine, notebook_for, visible_to
from studium.notebooks.launching import build_spec, forget_workspaces, volume_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.plans import actions as plans
from studium.plans.queries import standing
from studium.plans.storage_charges import set_cap
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db


def passes(world: World) -> None:
    world.work()
    reconcile.sync_running(world.engines, world.now)
    reconcile.settle_ended(world.engines, world.now)
    reconcile.restart_moved(world.now)
    reconcile.clean_deleted(world.engines, world.now)


def tick(world: World, seconds: int = 1) -> None:
    for _ in range(seconds):
        world.now += timedelta(seconds=1)
        passes(world)


READ = {
    Visibility.PRIVATE: {"owner"},
    Visibility.TEAM: {"owner", "teammate", "reader"},
    Visibility.PUBLIC: {"owner", "teammate", "reader", "stranger"},
}
CHANGE = {
    Visibility.PRIVATE: {"owner"},
    Visibility.TEAM: {"owner", "teammate"},
    Visibility.PUBLIC: {"owner", "teammate"},
}


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("who", ["owner", "teammate", "reader", "stranger"])
def test_who_sees_and_changes(cast: Cast, visibility: Visibility, who: str) -> None:
    notebook = make_notebook(cast.owner, cast.team, visibility=visibility)
    user: User = getattr(cast, who)
    if who in READ[visibility]:
        assert notebook_for(user, f"{cast.team.slug}/{notebook.slug}") == notebook
        assert notebook in visible_to(user)
    else:
        with pytest.raises(NotFound):
            notebook_for(user, notebook.pk)
    if who in CHANGE[visibility]:
        assert notebook_for(user, notebook.pk, change=True)
    else:
        with pytest.raises(Forbidden if who in READ[visibility] else NotFound):
            notebook_for(user, notebook.pk, change=True)
    assert (notebook in mine(user)) == (who in READ[visibility] and who != "stranger")


def test_a_teammates_private_notebook_is_theirs(cast: Cast) -> None:
    notebook = make_notebook(cast.teammate, cast.team, visibility=Visibility.PRIVATE)
    assert notebook_for(cast.teammate, notebook.pk, change=True)
    assert notebook_for(cast.owner, notebook.pk, change=True), "the team's admins see everything of the team"
    cast.teammate.is_active = False
    with pytest.raises(NotFound):
        notebook_for(cast.teammate, notebook.pk)


def test_readers_and_strangers_make_nothing(cast: Cast) -> None:
    for user, error in ((cast.reader, Forbidden), (cast.stranger, NotFound)):
        with pytest.raises(error):
            make_notebook(user, cast.team)


def test_names_that_are_taken_get_another(cast: Cast) -> None:
    slugs = {make_notebook(cast.owner, title="Same").slug for _ in range(3)}
    assert len(slugs) == 3
    assert make_notebook(cast.owner, title="¿?").slug == "notebook"


def test_public_only_plans(cast: Cast) -> None:
    plans.assign_plan(None, cast.team, "gradient-free", now=NOW)
    assert make_notebook(cast.owner, cast.team).visibility == Visibility.PUBLIC
    with pytest.raises(Refused) as caught:
        make_notebook(cast.owner, cast.team, visibility=Visibility.PRIVATE)
    assert caught.value.code == "plan.visibility"
    notebook = make_notebook(cast.owner, cast.team)
    with pytest.raises(Refused):
        actions.update_notebook(cast.owner, notebook, visibility=Visibility.TEAM, now=NOW)


def test_what_is_no_notebook_is_refused_and_leaves_nothing(cast: Cast) -> None:
    with pytest.raises(BadInput):
        make_notebook(cast.owner, content=b"{}")
    assert not Notebook.objects.exists()


def started(world: World, cast: Cast, kind: LaunchKind = LaunchKind.SESSION) -> tuple[Notebook, str]:
    notebook = make_notebook(cast.owner, cast.team, content=notebook_json("1"))
    run = actions.start(cast.owner, notebook, kind, "cpu-small", now=world.now)
    tick(world, 3)
    run.refresh_from_db()
    assert run.state == State.RUNNING
    return notebook, run.pk


def test_the_workspace_gets_the_document_and_the_document_follows_it(world: World, cast: Cast) -> None:
    notebook, run = started(world, cast)
    volume = volume_of(notebook)
    assert world.engine.read_file(volume, "notebook.ipynb", 10**6) == storage.get(notebook.document)
    saved = notebook_json("1", "2", "3")
    world.engine.write_file(volume, "notebook.ipynb", saved, 10**9)
    tick(world, 10)
    notebook.refresh_from_db()
    assert (notebook.cells, storage.get(notebook.document)) == (3, saved)
    assert Launch.objects.get(run=run).settled_at is None
    last = notebook_json("1", "2", "3", "4")
    world.engine.write_file(volume, "notebook.ipynb", last, 10**9)
    world.engine.finish(run)
    tick(world, 3)
    launch = Launch.objects.get(run=run)
    assert storage.get(launch.document) == last
    notebook.refresh_from_db()
    assert notebook.document == notebook.volume_document == launch.document


@pytest.mark.parametrize("content", [b"", b"{half", b"[]", b"\x00" * 100])
def test_a_file_that_is_no_notebook_never_replaces_the_document(world: World, cast: Cast, content: bytes) -> None:
    notebook, _ = started(world, cast)
    before = notebook.document
    world.engine.write_file(volume_of(notebook), "notebook.ipynb", content, 10**9)
    tick(world, 10)
    notebook.refresh_from_db()
    assert storage.get(notebook.document) == storage.get(before)


def test_an_upload_reaches_the_workspace_at_the_next_start_only(world: World, cast: Cast) -> None:
    notebook, run = started(world, cast)
    with pytest.raises(NotYet, match="open in a running session"):
        actions.replace_document(cast.owner, notebook, notebook_json("new"), now=world.now)
    world.engine.finish(run)
    tick(world, 3)
    notebook.refresh_from_db()
    actions.replace_document(cast.owner, notebook, notebook_json("new"), now=world.now)
    actions.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now)
    tick(world, 3)
    content = world.engine.read_file(volume_of(notebook), "notebook.ipynb", 10**6)
    assert content is not None
    assert b"new" in content


def test_one_run_at_a_time(world: World, cast: Cast) -> None:
    notebook, _ = started(world, cast)
    with pytest.raises(NotYet) as caught:
        actions.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now)
    assert caught.value.code == "run.already_live"
    assert Launch.objects.count() == 1


def test_changing_the_machine_keeps_the_workspace(world: World, cast: Cast) -> None:
    notebook, first = started(world, cast)
    with pytest.raises(BadInput):
        actions.change_machine(cast.owner, notebook, "nothing", now=world.now)
    actions.change_machine(cast.owner, notebook, "cpu-medium", now=world.now)
    tick(world, 20)
    live = actions.live_run(notebook)
    assert live is not None
    assert (live.machine_type_id, live.state) == ("cpu-medium", State.RUNNING)
    ended = Launch.objects.get(run=first).run
    assert ended.reason == Reason.CANCELLED
    assert "cpu-medium" in ended.message
    assert world.engine.starts == [first, live.pk]


def test_a_change_to_what_the_plan_has_not_is_refused_and_the_session_goes_on(world: World, cast: Cast) -> None:
    notebook, run = started(world, cast)
    plans.assign_plan(None, cast.team, "kaggle", now=world.now)
    with pytest.raises(Refused):
        actions.change_machine(cast.owner, notebook, "cpu-medium", now=world.now)
    tick(world, 3)
    live = actions.live_run(notebook)
    assert live is not None
    assert live.pk == run


def test_deleting_stops_the_run_and_removes_the_workspace(world: World, cast: Cast) -> None:
    notebook, run = started(world, cast)
    actions.delete_notebook(cast.owner, notebook, now=world.now)
    with pytest.raises(NotFound):
        notebook_for(cast.owner, notebook.pk)
    tick(world, 30)
    assert Launch.objects.get(run=run).run.state == State.ENDED
    notebook.refresh_from_db()
    assert notebook.volume_deleted_at is not None
    assert world.engine.read_file(volume_of(notebook), "notebook.ipynb", 10**6) is None


def test_documents_are_rendered_once_each(cast: Cast) -> None:
    notebook = make_notebook(cast.owner, content=notebook_json("print('x')"))
    assert reconcile.render_changed(NOW) == 1
    notebook.refresh_from_db()
    assert notebook.rendered_of == notebook.document
    assert b"print" in storage.get(notebook.rendered)
    assert reconcile.render_changed(NOW) == 0


def test_internet_where_the_plan_has_it(world: World, cast: Cast) -> None:
    notebook = make_notebook(cast.owner, cast.team)
    actions.update_notebook(cast.owner, notebook, internet=True, now=NOW)
    run = actions.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    assert run.spec["network"] == "outbound"


def test_storage_beyond_the_plan(world: World, cast: Cast) -> None:
    """Once an owner agreed to pay people go on as far as that; a plan that sells none refuses with the figures."""
    plans.assign_plan(None, cast.team, "gradient-free", now=NOW)
    full = make_notebook(cast.owner, cast.team)
    Notebook.objects.filter(pk=full.pk).update(workspace_bytes=6 * GIB)
    notebook = make_notebook(cast.owner, cast.team)
    with pytest.raises(Refused, match="Gradient Free gives 5 GiB for the team's storage; 6 GiB are used"):
        actions.start(cast.owner, notebook, LaunchKind.SESSION, "free-gpu", now=world.now)
    set_cap(cast.owner, cast.team, stored=6 * GIB, cap_bytes=3 * GIB, now=NOW)
    run = actions.start(cast.owner, notebook, LaunchKind.SESSION, "free-gpu", now=world.now)
    assert 1.9 * GIB < run.spec["limits"]["disk_bytes"] < 2 * GIB
    rules = standing(cast.team, now=NOW).rules.model_copy(update={"storage_overage_micros_per_gib_month": None})
    plans.load_plan("strict", "Strict", "", rules, now=NOW)
    plans.assign_plan(None, cast.team, "strict", now=NOW)
    with pytest.raises(Refused) as caught:
        actions.start(cast.owner, full, LaunchKind.SESSION, "free-gpu", now=world.now)
    assert caught.value.code == "plan.storage_team"
    Notebook.objects.filter(pk=full.pk).update(workspace_bytes=4 * GIB)
    full.refresh_from_db()
    run = actions.start(cast.owner, full, LaunchKind.SESSION, "free-gpu", now=world.now)
    assert 4 * GIB <= run.spec["limits"]["disk_bytes"] < 5 * GIB


def test_twenty_gigabytes_a_notebook_on_kaggle(world: World, cast: Cast) -> None:
    plans.assign_plan(None, cast.team, "kaggle", now=NOW)
    run = actions.start(cast.owner, make_notebook(cast.owner, cast.team), LaunchKind.SESSION, "p100", now=world.now)
    assert run.spec["limits"]["disk_bytes"] == 20 * GIB


def test_terminals_where_the_plan_has_them(world: World, cast: Cast) -> None:
    plans.assign_plan(None, cast.team, "gradient-free", now=NOW)
    notebook = make_notebook(cast.owner, cast.team)
    run = actions.start(cast.owner, notebook, LaunchKind.SESSION, "free-gpu", now=world.now)
    assert run.spec["variables"]["STUDIUM_TERMINALS"] == "0"


def test_a_start_by_a_stranger_never_gets_here() -> None:
    load_plans()
    make_environment()
    notebook = make_notebook(make_user())
    with pytest.raises(NotFound):
        notebook_for(make_user(), notebook.pk, change=True)
    assert not Event.objects.filter(kind="run.queued").exists()


def test_a_workspace_that_a_restore_left_behind_gets_the_document_again(cast: Cast) -> None:
    lost, kept = make_notebook(cast.owner, title="Lost"), make_notebook(cast.owner, title="Kept")
    for notebook in (lost, kept):
        Notebook.objects.filter(pk=notebook.pk).update(volume_document=notebook.document)
    assert forget_workspaces(kept={volume_of(kept)}) == 1
    rules = standing(cast.owner.personal_team, now=NOW).rules
    for notebook, seeds in ((lost, [lost.filename]), (kept, [])):
        notebook.refresh_from_db()
        spec = build_spec(notebook, LaunchKind.SESSION, rules, run_id="r", disk=GIB, build=default_build())
        assert [seed.target for seed in spec.seeds] == seeds
