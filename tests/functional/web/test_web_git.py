"""The pages of notebooks from git: making one, each state of its card, and what its buttons do."""

from datetime import timedelta

import pytest
from django.db.models import F
from scenes import Scene, address, client_of

from factories.accounts import NOW
from studium.compute.actions import stop_run
from studium.compute.models import Run
from studium.compute.reconcile.ending import finish
from studium.compute.states import Reason
from studium.notebooks.git import actions
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.states import Cloned
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.states import Visibility

pytestmark = pytest.mark.django_db
URL = "https://git.example.org/lab/churn.git"
FORM = {"url": URL, "ref": "", "path": "", "secret": "", "username": "", "depth": "", "title": "", "visibility": "team"}


@pytest.fixture
def notebook(scene: Scene) -> Notebook:
    project = scene.cast.team.projects.get(slug="main")
    wanted = actions.Wanted(url=URL)
    return actions.create_from_git(scene.cast.owner, project, wanted, now=NOW, visibility=Visibility.TEAM)


def settle(notebook: Notebook, state: Cloned = Cloned.READY, **more: object) -> None:
    for work in GitWork.objects.filter(repository__notebook=notebook).select_related("run"):
        stop_run(None, work.run, now=NOW)
    GitWork.objects.filter(repository__notebook=notebook, state="live").update(state="done", ended_at=NOW)
    # The clock stands still here, and the newest is to be the newest.
    GitWork.objects.filter(repository__notebook=notebook).update(created_at=F("created_at") - timedelta(minutes=1))
    Launch.objects.filter(notebook=notebook).update(settled_at=NOW)
    Repository.objects.filter(notebook=notebook).update(state=state, **more)


def page(scene: Scene, notebook: Notebook, who: str = "owner", rest: str = "") -> str:
    return client_of(getattr(scene.cast, who)).get(address(notebook, rest)).content.decode()


def do(scene: Scene, notebook: Notebook, who: str = "owner", **form: str) -> int:
    return client_of(getattr(scene.cast, who)).post(address(notebook, "git/do/"), form).status_code


def test_one_is_made_and_its_page_tells_while_it_is_cloned(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    assert "From a git repository" in client.get("/new/").content.decode()
    answer = client.post("/new/git/", {**FORM, "project": f"{scene.cast.team.slug}/main", "depth": "3"})
    assert answer.status_code == 302
    made = Notebook.objects.get(title="churn")
    assert (made.repository.depth, made.visibility) == (3, "team")
    shown = page(scene, made)
    assert "Cloning" in shown
    assert 'hx-get="' + address(made, "git/") + '" hx-trigger="every 2s"' in shown
    assert 'id="start"' not in shown
    assert "Cloning; the run is queued." in page(scene, made, rest="git/")
    settle(made)
    assert client.get(address(made, "git/")).headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "ext::sh -c id"}, "are refused"),
        ({"url": "https://127.0.0.1/x"}, "private network"),
        ({"url": "git@h.example:x.git"}, "not by ssh"),
        ({"ref": "--upload-pack=id"}, "no branch, tag or commit"),
        ({"secret": "NOWHERE"}, "no secret"),
        ({"path": "../x.ipynb"}, "no notebook&#x27;s path"),
        ({"url": ""}, "required"),
    ],
)
def test_what_is_refused_is_said_on_the_form(scene: Scene, change: dict[str, str], words: str) -> None:
    before = Notebook.objects.count()
    answer = client_of(scene.cast.owner).post(
        "/new/git/", {**FORM, "project": f"{scene.cast.team.slug}/main", **change}
    )
    assert answer.status_code in (400, 404, 422)
    assert words in answer.content.decode()
    assert Notebook.objects.count() == before


