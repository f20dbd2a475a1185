"""The storage page of a team: what takes the room, a clean-up that is seen before, and the cap of what is paid for."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scenes import Scene, client_of
from test_web_notebooks import text_of

from factories.accounts import NOW
from factories.compute import load_plans
from factories.datasets import make_dataset, make_version, seeded
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.accounts.states import Visibility
from studium.datasets.models import Dataset, DatasetVersion
from studium.lib.units import GIB
from studium.notebooks.models import Notebook, Version
from studium.plans.actions import assign_plan
from studium.plans.models import OverageCap
from studium.plans.queries import standing
from studium.plans.storage_charges import charge_hours, set_cap


def url_of(scene: Scene, rest: str = "") -> str:
    return f"/usage/{scene.cast.team.slug}/storage/{rest}"


def sold(scene: Scene, size: int) -> Notebook:
    """The team is on a plan that sells more than 5 GiB, and has a workspace of this size."""
    load_plans("gradient")
    assign_plan(None, scene.cast.team, "gradient-free", now=NOW)
    Notebook.objects.filter(pk=scene.public.pk).update(workspace_bytes=size)
    return scene.public


@pytest.fixture
def dataset(scene: Scene) -> Dataset:
    made = make_dataset(scene.cast.owner, scene.cast.team, "Pixels", visibility=Visibility.TEAM)
    for seed in (1, 2, 3):
        make_version(scene.cast.owner, made, {"a": [seeded(2000 * seed, seed)]})
    return made


def test_parts_largest_things_and_what_stays_are_told(scene: Scene, dataset: Dataset) -> None:
    Notebook.objects.filter(pk=scene.notebook.pk).update(workspace_bytes=3 * GIB)
    Notebook.objects.filter(pk=scene.quiet.pk).update(workspace_bytes=2 * GIB)
    said = text_of(client_of(scene.cast.owner).get(url_of(scene)))
    assert "Quiet work" in said
    assert "A run has it. Stop that first." in said
    assert "Pixels, version 1" in said
    assert "the plan sets no limit" in said
    teammate = text_of(client_of(scene.cast.teammate).get(url_of(scene)))
    assert "Quiet work" not in teammate
    assert "A private notebook" in teammate
    reader = text_of(client_of(scene.cast.reader).get(url_of(scene)))
    assert "See what that frees" not in reader
    assert "See what that frees" in teammate
    one = text_of(client_of(scene.cast.owner).get(url_of(scene, "?kind=datasets")))
    assert "Pixels, version 1" in one
    assert "Team work" not in one
    assert client_of(scene.cast.owner).get(url_of(scene, "?kind=planets")).status_code == 200


def test_an_empty_team_is_told_what_will_be_here(scene: Scene) -> None:
    person = scene.cast.stranger
    said = text_of(client_of(person).get(f"/usage/{person.personal_team.slug}/storage/"))
    assert "Nothing takes room yet" in said


def test_a_clean_up_is_seen_first_and_sent_twice_does_no_more(scene: Scene, dataset: Dataset) -> None:
    client, ids = client_of(scene.cast.owner), [f"datasets:{each.pk}" for each in dataset.versions.all()]
    seen = text_of(client.post(url_of(scene, "clean/"), {"item": ids}))
    assert "Clean up 2 things?" in seen
    assert "This frees 5.9 KiB" in seen
    assert "It is the newest." in seen
    assert DatasetVersion.objects.filter(deleted_at=None).count() == 3
    first = client.post(url_of(scene, "clean/"), {"item": ids, "sure": "1"}, follow=True)
    assert "2 things cleaned up. That frees 5.9 KiB within minutes." in text_of(first)
    second = client.post(url_of(scene, "clean/"), {"item": ids, "sure": "1"}, follow=True)
    assert "Nothing of it was left to clean up." in text_of(second)
    assert [v.number for v in DatasetVersion.objects.filter(deleted_at=None)] == [3]
    assert "Nothing was ticked" in text_of(client.post(url_of(scene, "clean/"), {}, follow=True))


def test_a_clean_up_says_where_a_thing_frees_far_less_than_its_size(scene: Scene, dataset: Dataset) -> None:
    client, owner = client_of(scene.cast.owner), scene.cast.owner
    same = make_dataset(owner, scene.cast.team, "Same", visibility=Visibility.TEAM)
    for more in ([], [seeded(500, 8)], [seeded(500, 9)]):
        make_version(owner, same, {"a": [seeded(9000, 7)], **({"b": more} if more else {})})
    first, second = (same.versions.get(number=number).pk for number in (1, 2))
    one = dataset.versions.get(number=1).pk
    seen = text_of(client.post(url_of(scene, "clean/"), {"item": [f"datasets:{pk}" for pk in (first, second, one)]}))
    assert seen.count("alone it frees") == 1
    assert "alone it frees 0 B: shared with versions 2, 3" in seen


def test_an_owner_agrees_to_pay_and_the_page_says_what_it_costs(scene: Scene) -> None:
    sold(scene, 7 * GIB)
    client = client_of(scene.cast.owner)
    said = text_of(client.get(url_of(scene)))
    assert "The room is used up." in said
    assert "Nothing beyond the plan is paid for or stored." in said
    assert "Agree to pay" not in text_of(client_of(scene.cast.teammate).get(url_of(scene)))
    bad = client.post(url_of(scene, "cap/"), {"size": "much"})
    assert bad.status_code == 400
    assert 'value="much"' in bad.content.decode()
    assert client.post(url_of(scene, "cap/"), {"size": "", "money": "-1"}).status_code == 400
    assert client.post(url_of(scene, "cap/"), {"size": "10 GiB", "money": "$5"}).status_code == 302
    row = OverageCap.objects.get(team=scene.cast.team)
    assert (row.cap_bytes, row.cap_micros_month, row.agreed_by) == (10 * GIB, 5_000_000, scene.cast.owner)
    said = text_of(client.get(url_of(scene)))
    assert "Paid for up to <b>10 GiB and $5.00 a month</b>, agreed by" in said
    assert "$0.58 a month" in said
    low = client.post(url_of(scene, "cap/"), {"size": "1 GiB"})
    assert low.status_code == 422
    assert "2 GiB beyond the plan are in use" in text_of(low)
    assert client.post(url_of(scene, "cap/"), {"none": "1"}).status_code == 422
    Notebook.objects.filter(pk=scene.public.pk).update(workspace_bytes=0)
    assert client.post(url_of(scene, "cap/"), {"none": "1"}).status_code == 302
    assert not OverageCap.objects.exists()


def test_the_bill_and_its_file_explain_storage_beyond_the_plan(scene: Scene) -> None:
    sold(scene, 7 * GIB)
    team = scene.cast.team
    set_cap(scene.cast.owner, team, stored=0, cap_bytes=10 * GIB, now=NOW)
    for hours in (0, 3):
        at = NOW + timedelta(hours=hours)
        charge_hours(standing(team, now=at).plan, team, 7 * GIB, now=at)
    client = client_of(scene.cast.reader)
    said = text_of(client.get(f"/usage/{team.slug}/"))
    assert (
        "2 GiB on average beyond the 5 GiB included, for 3 hours at $0.29 per GiB and month: $0.0024; 2 of them were not"
        in said
    )
    lines = b"".join(client.get(f"/usage/{team.slug}/ledger.csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    stored = [line for line in lines if line.startswith("storage-")]
    assert len(stored) == 3
    assert stored[0].endswith(f",0.000794,{2 * GIB},0.29,")
    assert "not measured: charged as measured at 2026" in stored[2]


def test_files_for_a_dataset_are_priced_before_they_are_sent(scene: Scene, dataset: Dataset) -> None:
    sold(scene, 4 * GIB)
    set_cap(scene.cast.owner, scene.cast.team, stored=0, cap_bytes=10 * GIB, now=NOW)
    client, url = client_of(scene.cast.owner), f"/datasets/{scene.cast.team.slug}/{dataset.slug}/add/"
    assert "1024 MiB of the 5 GiB of Gradient Free are left. Up to 10 GiB more cost $0.29" in text_of(client.get(url))
    assert "$0.58 a month more" in client.get(f"{url}cost/?bytes={3 * GIB}").json()["words"]
    assert client.get(f"{url}cost/?bytes=1").json() == {"words": ""}
    assert "do not fit" in client.get(f"{url}cost/?bytes={30 * GIB}").json()["words"]
    assert client.get(f"{url}cost/?bytes=x").status_code == 400


def test_a_version_says_that_its_files_were_removed(scene: Scene) -> None:
    Version.objects.filter(pk=scene.version_run.pk).update(files_removed_at=NOW)
    where = f"/notebooks/{scene.cast.team.slug}/{scene.version_run.notebook.slug}/versions/{scene.version_run.number}/"
    assert "to make room" in text_of(client_of(scene.cast.owner).get(where))


def test_queries_stay_the_same_however_much_there_is(scene: Scene, dataset: Dataset) -> None:
    def asked(user: User) -> int:
        client = client_of(user)
        client.get(url_of(scene))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url_of(scene)).status_code == 200
        return len(seen)

    Notebook.objects.filter(pk=scene.notebook.pk).update(workspace_bytes=10**6)
    before = asked(scene.cast.owner)
    for number in range(8):
        more = make_notebook(scene.cast.owner, scene.cast.team, f"Work {number}")
        Notebook.objects.filter(pk=more.pk).update(workspace_bytes=10**6 + number)
        make_version(scene.cast.owner, dataset, {"a": [seeded(50, number)]})
    assert asked(scene.cast.owner) == before
