"""Archives, pictures, texts, notebooks: what is told of them, and what is not done to find it out."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from profiling import environment, make, profile

pytestmark = pytest.mark.no_database


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def tarred(*members: tuple[str, bytes]) -> bytes:
    """A tar whose members may be called anything."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_members_of_tar(root: Path, ending: str, pack: Any) -> None:
    (root / f"a.tar{ending}").write_bytes(pack(tarred(("one.txt", b"12345"), ("in/two.tar", b"x" * 70_000))))
    found = profile(root)[f"a.tar{ending}"]
    assert (found["kind"], found["format"]) == ("archive", f"tar{ending}")
    assert found["trouble"] == "1 archive in it was not looked into: broken, locked, too large or too many."
    assert found["members"] == [{"path": "one.txt", "size": 5}, {"path": "in/two.tar", "size": 70_000}]
    assert (found["members_count"], found["members_bytes"]) == (2, 70_005)


def test_tar_of_what_nobody_wants_to_unpack(root: Path) -> None:
    with tarfile.open(root / "a.tar", "w") as archive:
        for name, kind in [
            ("../../etc/passwd", tarfile.REGTYPE),
            ("/absolute", tarfile.REGTYPE),
            ("twice", tarfile.REGTYPE),
            ("twice", tarfile.REGTYPE),
            ("device", tarfile.CHRTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("a\nb\u202ec\U0001f600", tarfile.REGTYPE),
            ("folder", tarfile.DIRTYPE),
        ]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/shadow"
            archive.addfile(member)
    raw = bytearray(tarred(("odd-XX", b"")))
    raw[4:6] = b"\xff\xfe"  # no text; its checksum is made right
    raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + 8 * 32 + sum(raw[156:512]))
    (root / "odd.tar").write_bytes(raw)
    found = profile(root)
    paths = [each["path"] for each in found["a.tar"]["members"]]
    assert paths == "../../etc/passwd|/absolute|twice|twice|device|pipe|link|hard|a\nb\u202ec\U0001f600".split("|")
    assert found["odd.tar"]["members"][0]["path"].startswith("odd-\ufffd")


def test_archives_that_break_off(root: Path) -> None:
    whole = tarred(*[(f"{n}.txt", b"x" * 600) for n in range(50)])
    (root / "a.tar").write_bytes(whole[:20_000])
    (root / "b.tar.gz").write_bytes(gzip.compress(whole)[:-200])
    (root / "c.zip").write_bytes(b"PK\x03\x04" + b"\0" * 500)
    (root / "d.tgz").write_bytes(b"not packed")
    (root / "e.gz").write_bytes(gzip.compress(b"x" * 5000)[:-4])
    found = profile(root)
    assert all(each["trouble"] for each in found.values())
    assert 0 < found["a.tar"]["members_count"] < 50
    assert found["a.tar"]["members"][0] == {"path": "0.txt", "size": 600}
    assert found["c.zip"]["members_count"] == 0


