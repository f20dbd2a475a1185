"""Providers against a real S3-compatible server and a web server: what is found, what is said, what is not dialled."""

import socket
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from factories.accounts import NOW, Cast, make_cast
from factories.providers import allow, swift_provider, web_provider, web_server
from running.swift import SECRET, USER, Swift, running_swift
from studium.errors import BadInput, Forbidden, NotFound, Refused, StudiumError
from studium.events.models import Event
from studium.lib.ids import new_id
from studium.outbound import proxy
from studium.runner import addresses
from studium.secrets import actions as secrets
from studium.secrets.access import Place
from studium.storage.providers import actions, bucket, reach, testing
from studium.storage.providers.access import provider_for
from studium.storage.providers.actions import Wanted
from studium.storage.providers.errors import Trouble
from studium.storage.providers.models import Provider
from studium.storage.providers.opening import opened
from studium.storage.providers.remote import Remote
from studium.storage.providers.states import Kind

pytestmark = pytest.mark.django_db
LOOPBACK = "127.0.0.0/8"


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def lab(cast: Cast, swift: Swift, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A new bucket, which may be written."""
    allow(monkeypatch, LOOPBACK)
    name = new_id()
    swift.make_bucket(name)
    return swift_provider(cast.owner, cast.team, swift, name)


def told(owner: Cast, provider: Provider, seconds: float = 10) -> dict[str, str]:
    """What a test says: each step with its code, empty where it went well."""
    tried = testing.run_test(owner.owner, provider, now=NOW, seconds=seconds)
    return {each.step.value: each.error.code if each.error else "" for each in tried}


def changed(cast: Cast, provider: Provider, **more: object) -> Provider:
    fields = {name: getattr(provider, name) for name in Wanted.__dataclass_fields__}
    return actions.change_provider(
        cast.owner, provider, Wanted(**{**fields, "kind": Kind(provider.kind), **more}), now=NOW  # type: ignore[arg-type]
    )  # fmt: skip


def names(remote: Remote, path: str = "", limit: int = 100) -> list[str]:
    """All of a folder, part by part."""
    found, after = list[str](), ""
    while True:
        part = remote.folder(path, after, limit)
        assert len(part.entries) <= limit
        found += [entry.path + ("/" if entry.folder else "") for entry in part.entries]
        if not part.after:
            return found
        after = part.after


def check_files(remote: Remote, odd: str) -> None:
    """Write some into an empty bucket, one with `odd` signs in its name, and look for them in each way."""
    paths = ["a/deep/1", "a/deep/2", "a/deep/3", "a/deep/4", "a/z.txt", "a0", f"b/{odd}", "c"]
    for path in paths:
        made = remote.write(path, [b"of ", path.encode()])
        assert made.size == len(path.encode()) + 3
    for limit in (1, 2, 100):
        assert names(remote, "", limit) == ["a/", "a0", "b/", "c"]
        assert names(remote, "a", limit) == ["a/deep/", "a/z.txt"]
    assert names(remote, "nowhere") == []
    assert [each.path for each in remote.files()] == paths
    assert [each.path for each in remote.files("a", after="a/deep/3")] == ["a/deep/4", "a/z.txt"]
    assert b"".join(remote.read(f"b/{odd}")) == f"of b/{odd}".encode()
    assert b"".join(remote.read("a0", 3)) == b"a0"
    assert b"".join(remote.read("a0", 1, 2)) == b"f "
    entry = remote.stat("c")
    assert (entry.size, entry.name, bool(entry.etag), entry.changed_at is not None) == (4, "c", True, True)
    assert next(each for each in remote.files() if each.path == "c").etag == entry.etag
    remote.remove("c")
    remote.remove("c")
    with pytest.raises(NotFound, match="no file 'c'"):
        remote.stat("c")
    with pytest.raises(NotFound):
        list(remote.read("c"))


def test_files_of_a_bucket(lab: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_CHUNK", 3)
    check_files(opened(lab), "ü & ?/#%20")


def test_a_large_file_is_written_in_parts_and_whole(lab: Provider) -> None:
    pieces = [bytes([number]) * 1_000_003 for number in range(13)]
    remote = opened(lab)
    assert remote.write("large", iter(pieces)).size == 13 * 1_000_003
    assert b"".join(remote.read("large")) == b"".join(pieces)


def test_a_prefix_is_all_there_is(cast: Cast, lab: Provider) -> None:
    opened(lab).write("in/x/1", [b"1"])
    opened(lab).write("inside", [b"2"])
    lab = changed(cast, lab, prefix="/in/")
    assert lab.prefix == "in"
    assert names(opened(lab)) == ["x/"]
    assert [each.path for each in opened(lab).files(after="x/0")] == ["x/1"]
    assert b"".join(opened(lab).read("x/1")) == b"1"


def test_a_test_that_goes_well(cast: Cast, lab: Provider) -> None:
    opened(lab).write("x", [b"1"])
    assert told(cast, lab) == dict.fromkeys(["secrets", "connect", "list", "read", "write"], "")
    assert [each.path for each in opened(lab).files()] == ["x"]
    lab.refresh_from_db()
    assert (lab.tested_at, lab.test_code) == (NOW, "")
    read_only = changed(cast, lab, writable=False)
    assert read_only.tested_at is None
    assert list(told(cast, read_only)) == ["secrets", "connect", "list", "read"]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


WRONG = {
    "no such bucket": ({"bucket": "nosuchbucket"}, "list", Trouble.BUCKET_UNKNOWN),
    "region": ({"region": "eu-west-1"}, "list", Trouble.REGION_WRONG),
    "name": ({"endpoint": "https://no-such-host.invalid"}, "connect", Trouble.NAME_UNKNOWN),
    "not secret": ({"key_id_secret": "", "key_secret": ""}, "list", Trouble.ENDPOINT_WRONG),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(cast: Cast, lab: Provider, what: str) -> None:
    change, step, trouble = WRONG[what]
    lab = changed(cast, lab, **change)
    found = told(cast, lab)
    assert list(found.items())[-1] == (step, trouble.value)
    lab.refresh_from_db()
    assert lab.test_code == trouble.value


def test_the_region_that_it_is_in_is_told(cast: Cast, lab: Provider) -> None:
    tried = testing.run_test(cast.owner, changed(cast, lab, region="eu-west-1"), now=NOW)
    assert tried[-1].error is not None
    assert tried[-1].error.message == "The bucket is in another region, us-east-1."


@pytest.mark.parametrize("name", ["LAB_KEY", "LAB_KEY_ID"])
def test_wrong_credentials(cast: Cast, lab: Provider, name: str) -> None:
    secrets.set_secret(cast.owner, Place(cast.team), name, "something-else", now=NOW)
    tried = testing.run_test(cast.owner, lab, now=NOW)
    error = tried[-1].error
    assert error is not None
    assert error.code == Trouble.SIGNATURE_WRONG.value
    assert "something-else" not in error.message + error.next_step


def test_a_secret_that_is_gone(cast: Cast, lab: Provider) -> None:
    secrets.delete_secret(cast.owner, Place(cast.team), "LAB_KEY", now=NOW)
    assert told(cast, lab) == {"secrets": "provider.secret_missing"}
    with pytest.raises(Refused, match="no secret LAB_KEY"):
        opened(lab)


def test_nobody_listens_and_no_tls(cast: Cast, lab: Provider, swift: Swift) -> None:
    port = _free_port()
    assert told(cast, changed(cast, lab, endpoint=f"http://127.0.0.1:{port}"))["connect"] == Trouble.CONNECTION_REFUSED
    with pytest.raises(StudiumError, match="refused"):
        opened(changed(cast, lab, endpoint=f"http://127.0.0.1:{port}"), seconds=1, retries=0).folder("")
    secure = changed(cast, lab, endpoint=swift.endpoint.replace("http:", "https:"))
    assert told(cast, secure)["connect"] == Trouble.TLS
    with pytest.raises(Refused, match="No secure connection"):
        opened(secure, seconds=1, retries=0).folder("")


def test_a_server_that_never_answers_ends_the_test(cast: Cast, lab: Provider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = changed(cast, lab, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert told(cast, mute, seconds=0.3) == {"secrets": "", "connect": "", "list": Trouble.TIMEOUT}
        assert time.monotonic() - began < 2.5


def test_a_web_server_is_no_s3(cast: Cast, lab: Provider, tmp_path: Path) -> None:
    with web_server(tmp_path) as address:
        assert told(cast, changed(cast, lab, endpoint=address))["list"] == Trouble.ENDPOINT_WRONG


def test_nothing_of_this_machine_opens_a_provider(
    cast: Cast, lab: Provider, swift: Swift, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_PROXY_EXCLUDES": "*",
        "NO_PROXY": "*",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    opened(lab).write("x", [b"1"])
    for variable in ("LAB_KEY", "LAB_KEY_ID"):
        secrets.set_secret(cast.owner, Place(cast.team), variable, "wrong", now=NOW)
    with pytest.raises(Refused):
        opened(lab).folder("")
    with pytest.raises(Refused):
        opened(changed(cast, lab, key_id_secret="", key_secret="")).folder("")


def test_each_connection_of_the_library_is_looked_at(
    cast: Cast, lab: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an address was fine when the provider was opened."""
    for module in (proxy, reach):
        monkeypatch.setattr(module, "allowed", lambda: ())
    for name in ("NO_PROXY", "no_proxy", "AWS_PROXY_EXCLUDES"):
        monkeypatch.setenv(name, "*")
    with pytest.raises(Refused) as said:
        opened(lab, retries=0).folder("")
    assert said.value.code == Trouble.CLOSED


@pytest.mark.parametrize("kind", [Kind.S3, Kind.HTTP])
def test_a_name_that_leads_home_by_now_is_not_dialled(
    cast: Cast, lab: Provider, swift: Swift, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    allow(monkeypatch)
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["127.0.0.1"])
    address = f"http://buckets.example:{swift.endpoint.rpartition(':')[2]}"
    found = changed(cast, lab, endpoint=address) if kind == Kind.S3 else web_provider(cast.owner, cast.team, address)
    assert told(cast, found)["connect"] == Trouble.CLOSED
    with pytest.raises(Refused, match=r"buckets.example \(127.0.0.1\) is an address of this machine"):
        opened(found, retries=0).folder("")


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254", "http://10.0.0.1", "http://localhost:8000", "http://[::1]"]
)
def test_an_address_of_ours_is_refused_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(Refused, match="private network"):
        web_provider(cast.owner, cast.team, address)


