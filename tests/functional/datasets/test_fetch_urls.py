"""Files from addresses, fetched by the program of import runs from a real server: names, going on, redirects, refusals."""

import io
import ssl
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetching import Desk

from factories.datasets import seeded
from running.file_server import FileServer
from studium.runner import addresses

pytestmark = pytest.mark.no_database
BIG = seeded(3_000_000, 7)


@pytest.fixture
def server() -> Iterator[FileServer]:
    made = FileServer()
    yield made
    made.close()


@pytest.fixture
def desk(server: FileServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, server.entry)


def test_files_get_the_names_that_servers_give_them(server: FileServer, desk: Desk) -> None:
    plain = server.put("/data/a%20b.csv", b"1")
    said = server.put("/get", b"2", headers={"Content-Disposition": 'attachment; filename="../../etc/pass.csv"'})
    foreign = server.put("/x", b"3", headers={"Content-Disposition": "attachment; filename*=UTF-8''na%C3%AFf.csv"})
    twice = server.put("/other/a%20b.csv", b"4")
    none = server.put("/", b"5")
    found = desk.done(urls=[plain, f"{said}?id=1", foreign, twice, none])
    assert desk.files() == {"a b.csv": b"1", "pass.csv": b"2", "naïf.csv": b"3", "a b-2.csv": b"4", "file": b"5"}
    assert [each["size"] for each in found["files"]] == [1] * 5
    assert not list((desk.work / "parts").iterdir()), "nothing is left but the files"


def test_what_broke_off_goes_on_where_it_was(server: FileServer, desk: Desk) -> None:
    url = server.put("/big.bin", BIG, breaks=[1_000_000, 500_000])
    desk.done(urls=[url])
    assert desk.files() == {"big.bin": BIG}
    assert server.ranges("/big.bin") == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_run_goes_on_too(server: FileServer, desk: Desk) -> None:
    url = server.put("/big.bin", BIG, breaks=[1_000_000, 0, 0, 0, 0])
    other = server.put("/small.bin", b"small")
    assert desk.refused(urls=[other, url]) == "url.timeout"
    server.asked.clear()
    desk.done(urls=[other, url])
    assert desk.files() == {"big.bin": BIG, "small.bin": b"small"}
    assert server.asked == [("/big.bin", "bytes=1000000-")], "what was all there is not asked for again"


def test_a_file_that_changed_meanwhile_begins_anew(server: FileServer, desk: Desk) -> None:
    url = server.put("/big.bin", BIG, breaks=[1_000_000, 0, 0, 0, 0])
    assert desk.refused(urls=[url]) == "url.timeout"
    server.put("/big.bin", b"quite another")
    desk.done(urls=[url])
    assert desk.files() == {"big.bin": b"quite another"}


def test_without_ranges_a_broken_file_begins_anew(server: FileServer, desk: Desk) -> None:
    url = server.put("/big.bin", BIG, breaks=[1_000_000], ranges=False)
    desk.done(urls=[url])
    assert desk.files() == {"big.bin": BIG}
    assert server.ranges("/big.bin") == ["", ""]


def test_a_file_without_a_length_ends_with_its_connection(server: FileServer, desk: Desk) -> None:
    desk.done(urls=[server.put("/stream", BIG, length=False)])
    assert desk.files() == {"stream": BIG}


def test_redirects_are_followed_as_far_as_the_run_may_go(server: FileServer, desk: Desk) -> None:
    server.put("/end.csv", b"x")
    server.put("/middle", status=302, headers={"Location": "end.csv"})
    start = server.put("/start", status=301, headers={"Location": server.url("/middle")})
    desk.done(urls=[start])
    assert desk.files() == {"end.csv": b"x"}
    round_and_round = server.put("/loop", status=302, headers={"Location": "/loop"})
    assert desk.refused(urls=[round_and_round]) == "url.redirects"
    assert desk.refused(urls=[server.put("/odd", status=302, headers={"Location": "file:///etc/passwd"})]) == (
        "url.redirects"
    )


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/x",
        "https://169.254.169.254/meta",
        "https://[::1]/x",
        "https://10.0.0.7/x",
        "http://localhost/x",
    ],
)
def test_a_redirect_leads_to_no_closed_address(server: FileServer, desk: Desk, location: str) -> None:
    desk.hosts.add("*:443")  # as every import run has it
    assert desk.refused(urls=[server.put("/start", status=302, headers={"Location": location})]) == "url.closed"