def test_members_of_zip(root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(1500):
            archive.writestr(f"in/{n}.txt", "x" * 10)
        archive.writestr("../up", "y")
    with zipfile.ZipFile(root / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 1_000_000)
        archive.infolist()[0].file_size = 1 << 50
    found = profile(root)
    assert (found["a.zip"]["members_count"], found["a.zip"]["members_bytes"]) == (1501, 15_001)
    assert len(found["a.zip"]["members"]) == 1000
    assert found["bomb.zip"]["members"] == [{"path": "zeros", "size": 1 << 50}]


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def test_members_of_archives_in_archives(root: Path) -> None:
    deepest = zipped(("leaf.txt", b"leaf"))
    packed = gzip.compress(tarred(("b.csv", b"1\n"), ("deep/c.zip", deepest)))
    (root / "a.zip").write_bytes(zipped(("first.txt", b"1"), ("in/b.tar.gz", packed), ("last.txt", b"22")))
    (root / "a.tar").write_bytes(tarred(("in/z.zip", zipped(("one", b"x" * 3000))), ("last.txt", b"22")))
    found = profile(root)
    assert [each["path"] for each in found["a.zip"]["members"]] == [
        "first.txt", "in/b.tar.gz", "in/b.tar.gz/b.csv", "in/b.tar.gz/deep/c.zip", "in/b.tar.gz/deep/c.zip/leaf.txt", "last.txt",
    ]  # fmt: skip
    assert (found["a.zip"]["members_count"], found["a.zip"]["members_bytes"]) == (6, 3 + len(packed))
    assert [each["path"] for each in found["a.tar"]["members"]] == ["in/z.zip", "in/z.zip/one", "last.txt"]
    assert not any(each["trouble"] for each in found.values())


def test_an_archive_of_archives_ends(root: Path) -> None:
    layer = zipped(("zeros", b"\0" * 1000))
    for _ in range(6):
        layer = zipped(*((f"{n}.zip", layer) for n in range(10)))
    (root / "more.zip").write_bytes(layer)
    (root / "large.zip").write_bytes(zipped(("a.txt", b"x"), ("zeros.tar", b"\0" * (257 << 20)), ("z.txt", b"x")))
    found = profile(root)
    assert found["more.zip"]["members_count"] < 2000
    assert "archives in it were not looked into" in found["more.zip"]["trouble"]
    assert [each["path"] for each in found["large.zip"]["members"]] == ["a.txt", "zeros.tar", "z.txt"]
    assert "1 archive in it was not" in found["large.zip"]["trouble"]


def test_what_breaks_off_inside_is_not_listed_in_part(root: Path) -> None:
    inner = tarred(*((f"{n}.txt", b"x" * 2000) for n in range(20)))
    locked = bytearray(zipped(("s.zip", zipped(("x", b"x")))))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # both say that it is encrypted
        locked[locked.index(mark) + at] |= 1
    (root / "a.zip").write_bytes(zipped(("half.tar", inner[:15_000]), ("no.zip", b"nothing"), ("z.txt", b"z")))
    (root / "locked.zip").write_bytes(bytes(locked))
    found = profile(root)
    assert [each["path"] for each in found["a.zip"]["members"]] == ["half.tar", "no.zip", "z.txt"]
    assert "2 archives in it were" in found["a.zip"]["trouble"]
    assert [each["path"] for each in found["locked.zip"]["members"]] == ["s.zip"]
    assert "1 archive in it was" in found["locked.zip"]["trouble"]


def test_zip_whose_list_is_too_long(root: Path) -> None:
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, 200_000_000, 0, 0)
    with open(root / "a.zip", "wb") as handle:
        handle.truncate(200_000_000)
        handle.seek(0, io.SEEK_END)
        handle.write(end)
    assert "too long" in profile(root)["a.zip"]["trouble"]


def test_one_packed_file_is_told_with_its_size(root: Path) -> None:
    (root / "notes.txt.gz").write_bytes(gzip.compress(b"x" * 5000))
    found = profile(root)["notes.txt.gz"]
    assert (found["kind"], found["members"]) == ("archive", [{"path": "notes.txt", "size": 5000}])


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_pictures_have_the_size_they_claim(root: Path) -> None:
    make(
        root,
        "from PIL import Image\nfor f in 'png jpeg gif bmp webp tiff'.split(): Image.new('RGB', (123, 45)).save('a.' + f)",
    )
    header = struct.pack(">IIBBBBB", 2_000_000_000, 1_900_000_000, 8, 6, 0, 0, 0)
    (root / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x"))
    (root / "b.svg").write_text(
        "<?xml version='1.0'?>\n<svg viewBox='0 0 64 32' xmlns='http://www.w3.org/2000/svg'><x/></svg>"
    )
    (root / "c.svg").write_text('<svg width="300px" height="150.4" onload="alert(1)"></svg>')
    (root / "called.png").write_bytes((root / "a.jpeg").read_bytes())
    found = profile(root)
    for form in ("png", "jpeg", "gif", "bmp", "webp", "tiff"):
        told = found[f"a.{form}"]
        assert (told["kind"], told["format"], told["width"], told["height"]) == ("picture", form, 123, 45)
    assert (found["huge.png"]["width"], found["huge.png"]["height"]) == (2_000_000_000, 1_900_000_000)
    assert (found["b.svg"]["width"], found["b.svg"]["height"]) == (64, 32)
    assert (found["c.svg"]["width"], found["c.svg"]["height"]) == (300, 150)
    assert found["called.png"]["format"] == "jpeg"


def test_pictures_that_are_none(root: Path) -> None:
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 2, 256, 4, 1, 7)  # breaks off in its second entry
    cases = {
        "a.png": b"\x89PNG\r\n\x1a\n",
        "b.jpg": b"\xff\xd8" + b"\xff" * 100_000,
        "c.jpg": b"\xff\xd8\xff\xe0\0\0" * 5000,
        "d.tiff": tiff,
        "e.svg": b"<svg" + b" a" * 60_000,
        "f.webp": b"RIFF\0\0\0\0WEBPVP8Q",
        "g.gif": b"",
    }
    for name, content in cases.items():
        (root / name).write_bytes(content)
    found = profile(root)
    assert all(each["trouble"] and "width" not in each for each in found.values())


