"""Notebooks from git, above engines: what may be asked for, what a git run is given, and what becomes of what it tells."""

import json
from typing import Any

import pytest
from world import World

from factories.accounts import NOW, Cast, project_of
from factories.notebooks import notebook_json
from functional.notebooks.cloned import BOOK, COMMIT, RESULT, URL, end, made, newest, ready, repo
from studium.compute.actions import spec_of, stop_run
from studium.compute.engines.base import Cause
from studium.compute.models import Run
from studium.compute.states import State
from studium.errors import BadInput, Forbidden, NotFound, NotYet, Refused, StudiumError
from studium.events.models import Event
from studium.notebooks import actions as notebooks
from studium.notebooks import reconcile as notebook_passes
from studium.notebooks.git import actions, launching, reconcile
from studium.notebooks.git.actions import Wanted
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.naming import check_message, check_path
from studium.notebooks.git.states import CLONED_MOVES, NEXT_STEPS, WORK_MOVES, Cloned, Verb, WorkState
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import LaunchKind
from studium.notebooks.versions import actions as versions
from studium.outbound import fence
from studium.outbound.repositories import check_ref, check_repository
from studium.plans import actions as plans
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.secrets.giving import give
from studium.storage import actions as storage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "outbound.url"), ("-oProxyCommand=id", "git.url"), ("--upload-pack=id", "git.url"), ("ext::sh -c id", "git.scheme"),
        ("fd::17", "git.scheme"), ("file:///etc", "outbound.scheme"), ("/etc/passwd", "outbound.url"), ("../x", "outbound.url"),
        ("ssh://git@h.example/x", "git.scheme"), ("git@h.example:x.git", "git.scheme"), ("h.example:x", "git.scheme"),
        ("ssh://-oProxyCommand=id/x", "git.scheme"), ("git://h.example/x", "outbound.scheme"), ("http://h.example/x", "git.scheme"),
        ("https://u:p@h.example/x", "outbound.credentials"), ("https://-oProxyCommand=id/x", "outbound.host"),
        ("https://127.0.0.1/x", "outbound.closed"), ("https://[::ffff:10.0.0.1]/x", "outbound.closed"),
        ("https://2130706433/x", "outbound.host"), ("https://localhost/x", "outbound.closed"),
        ("https://h.example:22/x", "outbound.port"),
        ("https://h.example/", "git.url"), ("https://h.example/x?y", "git.url"), ("https://h.example/x\n--foo", "outbound.url"),
        ("https://h.example/x y", "outbound.url"), ("https://h.example/" + "x" * 1000, "git.url"),
    ],
)  # fmt: skip
def test_hostile_addresses_are_refused(url: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        check_repository(url)
    assert caught.value.code == code


def test_plain_http_is_for_what_the_operator_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "allowed", lambda: ("git.lab.example", "10.0.0.0/8:8080"))
    assert check_repository("http://git.lab.example/x").url == "http://git.lab.example/x"
    assert check_repository("http://10.1.2.3:8080/x").port == 8080
    for url in ("http://10.1.2.3/x", "http://h.example/x"):
        with pytest.raises(Refused):
            check_repository(url)


