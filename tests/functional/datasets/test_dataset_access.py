"""Who may do what with a dataset, and what a plan refuses."""

from collections.abc import Callable

import pytest

from factories.accounts import NOW, Cast, join, make_cast, make_team, make_user
from factories.compute import load_plans
from factories.datasets import make_dataset, make_version, pack_of
from studium.accounts.models import User
from studium.accounts.states import Role, SharedRole, Visibility
from studium.datasets import access, actions
from studium.datasets.models import Dataset
from studium.errors import Forbidden, NotFound, Refused
from studium.plans import actions as plans
from studium.plans.rules import PlanRules
from studium.storage.models import Block, Ownership

pytestmark = pytest.mark.django_db
NOTHING, READS, CHANGES, MANAGES = "nothing", "reads", "changes", "manages"


@pytest.fixture
def cast() -> Cast:
    load_plans("open")
    return make_cast()


def may(user: User, dataset: Dataset) -> str:
    """The most that somebody may do, asked by id and by name, which must agree."""
    found = set()
    for name in (dataset.pk, f"{dataset.team.slug}/{dataset.slug}"):
        most = NOTHING
        for what, asked in ((READS, {}), (CHANGES, {"change": True}), (MANAGES, {"manage": True})):
            try:
                assert access.dataset_for(user, name, **asked) == dataset
            except NotFound:
                assert most == NOTHING
            except Forbidden:
                assert most != NOTHING
            else:
                most = what
        found.add(most)
    assert len(found) == 1
    most = found.pop()
    if user.is_active:
        assert access.visible_to(user).filter(pk=dataset.pk).exists() == (most != NOTHING)
    assert access.may_change(user, dataset) == (most in (CHANGES, MANAGES))
    assert access.may_manage(user, dataset) == (most == MANAGES)
    return most


TABLE = {
    # visibility: maker, owner of the team, admin, teammate, reader of the team, stranger
    Visibility.PRIVATE: (MANAGES, MANAGES, MANAGES, NOTHING, NOTHING, NOTHING),
    Visibility.TEAM: (MANAGES, MANAGES, MANAGES, MANAGES, READS, NOTHING),
    Visibility.PUBLIC: (MANAGES, MANAGES, MANAGES, MANAGES, READS, READS),
}


@pytest.mark.parametrize("visibility", list(Visibility))
def test_who_may_do_what(cast: Cast, visibility: Visibility) -> None:
    maker, admin = join(cast.team, make_user()), join(cast.team, make_user(), Role.ADMIN)
    dataset = make_dataset(maker, cast.team, visibility=visibility)
    people = (maker, cast.owner, admin, cast.teammate, cast.reader, cast.stranger)
    assert tuple(may(person, dataset) for person in people) == TABLE[visibility]
    assert may(cast.operator, dataset) == TABLE[visibility][-1]


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize(("role", "most"), [(SharedRole.READER, READS), (SharedRole.EDITOR, CHANGES)])
def test_those_it_is_shared_with(cast: Cast, visibility: Visibility, role: SharedRole, most: str) -> None:
    dataset = make_dataset(cast.owner, cast.team, visibility=visibility)
    for person in (cast.stranger, cast.reader):
        actions.share(cast.owner, dataset, person, role, now=NOW)
        assert may(person, dataset) == most
        actions.unshare(cast.owner, dataset, person, now=NOW)
    assert may(cast.stranger, dataset) == (READS if visibility == Visibility.PUBLIC else NOTHING)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_the_deactivated_may_nothing(cast: Cast, visibility: Visibility) -> None:
    dataset = make_dataset(cast.owner, cast.team, visibility=visibility)
    actions.share(cast.owner, dataset, cast.stranger, SharedRole.EDITOR, now=NOW)
    for person in (cast.owner, cast.teammate, cast.stranger):
        User.objects.filter(pk=person.pk).update(is_active=False)
        gone = User.objects.get(pk=person.pk)
        assert may(gone, dataset) == NOTHING
        assert access.shared_role(gone, dataset) is None


def test_who_made_it_and_left_the_team_may_nothing(cast: Cast) -> None:
    maker = join(cast.team, make_user())
    dataset = make_dataset(maker, cast.team, visibility=Visibility.PRIVATE)
    maker.memberships.filter(team=cast.team).delete()
    assert may(maker, dataset) == NOTHING


def test_a_deleted_one_is_nobodys(cast: Cast) -> None:
    dataset = make_dataset(cast.owner, cast.team, visibility=Visibility.PUBLIC)
    version = make_version(cast.owner, dataset, {"a": [b"1"]})
    actions.delete_dataset(cast.owner, dataset, now=NOW)
    for person in (cast.owner, cast.teammate, cast.stranger, cast.operator):
        with pytest.raises(NotFound):
            access.dataset_for(person, dataset.pk)
        with pytest.raises(NotFound):
            access.version_for(person, dataset.pk, version.number)
    make_dataset(cast.owner, cast.team)  # its name is free again


