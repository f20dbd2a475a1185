"""Google Cloud Storage and Azure as folders of a real sandbox: by a key, a signature, or nothing where they are public."""

import pytest

from factories.accounts import Cast, make_cast
from factories.clouds import ask_for_tokens_at, azurite, cloud_provider, gcs, set_key  # noqa: F401 (fixtures)
from functional.isolation.test_life import Bench, bench, needs_root  # noqa: F401 (a fixture)
from functional.isolation.test_remotes import LOOPBACK, READS, allow_all, impatient, start
from running.azurite import Azurite
from running.gcs import GET, LIST, Gcs
from studium.lib.ids import new_id
from studium.storage.providers.opening import opened

pytestmark = [pytest.mark.django_db, needs_root]
READER = "reader@lab.iam.gserviceaccount.example"
FOUND = ["['lab'] ['deep', 'one.txt']", f"one {256 * 4096}", "True", *["EROFS"] * 5, "True"]
# A space, a sign of addresses, and a letter of two bytes.
NAME = "ü & ?#%20+.txt"
LOOKS = f"""
        import os
        print(open("/providers/lab/{NAME}").read())
"""


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    allow_all(monkeypatch, LOOPBACK)
    return make_cast()


def filled(cast: Cast, server: Gcs | Azurite) -> str:
    """A new bucket with files, by the key that is set."""
    name = new_id()
    if isinstance(server, Gcs):
        server.make_bucket(name)
        set_key(cast.owner, cast.team, server.account(READER, name).file)
    else:
        server.make_container(name)
        set_key(cast.owner, cast.team, server.key)
    provider = cloud_provider(cast.owner, cast.team, server, name)
    remote = opened(provider)
    remote.write("raw/one.txt", [b"one\n"])
    remote.write("raw/deep/two.bin", [bytes(range(256)) * 4096])
    remote.write("outside.txt", [b"not below raw\n"])
    provider.delete()
    return name


@pytest.mark.parametrize("public", [False, True])
def test_a_bucket_of_google_is_read(
    bench: Bench, cast: Cast, gcs: Gcs, monkeypatch: pytest.MonkeyPatch, public: bool  # noqa: F811
) -> None:  # fmt: skip
    ask_for_tokens_at(monkeypatch, gcs.token_url)
    name = filled(cast, gcs)
    gcs.account(READER, name, frozenset({LIST, GET}))
    gcs.public |= {name} if public else set()
    provider = cloud_provider(cast.owner, cast.team, gcs, name, prefix="raw", key_secret="" if public else "CLOUD_KEY")
    start(bench, cast, provider, READS)
    assert bench.ended("a").exit_code == 0, (bench.ended("a").message, bench.log("a"))
    assert bench.log("a").splitlines() == FOUND


@pytest.mark.parametrize("by", ["key", "signature", "nothing"])
def test_a_container_of_azure_is_read(bench: Bench, cast: Cast, azurite: Azurite, by: str) -> None:  # noqa: F811
    name = filled(cast, azurite)
    if by == "signature":
        set_key(cast.owner, cast.team, azurite.signature(name, "rl"))
    if by == "nothing":
        azurite.publish(name)
    provider = cloud_provider(
        cast.owner, cast.team, azurite, name, prefix="raw", key_secret="" if by == "nothing" else "CLOUD_KEY"
    )
    start(bench, cast, provider, READS)
    assert bench.ended("a").exit_code == 0, (bench.ended("a").message, bench.log("a"))
    assert bench.log("a").splitlines() == FOUND


@pytest.mark.parametrize("cloud", ["gcs", "azurite"])
def test_names_with_signs_are_read(
    bench: Bench, cast: Cast, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, cloud: str  # noqa: F811
) -> None:  # fmt: skip
    server: Gcs | Azurite = request.getfixturevalue(cloud)
    if isinstance(server, Gcs):
        ask_for_tokens_at(monkeypatch, server.token_url)
    provider = cloud_provider(cast.owner, cast.team, server, filled(cast, server))
    opened(provider).write(NAME, [b"of a name"])
    start(bench, cast, provider, LOOKS)
    bench.ended("a")
    assert bench.log("a").splitlines() == ["of a name"]


@pytest.mark.parametrize("cloud", ["gcs", "azurite"])
def test_a_key_that_is_not_taken_is_an_error_to_read(
    bench: Bench, cast: Cast, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, cloud: str  # noqa: F811
) -> None:  # fmt: skip
    server: Gcs | Azurite = request.getfixturevalue(cloud)
    if isinstance(server, Gcs):
        ask_for_tokens_at(monkeypatch, server.token_url)
    provider = cloud_provider(cast.owner, cast.team, server, filled(cast, server))
    wrong = "c29tZXRoaW5nIGVsc2U="
    if isinstance(server, Gcs):
        other = server.account("other@lab.iam.gserviceaccount.example", provider.bucket)
        wrong = other.file
        del server.accounts[other.email]
    set_key(cast.owner, cast.team, wrong)
    impatient(bench)
    start(bench, cast, provider, "  import os; print(os.listdir('/providers/lab'))")
    bench.until("a", lambda seen: seen.ended_at is not None, seconds=60)
    assert "Input/output error" in bench.log("a")