@pytest.mark.parametrize(
    "ref",
    [
        "-x", "--upload-pack=id", "a..b", "..", "a b", "a\tb", "a\nb", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a//b", "/a",
        "a/", "a.lock", "a.lock/b", ".a", "a/.b", "a.", "@", "a@{1}", "HEAD", "x" * 201, 'a"b', "a\u202eb", "refs/heads/-x",
        "a\x7f",
    ],
)  # fmt: skip
def test_hostile_refs_are_refused(ref: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_ref(ref)
    assert caught.value.code == "git.ref"


@pytest.mark.parametrize(
    "ref", ["main", "feature/x-1", "v1.2.3", COMMIT, "refs/heads/main", "große-änderung", "a@b", "1"]
)
def test_plain_refs_are_taken(ref: str) -> None:
    assert check_ref(f" {ref} ") == ref.removeprefix("refs/heads/")


@pytest.mark.parametrize(
    "path",
    [
        "/a.ipynb",
        "../a.ipynb",
        "a/../b.ipynb",
        ".git/a.ipynb",
        "a.py",
        "a\nb.ipynb",
        "a//b.ipynb",
        "x" * 400 + ".ipynb",
        "a\\b.ipynb",
        "",
    ],
)
def test_hostile_paths_are_refused(path: str) -> None:
    with pytest.raises(BadInput):
        check_path(path)


@pytest.mark.parametrize("message", ["", " \n ", "x" * 5001, "a\x00b", "a\x1b[31m"])
def test_hostile_messages_are_refused(message: str) -> None:
    with pytest.raises(BadInput):
        check_message(message)


def test_a_notebook_is_made_and_its_run_is_given_git_alone(cast: Cast, world: World) -> None:
    notebook = made(cast, ref="v1", submodules=True, depth=5)
    assert (notebook.title, notebook.team, repo(notebook).state) == ("churn", cast.team, Cloned.CLONING)
    run = Run.objects.get()
    spec = spec_of(run)
    assert (run.owner_kind, run.owner_id, run.interactive, run.machine_type_id) == (
        "notebook",
        notebook.pk,
        False,
        "cpu-small",
    )
    assert (spec.network, spec.hosts, spec.within, spec.secrets) == ("hosts", ("git.example.org:443", "*:443"), (), "")
    assert spec.command[1:] == ("-I", "/opt/studium/git_work.py")
    assert spec.seeds == ()
    asked = json.loads(spec.variables["STUDIUM_GIT_WORK"])
    assert (asked["verb"], asked["url"], asked["ref"], asked["depth"], asked["submodules"]) == (
        "clone",
        URL,
        "v1",
        5,
        True,
    )
    assert Launch.objects.get().kind == LaunchKind.GIT
    for action in (
        lambda: notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW),
        lambda: versions.save_quick(cast.owner, notebook, now=NOW),
        lambda: versions.save_and_run(cast.owner, notebook, "cpu-small", now=NOW),
        lambda: actions.pull(cast.owner, repo(notebook), now=NOW),
    ):
        with pytest.raises(NotYet) as caught:
            action()
        assert caught.value.code == "git.cloning"


def test_the_one_notebook_there_is_becomes_the_document(cast: Cast, world: World) -> None:
    notebook = made(cast)
    work = end(world, notebook, files={"analysis/churn.ipynb": BOOK}, result={"ahead": 1, "notes": ["A note"]})
    found = repo(notebook)
    assert (work.state, found.state, found.commit, found.branch, found.ahead) == (
        "done",
        Cloned.READY,
        COMMIT,
        "main",
        1,
    )
    assert (found.notes, found.looked_at, found.committed_at.isoformat()) == (
        ["A note"],
        world.now,
        "2026-03-01T09:00:00+00:00",
    )
    assert (notebook.filename, storage.get(notebook.document), notebook.volume_document) == (
        "analysis/churn.ipynb",
        BOOK,
        notebook.document,
    )
    run = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    spec = spec_of(run)
    assert (spec.seeds, spec.network) == ((), "none")
    assert spec.variables["STUDIUM_NOTEBOOK"] == "analysis/churn.ipynb"
    assert (spec.variables["STUDIUM_GIT_URL"], spec.variables["STUDIUM_GIT_EMAIL"]) == (URL, cast.owner.email)
    kinds = set(Event.objects.filter(subject_id=notebook.pk).values_list("kind", flat=True))
    assert {"git.cloning", "git.clone_done"} <= kinds


def test_of_several_one_is_chosen(cast: Cast, world: World) -> None:
    notebook = made(cast)
    end(world, notebook, files={"a.ipynb": BOOK, "b/c.ipynb": notebook_json("2"), "bad.ipynb": b"{"})
    found = repo(notebook)
    assert (found.state, found.candidates) == (Cloned.CHOOSING, ["a.ipynb", "b/c.ipynb", "bad.ipynb"])
    with pytest.raises(NotYet):
        notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW)
    for path in ("nowhere.ipynb", "../a.ipynb", ""):
        with pytest.raises(BadInput):
            actions.choose(cast.owner, found, path, now=NOW)
    actions.choose(cast.owner, found, "bad.ipynb", now=NOW)
    assert reconcile.take_chosen(world.engines, NOW) == 1
    found = repo(notebook)
    assert (found.state, found.code) == (Cloned.CHOOSING, "git.no_notebook")
    actions.choose(cast.owner, found, "b/c.ipynb", now=NOW)
    stale = Repository.objects.get(pk=found.pk)
    assert (reconcile.take_chosen(world.engines, NOW), reconcile.take_chosen(world.engines, NOW)) == (1, 0)
    assert not reconcile.move_repository(stale, Cloned.READY), "a second controller finds it moved"
    notebook.refresh_from_db()
    assert (repo(notebook).state, repo(notebook).trouble, notebook.filename) == (Cloned.READY, "", "b/c.ipynb")
    assert storage.get(notebook.document) == notebook_json("2")
    with pytest.raises(NotYet):
        actions.choose(cast.owner, repo(notebook), "a.ipynb", now=NOW)


