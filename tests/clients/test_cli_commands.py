"""Every command of the CLI as a person types it: tables for people, one document with --json, and its exit code."""

import json
import stat
from pathlib import Path

import pytest
from live import Cli, World

from factories.accounts import make_user
from factories.notebooks import make_notebook, notebook_json
from factories.use import use_of
from studium.accounts.models import ApiToken, Membership, Team
from studium.accounts.states import Scope
from studium.cli import account
from studium.lib import clock
from studium.notebooks import actions as notebooks
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility

pytestmark = pytest.mark.django_db


def words(text: str) -> str:
    """The text without the line breaks of an 80-column terminal."""
    return " ".join(text.split())


@pytest.fixture
def notebook(world: World) -> Notebook:
    return make_notebook(world.cast.owner, world.cast.team, "Churn", visibility=Visibility.TEAM, now=clock.now())


# Each line: a command and words its table shows. `{nb}`, `{run}`, `{team}` and `{user}` are filled in.
TABLES = [
    ("machines", ["cpu-small", "1 vCPU, 2 GiB", "$0/h", "7 free", "more that no machine here has"]),
    ("machines --all", ["7 free", "none here"]),
    ("queue", ["Nothing waits."]),
    ("usage", ["is on the plan Open", "nothing used"]),
    ("notebooks list", ["churn", "Churn", "running"]),
    ("notebooks show {nb}", ["Churn", "seen by team", "Run {run} on cpu-small: Running."]),
    ("runs list", ["{run}", "Churn", "cpu-small", "running"]),
    ("runs show {run}", ["{run}: Churn", "Running.", "cpu-small", "ends in"]),
    ("plans list", ["open", "kaggle", "30 h 00 min gpu weekly"]),
    ("teams list", ["{team}", "owner", "open"]),
    ("teams show {team}", ["members 3", "projects 1"]),
    ("teams members {team}", ["{user}", "owner", "reader"]),
    ("teams projects {team}", ["main", "Main"]),
    ("teams invitations {team}", ["No open invitations."]),
    ("tokens list", ["tests", "read write team"]),
]
ADMIN_TABLES = [
    ("admin users", ["{user}", "administrator"]),
    ("admin machines", ["fake", "8 vCPU, 32 GiB", "open"]),
    ("admin runs --live", ["{run}", "Churn ({user})"]),
    ("admin events --kind run", ["run.running", "run:{run}"]),
    ("admin checks", ["no", "fake engine", "Use a real engine."]),
]


@pytest.fixture
def filled(world: World, notebook: Notebook) -> dict[str, str]:
    """A session runs; the words that stand for it."""
    run = notebooks.start(world.cast.owner, notebook, LaunchKind.SESSION, "cpu-small", now=clock.now())
    for _ in range(3):
        world.step("", "")
    user, team = world.cast.owner.username, world.cast.team.slug
    return {"nb": f"{team}/churn", "run": run.pk, "team": team, "user": user}


@pytest.mark.parametrize(("command", "shown"), TABLES + ADMIN_TABLES)
def test_tables_show_what_matters_and_json_is_one_document(
    world: World, cli: Cli, filled: dict[str, str], command: str, shown: list[str]
) -> None:
    user = world.cast.operator if command.startswith("admin") else world.cast.owner
    arguments = command.format(**filled).split()
    result = cli(*arguments, user=user)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    for word in shown:
        assert word.format(**filled) in words(result.stdout), result.stdout
    told = cli(*arguments, "--json", user=user)
    assert told.exit_code == 0
    assert isinstance(json.loads(told.stdout), list | dict)


def test_a_blank_notebook_in_a_language(cli: Cli, tmp_path: Path) -> None:
    made = cli("notebooks", "create", "--title", "Yields", "--language", "r", "--json")
    assert json.loads(made.stdout)["language"] == "R"
    unknown = cli("notebooks", "create", "--language", "cobol")
    assert unknown.exit_code == 2
    assert "There is no language 'cobol'" in words(unknown.output)
    file = tmp_path / "a.ipynb"
    file.write_bytes(notebook_json("1"))
    assert "has its own language" in words(cli("notebooks", "create", str(file), "--language", "r").output)


