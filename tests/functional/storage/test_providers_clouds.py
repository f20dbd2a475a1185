"""Google Cloud Storage and Azure: what is found and written there, and what is said of each thing that is wrong.

Azurite is Microsoft's own. Google's server is a stand-in that follows its documentation (`running.gcs`).
"""

import gzip

import pytest

from factories.accounts import NOW, Cast, make_cast
from factories.clouds import ask_for_tokens_at, azurite, cloud_provider, gcs, set_key  # noqa: F401 (fixtures)
from factories.providers import allow
from functional.storage.test_providers import changed, check_files, names, told
from running.azurite import Azurite
from running.gcs import ALL, CREATE, DELETE, GET, LIST, Gcs
from studium.errors import StudiumError
from studium.lib.ids import new_id
from studium.storage.providers import bucket, google, testing
from studium.storage.providers.errors import Trouble
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened

pytestmark = pytest.mark.django_db
READER = "reader@lab.iam.gserviceaccount.example"


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    allow(monkeypatch, "127.0.0.0/8")
    return make_cast()


@pytest.fixture
def at_google(cast: Cast, gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> Provider:  # noqa: F811
    """An empty bucket with a service account that may do everything in it."""
    ask_for_tokens_at(monkeypatch, gcs.token_url)
    name = new_id()
    gcs.make_bucket(name)
    set_key(cast.owner, cast.team, gcs.account(READER, name).file)
    return cloud_provider(cast.owner, cast.team, gcs, name)


@pytest.fixture
def at_azure(cast: Cast, azurite: Azurite) -> Provider:  # noqa: F811
    """An empty container with the account's key."""
    name = new_id()
    azurite.make_container(name)
    set_key(cast.owner, cast.team, azurite.key)
    return cloud_provider(cast.owner, cast.team, azurite, name)


@pytest.fixture(params=["at_google", "at_azure"])
def lab(request: pytest.FixtureRequest) -> Provider:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Provider)
    return found


def last(found: dict[str, str]) -> tuple[str, str]:
    return list(found.items())[-1]