def test_of_none_a_blank_one_is_begun(cast: Cast, world: World) -> None:
    notebook = made(cast)
    end(world, notebook, names=[])
    found = repo(notebook)
    assert found.state == Cloned.NONE
    actions.begin_blank(cast.owner, found, now=NOW)
    run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    assert [seed.target for seed in spec_of(run).seeds] == ["notebook.ipynb"]
    with pytest.raises(NotYet):
        actions.begin_blank(cast.owner, repo(notebook), now=NOW)


@pytest.mark.parametrize(("there", "state"), [(["a.ipynb"], Cloned.CHOOSING), ([], Cloned.FAILED)])
def test_the_named_one_is_not_there(cast: Cast, world: World, there: list[str], state: Cloned) -> None:
    notebook = made(cast, path="main.ipynb")
    work = end(world, notebook, files=dict.fromkeys(there, BOOK))
    assert (work.code, repo(notebook).state, repo(notebook).code) == ("git.no_notebook", state, "git.no_notebook")


def test_the_named_one_is_taken_among_several(cast: Cast, world: World) -> None:
    notebook = made(cast, path="b.ipynb")
    end(world, notebook, files={"a.ipynb": BOOK, "b.ipynb": BOOK})
    assert (repo(notebook).state, notebook.filename) == (Cloned.READY, "b.ipynb")


def test_a_clone_that_failed_says_why_and_is_tried_again_otherwise(cast: Cast, world: World) -> None:
    notebook = made(cast)
    work = end(world, notebook, error={"name": "git.auth", "message": "The server does not let us in."})
    found = repo(notebook)
    assert (work.state, found.state, found.code, found.trouble) == (
        "failed",
        Cloned.FAILED,
        "git.auth",
        "The server does not let us in.",
    )
    with pytest.raises(NotYet) as caught:
        notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW)
    assert caught.value.code == "git.not_cloned"
    with pytest.raises(Refused):
        actions.clone_again(cast.owner, found, Wanted(url="https://127.0.0.1/x"), now=world.now)
    assert repo(notebook).state == Cloned.FAILED
    actions.clone_again(cast.owner, found, Wanted(url=URL, ref="dev"), now=world.now)
    assert (repo(notebook).state, repo(notebook).ref, repo(notebook).trouble) == (Cloned.CLONING, "dev", "")
    with pytest.raises(NotYet):
        actions.clone_again(cast.owner, repo(notebook), Wanted(url=URL), now=world.now)
    end(world, notebook, files={"a.ipynb": BOOK})
    assert repo(notebook).state == Cloned.READY


@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause.OUT_OF_MEMORY, "git.memory"), (Cause.DISK_FULL, "git.disk_full"), (Cause.VANISHED, "git.run")],
)
def test_runs_that_do_not_end_by_themselves(cast: Cast, world: World, cause: Cause, code: str) -> None:
    notebook = made(cast)
    end(world, notebook, files={"a.ipynb": BOOK}, cause=cause)
    assert (repo(notebook).state, repo(notebook).code) == (Cloned.FAILED, code)


def test_a_run_that_is_cancelled_in_the_queue(cast: Cast, world: World) -> None:
    notebook = made(cast)
    stop_run(cast.owner, Run.objects.get(), now=NOW)
    assert reconcile.settle_ended(world.engines, NOW) == 1
    assert (repo(notebook).state, repo(notebook).code) == (Cloned.FAILED, "git.run")


@pytest.mark.parametrize(
    "told",
    [
        None, {}, {"work": "other", "state": "done", "result": RESULT}, {"state": "done", "result": RESULT}, {"work": True},
        {"work": "W", "state": "failed", "error": [1]},
    ],
)  # fmt: skip
def test_a_run_that_tells_nonsense_is_not_believed(cast: Cast, world: World, told: Any) -> None:
    notebook = made(cast)
    work = newest(notebook)
    run = world.until(work.run, State.RUNNING)
    if told is not None:
        world.engine.observe(run.pk, progress=told)
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    reconcile.settle_ended(world.engines, world.now)
    assert repo(notebook).state == Cloned.FAILED


