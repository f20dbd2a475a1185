"""Secrets: names, scopes, sealing, and what a run is given."""

import io
import json
import logging
from pathlib import Path

import pytest
import structlog
from django.db import connection
from world import World

from factories.accounts import NOW, Cast, make_cast, project_of
from factories.compute import load_plans
from factories.notebooks import make_environment, make_notebook
from studium.accounts.actions import remove_member, set_role
from studium.accounts.models import Membership, User
from studium.accounts.states import Role
from studium.compute.models import Run
from studium.compute.states import State
from studium.config.options import options
from studium.errors import BadInput, Broken, Forbidden, NotFound, Refused
from studium.events.models import Event
from studium.notebooks import actions as notebooks
from studium.notebooks.launching import place_of
from studium.notebooks.models import Notebook
from studium.notebooks.states import LaunchKind, Visibility
from studium.secrets import actions, keys, queries, states
from studium.secrets.access import Place, project_place, team_place
from studium.secrets.giving import give
from studium.secrets.models import Attachment, SealingKey, Secret
from studium.secrets.rotation import drop_unused
from studium.secrets.sealing import make_key, value_of

pytestmark = pytest.mark.django_db
VALUE = "correct-horse-battery-staple"


@pytest.fixture
def cast() -> Cast:
    load_plans("open")
    make_environment()
    return make_cast()


@pytest.fixture
def notebook(cast: Cast) -> Notebook:
    return make_notebook(cast.owner, cast.team, visibility=Visibility.TEAM)


def place(cast: Cast) -> Place:
    return Place(cast.team)


def given(notebook: Notebook, user: User) -> dict[str, str]:
    return give(queries.reference(place_of(notebook)), notebook.team, user, now=NOW)


@pytest.mark.parametrize("name", ["A", "_A", "API_TOKEN_2", "PIP_INDEX_URL", "X" * 64])
def test_names_that_do(cast: Cast, name: str) -> None:
    assert actions.set_secret(cast.owner, place(cast), name, VALUE, now=NOW).name == name


@pytest.mark.parametrize("name", ["", "a", "2A", "A-B", "A B", "A\n", "Ä", "X" * 65, "A=B", "A\0"])
def test_names_that_are_no_variables(cast: Cast, name: str) -> None:
    with pytest.raises(BadInput) as refused:
        actions.set_secret(cast.owner, place(cast), name, VALUE, now=NOW)
    assert refused.value.code == "secret.bad_name"


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LD_PRELOAD", "PYTHONPATH", "JUPYTER_TOKEN", "STUDIUM_RUN", "CUDA_VISIBLE_DEVICES", "BASH_ENV"],
)
def test_names_that_mean_something_already(cast: Cast, name: str) -> None:
    with pytest.raises(BadInput) as refused:
        actions.set_secret(cast.owner, place(cast), name, VALUE, now=NOW)
    assert refused.value.code == "secret.reserved_name"


