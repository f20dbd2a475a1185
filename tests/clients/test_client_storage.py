"""What a team stores, by the Python client and the `studium` command."""

import json
from pathlib import Path

import pytest
from live import Cli, World

from factories.accounts import NOW
from factories.compute import load_plans
from factories.datasets import make_dataset, make_version, seeded
from factories.notebooks import make_notebook
from studium.accounts.states import Visibility
from studium.client import ApiError
from studium.datasets.models import Dataset, DatasetVersion
from studium.lib.units import GIB
from studium.notebooks.models import Notebook
from studium.plans.actions import assign_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(world: World) -> Dataset:
    made = make_dataset(world.cast.owner, world.cast.team, "Pixels", visibility=Visibility.TEAM)
    for seed in (1, 2, 3):
        make_version(world.cast.owner, made, {"a": [seeded(2000 * seed, seed)]})
    return made


def sold(world: World, size: int) -> None:
    load_plans("gradient")
    assign_plan(None, world.cast.team, "gradient-free", now=NOW)
    row = make_notebook(world.cast.owner, world.cast.team, "Large")
    Notebook.objects.filter(pk=row.pk).update(workspace_bytes=size)


def test_the_client_shows_previews_cleans_and_agrees(world: World, dataset: Dataset) -> None:
    sold(world, 4 * GIB)
    team = world.cast.team.slug
    with world.client(world.cast.owner) as studium:
        found = studium.storage.get(team)
        parts = {part.kind: part for part in found.parts}
        assert (parts["datasets"].bytes, parts["workspaces"].bytes) == (12_000, 4 * GIB)
        assert found.bytes == sum(part.bytes for part in found.parts if part.counts)
        assert (found.included_bytes, found.room_bytes, found.cap_bytes) == (5 * GIB, 5 * GIB, None)
        items = studium.storage.items(team, "datasets")
        assert [item.kept for item in items] == ["It is the newest.", "", ""]
        dry = studium.storage.clean(team, [item.id for item in items], dry_run=True)
        assert (dry.freed_bytes, dry.exact, len(dry.items), len(dry.kept)) == (6000, True, 2, 1)
        assert DatasetVersion.objects.filter(deleted_at=None).count() == 3
        assert studium.storage.clean(team, [item.id for item in items]).freed_bytes == 6000
        again = studium.storage.clean(team, [item.id for item in items])
        assert (again.freed_bytes, again.gone) == (0, 2)
        assert not studium.storage.estimate(team, 3 * GIB).allowed
        agreed = studium.storage.set_cap(team, size=10 * GIB)
        assert (agreed.room_bytes, agreed.agreed_by) == (15 * GIB, world.cast.owner.username)
        dear = studium.storage.estimate(team, 3 * GIB)
        assert (dear.allowed, dear.cost_micros_month // 1000) == (True, 580)
        assert studium.storage.set_cap(team).cap_bytes is None
        with pytest.raises(ApiError) as caught:
            studium.storage.items(team, "planets")
        assert caught.value.code == "storage.kind"
    with world.client(world.cast.teammate) as studium, pytest.raises(ApiError) as forbidden:
        studium.storage.set_cap(team, size=1)
    assert forbidden.value.status == 403


def test_the_command_shows_and_cleans(world: World, cli: Cli, dataset: Dataset) -> None:
    team = world.cast.team.slug
    shown = cli("storage", "usage", "--team", team)
    assert shown.exit_code == 0, shown.output
    assert "Pixels, version 1" in " ".join(shown.stdout.split())
    assert json.loads(cli("storage", "usage", "--team", team, "--json").stdout)["team"] == team
    dry = cli("storage", "clean", "--kind", "datasets", "--dry-run", "--team", team)
    assert "would free 5.9 KiB" in dry.stdout
    assert not cli("storage", "clean", "--kind", "datasets", "--older-than", "3650d", "--team", team).stdout.count(
        "Pix"
    )
    asked = cli("storage", "clean", "--kind", "datasets", "--team", team)
    assert asked.exit_code != 0
    assert "Nothing was cleaned up" in asked.output
    assert DatasetVersion.objects.filter(deleted_at=None).count() == 3
    done = json.loads(cli("storage", "clean", "--kind", "datasets", "--yes", "--json", "--team", team).stdout)
    assert (done["freed_bytes"], done["dry_run"]) == (6000, False)
    assert DatasetVersion.objects.filter(deleted_at=None).count() == 1
    for wrong in (
        [],
        ["a:b", "--kind", "x"],
        ["a:b", "--older-than", "1d"],
        ["--kind", "builds", "--older-than", "soon"],
    ):
        assert cli("storage", "clean", *wrong, "--team", team).exit_code != 0


def test_the_command_prices_and_caps(world: World, cli: Cli, dataset: Dataset, tmp_path: Path) -> None:
    sold(world, 5 * GIB)
    team = world.cast.team.slug
    assert "once an owner agrees" in " ".join(cli("storage", "usage", "--team", team).stdout.split())
    assert "do not fit" in " ".join(cli("storage", "estimate", "1GiB", "--team", team).stdout.split())
    capped = cli("storage", "cap", "--size", "10GiB", "--money", "2.50", "--team", team)
    assert "Up to 8.5 GiB more are charged at $0.29 per GiB and month" in " ".join(capped.stdout.split())
    assert "$0.29 a month more" in " ".join(cli("storage", "estimate", "1GiB", "--team", team).stdout.split())
    (tmp_path / "a.bin").write_bytes(seeded(40_000_000, 9))
    name = f"{team}/{dataset.slug}"
    sent = cli("datasets", "version", name, str(tmp_path / "a.bin"))
    assert "If nothing of these files is there yet: 38 MiB more make" in " ".join(sent.output.split()), sent.output
    for wrong in (["--size", "x"], ["--money", "x"], [], ["--none", "--size", "1G"]):
        assert cli("storage", "cap", *wrong, "--team", team).exit_code != 0


def test_an_operators_verify_stands_beside_the_clients_commands(cli: Cli) -> None:
    listed = cli("storage", "--help").stdout
    assert {"usage", "clean", "estimate", "cap", "verify"} <= set(listed.split())
    assert "Read everything that is stored" in cli("storage", "verify", "--help").stdout