def test_what_a_run_tells_is_cut_to_what_can_be_kept(cast: Cast, world: World) -> None:
    notebook = made(cast)
    hostile = {
        "commit": "x" * 500, "subject": "a\x1b[31mb\nc" + "x" * 500, "branch": ["list"], "ahead": -1, "behind": True, "dirty": "7",
        "lfs": 10**12, "notes": ["n" * 3000, 7, {"a": 1}] * 30, "committed_at": "yesterday", "author": None,
    }  # fmt: skip
    names = ["a.ipynb", "../x.ipynb", "/etc/x.ipynb", ".git/x.ipynb", 7, None, "b.txt", "a\nb.ipynb"] + [
        "a.ipynb"
    ] * 3000
    end(world, notebook, files={"a.ipynb": BOOK}, result=hostile, names=names)
    found = repo(notebook)
    assert (len(found.commit), found.branch, found.ahead, found.behind, found.dirty, found.lfs) == (
        40,
        "",
        0,
        0,
        0,
        10**9,
    )
    assert found.subject.startswith("a[31mbc")
    assert (len(found.notes), len(found.notes[0]), found.committed_at) == (20, 400, None)
    assert set(found.candidates) == {"a.ipynb"}


def test_a_workspace_that_cannot_be_read_keeps_nobody_waiting(
    cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = made(cast)

    def breaks(*_: object) -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(world.engine, "read_file", breaks)
    work = end(world, notebook, files={"a.ipynb": BOOK})
    assert (work.state, "the disk is gone" in work.message, repo(notebook).state) == ("failed", True, Cloned.FAILED)


def test_pull_takes_over_the_document_and_leaves_the_state(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    actions.pull(cast.teammate, repo(notebook), now=world.now, keep=True)
    run = newest(notebook).run
    assert (run.user, json.loads(spec_of(run).variables["STUDIUM_GIT_WORK"])["keep"]) == (cast.teammate, True)
    with pytest.raises(NotYet):
        actions.pull(cast.owner, repo(notebook), now=world.now)
    result = {"commit": "f" * 40, "changed": 2, "kept": ["churn.yours-1.ipynb"]}
    work = end(world, notebook, files={"churn.ipynb": notebook_json("newer")}, result=result)
    assert (work.verb, work.state, work.result["kept"], work.result["changed"]) == (
        Verb.PULL,
        "done",
        ["churn.yours-1.ipynb"],
        2,
    )
    assert (repo(notebook).commit, storage.get(notebook.document)) == ("f" * 40, notebook_json("newer"))
    actions.check_remote(cast.owner, repo(notebook), now=world.now)
    work = end(world, notebook, result={"behind": 3})
    assert (work.verb, repo(notebook).behind) == (Verb.CHECK, 3)


def test_a_pull_that_is_refused_changes_nothing(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    actions.pull(cast.owner, repo(notebook), now=world.now)
    before = (notebook.document, repo(notebook).commit)
    error = {"name": "git.would_overwrite", "message": "Changed here and there: a", "facts": {"files": ["a", 7]}}
    work = end(world, notebook, error=error)
    assert (work.code, work.result) == ("git.would_overwrite", {"files": ["a", "7"]})
    assert ((notebook.document, repo(notebook).commit), repo(notebook).state) == (before, Cloned.READY)


def test_a_push_is_given_what_the_person_says_and_what_is_newer_than_the_workspace(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    notebooks.replace_document(cast.owner, notebook, notebook_json("uploaded"), now=world.now)
    with pytest.raises(BadInput):
        actions.push(cast.owner, repo(notebook), " ", now=world.now)
    with pytest.raises(BadInput):
        actions.push(cast.owner, repo(notebook), "A message", now=world.now, branch="-x")
    actions.push(cast.owner, repo(notebook), " A message\r\nmore ", now=world.now, branch="mine")
    spec = spec_of(newest(notebook).run)
    asked = json.loads(spec.variables["STUDIUM_GIT_WORK"])
    assert (asked["message"], asked["branch"], asked["author"], asked["email"]) == (
        "A message\nmore", "mine", cast.owner.username, cast.owner.email,
    )  # fmt: skip
    assert [seed.target for seed in spec.seeds] == ["churn.ipynb"]


def test_while_a_session_has_the_workspace_its_terminal_is_the_way(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    run = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    with pytest.raises(NotYet) as caught:
        actions.pull(cast.owner, repo(notebook), now=world.now)
    assert caught.value.code == "git.session"
    stop_run(cast.owner, run, now=world.now)
    run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now)
    with pytest.raises(NotYet) as caught:
        actions.pull(cast.owner, repo(notebook), now=world.now)
    assert caught.value.code != "git.session"
    stop_run(cast.owner, run, now=world.now)


def test_the_plan_says_whether_git_may_be_reached_and_the_notebooks_switch_does_not(cast: Cast, world: World) -> None:
    notebook = ready(cast, world)
    assert not notebook.internet
    assert spec_of(newest(notebook).run).network == "hosts"
    plans.load_plan("closed", "Closed", "", plans_rules(internet=False), now=NOW)
    plans.assign_plan(None, cast.team, "closed", now=NOW)
    for action in (lambda: made(cast), lambda: actions.pull(cast.owner, repo(notebook), now=world.now)):
        with pytest.raises(Refused) as caught:
            action()
        assert caught.value.code == "plan.internet"
    assert Notebook.objects.count() == 1, "nothing is made"


def plans_rules(**rules: Any) -> Any:
    from studium.plans.rules import PlanRules

    return PlanRules(**rules)


def test_a_plan_without_small_machines_gets_its_cheapest(cast: Cast, world: World) -> None:
    plans.assign_plan(None, cast.team, "kaggle", now=NOW)
    run = Run.objects.get(owner_id=made(cast).pk)
    assert run.machine_type.accelerator_count == 0
    assert run.max_seconds == launching.LONGEST_SECONDS


def test_what_is_refused_at_the_start_of_its_run_leaves_no_notebook(cast: Cast, world: World) -> None:
    plans.load_plan("full", "Full", "", plans_rules(queued_runs=0), now=NOW)
    plans.assign_plan(None, cast.team, "full", now=NOW)
    with pytest.raises(NotYet):
        made(cast)
    assert (Notebook.objects.count(), Repository.objects.count(), Run.objects.count()) == (0, 0, 0)


def test_a_secret_is_given_to_git_runs_alone_and_no_other_with_it(cast: Cast, world: World) -> None:
    team, project = Place(cast.team), Place(cast.team, project_of(cast.team))
    with pytest.raises(NotFound):
        made(cast, secret="GIT_TOKEN")
    secrets.set_secret(cast.owner, team, "GIT_TOKEN", "of the team", now=NOW)
    secrets.set_secret(cast.owner, team, "OTHER", "another", now=NOW)
    notebook = made(cast, secret="GIT_TOKEN", username="ada")
    spec = spec_of(newest(notebook).run)
    assert "of the team" not in json.dumps(newest(notebook).run.spec)
    assert give(spec.secrets, cast.team, cast.owner, now=NOW) == {"GIT_TOKEN": "of the team"}
    assert give(spec.secrets, cast.team, cast.stranger, now=NOW) == {}
    secrets.set_secret(cast.owner, project, "GIT_TOKEN", "of the project", now=NOW)
    assert give(spec.secrets, cast.team, cast.owner, now=NOW) == {"GIT_TOKEN": "of the project"}
    end(world, notebook, files={"a.ipynb": BOOK})
    session = notebooks.start(cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=world.now)
    assert give(spec_of(session).secrets, cast.team, cast.owner, now=NOW) == {}, "until the notebook is set to use it"
    assert spec_of(session).variables["STUDIUM_GIT_SECRET"] == "GIT_TOKEN"
    stop_run(cast.owner, session, now=world.now)
    actions.change_credentials(cast.owner, repo(notebook), "OTHER", "", now=world.now)
    assert give(spec.secrets, cast.team, cast.owner, now=NOW) == {"OTHER": "another"}
    actions.change_credentials(cast.owner, repo(notebook), "", "", now=world.now)
    assert give(spec.secrets, cast.team, cast.owner, now=NOW) == {}
    with pytest.raises(NotFound):
        actions.change_credentials(cast.owner, repo(notebook), "NOWHERE", "", now=world.now)
    for wrong in ("a b", "-x:y", "x" * 101, "a\nb"):
        with pytest.raises(BadInput):
            made(cast, username=wrong)


def test_who_may(cast: Cast, world: World) -> None:
    for stranger in (cast.reader, cast.stranger):
        with pytest.raises(StudiumError) as caught:
            actions.create_from_git(stranger, project_of(cast.team), Wanted(url=URL), now=NOW)
        assert isinstance(caught.value, (Forbidden, NotFound))
    assert (
        actions.create_from_git(cast.teammate, project_of(cast.team), Wanted(url=URL), now=NOW).created_by
        == cast.teammate
    )


def test_a_deleted_notebook_is_cleaned_up(cast: Cast, world: World) -> None:
    secrets.set_secret(cast.owner, Place(cast.team), "GIT_TOKEN", "of the team", now=NOW)
    notebook = made(cast, secret="GIT_TOKEN")
    spec = spec_of(newest(notebook).run)
    notebooks.delete_notebook(cast.owner, notebook, now=NOW)
    assert give(spec.secrets, cast.team, cast.owner, now=NOW) == {}
    assert reconcile.settle_ended(world.engines, NOW) == 1
    assert notebook_passes.clean_deleted(world.engines, NOW) == 1


def test_the_passes_of_notebooks_leave_git_runs_alone(cast: Cast, world: World) -> None:
    notebook = made(cast)
    run = world.until(newest(notebook).run, State.RUNNING)
    world.engine.write_file(volume_of(notebook), "notebook.ipynb", BOOK, 10**9)
    assert notebook_passes.sync_running(world.engines, world.now) == 0
    world.engine.finish(run.pk, 0)
    world.until(run, State.ENDED)
    assert notebook_passes.settle_ended(world.engines, world.now) == 0


def test_two_controllers_and_a_crash_settle_once(cast: Cast, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """As `kill -9` between two lines."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    notebook = made(cast)
    work = newest(notebook)
    stale = GitWork.objects.select_related("repository__notebook", "run__machine").get(pk=work.pk)
    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_stand", dies)
        with pytest.raises(Killed):
            end(world, notebook, files={"a.ipynb": BOOK})
    assert (newest(notebook).state, repo(notebook).state) == (WorkState.LIVE, Cloned.CLONING), "all or nothing"
    assert reconcile.settle_ended(world.engines, world.now) == 1
    assert not reconcile._settle(stale, reconcile.Outcome(facts={}, candidates=[]), None, world.now)
    assert repo(notebook).state == Cloned.READY


@pytest.mark.parametrize("state", list(Cloned))
@pytest.mark.parametrize("to", list(Cloned))
def test_every_pair_of_states(cast: Cast, world: World, state: Cloned, to: Cloned) -> None:
    notebook = made(cast)
    Repository.objects.update(state=state)
    found = repo(notebook)
    if to not in CLONED_MOVES[state]:
        with pytest.raises(AssertionError):
            reconcile.move_repository(found, to)
        with pytest.raises(NotYet):
            actions._move(found, to)
        return
    assert reconcile.move_repository(found, to)
    assert not reconcile.move_repository(found, to)
    with pytest.raises(NotYet):
        actions._move(found, to)


@pytest.mark.parametrize("state", list(WorkState))
@pytest.mark.parametrize("to", list(WorkState))
def test_every_pair_of_states_of_work(cast: Cast, world: World, state: WorkState, to: WorkState) -> None:
    work = newest(made(cast))
    GitWork.objects.update(state=state)
    work.refresh_from_db()
    if to not in WORK_MOVES[state]:
        with pytest.raises(AssertionError):
            reconcile.move_work(work, to, now=NOW)
        return
    assert reconcile.move_work(work, to, now=NOW)
    assert not reconcile.move_work(work, to, now=NOW)


def test_every_code_of_a_git_run_says_what_to_do_next() -> None:
    import re

    from studium.environments.commands import code_folder

    said = {
        code
        for pattern in ("git_*.py", "*lfs*.py")
        for path in code_folder().glob(pattern)
        for code in re.findall(r'"(git\.[a-z_]+)"', path.read_text())
    }
    assert "git.lfs_missing" in said
    assert said - NEXT_STEPS.keys() <= {"git.failed", "git.broken", "git.ref_bad", "git.scheme"}