def test_a_redirect_leads_nowhere_closed(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of the lab")

    class Sends(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", onward)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with web_server(tmp_path) as inner, web_server(tmp_path, Sends) as outer:
        onward = f"{inner}/secret.txt"
        allow(monkeypatch, outer.removeprefix("http://"))
        web = web_provider(cast.owner, cast.team, outer)
        with pytest.raises(Refused, match="address of this machine"):
            list(opened(web).read("secret.txt"))
        s3 = Wanted(kind=Kind.S3, bucket="b", endpoint=outer)
        through = actions.make_provider(cast.owner, cast.team, "s3", s3, now=NOW)
        with pytest.raises(StudiumError):
            list(opened(through, retries=0).read("secret.txt"))
        allow(monkeypatch, LOOPBACK)
        assert b"".join(opened(web).read("secret.txt")) == b"of the lab"


def test_files_of_a_web_server(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    allow(monkeypatch, LOOPBACK)
    for path in ("a/1", "a/2", "a/deep/ü ?#", "b.txt", "c"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"of {path}")
    with web_server(tmp_path) as address:
        web = web_provider(cast.owner, cast.team, address)
        remote = opened(web)
        for limit in (1, 100):
            assert names(remote, "", limit) == ["a/", "b.txt", "c"]
            assert names(remote, "a", limit) == ["a/1", "a/2", "a/deep/"]
        assert [each.path for each in remote.files()] == ["a/1", "a/2", "a/deep/ü ?#", "b.txt", "c"]
        assert [each.path for each in remote.files(after="a/2")] == ["a/deep/ü ?#", "b.txt", "c"]
        assert remote.folder("a").entries[0].size == 6
        assert names(remote, "nowhere") == list(remote.files("nowhere")) == []
        assert b"".join(remote.read("a/deep/ü ?#")) == "of a/deep/ü ?#".encode()
        assert b"".join(remote.read("b.txt", 3, 2)) == b"b."  # it sends all of it
        assert told(cast, web) == dict.fromkeys(["secrets", "connect", "list", "read"], "")
        with pytest.raises(NotFound):
            remote.stat("nothing")
        with pytest.raises(Refused, match="read only"):
            remote.write("x", [b""])
        assert names(opened(changed(cast, web, prefix="a/deep"))) == ["ü ?#"]


def test_an_index_page_links_to_nothing_else(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    allow(monkeypatch, LOOPBACK)
    (tmp_path / "index.html").write_text(
        '<a href="..">up</a><a href="/x/../../etc/passwd">x</a><a href="http://other.example/f">o</a><a href="?C=N">n</a>'
        '<a href="%2e%2e%2fz">e</a><a href="a%2Fb">s</a><a href="javascript:x()">j</a><a href="//[x">b</a><a href="good">g</a>'
        '<a href="sub/">s</a><a href="sub/in">s</a><a href="#top">t</a>'
        '<a href="odd?x=1">q</a><a>none</a><a href="good">again</a><a href="./also">a</a>'
    )
    (tmp_path / "good").write_text("1")
    with web_server(tmp_path) as address:
        assert names(opened(web_provider(cast.owner, cast.team, address))) == ["also", "good", "sub/"]


def test_who_may_see_and_change_a_provider(cast: Cast, lab: Provider) -> None:
    assert provider_for(cast.teammate, cast.team.slug, "lab") == lab
    for user, error in ((cast.reader, Forbidden), (cast.stranger, NotFound)):
        with pytest.raises(error):
            provider_for(user, cast.team.slug, "lab")
        with pytest.raises(error):
            actions.remove_provider(user, lab, now=NOW)
        with pytest.raises(error):
            testing.run_test(user, lab, now=NOW)
    actions.remove_provider(cast.teammate, lab, now=NOW)
    with pytest.raises(NotFound, match="no provider 'lab'"):
        provider_for(cast.owner, cast.team.slug, "lab")
    said = str(list(Event.objects.filter(kind__startswith="provider.").values_list("kind", "data")))
    assert "provider.made" in said
    assert "provider.removed" in said
    assert SECRET not in said


BAD = {
    "no bucket": {"bucket": " "},
    "bucket is an address": {"bucket": "https://s3.example/b"},
    "half of the credentials": {"key_secret": ""},
    "a value for a name": {"key_secret": "wJalrXUtnFEMI/K7MDENG"},
    "prefix": {"prefix": "a/../b"},
    "endpoint": {"endpoint": "ftp://x"},
    "password in the endpoint": {"endpoint": "https://me:pw@s3.example"},
    "kind": {"kind": Kind.HTTP},
}


@pytest.mark.parametrize("what", BAD)
def test_what_no_provider_can_be(cast: Cast, lab: Provider, what: str) -> None:
    with pytest.raises(BadInput) as said:
        changed(cast, lab, **BAD[what])
    assert "wJalrXUtnFEMI" not in said.value.message


def test_names_and_how_many(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Wanted(kind=Kind.S3, bucket="open-data", region="eu-west-1")
    for name in ("", "A", "a b", "-a", "a/b", "x" * 41):
        with pytest.raises(BadInput):
            actions.make_provider(cast.owner, cast.team, name, wanted, now=NOW)
    actions.make_provider(cast.owner, cast.team, "a", wanted, now=NOW)
    with pytest.raises(Refused, match="already"):
        actions.make_provider(cast.owner, cast.team, "a", wanted, now=NOW)
    monkeypatch.setattr(actions, "MOST_OF_A_TEAM", 1)
    with pytest.raises(Refused, match="the most"):
        actions.make_provider(cast.owner, cast.team, "b", wanted, now=NOW)
