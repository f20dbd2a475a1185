"""Notebooks from git by the Python client and the `studium` command."""

import json

import pytest
from live import Cli, World

from studium.compute.models import Run
from studium.compute.states import Reason
from studium.compute.transitions import end
from studium.lib import clock
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.models import Launch

pytestmark = pytest.mark.django_db
URL = "https://git.example.org/lab/churn.git"


def settle(state: str = "ready", **more: object) -> None:
    """As the passes leave it when the last git run has ended."""
    for run in Run.objects.exclude(state="ended"):
        end(run, Reason.CANCELLED, now=clock.now(), message="")
    GitWork.objects.filter(state="live").update(state="done", ended_at=clock.now())
    Launch.objects.update(settled_at=clock.now())
    Repository.objects.update(state=state, **more)


def test_the_client_makes_shows_and_works(world: World) -> None:
    with world.client(world.cast.owner) as studium:
        git = studium.notebooks.git
        made = git.create(URL, ref="main", depth=2)
        assert (made.title, git.get(made.id).state, git.get(made.id).depth) == ("churn", "cloning", 2)
        settle("choosing", candidates=["a.ipynb"])
        assert git.choose(made.id, "a.ipynb").state == "taking"
        settle("failed")
        assert git.clone(made.id, URL, ref="dev").verb == "clone"
        settle()
        pulled = git.pull(made.id, keep=True)
        assert git.work(made.id, pulled.id) == pulled
        settle()
        assert git.check(made.id).state == "live"
        settle()
        assert git.push(made.id, "why", branch="mine").verb == "push"
        assert [work.verb for work in git.all_work(made.id)] == ["push", "check", "pull", "clone", "clone"]
        assert git.set_credentials(made.id, "", "ada").username == "ada"


def test_the_command_makes_shows_and_works(world: World, cli: Cli) -> None:
    made = cli("notebooks", "create", "--git", URL, "--ref", "main", "--no-wait")
    assert made.exit_code == 0, made.output
    assert "Made" in made.stdout
    assert "Git is at work in run" in made.stdout
    settle(
        "choosing", candidates=["a.ipynb", "b.ipynb"], branch="main", kind="branch", commit="c" * 40, subject="A change"
    )
    shown = cli("notebooks", "git", "show", "churn").stdout
    assert "cccccccccc A change" in shown
    assert "a.ipynb, b.ipynb" in shown
    assert "is b.ipynb" in cli("notebooks", "git", "choose", "churn", "b.ipynb").stdout
    settle()
    pulled = cli("notebooks", "git", "pull", "churn", "--keep", "--no-wait", "--json")
    assert json.loads(pulled.stdout)["verb"] == "pull"
    assert cli("notebooks", "git", "pull", "churn").exit_code == 4, "the one before is not through"
    settle()
    assert cli("notebooks", "git", "check", "churn", "--no-wait").exit_code == 0
    settle()
    assert cli("notebooks", "git", "push", "churn", "-m", "why", "--no-wait").exit_code == 0
    settle("failed")
    assert cli("notebooks", "git", "clone", "churn", "--ref", "dev", "--no-wait").exit_code == 0
    assert Repository.objects.get().ref == "dev"
    assert "no secret" in cli("notebooks", "git", "credentials", "churn").stdout


def test_the_command_says_how_work_went(world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("notebooks", "create", "--git", URL, "--no-wait")
    settle(branch="main", kind="branch")

    def passes(_: float) -> None:
        """What the controller does while the command waits."""
        work = GitWork.objects.filter(state="live").get()
        end(work.run, Reason.CANCELLED, now=clock.now(), message="")
        GitWork.objects.filter(pk=work.pk).update(**outcome)

    monkeypatch.setattr("studium.cli.git.time.sleep", passes)
    outcome: dict[str, object] = {"state": "done", "result": {"changed": 2, "kept": ["a.yours-1.py"]}}
    pulled = cli("notebooks", "git", "pull", "churn")
    assert (pulled.exit_code, "Pulled 2 commits." in pulled.stdout, "a.yours-1.py" in pulled.stdout) == (0, True, True)
    outcome = {"state": "failed", "code": "git.diverged", "message": "They do not build on each other."}
    for more in ((), ("--json",)):
        pulled = cli("notebooks", "git", "pull", "churn", *more)
        assert pulled.exit_code == 1
        assert "They do not build on each other." in pulled.output
    outcome = {"state": "done", "result": {"pushed": 1}}
    assert "Pushed 1 commits." in cli("notebooks", "git", "push", "churn", "-m", "why").stdout


@pytest.mark.parametrize(
    "words", [("--ref", "main"), ("--git", URL, "--language", "r"), ("--git", "file:///x"), ("--git", URL, "--ref=--x")]
)
def test_what_makes_no_sense_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli("notebooks", "create", *words).exit_code == 2