def test_files_of_a_bucket(cast: Cast, lab: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_CHUNK", 3)
    remote = opened(lab)
    check_files(remote, "ü & ?/#%20+")
    remote.write("c", [])
    assert b"".join(remote.read("c")) == b""
    assert remote.stat("c").size == 0
    assert names(opened(changed(cast, lab, prefix="a/deep"))) == ["1", "2", "3", "4"]


def test_a_large_file_is_written_in_parts_and_whole(lab: Provider) -> None:
    """More than is kept in memory."""
    pieces = [bytes([number]) * 1_000_003 for number in range(18)]
    remote = opened(lab)
    assert remote.write("large", iter(pieces)).size == 18 * 1_000_003
    assert b"".join(remote.read("large")) == b"".join(pieces)
    assert b"".join(remote.read("large", 999_999, 10)) == bytes(4) + bytes([1]) * 6


def test_a_test_that_goes_well(cast: Cast, lab: Provider) -> None:
    opened(lab).write("x", [b"1"])
    assert told(cast, lab) == dict.fromkeys(["secrets", "connect", "list", "read", "write"], "")
    assert [each.path for each in opened(lab).files()] == ["x"]


def test_a_bucket_that_is_not_there(cast: Cast, lab: Provider, request: pytest.FixtureRequest) -> None:
    lost = changed(cast, lab, bucket="nosuchbucket")
    assert last(told(cast, lost)) == ("list", Trouble.BUCKET_UNKNOWN)
    for does in (lambda: list(opened(lost).read("x")), lambda: opened(lost).write("x", [b"1"])):
        with pytest.raises(StudiumError) as error:
            does()
        assert error.value.code == Trouble.BUCKET_UNKNOWN


def test_one_that_is_not_public_wants_credentials(cast: Cast, lab: Provider) -> None:
    assert last(told(cast, changed(cast, lab, key_secret=""))) == ("list", Trouble.CREDENTIALS_NEEDED)


def test_google_is_asked_for_what_lies_behind(at_google: Provider, gcs: Gcs) -> None:  # noqa: F811
    list(opened(at_google).files("a", after="a/b"))
    assert gcs.asked[-1] == f"GET /{at_google.bucket}?list-type=2&prefix=a%2F&start-after=a%2Fb"


def test_an_md5_is_told_by_google_of_what_came_whole(at_google: Provider) -> None:
    remote = opened(at_google)
    assert remote.write("x", [b"hello"]).etag == "5d41402abc4b2a76b9719d911017c592"
    assert len(remote.write("large", [bytes(17_000_000)]).etag) < 32


def test_what_a_console_makes_for_a_folder_is_no_file(cast: Cast, at_google: Provider, gcs: Gcs) -> None:  # noqa: F811
    """An empty object with a slash at its end; an empty file is one all the same."""
    for name in ("a.empty", "bare/", "raw/", "raw/in/", "raw/in/y", "raw/x", "z.empty"):
        gcs.put(at_google.bucket, name, b"" if name[-1] not in "xy" or "empty" in name else b"1")
    remote = opened(at_google)
    for limit in (1, 2, 100):
        assert names(remote, "", limit) == ["a.empty", "bare/", "raw/", "z.empty"]
        assert names(remote, "raw", limit) == ["raw/in/", "raw/x"]
    assert names(remote, "bare") == []
    assert [each.path for each in remote.files()] == ["a.empty", "raw/in/y", "raw/x", "z.empty"]
    assert [each.path for each in remote.files("raw")] == ["raw/in/y", "raw/x"]
    below = opened(changed(cast, at_google, prefix="raw"))
    assert names(below) == ["in/", "x"]
    assert [each.path for each in below.files()] == ["in/y", "x"]


def test_parts_of_a_long_list_of_google(at_google: Provider, gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(gcs, "page", 3)
    paths = [f"deep/{number:02}" for number in range(10)]
    for path in paths:
        gcs.put(at_google.bucket, path, b"1")
    assert [each.path for each in opened(at_google).files()] == paths
    assert names(opened(at_google), "deep", 4) == paths
    assert any("continuation-token=" in each for each in gcs.asked)


def test_a_file_that_google_would_unpack_comes_as_it_is_kept(at_google: Provider, gcs: Gcs) -> None:  # noqa: F811
    packed = gzip.compress(b"a,b\n" * 1000)
    gcs.put(at_google.bucket, "x.csv", packed, "gzip")
    remote = opened(at_google)
    assert remote.stat("x.csv").size == len(packed)
    assert b"".join(remote.read("x.csv")) == packed
    assert b"".join(remote.read("x.csv", 5, 7)) == packed[5:12]


@pytest.mark.parametrize(
    ("lacks", "step", "code"),
    [
        ({LIST}, "list", Trouble.NO_LIST),
        ({GET}, "read", Trouble.NO_READ),
        ({CREATE}, "write", Trouble.NO_WRITE),
        ({DELETE}, "write", Trouble.NO_REMOVE),
    ],
)
def test_rights_that_google_did_not_give(
    cast: Cast, at_google: Provider, gcs: Gcs, lacks: set[str], step: str, code: str  # noqa: F811
) -> None:  # fmt: skip
    gcs.put(at_google.bucket, "x", b"1")
    gcs.account(READER, at_google.bucket, ALL - lacks)
    assert last(told(cast, at_google)) == (step, code)
    error = testing.run_test(cast.owner, at_google, now=NOW)[-1].error
    assert error is not None
    assert "storage.objects." in error.next_step


def test_keys_that_google_does_not_take(cast: Cast, at_google: Provider, gcs: Gcs) -> None:  # noqa: F811
    other = gcs.account("other@lab.iam.gserviceaccount.example", at_google.bucket)
    key = other.file
    other.key = gcs.account("third@lab.iam.gserviceaccount.example", "").key
    set_key(cast.owner, cast.team, key)
    assert told(cast, at_google) == {"secrets": Trouble.SIGNATURE_WRONG}
    del gcs.accounts[other.email]
    tried = testing.run_test(cast.owner, at_google, now=NOW)
    assert tried[0].error is not None
    assert tried[0].error.code == Trouble.KEY_UNKNOWN
    assert "account" in tried[0].error.message


def test_a_clock_that_is_off_is_told_by_google(
    cast: Cast, at_google: Provider, gcs: Gcs, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(gcs, "clock", 7200.0)
    assert told(cast, at_google) == {"secrets": Trouble.CLOCK}


def test_a_token_that_is_not_known_any_more_is_got_anew(
    cast: Cast, at_google: Provider, gcs: Gcs  # noqa: F811
) -> None:  # fmt: skip
    """As of an account that was switched off and on again."""
    opened(at_google).folder("")
    gcs.tokens.clear()
    with pytest.raises(StudiumError) as error:
        opened(at_google, retries=0).folder("")
    assert error.value.code == Trouble.SIGNATURE_WRONG
    assert opened(at_google).folder("").entries == []


def test_a_public_bucket_of_google(cast: Cast, at_google: Provider, gcs: Gcs) -> None:  # noqa: F811
    gcs.public.add(at_google.bucket)
    gcs.put(at_google.bucket, "x", b"1")
    public = changed(cast, at_google, key_secret="", writable=False)
    assert set(told(cast, public).values()) == {""}
    asked = len(gcs.asked)
    assert b"".join(opened(public).read("x")) == b"1"
    assert "POST /token" not in gcs.asked[asked:]


def test_a_token_service_that_is_closed_is_not_asked(
    cast: Cast, at_google: Provider, gcs: Gcs, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    google._known.clear()
    allow(monkeypatch)
    asked = len(gcs.asked)
    with pytest.raises(StudiumError) as error:
        google.token("CLOUD_KEY", gcs.accounts[READER].file)
    assert error.value.code in ("outbound.closed", "provider.closed")
    assert len(gcs.asked) == asked


def test_a_signature_of_azure(cast: Cast, at_azure: Provider, azurite: Azurite) -> None:  # noqa: F811
    opened(at_azure).write("x", [b"1"])
    for rights, step, code in (
        ("rlcwd", "write", ""),
        ("rl", "write", Trouble.NO_WRITE),
        ("r", "list", Trouble.NO_LIST),
    ):
        set_key(cast.owner, cast.team, azurite.signature(at_azure.bucket, rights))
        assert last(told(cast, at_azure)) == (step, code)
    set_key(cast.owner, cast.team, azurite.signature(new_id(), "rl"))
    assert last(told(cast, at_azure)) == ("list", Trouble.SIGNATURE_WRONG)


@pytest.mark.parametrize(
    ("key", "step", "code"),
    [("c29tZXRoaW5nIGVsc2U=", "list", Trouble.SIGNATURE_WRONG), ("no key at all", "secrets", "provider.secret_unfit")],
)
def test_keys_that_azure_does_not_take(cast: Cast, at_azure: Provider, key: str, step: str, code: str) -> None:
    set_key(cast.owner, cast.team, key)
    assert last(told(cast, at_azure)) == (step, code)


def test_a_public_container_of_azure(cast: Cast, at_azure: Provider, azurite: Azurite) -> None:  # noqa: F811
    opened(at_azure).write("x", [b"1"])
    azurite.publish(at_azure.bucket)
    assert set(told(cast, changed(cast, at_azure, key_secret="", writable=False)).values()) == {""}
