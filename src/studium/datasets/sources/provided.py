"""Keeps the files of a team's storage provider, in steps that are bounded in bytes and time: first a list of what is there,
then their bytes, which go from the provider's server into the store and lie nowhere between.

What steps did are lines beside each other, as in `keeping`. A file is known by its size and its etag, or its date without one:
what the newest version has as it is there now, or came in a try before, does not come again. What the server says is untrusted.
"""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from studium.accounts.models import Team, User
from studium.datasets.actions import owner_of
from studium.datasets.files import MOST_FILES, Brought
from studium.datasets.models import Dataset
from studium.datasets.queries import files_of
from studium.datasets.sources import arriving, keeping
from studium.datasets.sources.actions import brought_before
from studium.datasets.sources.arriving import Seen, Todo, changed, said, seen
from studium.datasets.sources.keeping import Line, Step
from studium.datasets.sources.models import Import
from studium.errors import BadInput, Refused
from studium.plans import checks
from studium.plans import queries as plans
from studium.storage import actions as storage
from studium.storage.chunks import actions as chunks
from studium.storage.chunks import queries as kept
from studium.storage.providers.access import provider_again, provider_for
from studium.storage.providers.opening import opened
from studium.storage.providers.paths import folder_path
from studium.storage.providers.remote import Remote

# A step ends with the pack in which it came to one of these.
STEP_BYTES, STEP_SECONDS, STEP_LISTED = 256 * 1024**2, 20.0, 20_000
_SLASH = re.compile("/")
_NONE = (0, list[str]())
Alive = Callable[[], None]
Used = Callable[[Team], int]


def wanted(user: User, dataset: Dataset, name: str, folder: str) -> dict[str, Any]:
    """What `Import.asked` says of a provider, `name` or `team/name`, and a folder or file of it. Raises NotFound, BadInput."""
    team, _, bare = name.strip().rpartition("/")
    provider = provider_for(user, team or dataset.team.slug, bare)
    return {
        "provider": provider.pk,
        "name": f"{provider.team.slug}/{provider.name}",
        "folder": folder_path(folder.strip().strip("/")),
    }


class _Whole(NamedTuple):
    """A file all of which is kept."""

    size: int
    digest: str
    chunks: list[str]


@dataclass
class _State:
    """What the steps until now did. `parts` are chunks of files with the bytes they make."""

    seen: list[Seen] = field(default_factory=list)
    listed: bool = False
    alone: bool = False
    whole: dict[str, _Whole] = field(default_factory=dict)
    parts: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def files(self) -> list[Seen]:
        """What was listed but for the empty files that some programs put where a folder is."""
        folders = {each.path[: at.end() - 1] for each in self.seen for at in _SLASH.finditer(each.path)}
        return [each for each in self.seen if each.size or each.path not in folders]


def _state(lines: Iterable[Line]) -> _State:
    found = _State()
    for line in lines:
        if "listed" in line:
            found.seen.append(Seen(line["listed"], line["of"], line["mark"]))
        elif "chunk" in line:
            done, digests = found.parts.setdefault(line["path"], (0, []))
            if line["at"] != done:  # of a step that two did at once
                raise changed(line["path"])
            digests.append(line["chunk"])
            found.parts[line["path"]] = done + line["size"], digests
        elif "ends" in line:
            size, digests = found.parts.pop(line["ends"], (0, []))
            found.whole[line["ends"]] = _Whole(size, line["digest"], digests)
        elif "had" in line:
            found.whole[line["had"]] = _Whole(line["size"], line["digest"], line["chunks"])
        else:
            found.listed, found.alone = True, line["alone"]
    return found


def step(row: Import, *, now: datetime, alive: Alive, used: Used) -> Step:
    """Do the next so much. `alive` is called now and then, `used` says what a team stores. Not in a transaction.

    Raises Refused with what the provider says, where its server fails too: who tries again goes on.
    """
    if row.steps == 0:
        _remember(row)
    state = _state(keeping.kept_lines(row))
    with said():
        remote = opened(provider_again(row.created_by, row.asked["provider"]))
    if not state.listed:
        return _list(row, remote, state, now, used)
    lines, whole = _fetch(row, remote, state, now, alive, used)
    return keeping.written(row, lines, whole=whole)


def _list(row: Import, remote: Remote, state: _State, now: datetime, used: Used) -> Step:
    """List on from where the steps before stopped, and then say what there is to come."""
    below = f"{row.asked['folder']}/" if row.asked["folder"] else ""
    after, until = (below + state.seen[-1].path if state.seen else ""), time.monotonic() + STEP_SECONDS
    found, ended = list[Seen](), True
    with said():
        for entry in remote.files(row.asked["folder"], after):
            found.append(seen(entry, entry.path.removeprefix(below)))
            if len(found) >= STEP_LISTED or time.monotonic() > until:
                ended = False
                break
    if len(state.seen) + len(found) > MOST_FILES:
        raise BadInput(
            "dataset.too_many_files",
            f"A version has at most {MOST_FILES:,} files, and there are more.",
            "Name a folder with fewer.",
        )
    if ended and not state.seen and not found:
        found, state.alone = [_one(row, remote)], True
    lines: list[Line] = [{"listed": each.path, "of": each.size, "mark": each.mark, "size": 0} for each in found]
    if not ended:
        return keeping.written(row, lines, whole=False)
    state.seen += found
    files = state.files()
    had = _had(row, files, now)
    lines.append({"alone": state.alone, "size": 0})
    lines += [{"had": path, **each._asdict()} for path, each in had.items()]
    coming = sum(max(0, each.size) for each in files if each.path not in had)
    team = row.dataset.team
    checks.check_team_storage(plans.standing(team, now=now).plan, used(team), coming)
    total = coming + sum(each.size for each in had.values())
    return keeping.written(row, lines, whole=False, counted=(len(files), total))


