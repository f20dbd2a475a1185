"""Covers: pictures as real programs write them keep every pixel and lose what does not draw; hostile ones are refused."""

import struct
import subprocess
from pathlib import Path

import pytest
from profiling import make, python

from factories.pictures import picture_png, png_part
from studium.datasets.covers import MOST_BYTES, cover_of
from studium.errors import BadInput

pytestmark = pytest.mark.no_database
# A photograph that ships with scikit-learn, saved in many ways with the place where it was taken.
WRITE = """
from pathlib import Path
import sklearn.datasets
from PIL import Image, PngImagePlugin
from PIL.ExifTags import IFD
photo = Image.open(Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg").convert("RGB").resize((320, 213))
def exif(turn):
    said = Image.Exif()
    said[0x0112], said[0x010F] = turn, "SECRET camera"
    said.get_ifd(IFD.GPSInfo)[29] = "SECRET place"
    return said
note = PngImagePlugin.PngInfo()
note.add_text("Comment", "SECRET words")
photo.save("plain.jpg")
photo.save("told.jpg", exif=exif(1), comment=b"SECRET comment", quality=60)
photo.save("turned.jpg", exif=exif(6))
photo.save("progressive.jpg", progressive=True, exif=exif(8), restart_marker_blocks=7)
photo.convert("L").save("grey.jpg", exif=exif(3))
photo.convert("CMYK").save("four.jpg", exif=exif(3))
photo.save("told.png", pnginfo=note, exif=exif(1), dpi=(300, 300))
photo.quantize(16).save("palette.png", transparency=3, pnginfo=note)
photo.save("lossy.webp", exif=exif(1), xmp=b"SECRET xmp")
photo.save("lossless.webp", lossless=True)
photo.convert("RGBA").rotate(20).save("clear.webp", exif=exif(1))
photo.convert("1").save("two.png")
"""
SAME = """
import sys
from pathlib import Path
from PIL import Image, ImageOps
for before in sorted(Path("before").iterdir()):
    one, two = Image.open(before), Image.open(Path("after") / before.name)
    assert one.format == two.format and one.size == two.size, before
    assert one.info.get("transparency") == two.info.get("transparency"), before
    assert ImageOps.exif_transpose(one).size == ImageOps.exif_transpose(two).size, before
    assert ImageOps.exif_transpose(one).convert("RGBA").tobytes() == ImageOps.exif_transpose(two).convert("RGBA").tobytes(), before
    assert one.getexif().get(0x112, 1) == two.getexif().get(0x112, 1), before
    print(before.name)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("covers")
    (folder / "before").mkdir()
    make(folder / "before", WRITE)
    return folder


def test_every_pixel_stays_and_nothing_else(written: Path) -> None:
    (written / "after").mkdir()
    for path in (written / "before").iterdir():
        found = cover_of(path.read_bytes())
        assert found.kind == {"jpg": "jpeg"}.get(path.suffix[1:], path.suffix[1:])
        assert (found.width, found.height) == (320, 213)
        assert b"SECRET" not in found.content
        (written / "after" / path.name).write_bytes(found.content)
    told = ("told.jpg", "turned.jpg", "told.png", "palette.png", "lossy.webp", "clear.webp")
    assert all(b"SECRET" in (written / "before" / name).read_bytes() for name in told)
    done = subprocess.run([python(), "-c", SAME], cwd=written, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 12


def test_what_stands_behind_the_end_is_left_out(written: Path) -> None:
    for name in ("plain.jpg", "told.png", "lossless.webp"):
        whole = (written / "before" / name).read_bytes()
        assert cover_of(whole + b"<script>alert(1)</script>").content == cover_of(whole).content


def test_what_breaks_off_is_refused_wherever_that_is(written: Path) -> None:
    for name in ("turned.jpg", "progressive.jpg", "told.png", "clear.webp", "lossless.webp"):
        whole = (written / "before" / name).read_bytes()
        for end in (0, 1, 2, 3, 8, 11, 12, 20, 30, 60, len(whole) // 3, len(whole) // 2, len(whole) - 5):
            with pytest.raises(BadInput, match="no still picture"):
                cover_of(whole[:end])


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(100),
        b"BM" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0\0\0" + bytes(100),
        b"\xff\xd8" + b"\xff\xe0\0\x04ab" * 50,
        b"\xff\xd8\xff\xd9",
        b"RIFF\xff\xff\xff\xffWEBP" + bytes(100),
        b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
        picture_png()[:8] + png_part(b"IDAT", b"x") + picture_png()[8:],
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput, match="no still picture"):
        cover_of(content)


def test_too_large_ones_are_refused() -> None:
    with pytest.raises(BadInput, match="at most 4 MiB"):
        cover_of(bytes(MOST_BYTES + 1))
    bomb = picture_png()
    for width, height in ((50_000, 10), (30_000, 30_000), (8_000, 8_000)):
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        with pytest.raises(BadInput, match="too many for a cover"):
            cover_of(bomb[:8] + png_part(b"IHDR", head) + bomb[33:])
