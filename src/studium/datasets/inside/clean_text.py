"""Text of any encoding, and a copy of it in UTF-8 without NULs and without lines that have no end."""

import codecs
import os
from dataclasses import dataclass
from typing import BinaryIO, cast

from file_kinds import packing
from json_values import Trouble
from looking import File

# What is looked at to guess the encoding.
HEAD = 256 * 1024
_PIECE = 1 << 20
# Characters, so that DuckDB takes the line whatever they are; the rest of a longer one is left out.
LINE = 480_000
# Of what is free in the workspace, how much a copy may take.
_ROOM = 0.5
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass
class Copied:
    path: str
    exact: bool
    trouble: str


def opened(file: File) -> BinaryIO:
    """Its bytes, unpacked. They come as they are read, however many they would be. Raises Trouble."""
    packed = packing(file.name)
    if not packed:
        return open(file.path, "rb")
    if packed == "zst":
        import pyarrow

        return cast(BinaryIO, pyarrow.input_stream(file.path, compression="zstd"))
    if packed == "gz":
        import gzip

        return cast(BinaryIO, gzip.open(file.path))
    if packed == "bz2":
        import bz2

        return cast(BinaryIO, bz2.open(file.path))
    import lzma

    return cast(BinaryIO, lzma.open(file.path))


def first_bytes(file: File) -> bytes:
    """Raises Trouble if it is not packed as its name says."""
    try:
        with opened(file) as source:
            return source.read(HEAD)
    except (OSError, EOFError, ValueError) as error:
        raise Trouble(f"It cannot be unpacked: {str(error)[:100]}.") from None
    except Exception as error:  # lzma and zlib have errors of their own
        if type(error).__module__ in ("_lzma", "lzma", "zlib"):
            raise Trouble("It cannot be unpacked.") from None
        raise


def guess(start: bytes) -> str:
    """Python's name of the encoding, from the first bytes."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return "utf-8" if encoding == "utf-8-sig" else encoding
    nulls = start[:4096].count(0)
    if len(start[:4096]) * 0.3 < nulls < len(start[:4096]) * 0.7:
        return "utf-16-be" if start[:1] == b"\0" else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
        return "utf-8"
    except UnicodeDecodeError:
        seen = start.decode("utf-8", "replace")
    wrong = seen.count("\ufffd")
    right = sum(not each.isascii() for each in seen) - wrong
    return "utf-8" if right > wrong else "cp1252"


def clean_copy(file: File, encoding: str) -> Copied:
    """Made in the scratch folder, as much of it as there is room for. Raises Trouble."""
    path = os.path.join(file.scratch, "clean")
    facts = os.statvfs(file.scratch)
    room = int(facts.f_bavail * facts.f_frsize * _ROOM)
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("replace")
    cutter = _Cutter()
    written, broken = 0, False
    with opened(file) as source, open(path, "wb") as target:
        while written < room:
            try:
                piece = source.read(_PIECE)
            except (OSError, EOFError):
                piece, broken = b"", True
            text = decoder.decode(piece, final=not piece)
            written += target.write(cutter.cut(text.replace("\0", "")).encode("utf-8", "replace"))
            if not piece:
                break
    troubles = [
        (broken, "The packed file breaks off."),
        (written >= room, "There was not enough room for all of it."),
        (cutter.did, "Lines of more than 480,000 characters were cut."),
    ]
    said = " ".join(words for is_so, words in troubles if is_so)
    return Copied(path, not (broken or written >= room), said)


def narrow_copy(copied: Copied, delimiter: str | None, most: int) -> int:
    """Leave the first `most` columns of a clean copy; how many its first row has. Raises Trouble."""
    import csv

    csv.field_size_limit(2 * LINE)
    narrow = copied.path + "-narrow"
    columns = 0
    try:
        with (
            open(copied.path, encoding="utf-8", newline="") as source,
            open(narrow, "w", encoding="utf-8", newline="") as target,
        ):
            if delimiter is None:
                start = source.read(LINE).split("\n", 1)[0]
                delimiter = max(",;\t", key=start.count)
                source.seek(0)
            writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
            for row in csv.reader(source, delimiter=delimiter):
                columns = columns or len(row)
                writer.writerow(row[:most])
    except csv.Error as error:
        raise Trouble(f"It cannot be read as a table: {error}.") from None
    os.replace(narrow, copied.path)
    return columns


class _Cutter:
    """Takes text in pieces and leaves out what is beyond `LINE` characters in a line."""

    def __init__(self) -> None:
        self._length = 0
        self.did = False

    def cut(self, text: str) -> str:
        if self._length + len(text) <= LINE and "\n" not in text:
            self._length += len(text)
            return text
        out = []
        for number, line in enumerate(text.split("\n")):
            if number:
                self._length = 0
                out.append("\n")
            room = LINE - self._length
            kept = line[: max(0, room)]
            self.did = self.did or len(kept) < len(line)
            self._length += len(kept)
            out.append(kept)
        return "".join(out)
