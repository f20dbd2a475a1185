"""What a file is, by its name; by its first bytes where the name says nothing."""

import os

Kind = tuple[str, str]

# Endings that are called after another format say which.
_ENDINGS = {
    "table": "csv tsv jsonl json parquet arrow xlsx ndjson:jsonl geojson:json pq:parquet tab:tsv feather:arrow ipc:arrow "
    "arrows:arrow xlsm:xlsx",
    "database": "sqlite sqlite3:sqlite db:sqlite db3:sqlite",
    "picture": "png jpeg gif bmp webp tiff svg jpg:jpeg jpe:jpeg tif:tiff",
    "audio": "wav mp3 flac ogg opus m4a aac aiff",
    "video": "mp4 webm avi mkv mov mpeg m4v",
    "pdf": "pdf",
    "notebook": "ipynb",
    "archive": "zip tar gz bz2 xz tgz:tar.gz tbz2:tar.bz2 tbz:tar.bz2 txz:tar.xz npz:zip whl:zip jar:zip",
    "text": "txt md rst log py r sql html xml yaml toml ini yml:yaml htm:html",
}
_BY_ENDING: dict[str, Kind] = {
    ending: (kind, form or ending)
    for kind, words in _ENDINGS.items()
    for ending, _, form in (word.partition(":") for word in words.split())
}
_PACKED = ("gz", "zst", "bz2", "xz")
_SHORT = {"tgz": "gz", "tbz": "bz2", "tbz2": "bz2", "txz": "xz"}
# Of these packed, what is inside is looked at as if it were not.
_READ_PACKED = ("csv", "tsv", "json", "jsonl")

_BY_BYTES: tuple[tuple[bytes, Kind], ...] = (
    (b"PAR1", ("table", "parquet")),
    (b"ARROW1\0\0", ("table", "arrow")),
    (b"SQLite format 3\0", ("database", "sqlite")),
    (b"\x89PNG\r\n\x1a\n", ("picture", "png")),
    (b"\xff\xd8\xff", ("picture", "jpeg")),
    (b"GIF8", ("picture", "gif")),
    (b"%PDF-", ("pdf", "pdf")),
    (b"PK\x03\x04", ("archive", "zip")),
    (b"PK\x05\x06", ("archive", "zip")),
    (b"\x1f\x8b", ("archive", "gz")),
    (b"BZh", ("archive", "bz2")),
    (b"\xfd7zXZ\0", ("archive", "xz")),
    (b"fLaC", ("audio", "flac")),
    (b"OggS", ("audio", "ogg")),
    (b"ID3", ("audio", "mp3")),
    (b"\x1aE\xdf\xa3", ("video", "mkv")),
)
# How players and readers expect these to begin, and where.
_BEGINNINGS: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "wav": (0, (b"RIFF", b"RF64")), "flac": (0, (b"fLaC", b"ID3")), "ogg": (0, (b"OggS",)), "mp3": (0, (b"ID3", b"\xff")),
    "m4a": (4, (b"ftyp",)), "mp4": (4, (b"ftyp",)), "m4v": (4, (b"ftyp",)), "webm": (0, (b"\x1aE\xdf\xa3",)),
}  # fmt: skip
UNKNOWN: Kind = ("other", "")


def endings(path: str) -> list[str]:
    """The endings of a name, last first, in small letters: `gz`, `csv` of `a.csv.gz`."""
    return [each.lower() for each in reversed(os.path.basename(path).split(".")[1:])]


def packing(path: str) -> str:
    """How the bytes of a table or an archive are packed: `gz`, `zst`, `bz2`, `xz` or nothing."""
    last = (endings(path) or [""])[0]
    last = _SHORT.get(last, last)
    return last if last in _PACKED else ""


def kind_of(path: str) -> Kind:
    """By its name alone; `UNKNOWN` where that says nothing."""
    found = endings(path)
    if not found:
        return UNKNOWN
    if found[0] in _PACKED and len(found) > 1:
        inner = found[1]
        if inner == "tar" and found[0] != "zst":
            return "archive", f"tar.{found[0]}"
        if inner in _BY_ENDING and _BY_ENDING[inner][1] in _READ_PACKED:
            return _BY_ENDING[inner]
    return _BY_ENDING.get(found[0], UNKNOWN)


def kind_by_bytes(head: bytes) -> Kind:
    """By the first bytes; text where they are text."""
    for start, kind in _BY_BYTES:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": ("picture", "webp"), b"WAVE": ("audio", "wav"), b"AVI ": ("video", "avi")}.get(
            head[8:12], UNKNOWN
        )
    if head[257:262] == b"ustar":
        return "archive", "tar"
    if head[4:8] == b"ftyp":
        return "video", "mp4"
    return ("text", "txt") if looks_like_text(head) else UNKNOWN


def looks_like_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    odd = sum(byte < 32 and byte not in (7, 8, 9, 10, 12, 13, 27) for byte in head)
    return odd == 0 or (odd < len(head) / 200 and b"\0" not in head)


def is_table(path: str) -> bool:
    return kind_of(path)[0] in ("table", "database")


def begins_as(form: str, head: bytes) -> bool:
    """Whether a file begins as sound, film and PDF of this format do; so does all of which it is not known how."""
    if form == "pdf":
        return b"%PDF-" in head[:1024]
    at, marks = _BEGINNINGS.get(form, (0, (b"",)))
    return head[at:].startswith(marks)