@pytest.mark.parametrize("value", ["", "a\0b", "é" * 16_385, "\ud800"])
def test_values_that_cannot_be(cast: Cast, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        actions.set_secret(cast.owner, place(cast), "TOKEN", value, now=NOW)
    assert refused.value.code == "secret.bad_value"
    assert not value or value not in str(refused.value.as_dict())


def test_a_value_of_the_largest_size(cast: Cast) -> None:
    value = "é" * (states.VALUE_BYTES // 2)
    assert value_of(actions.set_secret(cast.owner, place(cast), "TOKEN", value, now=NOW)) == value


def test_only_members_set_and_see_names(cast: Cast) -> None:
    for who, error in ((cast.reader, Forbidden), (cast.stranger, NotFound)):
        with pytest.raises(error):
            actions.set_secret(who, place(cast), "TOKEN", VALUE, now=NOW)
        with pytest.raises(error):
            team_place(who, cast.team.slug)
        with pytest.raises(error):
            project_place(who, cast.team.slug, "main")
    actions.set_secret(cast.teammate, place(cast), "TOKEN", VALUE, now=NOW)
    for who, error in ((cast.reader, Forbidden), (cast.stranger, NotFound)):
        with pytest.raises(error):
            actions.delete_secret(who, place(cast), "TOKEN", now=NOW)
    assert Secret.objects.get().changed_by == cast.teammate


def test_setting_again_changes_the_value_and_keeps_the_maker(cast: Cast) -> None:
    first = actions.set_secret(cast.owner, place(cast), "TOKEN", VALUE, now=NOW)
    actions.set_secret(cast.teammate, place(cast), "TOKEN", "another value", now=NOW)
    secret = Secret.objects.get()
    assert (secret.pk, secret.created_by, secret.changed_by) == (first.pk, cast.owner, cast.teammate)
    assert value_of(secret) == "another value"


def test_a_run_gets_what_its_notebook_uses_the_narrowest_of_a_name(cast: Cast, notebook: Notebook) -> None:
    project = Place(cast.team, project_of(cast.team))
    for where, value in ((place(cast), "of the team"), (project, "of the project"), (place_of(notebook), "its own")):
        actions.set_secret(cast.owner, where, "TOKEN", value, now=NOW)
    actions.set_secret(cast.owner, place(cast), "OTHER", "not asked for", now=NOW)
    assert given(notebook, cast.teammate) == {"TOKEN": "its own"}
    actions.delete_secret(cast.owner, place_of(notebook), "TOKEN", now=NOW)
    assert given(notebook, cast.teammate) == {"TOKEN": "of the project"}
    actions.delete_secret(cast.owner, project, "TOKEN", now=NOW)
    assert given(notebook, cast.teammate) == {"TOKEN": "of the team"}
    actions.delete_secret(cast.owner, place(cast), "TOKEN", now=NOW)
    assert given(notebook, cast.teammate) == {}


def test_a_notebook_gets_nothing_that_it_is_not_set_to_use(cast: Cast, notebook: Notebook) -> None:
    actions.set_secret(cast.owner, place(cast), "TOKEN", VALUE, now=NOW)
    assert given(notebook, cast.owner) == {}
    actions.attach(cast.teammate, place_of(notebook), "TOKEN", now=NOW)
    actions.attach(cast.teammate, place_of(notebook), "TOKEN", now=NOW)
    assert given(notebook, cast.owner) == {"TOKEN": VALUE}
    assert Secret.objects.get().given_at == NOW
    actions.detach(cast.owner, place_of(notebook), "TOKEN", now=NOW)
    actions.detach(cast.owner, place_of(notebook), "TOKEN", now=NOW)
    assert given(notebook, cast.owner) == {}
    with pytest.raises(NotFound):
        actions.attach(cast.owner, place_of(notebook), "NOWHERE", now=NOW)
    with pytest.raises(NotFound):
        actions.detach(cast.owner, place_of(notebook), "NOWHERE", now=NOW)


def test_secrets_of_other_projects_and_teams_are_out_of_reach(cast: Cast, notebook: Notebook) -> None:
    from studium.accounts.actions import create_project

    other = create_project(cast.owner, cast.team, "Other", now=NOW)
    actions.set_secret(cast.owner, Place(cast.team, other), "TOKEN", VALUE, now=NOW)
    own = make_notebook(cast.stranger)
    for where in (notebook, own):
        with pytest.raises(NotFound):
            actions.attach(where.created_by, place_of(where), "TOKEN", now=NOW)
        Attachment.objects.create(team=where.team, holder=place_of(where).holder, name="TOKEN", attached_at=NOW)
        assert given(where, where.created_by) == {}


def test_strangers_readers_and_people_who_left_are_given_nothing(cast: Cast, notebook: Notebook) -> None:
    notebooks.update_notebook(cast.owner, notebook, visibility=Visibility.PUBLIC, now=NOW)
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
    assert given(notebook, cast.teammate) == {"TOKEN": VALUE}
    assert given(notebook, cast.reader) == {}
    assert given(notebook, cast.stranger) == {}
    set_role(cast.owner, cast.team, cast.teammate, Role.READER, now=NOW)
    assert given(notebook, cast.teammate) == {}
    remove_member(cast.owner, cast.team, cast.teammate, now=NOW)
    assert given(notebook, cast.teammate) == {}
    # A run of another team never gets them, whatever its spec says.
    assert give(queries.reference(place_of(notebook)), cast.owner.personal_team, cast.owner, now=NOW) == {}


def test_a_copy_is_given_nothing_of_the_original(cast: Cast, notebook: Notebook) -> None:
    notebooks.update_notebook(cast.owner, notebook, visibility=Visibility.PUBLIC, now=NOW)
    actions.set_secret(cast.owner, place(cast), "TEAM_TOKEN", VALUE, now=NOW)
    actions.attach(cast.owner, place_of(notebook), "TEAM_TOKEN", now=NOW)
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
    from studium.storage import actions as storage

    for person, team in ((cast.stranger, cast.stranger.personal_team), (cast.teammate, cast.team)):
        made = make_notebook(person, team, content=storage.get(notebook.document))
        assert given(made, person) == {}


def test_a_deleted_notebook_leaves_no_secrets(cast: Cast, notebook: Notebook) -> None:
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
    notebooks.delete_notebook(cast.owner, notebook, now=NOW)
    assert not Secret.objects.exists()
    assert not Attachment.objects.exists()


def test_there_are_bounds(cast: Cast, notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_IN_A_SCOPE", 3)
    monkeypatch.setattr(actions, "MOST_ATTACHED", 2)
    for number in range(3):
        actions.set_secret(cast.owner, place(cast), f"T{number}", VALUE, now=NOW)
    with pytest.raises(Refused, match="most"):
        actions.set_secret(cast.owner, place(cast), "T3", VALUE, now=NOW)
    actions.set_secret(cast.owner, place(cast), "T2", "changing is not adding", now=NOW)
    for number in range(2):
        actions.attach(cast.owner, place_of(notebook), f"T{number}", now=NOW)
    with pytest.raises(Refused, match="at most"):
        actions.attach(cast.owner, place_of(notebook), "T2", now=NOW)


def test_all_a_notebook_can_use_fits_into_the_variables_of_a_program() -> None:
    assert states.MOST_ATTACHED * (states.VALUE_BYTES + states.NAME_LENGTH + 10) < 2 * 1024**2 - 256 * 1024


def everything_stored() -> str:
    """Every row of every table, as the database gives it."""
    with connection.cursor() as cursor:
        said = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                said += [bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in row]
    return "\n".join(said)


def test_the_value_is_in_no_row_no_event_no_spec_and_no_log(cast: Cast, notebook: Notebook) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        with structlog.testing.capture_logs() as logged:
            actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
            world = World()
            run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW)
            world.until(run, State.RUNNING)
    finally:
        logging.getLogger().removeHandler(handler)
    assert world.engine.given[run.pk] == {"TOKEN": VALUE}
    for text in (everything_stored(), written.getvalue(), str(logged), json.dumps(Run.objects.get().spec)):
        assert VALUE not in text
        assert "battery" not in text
    assert {e.kind for e in Event.objects.filter(kind__startswith="secret.")} == {"secret.set"}
    assert Event.objects.get(kind="secret.set").data == {"name": "TOKEN", "scope": "notebook"}


def test_key_files_are_the_platforms_alone(cast: Cast) -> None:
    actions.set_secret(cast.owner, place(cast), "TOKEN", VALUE, now=NOW)
    path = keys.path_of(SealingKey.objects.get().pk)
    assert path.parent == options().home / "keys"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() not in everything_stored()


def test_a_value_opens_in_its_own_row_only(cast: Cast, notebook: Notebook) -> None:
    mine = actions.set_secret(cast.owner, place(cast), "MINE", VALUE, now=NOW)
    yours = actions.set_secret(cast.stranger, Place(cast.stranger.personal_team), "YOURS", "another", now=NOW)
    Secret.objects.filter(pk=yours.pk).update(sealed=mine.sealed)
    with pytest.raises(Broken) as broken:
        value_of(Secret.objects.get(pk=yours.pk))
    assert broken.value.code == "secret.unreadable"
    Secret.objects.filter(pk=mine.pk).update(name="RENAMED")
    with pytest.raises(Broken):
        value_of(Secret.objects.get(pk=mine.pk))
    damaged = bytearray(mine.sealed)
    damaged[-1] ^= 1
    Secret.objects.filter(pk=mine.pk).update(sealed=bytes(damaged), name="MINE")
    with pytest.raises(Broken):
        value_of(Secret.objects.get(pk=mine.pk))


def test_a_run_whose_secret_cannot_be_opened_ends_with_words_and_new_ones_can_be_set(
    cast: Cast, notebook: Notebook
) -> None:
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
    key = SealingKey.objects.get()
    Path(keys.path_of(key.pk)).unlink()
    world = World()
    run = notebooks.start(cast.owner, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    world.until(run, State.ENDED)
    run.refresh_from_db()
    assert run.reason == "could_not_start"
    assert key.pk in run.message
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", "set again", now=NOW)
    assert given(notebook, cast.owner) == {"TOKEN": "set again"}


def test_a_key_that_seals_something_is_not_dropped(cast: Cast) -> None:
    secret = actions.set_secret(cast.owner, place(cast), "TOKEN", VALUE, now=NOW)
    newer = make_key(NOW)
    assert newer.made_at > NOW, "the newest seals, whatever the clock says"
    assert drop_unused(now=NOW) == 0
    assert value_of(Secret.objects.get(pk=secret.pk)) == VALUE
    actions.set_secret(cast.owner, place(cast), "TOKEN", VALUE, now=NOW)
    assert drop_unused(now=NOW) == 1
    assert Secret.objects.get().key == newer
    assert not keys.path_of(SealingKey.objects.exclude(retired_at=None).get().pk).exists()


def test_who_left_while_the_run_waited_has_it_started_without(cast: Cast, notebook: Notebook) -> None:
    actions.set_secret(cast.owner, place_of(notebook), "TOKEN", VALUE, now=NOW)
    run = notebooks.start(cast.teammate, notebook, LaunchKind.EXECUTION, "cpu-small", now=NOW)
    Membership.objects.filter(team=cast.team, user=cast.teammate).update(role=Role.READER)
    world = World()
    world.until(run, State.RUNNING)
    assert world.engine.given[run.pk] == {}
