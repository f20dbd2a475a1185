"""How a dataset is put in words and pictures: rows of listings, folders, files."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from studium.accounts.models import User
from studium.community.queries import favour
from studium.datasets import queries
from studium.datasets.finding import downloads
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.subjects import KIND
from studium.errors import Broken
from studium.lib.units import MIB
from studium.notebooks.versions import previewing
from studium.storage import manifests
from studium.storage.manifests import Entry

ROWS_A_PAGE, TILES_A_PAGE = 200, 60
# What the pictures of one page have together, as they are: they are made small by the browser. Larger ones are tiles with a name.
_TILES_BYTES = 32 * MIB
HEAD_BYTES, HEAD_LINES = 128 * 1024, 400
# What a browser shows in a page without being able to run anything. SVG is shown as the text that it is.
PICTURES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "bmp": "image/bmp",
}  # fmt: skip
FRAMED = ("sound", "film", "pdf", "notebook", "markdown")
# How the bytes of what is shown as it is begin, and where; a file that begins otherwise is no such thing.
_BEGINNINGS: dict[str, tuple[tuple[int, bytes], ...]] = {
    "wav": ((0, b"RIFF"), (0, b"RF64")), "flac": ((0, b"fLaC"), (0, b"ID3")), "ogg": ((0, b"OggS"),), "oga": ((0, b"OggS"),),
    "ogv": ((0, b"OggS"),), "mp3": ((0, b"ID3"), (0, b"\xff")),
    "m4a": ((4, b"ftyp"),), "mp4": ((4, b"ftyp"),), "m4v": ((4, b"ftyp"),), "webm": ((0, b"\x1aE\xdf\xa3"),),
}  # fmt: skip
_LARGEST_PICTURE = 32 * MIB
_LARGEST_IN_GRID = 8 * MIB


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """One line of a listing; `shared_as` is the reader's role where it is shared with them."""

    dataset: Dataset
    tags: list[str]
    shared_as: str
    votes: int
    comments: int
    downloads: int


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A part of what is right inside a folder: `folders` as name, files and bytes below, then `files`, in one order.

    `before` and `after` are where the parts beside it begin, None where there is none. `total` counts all of the folder. With
    `grid` its pictures are `tiles`, which are drawn or not, and not among `files`; `able` says whether there are any pictures.
    """

    path: str
    crumbs: list[tuple[str, str]]
    folders: list[tuple[str, int, int]]
    files: list[Entry]
    tiles: list[tuple[Entry, bool]]
    grid: bool
    able: bool
    total: int
    before: int | None
    after: int | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a file is shown: as a `picture`, in a frame of its own host (`sound`, `film`, `pdf`, `notebook`, `markdown`), by the
    `text` at its beginning (`whole` if that is all of it); `empty`, `too_large`, `false` where it is not what its name says, or
    `none`.
    """

    kind: str
    text: str = ""
    whole: bool = True


def rows_of(user: User, datasets: list[Dataset]) -> list[DatasetRow]:
    """The lines of a listing as the user may see them, in the order given; five queries however long it is."""
    if not datasets:
        return []
    ids = [each.pk for each in datasets]
    roles = dict(user.dataset_collaborations.filter(dataset__in=ids).values_list("dataset_id", "role"))
    tags, liked, taken = queries.tags_of(datasets), favour(KIND, ids), downloads(datasets)
    return [
        DatasetRow(
            dataset=each,
            tags=tags.get(each.pk, []),
            shared_as=roles.get(each.pk, ""),
            votes=liked[each.pk][0],
            comments=liked[each.pk][1],
            downloads=taken.get(each.pk, 0),
        )
        for each in datasets
    ]