def test_a_notebook_from_the_terminal(world: World, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "Loss curves.ipynb"
    file.write_bytes(notebook_json("1", "2"))
    slug = world.cast.team.slug
    made = cli("notebooks", "create", str(file), "--team", slug, "--visibility", "team")
    assert f"Made {slug}/loss-curves." in words(made.stdout)
    started = cli("notebooks", "start", "loss-curves", "--machine", "cpu-small", "--wait")
    assert started.exit_code == 0, started.output
    assert "starts at once" in words(started.stdout)
    assert cli("notebooks", "start", "loss-curves").exit_code == 4, "it runs already"
    opened = cli("notebooks", "open", "loss-curves")
    assert "/-/enter?ticket=" in opened.stdout
    assert "may run until" in words(cli("notebooks", "extend", "loss-curves", "--by", "30min").stdout)
    moved = cli("notebooks", "change-machine", "loss-curves", "cpu-medium")
    assert "Changing to cpu-medium" in words(moved.stdout)
    assert cli("notebooks", "stop", "loss-curves").exit_code == 0
    world.engine.finish(world.run.pk, exit_code=0)
    assert "Nothing runs" in words(cli("notebooks", "stop", "loss-curves").stdout)
    target = tmp_path / "copy.ipynb"
    assert cli("notebooks", "download", "loss-curves", "-o", str(target)).exit_code == 0
    assert len(json.loads(target.read_bytes())["cells"]) == 2
    assert cli("notebooks", "download", "loss-curves", "-o", str(target)).exit_code == 2, "never replaced unasked"
    assert cli("notebooks", "delete", "loss-curves").exit_code == 2, "nobody was there to say yes"
    assert cli("notebooks", "delete", "loss-curves", "--yes").exit_code == 0
    assert cli("notebooks", "show", "loss-curves").exit_code == 2


def test_a_name_that_is_not_clear_lists_what_it_can_be(world: World, cli: Cli) -> None:
    for team in (world.cast.team, world.cast.owner.personal_team):
        make_notebook(world.cast.owner, team, "Churn", now=clock.now())
    result = cli("notebooks", "show", "churn")
    assert result.exit_code == 2
    assert f"{world.cast.team.slug}/churn" in words(result.stderr)


def test_a_run_is_stopped_with_a_reason(world: World, cli: Cli, filled: dict[str, str]) -> None:
    result = cli("runs", "stop", filled["run"], "--reason", "wrong data")
    assert result.exit_code == 0
    assert "wrong data" in words(result.stdout)
    world.engine.output(filled["run"], b"line\x1b]0;owned\x07\n")
    assert cli("runs", "logs", filled["run"]).stdout == "line\x1b]0;owned\x07\n", "a pipe gets the bytes as they are"
    assert json.loads(cli("runs", "logs", filled["run"], "--json").stdout)["text"].startswith("line")


def test_a_log_is_searched_from_the_terminal(world: World, cli: Cli, filled: dict[str, str]) -> None:
    run = filled["run"]
    world.engine.output(run, b"".join(b"epoch %d loss\x1b]0;owned\x07\n" % n for n in range(1, 501)))
    found = cli("runs", "logs", run, "--search", "EPOCH 7 ", "--context", "1")
    assert found.stdout.splitlines() == ["6- epoch 6 loss", "7: epoch 7 loss", "8- epoch 8 loss"]
    apart = cli("runs", "logs", run, "-s", "00 loss").stdout.splitlines()
    assert apart[:3] == ["100: epoch 100 loss", "--", "200: epoch 200 loss"]
    assert len(cli("runs", "logs", run, "-s", "epoch").stdout.splitlines()) == 500, "every page of hits"
    told = json.loads(cli("runs", "logs", run, "-s", "epoch 42 ", "--json").stdout)
    assert [(hit["line"], hit["text"]) for hit in told["hits"]] == [(42, "epoch 42 loss")]
    nothing = cli("runs", "logs", run, "-s", "nowhere")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "Nothing that run" in words(nothing.stderr)
    assert cli("runs", "logs", run, "-s", "x", "-f").exit_code == 2
    assert cli("runs", "logs", run, "-s", " ").exit_code == 2


def test_what_a_run_used_is_a_table(world: World, cli: Cli, filled: dict[str, str]) -> None:
    run = filled["run"]
    assert "Nothing is known yet" in words(cli("runs", "use", run).stdout)
    world.engine.measured(run, use_of(device="h200-0"))
    lines = cli("runs", "use", run).stdout.splitlines()
    assert [line.split()[:5] for line in lines[1:3]] == [
        ["CPU", "0.80", "cores", "2.00", "cores"],
        ["memory", "1", "GiB", "2", "GiB"],
    ]
    assert "50 %" in lines[4]
    assert "█" in lines[1]
    assert max(map(len, lines)) <= 80
    assert json.loads(cli("runs", "use", run, "--json").stdout)["lines"][0]["peak"] == 2.0


def test_an_administrator_stops_drains_and_opens(world: World, cli: Cli, filled: dict[str, str]) -> None:
    operator = world.cast.operator
    assert "is draining" in cli("admin", "drain", "fake", user=operator).stdout
    assert "is open" in cli("admin", "open", "fake", user=operator).stdout
    stopped = cli("admin", "stop", filled["run"], "--reason", "needed", user=operator)
    assert "Stopped by an administrator: needed" in words(stopped.stdout)


def test_people_are_made_by_an_administrator(world: World, cli: Cli) -> None:
    operator = world.cast.operator
    made = cli("admin", "user-create", "ada", "ada@example.org", user=operator)
    assert "/login/link/" in made.stdout
    assert "as ada, once" in words(made.stderr)
    assert "/login/link/" in cli("admin", "login-link", "ada", user=operator).stdout
    assert "deactivated" in cli("admin", "deactivate", "ada", user=operator).stdout
    assert "active" in cli("admin", "activate", "ada", user=operator).stdout
    assert "an administrator" in cli("admin", "operator", "ada", user=operator).stdout
    assert "an administrator" not in cli("admin", "operator", "ada", "--remove", user=operator).stdout


def test_teams_from_the_terminal(world: World, cli: Cli) -> None:
    newcomer = make_user()
    assert "Made vision." in cli("teams", "create", "Vision").stdout
    invited = cli("teams", "invite", "vision", "--role", "reader")
    joined = cli("teams", "join", invited.stdout.strip(), user=newcomer)
    assert words(joined.stdout) == "You are reader of vision."
    assert cli("teams", "join", invited.stdout.strip(), user=newcomer).exit_code == 2
    assert "is admin of vision" in cli("teams", "role", "vision", newcomer.username, "admin").stdout
    assert cli("teams", "remove", "vision", newcomer.username).exit_code == 2
    assert cli("teams", "remove", "vision", newcomer.username, "--yes").exit_code == 0
    assert "Made project side" in cli("teams", "project-create", "vision", "Side").stdout
    cli("teams", "invite", "vision")
    listed = json.loads(cli("teams", "invitations", "vision", "--json").stdout)
    assert cli("teams", "withdraw", "vision", str(listed[0]["id"])).exit_code == 0
    assert Membership.objects.filter(team=Team.objects.get(slug="vision")).count() == 1


def test_tokens_from_the_terminal(world: World, cli: Cli) -> None:
    made = cli("tokens", "create", "ci", "--scope", "read", "--days", "7")
    secret = made.stdout.strip()
    assert secret.startswith("studium_")
    assert "not shown again" in words(made.stderr)
    assert cli("runs", "list", token=secret).exit_code == 0
    assert cli("teams", "create", "X", token=secret).exit_code == 2
    token = ApiToken.objects.get(name="ci")
    assert cli("tokens", "revoke", str(token.pk)).exit_code == 0
    assert cli("runs", "list", token=secret).exit_code == 3


def test_plans_from_the_terminal(world: World, cli: Cli, tmp_path: Path) -> None:
    operator, team = world.cast.operator, world.cast.team.slug
    assert "gradient-free" in cli("plans", "load", "gradient", user=operator).stdout
    assert "is on the plan kaggle" in cli("plans", "assign", team, "kaggle", user=operator).stdout
    own = tmp_path / "mine.json"
    own.write_text(
        json.dumps({"set": "mine", "plans": [{"slug": "mine", "name": "Mine", "rules": {"running_notebooks": 1}}]})
    )
    assert "1 running notebooks" in words(cli("plans", "load", str(own), user=operator).stdout)
    own.write_text("{")
    assert cli("plans", "load", str(own), user=operator).exit_code == 2
    assert cli("plans", "load", "open", user=world.cast.owner).exit_code == 2


def test_what_another_team_does_stays_hidden(world: World, cli: Cli, filled: dict[str, str]) -> None:
    stranger = world.cast.stranger
    assert json.loads(cli("runs", "list", "--json", user=stranger).stdout) == []
    for command in ("runs show {run}", "notebooks show {nb}", "teams show {team}", "runs stop {run}"):
        result = cli(*command.format(**filled).split(), user=stranger)
        assert result.exit_code == 2
        assert "There is no" in words(result.stderr)


def test_escapes_in_other_peoples_words_do_not_reach_the_terminal(world: World, cli: Cli, notebook: Notebook) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(title="a\x1b[2Jb [red]c[/red]")
    shown = cli("notebooks", "list").stdout
    assert "\x1b" not in shown
    assert "a[2Jb [red]c[/red]" in words(shown)


def test_nobody_is_signed_in(world: World, cli: Cli) -> None:
    result = cli("runs", "list", token="")
    assert result.exit_code == 3
    assert "You are not signed in." in result.stderr
    assert f"studium login {world.url}" in words(result.stderr)
    assert result.stdout == ""


def test_in_a_pipe_no_line_is_broken(world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "A long title of a notebook that says at length what it is about"
    make_notebook(world.cast.owner, world.cast.team, title, now=clock.now())
    monkeypatch.delenv("COLUMNS")
    listed = cli("notebooks", "list").stdout.splitlines()
    assert len(listed) == 2
    assert title in listed[1]


def test_a_server_that_is_not_there(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from studium.client import client

    monkeypatch.setenv("STUDIUM_URL", "http://localhost:9")
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(client.Client.__init__, "__kwdefaults__", {"patience": 0.0})
    result = cli("machines")
    assert result.exit_code == 3
    assert "does not answer" in words(result.stderr)
    assert "studium up" in words(result.stderr)
    monkeypatch.setenv("STUDIUM_URL", "ftp://nowhere")
    assert cli("machines").exit_code == 2


def test_login_keeps_the_token_for_this_server_only(world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.token(world.cast.owner, Scope.READ)
    monkeypatch.delenv("STUDIUM_URL")
    result = cli("login", world.url, "--token", "-", token="", input=f"{token}\n")
    assert result.exit_code == 0, result.output
    assert f"as {world.cast.owner.username}" in words(result.stdout)
    assert token not in result.output
    path = account.login_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert cli("teams", "list", token="").exit_code == 0
    monkeypatch.setenv("STUDIUM_URL", world.url.replace("localhost", "127.0.0.1"))
    assert account.current().token == "", "another address never gets it"
    monkeypatch.delenv("STUDIUM_URL")
    assert cli("logout", token="").exit_code == 0
    assert cli("teams", "list", token="").exit_code == 3


def test_login_with_a_wrong_token_keeps_nothing(world: World, cli: Cli) -> None:
    result = cli("login", world.url, "--token", "studium_wrong", token="")
    assert result.exit_code == 3
    shortened = cli("login", world.url, "--token", "studium_abc\u2026", token="")
    assert (shortened.exit_code, "This is no token." in shortened.stderr) == (2, True), "as the list of tokens shows it"
    assert not account.login_file().exists()
    assert cli("login", world.url, token="").exit_code == 3, "nobody is there to type one"