def _one(row: Import, remote: Remote) -> Seen:
    """What was named is no folder: the file of that name."""
    if row.asked["folder"]:
        with said():
            return seen(remote.stat(row.asked["folder"]), row.asked["folder"].rpartition("/")[2])
    raise Refused("import.no_files", "There is no file in it.", "")


def _had(row: Import, files: list[Seen], now: datetime) -> dict[str, _Whole]:
    """Files that need not come again, of which everything is still kept."""
    found = dict[str, _Whole]()
    for known, whole in (_of_the_newest(row), _tried(row)):
        same = (each for each in files if each.mark and known.get(each.path) == each)
        found |= {each.path: whole[each.path] for each in same if each.path in whole}
    digests = [digest for each in found.values() for digest in each.chunks]
    lacking = set(chunks.missing(owner_of(row.dataset), digests, now=now))
    return {path: each for path, each in found.items() if not lacking.intersection(each.chunks)}


def _of_the_newest(row: Import) -> tuple[dict[str, Seen], dict[str, _Whole]]:
    """What the newest version was made of, where that was the very same source."""
    one = brought_before(row)
    if one is None or one.version is None or "listing" not in one.facts:
        return {}, {}
    try:
        listed = [Seen(*each) for each in json.loads(storage.get(one.facts["listing"]))]
        entries = files_of(one.version)
    except FileNotFoundError:  # the version is deleted at this moment
        return {}, {}
    whole = {
        each.path: _Whole(each.size, each.digest, list(each.chunks)) for each in entries if each.chunks is not None
    }
    return {each.path: each for each in listed}, whole


def _remember(row: Import) -> None:
    """Put what tries before kept aside, for this one to know. Repeatable."""
    folder = keeping.folder_of(row)
    left = sorted(folder.glob("kept-*.jsonl"), key=lambda path: int(path.stem.partition("-")[2]))
    if not left:
        return
    known, whole = _tried(row)
    with contextlib.suppress(Refused):
        state = _state(line for path in left for line in keeping.read(path))
        known |= {each.path: each for each in state.seen if each.path in state.whole}
        whole |= state.whole
    fresh = folder / "tried.new"
    fresh.write_text(json.dumps([[known[path], whole[path]] for path in whole if path in known]))
    fresh.replace(folder / "tried.json")
    for path in left:
        path.unlink(missing_ok=True)


def _tried(row: Import) -> tuple[dict[str, Seen], dict[str, _Whole]]:
    try:
        found = json.loads((keeping.folder_of(row) / "tried.json").read_text())
    except FileNotFoundError:
        return {}, {}
    return {each[0]: Seen(*each) for each, _ in found}, {each[0]: _Whole(*whole) for each, whole in found}


def _fetch(
    row: Import, remote: Remote, state: _State, now: datetime, alive: Alive, used: Used
) -> tuple[list[Line], bool]:
    """Bytes of the files that are not whole yet, and whether that were all."""
    folder, alone = row.asked["folder"], state.alone
    todo = [
        Todo(each, folder if alone else f"{folder}/{each.path}".lstrip("/"), state.parts.get(each.path, _NONE)[0])
        for each in state.files()
        if each.path not in state.whole
    ]
    until, lines, size = time.monotonic() + STEP_SECONDS, list[Line](), 0
    team = row.dataset.team
    plan, stored = plans.standing(team, now=now).plan, used(team)
    coming = arriving.Coming(remote, todo, until)
    with contextlib.closing(coming.pieces()) as pieces:
        for pack in chunks.packs(pieces):
            more = sum(chunk.size for chunk, _ in pack)
            checks.check_team_storage(plan, stored + size, more)
            chunks.bring_missing(owner_of(row.dataset), pack, now=now)
            lines += coming.take(len(pack))
            size += more
            alive()
            if size >= STEP_BYTES or time.monotonic() > until:
                return lines, False
    lines += coming.take(0)
    if not lines and not coming.ended:
        raise arriving.too_slow()
    return lines, coming.ended


def brought(row: Import, *, now: datetime, alive: Alive) -> list[Brought]:
    """Every file, once the last step is done. Raises Refused where what came is no longer kept."""
    state, found = _state(keeping.kept_lines(row)), list[Brought]()
    wholes = [(each.path, state.whole[each.path]) for each in state.files()]
    if chunks.missing(owner_of(row.dataset), [digest for _, each in wholes for digest in each.chunks], now=now):
        raise Refused("import.gone", "Some of what came was cleaned away meanwhile.", "Try again.")
    for path, each in wholes:
        found.append(Brought(path, each.size, each.digest or _digest(each.chunks, alive), each.chunks))
    return found


def _digest(digests: list[str], alive: Alive) -> str:
    """Of a file that came in several steps."""
    if len(digests) == 1:
        return digests[0]
    whole = hashlib.sha256()
    for number, piece in enumerate(kept.pieces(digests)):
        whole.update(piece)
        if number % 16 == 0:
            alive()
    return whole.hexdigest()


def facts(row: Import, *, now: datetime) -> dict[str, Any]:
    """What is kept of what was there, once the last step is done: `listing` is a blob that its version has to hold."""
    state = _state(keeping.kept_lines(row))
    files = state.files()
    listing = storage.put(json.dumps(files).encode(), now=now)
    return {"listing": listing.digest, "left_out": len(state.seen) - len(files)}
