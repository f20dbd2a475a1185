"""Secrets by the Python client and the `studium` command: the value goes in and never comes out."""

import json

import pytest
from live import Cli, World

from factories.notebooks import make_notebook
from studium.client import ApiError
from studium.lib import clock
from studium.notebooks.models import Notebook
from studium.notebooks.states import Visibility
from studium.secrets.models import Secret
from studium.secrets.sealing import value_of

pytestmark = pytest.mark.django_db
VALUE = "correct-horse-battery-staple"


@pytest.fixture
def notebook(world: World) -> Notebook:
    return make_notebook(world.cast.owner, world.cast.team, "Churn", visibility=Visibility.TEAM, now=clock.now())


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_client_sets_lists_uses_and_deletes(world: World, notebook: Notebook) -> None:
    team = world.cast.team.slug
    with world.client(world.cast.owner) as studium:
        secrets = studium.secrets
        assert secrets.set("TOKEN", VALUE, team=team).scope == "team"
        assert secrets.set("TOKEN", VALUE, team=team, project="main").project == "main"
        assert secrets.set("OWN", VALUE, notebook_id=notebook.pk).attached
        assert [s.attached for s in secrets.attach(notebook.pk, "TOKEN")] == [True, True, True]
        assert [(s.name, s.scope, s.hidden) for s in secrets.of_notebook(notebook.pk)] == [
            ("OWN", "notebook", False),
            ("TOKEN", "team", True),
            ("TOKEN", "project", False),
        ]
        secrets.detach(notebook.pk, "TOKEN")
        secrets.delete("TOKEN", team=team, project="main")
        assert (len(secrets.of_team(team)), secrets.of_project(team, "main")) == (1, [])
        with pytest.raises(ApiError) as caught:
            secrets.delete("TOKEN", team=team, project="main")
        assert (caught.value.code, caught.value.status) == ("secret.unknown", 404)


def test_the_command_reads_the_value_from_standard_input(cli: Cli, world: World, notebook: Notebook) -> None:
    team = world.cast.team.slug
    said = cli("secrets", "set", "TOKEN", "--team", team, input=f"{VALUE}\n")
    assert said.exit_code == 0, said.output
    assert f"Set TOKEN of team {team}." in words(said.output)
    assert value_of(Secret.objects.get()) == VALUE
    assert cli("secrets", "set", "PEM", "--notebook", "churn", input="a\nb\n\n").exit_code == 0
    assert value_of(Secret.objects.get(name="PEM")) == "a\nb\n"
    assert "gets TOKEN from the next start on" in words(cli("secrets", "attach", "churn", "TOKEN").output)
    listed = cli("secrets", "list", "--notebook", "churn")
    assert "PEM" in listed.output
    assert "yes" in listed.output
    shown = json.loads(cli("secrets", "list", "--team", team, "--json").output)
    assert [(s["name"], s["scope"]) for s in shown] == [("TOKEN", "team")]
    assert VALUE not in listed.output + json.dumps(shown) + said.output
    assert "no longer gets TOKEN" in words(cli("secrets", "detach", "churn", "TOKEN").output)
    assert cli("secrets", "delete", "TOKEN", "--team", team).exit_code == 2, "nobody was asked"
    assert cli("secrets", "delete", "TOKEN", "--team", team, "--yes").exit_code == 0
    assert not Secret.objects.filter(name="TOKEN").exists()


def test_without_options_it_is_your_own_teams(cli: Cli, world: World) -> None:
    assert cli("secrets", "set", "TOKEN", input=VALUE).exit_code == 0
    assert cli("secrets", "set", "TOKEN", "--project", "main", input=VALUE).exit_code == 0
    assert {s.team for s in Secret.objects.all()} == {world.cast.owner.personal_team}
    assert "project main" in cli("secrets", "list").output
    assert "main" in cli("secrets", "list", "--project", "main").output


def test_refusals_in_words(cli: Cli, world: World, notebook: Notebook) -> None:
    assert "No secrets." in cli("secrets", "list").output
    for arguments, who, code in (
        (("set", "lower"), world.cast.owner, 2),
        (("set", "TOKEN", "--notebook", "churn", "--team", "x"), world.cast.owner, 2),
        (("set", "TOKEN", "--team", world.cast.team.slug), world.cast.reader, 2),
        (("list", "--team", world.cast.team.slug), world.cast.stranger, 2),
        (("set", "TOKEN", VALUE), world.cast.owner, 2),
    ):
        said = cli("secrets", *arguments, user=who, input=VALUE)
        assert said.exit_code == code, said.output
    assert not Secret.objects.exists()