def test_a_version_is_fetched_as_its_dataset(cast: Cast) -> None:
    dataset = make_dataset(cast.owner, cast.team, visibility=Visibility.TEAM)
    with pytest.raises(NotFound, match="no version yet"):
        access.version_for(cast.owner, dataset.pk)
    first = make_version(cast.owner, dataset, {"a": [b"1"]})
    second = make_version(cast.owner, dataset, {"a": [b"2"]})
    assert access.version_for(cast.reader, dataset.pk) == second
    assert access.version_for(cast.reader, dataset.pk, 1) == first
    with pytest.raises(NotFound):
        access.version_for(cast.stranger, dataset.pk, 1)
    actions.delete_version(cast.owner, second, now=NOW)
    assert access.version_for(cast.reader, dataset.pk) == first
    for number in (0, 2, 3, -1):
        with pytest.raises(NotFound):
            access.version_for(cast.reader, dataset.pk, number)


@pytest.mark.parametrize(
    "name", ["", "/", "x/", "/x", "nobody/nothing", "a" * 5000, "a/b/c", "%", "é", "\ud800", "a\x00b", "t/\x00"]
)
def test_odd_names_are_unknown(cast: Cast, name: str) -> None:
    with pytest.raises(NotFound):
        access.dataset_for(cast.owner, name)


def test_the_chunks_of_a_version_do_not_come_with_reading_it(cast: Cast) -> None:
    """Who reads a public dataset knows its digests; the bytes are theirs once they brought them."""
    public = make_dataset(cast.owner, cast.team, visibility=Visibility.PUBLIC)
    version = make_version(cast.owner, public, {"a": [b"secret before"]})
    mine = make_dataset(cast.stranger)
    digest = next(iter(Ownership.objects.values_list("chunk_id", flat=True)))
    assert actions.lacking(cast.stranger, mine, [digest], now=NOW) == [digest]
    from factories.datasets import file_of
    from studium.errors import NotYet

    with pytest.raises(NotYet) as refused:
        actions.make_version(cast.stranger, mine, [file_of("a", b"secret before")], now=NOW)
    assert refused.value.code == "storage.chunks_missing"
    assert version.new_bytes == len(b"secret before")


def test_only_members_make_them(cast: Cast) -> None:
    for person, refusal in ((cast.reader, Forbidden), (cast.stranger, NotFound)):
        with pytest.raises(refusal):
            make_dataset(person, cast.team)
    make_dataset(cast.teammate, cast.team)


def narrow(cast: Cast, **rules: object) -> None:
    plans.load_plan("narrow", "Narrow", "", PlanRules.model_validate(rules), now=NOW)
    plans.assign_plan(None, cast.team, "narrow", now=NOW)


def test_a_plan_may_allow_public_ones_only(cast: Cast) -> None:
    narrow(cast, visibilities=["public"])
    dataset = make_dataset(cast.owner, cast.team)
    assert dataset.visibility == Visibility.PUBLIC
    for visibility in (Visibility.PRIVATE, Visibility.TEAM):
        with pytest.raises(Refused):
            make_dataset(cast.owner, cast.team, visibility=visibility)
        with pytest.raises(Refused):
            actions.change_visibility(cast.owner, dataset, visibility, now=NOW)
    dataset.refresh_from_db()
    assert dataset.visibility == Visibility.PUBLIC


def test_what_no_database_keeps_is_left_out_of_texts(cast: Cast) -> None:
    dataset = make_dataset(cast.owner, title="a\x00b", card="\x00", columns={"a\x00": {"b\x00": "c\x00", "d": "\x00"}})
    version = make_version(cast.owner, dataset, {"a": [b"1"]}, note="\x00well\x00")
    dataset.refresh_from_db()
    assert (dataset.title, dataset.card, dataset.columns, version.note) == ("ab", "", {"a": {"b": "c"}}, "well")


Sends = Callable[[Cast, Dataset, bytes], object]


def sends_chunks(cast: Cast, dataset: Dataset, content: bytes) -> object:
    return actions.bring(cast.owner, dataset, *pack_of(content), used=2_000_000_000, now=NOW)


def sends_a_file(cast: Cast, dataset: Dataset, content: bytes) -> object:
    row = actions.begin_upload(cast.owner, dataset, "a", len(content), fingerprint="", now=NOW)
    return actions.receive(cast.owner, dataset, row, 0, content, used=2_000_000_000, now=NOW)


@pytest.mark.parametrize("send", [sends_chunks, sends_a_file])
def test_a_plan_may_have_no_more_room(cast: Cast, send: Sends) -> None:
    narrow(cast, storage_bytes_team=2_000_000_010)
    dataset = make_dataset(cast.owner, cast.team)
    with pytest.raises(Refused) as refused:
        send(cast, dataset, b"12345678901")
    assert refused.value.code == "plan.storage_team"
    assert not Block.objects.exists()
    send(cast, dataset, b"1234567890")
    other = make_dataset(cast.owner, make_team(cast.owner))
    send(cast, other, b"12345678901")


def test_who_it_is_shared_with_is_told_once(cast: Cast) -> None:
    dataset = make_dataset(cast.owner, cast.team, visibility=Visibility.PRIVATE)
    for role in (SharedRole.READER, SharedRole.EDITOR):
        actions.share(cast.owner, dataset, cast.stranger, role, now=NOW)
    told = cast.stranger.notifications.get(kind="shared")
    assert (told.title, told.actor, told.words) == (dataset.title, cast.owner, "as reader")
    assert told.path == f"/datasets/{cast.team.slug}/{dataset.slug}/"
    assert not cast.owner.notifications.exists()