def test_texts(root: Path) -> None:
    (root / "a.txt").write_text("\n".join(f"line {n}" for n in range(250)))
    (root / "b.md").write_bytes("M\xfcller\r\n".encode("utf-16"))
    (root / "c.log").write_bytes("na\xefve\n".encode("latin-1") + b"x" * 3_000_000)
    (root / "README").write_text("no ending\n")
    (root / "d.txt").write_bytes(bytes(range(256)) * 100)
    (root / "e.txt").write_bytes(b"")
    found = profile(root)
    assert (found["a.txt"]["lines"], found["a.txt"]["encoding"], len(found["a.txt"]["head"])) == (250, "utf-8", 100)
    assert found["a.txt"]["head"][:2] == ["line 0", "line 1"]
    assert (found["b.md"]["lines"], found["b.md"]["encoding"], found["b.md"]["head"][0]) == (1, "utf-16", "M\xfcller")
    assert (found["c.log"]["lines"], found["c.log"]["encoding"]) == (2, "windows-1252")
    assert [len(line) for line in found["c.log"]["head"]] == [5, 500]
    assert (found["README"]["kind"], found["README"]["head"]) == ("text", ["no ending"])
    assert (found["d.txt"]["kind"], "head" in found["d.txt"]) == ("other", False)
    assert (found["e.txt"]["kind"], found["e.txt"]["lines"]) == ("text", 0)


def test_notebooks(root: Path) -> None:
    cell = {"cell_type": "code", "source": "1", "outputs": [], "metadata": {}, "execution_count": None}
    kernel = {"kernelspec": {"name": "ir", "language": "R"}}
    (root / "a.ipynb").write_text(json.dumps({"nbformat": 4, "metadata": kernel, "cells": [cell] * 7}))
    (root / "old.ipynb").write_text(json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [cell] * 2}]}))
    (root / "deep.ipynb").write_text("[" * 100_000)
    (root / "none.ipynb").write_text('{"cells": 3}')
    found = profile(root)
    assert (found["a.ipynb"]["kind"], found["a.ipynb"]["cells"], found["a.ipynb"]["language"]) == ("notebook", 7, "R")
    assert found["old.ipynb"]["cells"] == 2
    assert found["deep.ipynb"]["trouble"]
    assert found["none.ipynb"]["trouble"]


def test_what_it_is_by_its_bytes(root: Path) -> None:
    [picture] = environment().glob("lib/python3*/site-packages/sklearn/datasets/images/china.jpg")
    (root / "picture").write_bytes(picture.read_bytes())
    (root / "paper.pdf").write_bytes(b"%PDF-1.7\n")
    (root / "sound.bin").write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    (root / "model.pt").write_bytes(b"\x80\x02}q\0")
    (root / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    found = profile(root)
    assert (found["picture"]["kind"], found["picture"]["width"], found["picture"]["height"]) == ("picture", 640, 427)
    assert {name: each["kind"] for name, each in found.items()} == {
        "picture": "picture",
        "paper.pdf": "pdf",
        "sound.bin": "audio",
        "model.pt": "other",
        "film.mp4": "video",
    }


def test_what_is_no_file_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.csv")
    (root / "folder.csv").mkdir()
    found = profile(root, "pipe.csv", "folder.csv")
    assert all("not a regular file" in each["trouble"] for each in found.values())


def test_sound_film_and_pdf_that_are_something_else(root: Path) -> None:
    (root / "fake.mp3").write_bytes(b"nothing to hear")
    (root / "fake.mp4").write_bytes(b"nothing to see here")
    (root / "fake.pdf").write_bytes(b"nothing to read")
    (root / "true.mp3").write_bytes(b"ID3" + bytes(100))
    (root / "true.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    (root / "late.pdf").write_bytes(b"\n" * 500 + b"%PDF-1.4")
    (root / "other.aiff").write_bytes(b"who knows")
    (root / "not-a-zip.zip").write_bytes(b"no archive")
    found = profile(root)
    fakes = {path for path, each in found.items() if each["trouble"] == "It is not what its name says."}
    assert fakes == {"fake.mp3", "fake.mp4", "fake.pdf"}
    assert {path for path, each in found.items() if each["trouble"]} == {*fakes, "not-a-zip.zip"}
