"""Storage providers as inputs: whose runs have them, what a start says where one is gone, and what is told to the engine."""

import json

import pytest
from world import World

from factories.accounts import NOW, Cast, make_team, project_of
from factories.providers import web_provider
from studium.accounts.models import User
from studium.compute.actions import spec_of
from studium.compute.engines.base import Access
from studium.compute.models import Run
from studium.compute.reconcile.start import with_remotes
from studium.compute.spec import RunSpec
from studium.compute.states import Reason, State
from studium.errors import BadInput, Forbidden, NotFound, Refused, StudiumError
from studium.notebooks import actions as notebooks
from studium.notebooks.inputs import actions, providers
from studium.notebooks.models import Notebook
from studium.notebooks.sharing import actions as sharing
from studium.notebooks.states import LaunchKind, SharedRole
from studium.notebooks.versions import actions as versions
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage.providers import actions as storage
from studium.storage.providers import mounting
from studium.storage.providers.actions import Wanted
from studium.storage.providers.models import Provider
from studium.storage.providers.states import Kind

pytestmark = pytest.mark.django_db
KEY = "correct-horse-battery"


@pytest.fixture
def provider(cast: Cast) -> Provider:
    secrets.set_secret(cast.owner, Place(cast.team), "WEB_KEY", KEY, now=NOW)
    return web_provider(cast.owner, cast.team, "https://files.example/top", key_secret="WEB_KEY", prefix="a b")


def start(world: World, user: User, notebook: Notebook) -> Run:
    return notebooks.start(user, notebook, LaunchKind.EXECUTION, "cpu-small", now=world.now)


def shown(run: Run) -> dict[str, str]:
    return {each.target: each.source for each in spec_of(run).remotes}


def test_runs_of_members_have_it_and_those_of_guests_do_not(
    cast: Cast, world: World, notebook: Notebook, provider: Provider
) -> None:
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    one, two = "/providers/web", "/providers/again"
    providers.add_provider(cast.teammate, notebook, "web", now=NOW, called="again")
    sharing.share(cast.owner, notebook, cast.stranger, SharedRole.EDITOR, now=NOW)
    guest = start(world, cast.stranger, notebook)
    assert shown(guest) == {}
    notebooks.compute.stop_run(cast.owner, guest, now=world.now)
    world.until(guest, State.ENDED)
    assert shown(start(world, cast.teammate, notebook)) == {one: provider.pk, two: provider.pk}
    version = versions.save_and_run(cast.owner, notebook, "cpu-small", now=world.now)
    assert version.run is not None
    assert shown(version.run) == {one: provider.pk, two: provider.pk}


def test_the_engine_is_told_apart_from_the_spec(
    cast: Cast, world: World, notebook: Notebook, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[RunSpec, Access]] = []

    def note(spec: RunSpec, machine: str, *, access: Access, **_: object) -> None:
        asked.append((spec, access))
        begin(spec, machine)

    begin = world.engine.start
    monkeypatch.setattr(world.engine, "start", note)
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    run = start(world, cast.owner, notebook)
    world.until(run, State.RUNNING)
    ((spec, access),) = asked
    (remote,) = spec.remotes
    assert (remote.name, remote.root, remote.hosts, remote.within) == ("web", "P:", ("files.example:443",), ())
    assert access == {
        provider.pk: {
            "RCLONE_CONFIG_P_TYPE": "http",
            "RCLONE_CONFIG_P_URL": "https://files.example/top/a%20b/",
            "RCLONE_CONFIG_P_HEADERS": f"Authorization,Bearer {KEY}",
        }
    }
    assert KEY not in spec.to_json()
    assert RunSpec.from_dict(json.loads(spec.to_json())) == spec


def test_a_start_without_its_secret_ends_with_words(
    cast: Cast, world: World, notebook: Notebook, provider: Provider
) -> None:
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    run = start(world, cast.owner, notebook)
    secrets.delete_secret(cast.owner, Place(cast.team), "WEB_KEY", now=NOW)
    world.until(run, State.ENDED)
    run.refresh_from_db()
    assert (run.reason, "no secret WEB_KEY" in run.message) == (Reason.COULD_NOT_START, True)
    assert world.engine.starts == []


def test_who_left_the_team_while_in_the_queue_is_not_given_it(
    cast: Cast, world: World, notebook: Notebook, provider: Provider
) -> None:
    providers.add_provider(cast.teammate, notebook, "web", now=NOW)
    run = start(world, cast.teammate, notebook)
    cast.team.memberships.filter(user=cast.teammate).delete()
    with pytest.raises(Refused, match="may not use it"):
        with_remotes(spec_of(run), run)


def test_one_that_was_removed_stops_the_next_start(
    cast: Cast, world: World, notebook: Notebook, provider: Provider
) -> None:
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    storage.remove_provider(cast.owner, provider, now=NOW)
    (row,) = providers.shown_providers(cast.owner, notebook)
    assert (row.provider, "was removed" in row.trouble) == (None, True)
    with pytest.raises(Refused, match="was removed"):
        start(world, cast.owner, notebook)
    actions.remove_input(cast.owner, notebook, "web", now=NOW)
    assert shown(start(world, cast.owner, notebook)) == {}