def test_a_name_that_comes_to_mean_a_closed_address_is_refused(
    server: FileServer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are resolved by the proxy, once for each call: what is dialled is what was looked at."""
    port = server.entry.rpartition(":")[2]
    url, asked = f"http://files.example:{port}/x", list[str]()
    server.put("/x", b"inside")
    desk.hosts.add(f"files.example:{port}")
    desk.within.clear()

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", resolve)
    assert desk.refused(urls=[url]) == "url.closed"
    assert (server.asked, asked) == ([], ["files.example"])
    desk.within.append(f"files.example:{port}")
    desk.done(urls=[url])
    assert asked == ["files.example"] * 2


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "url.not_found"), (410, "url.not_found"), (401, "url.auth"), (403, "url.auth"), (418, "url.refused"),
     (500, "url.refused"), (429, "url.refused")],
)  # fmt: skip
def test_refusals_are_told_apart(server: FileServer, desk: Desk, status: int, code: str) -> None:
    assert desk.refused(urls=[server.put("/x", b"no", status=status)]) == code
    assert len(server.asked) == (5 if status in (429, 500) else 1), "what may pass is tried again"


def test_the_one_of_several_that_fails_is_named(server: FileServer, desk: Desk) -> None:
    good, gone = server.put("/good.csv", b"1"), server.put("/gone.csv", b"", status=404)
    away = server.put("/away.csv", b"", status=503)
    for bad, words in ((gone, "answers 404"), (away, "answers 503")):
        report = desk.start(urls=[good, f"{bad}?key=hidden"])
        assert report["error"]["message"].startswith(f"{bad}: 127.0.0.1 {words}")
    known = [{"url": url, "etag": '"1"', "modified": ""} for url in (gone, good)]
    assert gone in desk.start(urls=[gone, good], known=known)["error"]["message"]
    assert desk.start(urls=[gone])["error"]["message"].startswith("127.0.0.1 answers 404")


def test_a_server_that_falls_silent_is_given_up(server: FileServer, desk: Desk) -> None:
    over = threading.Event()
    server.put("/x", BIG, breaks=[10] * 9, stall=over, ranges=False)
    try:
        assert desk.refused(urls=[server.url("/x")], seconds=0.2) == "url.timeout"
    finally:
        over.set()


def test_nobody_there_is_said(desk: Desk) -> None:
    desk.hosts.add("127.0.0.1:9")
    desk.within.append("127.0.0.1:9")
    assert desk.refused(urls=["http://127.0.0.1:9/x"]) == "url.unreachable"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run(["openssl", *words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = FileServer(context)
    try:
        desk = Desk(tmp_path, server.entry)
        assert desk.refused(urls=[server.put("/x", b"x")]) == "url.tls"
    finally:
        server.close()


def test_more_than_there_is_room_for_is_refused_as_it_comes(server: FileServer, desk: Desk) -> None:
    said = server.put("/said", BIG)
    unsaid = server.put("/unsaid", BIG, length=False)
    assert desk.refused(urls=[said], most_bytes=2_000_000) == "url.too_large"
    assert (desk.work / "parts" / "0").stat().st_size == 0, "the length alone says it"
    assert desk.refused(urls=[unsaid], most_bytes=2_000_000) == "url.too_large"
    assert (desk.work / "parts" / "0").stat().st_size <= 2_000_000


def test_nothing_new_is_found_without_fetching(server: FileServer, desk: Desk) -> None:
    urls = [server.put("/a", b"a"), server.put("/b", b"b")]
    known = desk.done(urls=urls)["files"]
    server.asked.clear()
    assert desk.done(urls=urls, known=known)["unchanged"] is True
    assert desk.files() == {}
    server.put("/b", b"changed")
    assert "unchanged" not in desk.done(urls=urls, known=known)
    assert desk.files() == {"a": b"a", "b": b"changed"}


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def tarred(*members: tuple[str, bytes | str], mode: str = "w:gz") -> bytes:
    """Files by content, links by the name that they lead to."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            one = tarfile.TarInfo(name)
            if isinstance(content, str):
                one.type, one.linkname = tarfile.SYMTYPE, content
                archive.addfile(one)
            else:
                one.size = len(content)
                archive.addfile(one, io.BytesIO(content))
    return out.getvalue()


def test_archives_are_unpacked_where_that_is_asked_for(server: FileServer, desk: Desk) -> None:
    zip_url = server.put("/a.zip", zipped(x=b"1", deep__y=b"2"))
    desk.done(urls=[zip_url], unpack=True)
    assert desk.files() == {"x": b"1", "deep/y": b"2"}
    tar_url = server.put("/b.tar.gz", tarred(("t/z", b"3"), ("t/link", "/etc/passwd")))
    found = desk.done(urls=[zip_url, tar_url, server.put("/c.csv", b"4")], unpack=True)
    assert desk.files() == {"a/x": b"1", "a/deep/y": b"2", "b/t/z": b"3", "c.csv": b"4"}
    assert found["left_out"] == 1
    desk.done(urls=[zip_url])
    assert list(desk.files()) == ["a.zip"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (tarred(("../out.txt", b"x")), "url.bad_archive"),
        (tarred(("/etc/x", b"x")), "url.bad_archive"),
        (tarred(("a", b"x"), ("a/b", b"x")), "url.bad_archive"),
        (zipped(x=b"1" * 9999)[:-40], "url.not_an_archive"),
        (tarred(("big", seeded(400_000, 3)))[:200_000], "url.bad_archive"),
        (zipped(bomb=b"\0" * 90_000_000), "url.too_large"),
        (b"a,b\n1,2\n", "url.not_an_archive"),
    ],
    ids=["above", "absolute", "file and folder", "cut zip", "cut tar", "bomb", "table"],
)
def test_hostile_archives_are_refused(server: FileServer, desk: Desk, content: bytes, code: str) -> None:
    assert desk.refused(urls=[server.put("/a", content)], unpack=True) == code
    assert not (desk.work.parent / "out.txt").exists()


def test_more_files_than_a_version_has_are_refused(server: FileServer, desk: Desk) -> None:
    url = server.put("/a.zip", zipped(**{f"f{n}": b"" for n in range(20)}))
    assert desk.refused(urls=[url], unpack=True, most_files=10) == "url.too_large"