def test_choosing_among_several_and_beginning_where_there_is_none(scene: Scene, notebook: Notebook) -> None:
    settle(notebook, Cloned.CHOOSING, candidates=["a/<b>.ipynb", "c.ipynb"])
    assert '<option value="a/&lt;b&gt;.ipynb">' in page(scene, notebook)
    assert "Which notebook?" not in page(scene, notebook, "reader")
    assert do(scene, notebook, do="choose", path="nowhere.ipynb") == 400
    assert do(scene, notebook, "teammate", do="choose", path="c.ipynb") == 302
    assert "Which notebook?" not in page(scene, notebook)
    settle(notebook, Cloned.NONE)
    assert "has no notebook" in page(scene, notebook)
    assert do(scene, notebook, do="blank") == 302
    assert 'id="start"' in page(scene, notebook)


def test_a_failure_is_told_with_what_to_do_and_tried_again(scene: Scene, notebook: Notebook) -> None:
    settle(notebook, Cloned.FAILED, code="git.auth", trouble="why")
    GitWork.objects.update(state="failed", code="git.auth", message="The server <says> no.")
    shown = page(scene, notebook)
    assert "The server &lt;says&gt; no." in shown
    assert "Name a secret with a token" in shown
    assert f'value="{URL}"' in shown
    assert do(scene, notebook, do="clone", url="file:///x") == 400
    assert do(scene, notebook, do="clone", url=URL, ref="dev") == 302
    assert notebook.repository.__class__.objects.get(notebook=notebook).ref == "dev"


def test_pull_check_push_and_credentials(scene: Scene, notebook: Notebook) -> None:
    standing = {
        "branch": "main",
        "kind": "branch",
        "commit": "c" * 40,
        "ahead": 1,
        "behind": 2,
        "dirty": 3,
        "looked_at": NOW,
    }
    settle(notebook, subject="A <change>", notes=["Some <files> are pointers."], **standing)
    shown = page(scene, notebook)
    assert "1 ahead, 2 behind, 3 files changed" in shown
    assert "A &lt;change&gt;" in shown
    assert "Some &lt;files&gt; are pointers." in shown
    assert do(scene, notebook, do="pull") == 302
    settle(notebook)
    GitWork.objects.filter(verb="pull").update(
        state="failed", code="git.would_overwrite", message="m", result={"files": ["x.py"]}
    )
    shown = page(scene, notebook)
    assert "Keep mine beside it" in shown
    assert "x.py" in shown
    assert do(scene, notebook, do="pull", keep="1") == 302
    assert GitWork.objects.filter(verb="pull").latest("created_at").asked == {"keep": True}
    settle(notebook)
    assert do(scene, notebook, do="check") == 302
    settle(notebook)
    assert do(scene, notebook, do="push", message="") == 400
    assert do(scene, notebook, do="push", message="why", branch="-x") == 400
    assert do(scene, notebook, do="push", message="why", branch="mine") == 302
    settle(notebook)
    assert do(scene, notebook, do="credentials", secret="NOWHERE") == 404
    assert do(scene, notebook, do="credentials", secret="", username="ada") == 302
    assert do(scene, notebook, do="dance") == 400
    assert do(scene, notebook, "reader", do="pull") == 403
    assert do(scene, notebook, "stranger", do="pull") == 404


def test_a_stranger_sees_nothing_of_where_a_public_one_comes_from(scene: Scene, notebook: Notebook) -> None:
    settle(notebook)
    Notebook.objects.filter(pk=notebook.pk).update(visibility=Visibility.PUBLIC)
    assert URL not in page(scene, notebook, "stranger")
    assert client_of(scene.cast.stranger).get(address(notebook, "git/")).status_code == 403
    assert URL in page(scene, notebook, "reader")


def test_a_failed_git_run_is_told_without_cells_and_codes(scene: Scene, notebook: Notebook) -> None:
    run = GitWork.objects.get(repository__notebook=notebook).run
    error = {"name": "git.auth", "message": "The server does not let us in."}
    Run.objects.filter(pk=run.pk).update(progress={"work": "x", "error": error})
    run.refresh_from_db()
    finish(run, Reason.FAILED, now=NOW, message="git.auth: The server does not let us in.")
    settle(notebook, Cloned.FAILED, code="git.auth", trouble="The server does not let us in.")
    shown = page(scene, notebook)
    assert "The server does not let us in." in shown
    assert "git.auth" not in shown
    assert "mend the cell" not in shown