def test_who_may_add_one_and_under_which_names(cast: Cast, notebook: Notebook, provider: Provider) -> None:
    def refused(user: User, name: str, called: str = "") -> StudiumError:
        with pytest.raises(StudiumError) as caught:
            providers.add_provider(user, notebook, name, now=NOW, called=called)
        return caught.value

    assert isinstance(refused(cast.stranger, "web"), NotFound)
    assert isinstance(refused(cast.reader, "web"), Forbidden)
    assert refused(cast.owner, "other").code == "provider.unknown"
    assert refused(cast.owner, "web", "../x").code == "input.name"
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    assert refused(cast.owner, "web").code == "input.name_taken"
    with pytest.raises(BadInput, match="has no versions"):
        actions.change_input(cast.owner, notebook, "web", 1, now=NOW)
    for n in range(4):
        providers.add_provider(cast.owner, notebook, "web", now=NOW, called=f"w{n}")
    assert refused(cast.owner, "web", "w9").code == "input.too_many"
    (row, *_) = providers.shown_providers(cast.reader, notebook)
    assert (row.provider, row.page, row.trouble) == (None, "", "")


def test_a_copy_in_the_team_has_it_and_one_elsewhere_has_not(
    cast: Cast, notebook: Notebook, provider: Provider
) -> None:
    providers.add_provider(cast.owner, notebook, "web", now=NOW)
    near = versions.copy(cast.owner, notebook, project_of(cast.team), now=NOW)
    other = make_team(cast.owner)
    far = versions.copy(cast.owner, notebook, project_of(other), now=NOW)
    assert [row.name for row in providers.providers_of(near)] == ["web"]
    assert providers.providers_of(far) == []


@pytest.mark.parametrize(("more", "told"), [
    ({"kind": Kind.S3, "bucket": "b", "prefix": "p/q", "region": "eu-west-1", "key_id_secret": "WEB_KEY", "key_secret": "WEB_KEY"},
     ("P:b/p/q/", ("s3.eu-west-1.amazonaws.com:443",),
      {"TYPE": "s3", "PROVIDER": "AWS", "ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": KEY, "ENV_AUTH": "false"})),
    ({"kind": Kind.S3, "bucket": "b", "endpoint": "https://s3.example:9000"},
     ("P:b/", ("s3.example:9000",), {"PROVIDER": "Other", "ENDPOINT": "https://s3.example:9000"})),
    ({"kind": Kind.AZURE, "bucket": "c", "account": "acc"},
     ("P:c/", ("acc.blob.core.windows.net:443",), {"TYPE": "azureblob", "SAS_URL": "https://acc.blob.core.windows.net/c"})),
    ({"kind": Kind.AZURE, "bucket": "c", "account": "acc", "endpoint": "https://acc.blob.other.example"},
     ("P:c/", ("acc.blob.other.example:443",), {"SAS_URL": "https://acc.blob.other.example/c"})),
    ({"kind": Kind.GCS, "bucket": "g"},
     ("P:g/", ("storage.googleapis.com:443",), {"TYPE": "google cloud storage", "ANONYMOUS": "true"})),
])  # fmt: skip
def test_what_rclone_is_told_of_each_kind(
    cast: Cast, provider: Provider, more: dict[str, str], told: tuple[str, tuple[str, ...], dict[str, str]]
) -> None:
    made = storage.make_provider(cast.owner, cast.team, "one", Wanted(**more), now=NOW)  # type: ignore[arg-type]
    found = mounting.mountable(cast.owner, cast.team, made.pk)
    root, hosts, variables = told
    assert (found.root, found.hosts) == (root, hosts)
    assert {f"RCLONE_CONFIG_P_{name}": value for name, value in variables.items()}.items() <= found.variables.items()
    assert ("RCLONE_CONFIG_P_SECRET_ACCESS_KEY" in found.variables) == ("key_id_secret" in more)


def test_what_cannot_be_told_is_refused(cast: Cast, notebook: Notebook, provider: Provider) -> None:
    secrets.set_secret(cast.owner, Place(cast.team), "WEB_KEY", "a\ntype = local", now=NOW)
    with pytest.raises(Refused, match="line break"):
        mounting.mountable(cast.owner, cast.team, provider.pk)
    for number, endpoint in enumerate(("https://azure.example/acc", "https://192.0.2.7", "https://192.0.2.7/acc/more")):
        wanted = Wanted(kind=Kind.AZURE, bucket="c", account="acc", endpoint=endpoint)
        storage.make_provider(cast.owner, cast.team, f"azure{number}", wanted, now=NOW)
        with pytest.raises(Refused, match="Of Azure only"):
            providers.add_provider(cast.owner, notebook, f"azure{number}", now=NOW)


@pytest.mark.parametrize("key", ["bGFib3Jsig==", "?sv=2020-12-06&sig=abc%3D&sp=rl", "not a key"])
def test_a_key_of_azure_is_not_handed_on(cast: Cast, provider: Provider, key: str) -> None:
    """A key makes a signature to read with, for this container alone; one that was given is handed on."""
    secrets.set_secret(cast.owner, Place(cast.team), "WEB_KEY", key, now=NOW)
    wanted = Wanted(kind=Kind.AZURE, bucket="c", account="acc", key_secret="WEB_KEY")
    made = storage.make_provider(cast.owner, cast.team, "azure", wanted, now=NOW)
    if " " in key:
        with pytest.raises(Refused, match="neither a key nor a shared access signature"):
            mounting.mountable(cast.owner, cast.team, made.pk)
        return
    url = mounting.mountable(cast.owner, cast.team, made.pk).variables["RCLONE_CONFIG_P_SAS_URL"]
    place, _, query = url.partition("?")
    assert place == "https://acc.blob.core.windows.net/c"
    assert (query == key[1:]) == key.startswith("?")
    assert (key[:8] in url) == key.startswith("?")
    assert {"sp=rl", "sv=2020-12-06"} <= set(query.split("&"))