class _Remembered:
    """Lists of files that were read of late, so many entries at most, of some 400 bytes each. Pages of pictures ask often."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, list[Entry]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, manifest: str) -> list[Entry]:
        with self._lock:
            if manifest in self._known:
                self._known.move_to_end(manifest)
                return self._known[manifest]
        found = manifests.read(manifest)
        with self._lock:
            self._known[manifest] = found
            while len(self._known) > 1 and sum(map(len, self._known.values())) > self._most:
                self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        with self._lock:
            self._known.clear()


remembered = _Remembered(250_000)


def entries_of(version: DatasetVersion) -> list[Entry]:
    """The files of a version, not to be changed. Raises Broken where the store lost them."""
    try:
        return remembered(version.manifest)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise Broken(
            "dataset.files_lost",
            "The list of this version's files cannot be read from the store.",
            "Tell an administrator the address of this page.",
        ) from error


def folder_of(entries: list[Entry], path: str, start: int = 0, view: str = "") -> Folder:
    """A part of a folder from the row `start` on. Of one that is not there, nothing.

    `view` is `list` or `pictures`; without it pictures are shown as such where they are most of the files.
    """
    path = path.strip("/")
    folders, files = queries.folder(entries, path)
    total = len(folders) + len(files)
    pictures = sum(is_picture(each) for each in files)
    grid = bool(pictures) and (view == "pictures" or (view != "list" and 2 * pictures > len(files)))
    rows = TILES_A_PAGE if grid else ROWS_A_PAGE
    start = min(start, max(0, total - 1)) // rows * rows
    end = start + rows
    shown = files[max(0, start - len(folders)) : max(0, end - len(folders))]
    return Folder(
        path=path,
        crumbs=crumbs_of(path),
        folders=sorted(folders)[start:end],
        files=[each for each in shown if not (grid and is_picture(each))],
        tiles=_tiles(shown) if grid else [],
        grid=grid,
        able=bool(pictures),
        total=total,
        before=max(0, start - rows) if start else None,
        after=end if end < total else None,
    )


def crumbs_of(path: str) -> list[tuple[str, str]]:
    """The folders on the way to a path, each by its name and its own path."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: at + 1])) for at, part in enumerate(parts)]


def neighbours(entries: list[Entry], entry: Entry) -> tuple[Entry | None, Entry | None]:
    """The files before and after one in its folder."""
    _, files = queries.folder(entries, entry.path.rpartition("/")[0])
    at = next(number for number, each in enumerate(files) if each.path == entry.path)
    return files[at - 1] if at else None, files[at + 1] if at + 1 < len(files) else None


def _tiles(files: list[Entry]) -> list[tuple[Entry, bool]]:
    """The pictures among these, and whether each is drawn."""
    tiles, size = [], 0
    for each in filter(is_picture, files):
        drawn = each.size <= _LARGEST_IN_GRID and size + each.size <= _TILES_BYTES
        size += each.size if drawn else 0
        tiles.append((each, drawn))
    return tiles


def is_picture(entry: Entry, most: int = _LARGEST_PICTURE) -> bool:
    """Whether a browser is asked to show it as a picture, by the end of its name and its size."""
    return ending(entry.path) in PICTURES and 0 < entry.size <= most


def ending(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def shown_file(entry: Entry) -> Shown:
    """How a file is shown. Reads its beginning where it is no picture. Raises FileNotFoundError."""
    if not entry.size:
        return Shown(kind="empty")
    if is_picture(entry):
        return Shown(kind="picture")
    if framed(entry):
        found = previewing.seen(entry).kind
        if found in (*FRAMED, "too_large"):
            return Shown(kind=found if found == "too_large" or _begins_so(entry, found) else "false")
    head = b"".join(entry.pieces(0, min(HEAD_BYTES, entry.size)))
    text = _text(head)
    if text is None:
        return Shown(kind="none")
    lines = text.splitlines(keepends=True)
    whole = len(head) == entry.size and len(lines) <= HEAD_LINES
    if not whole and len(lines) > 1 and len(lines) <= HEAD_LINES:
        lines.pop()  # which is cut somewhere
    return Shown(kind="text", text="".join(lines[:HEAD_LINES]), whole=whole)


def framed(entry: Entry) -> bool:
    """Whether it is shown in a frame of its dataset's host, by its name."""
    return previewing.kind_by_name(entry) in FRAMED


def _begins_so(entry: Entry, kind: str) -> bool:
    if kind == "pdf":  # other bytes may come before it
        return b"%PDF-" in b"".join(entry.pieces(0, min(1024, entry.size)))
    wanted = _BEGINNINGS.get(ending(entry.path))
    head = b"".join(entry.pieces(0, min(16, entry.size))) if wanted else b""
    return wanted is None or any(head[at : at + len(mark)] == mark for at, mark in wanted)


def _text(head: bytes) -> str | None:
    if b"\0" in head:
        return None
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        # A character cut in two at the end is none of the text's fault.
        return head[: error.start].decode() if error.start >= len(head) - 3 else None
