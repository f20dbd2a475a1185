"""Archives with any names and kinds of members: they are refused whole, or give plain files below one folder."""

import importlib.util
import io
import os
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import studium.datasets
from unit.environments.inside_modules import load

errors = load("fetch_errors")
_spec = importlib.util.spec_from_file_location(
    "fetch_unpack", Path(studium.datasets.__file__).parent / "inside" / "fetch_unpack.py"
)
assert _spec is not None
assert _spec.loader is not None
unpacking = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(unpacking)

ROOM, FILES = 60, 4
part = st.one_of(st.sampled_from(["..", ".", "", "a", "b", "A", "deep", "\u00e9", "e\u0301"]), st.text(max_size=5))
path = st.lists(part, min_size=1, max_size=4).map("/".join)
kinds = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
member = st.tuples(path, st.sampled_from(kinds), st.binary(max_size=900), st.one_of(path, st.just("/etc/passwd")))
members = st.lists(member, max_size=15)
Members = list[tuple[str, bytes, bytes, str]]


def tarred(given_members: Members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", errors="surrogatepass") as archive:
        for name, kind, content, link in given_members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(given_members: Members) -> bytes:
    modes = {tarfile.SYMTYPE: stat.S_IFLNK, tarfile.DIRTYPE: stat.S_IFDIR, tarfile.CHRTYPE: stat.S_IFCHR}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, content, link in given_members:
            info = zipfile.ZipInfo("x")
            info.filename = f"{name}/" if kind == tarfile.DIRTYPE else name
            info.external_attr = (modes.get(kind, stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, link if kind == tarfile.SYMTYPE else content)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=150, deadline=None)
@given(given_members=members, kind=st.sampled_from(["tar", "zip"]))
def test_any_archive_is_refused_whole_or_gives_plain_files_below_one_folder(given_members: Members, kind: str) -> None:
    try:
        packed = tarred(given_members) if kind == "tar" else zipped(given_members)
    except (UnicodeError, ValueError):  # no archive can have such a name
        return
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        out = top / "work" / "out"
        out.mkdir(parents=True)
        (top / "secret").write_text("s")
        (out / f"a.{kind}").write_bytes(packed)
        room = errors.Room(ROOM + len(packed), FILES)
        room.take(len(packed))
        unpacker = unpacking.Unpacker(room, errors.Silence())
        refused = ""
        try:
            unpacker.all_in(out)
        except errors.FetchError as error:
            refused = error.code
        assert refused in ("", "url.not_an_archive", "url.bad_archive", "url.too_large")
        if not refused:
            check(out, room, unpacker, given_members)
        assert (top / "secret").read_text() == "s"
        assert sorted(each.name for each in top.iterdir()) == ["secret", "work"], "nothing lies outside"


def check(out: Path, room: Any, unpacker: Any, given_members: Members) -> None:
    contents = {content for _, kind, content, _ in given_members if kind == tarfile.REGTYPE or kind}
    size = count = 0
    for folder, folders, names in os.walk(out):
        assert not any(Path(folder, each).is_symlink() for each in folders)
        for each in names:
            path = Path(folder, each)
            assert stat.S_ISREG(path.lstat().st_mode)
            assert path.read_bytes() in contents | {b""}
            size += path.stat().st_size
            count += 1
    assert size <= ROOM
    assert count <= FILES
    assert room.left >= 0
    assert unpacker.left_out <= sum(kind not in (tarfile.REGTYPE, tarfile.DIRTYPE) for _, kind, _, _ in given_members)
