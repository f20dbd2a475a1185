"""The kinds of sources there are. One more kind is a class here, in `KINDS`, and a form on the surfaces.

What a kind is asked for is plain data, `Import.asked`, which `naming` or whoever makes the import has checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from studium.datasets.sources.naming import hosts_of, shown_url
from studium.datasets.sources.states import SourceKind

Asked = Mapping[str, Any]
# Seconds to wait for a byte, and before another try.
_PATIENCE = {"seconds": 60, "pause": 1.0}
# Where an address leads on to another host, by https: addresses of one's own network stay closed all the same.
_ELSEWHERE = "*:443"


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What the run of an import is told, beside its room; the hosts it reaches; the secret it is given, by name."""

    wanted: dict[str, Any]
    hosts: tuple[str, ...]
    secret: str = ""


class Kind(Protocol):
    """One kind of source. All of it is pure."""

    def fetching(self, asked: Asked, known: Asked) -> Fetching | None:
        """What its run is to do; None where the platform has the files, whose manifest then is `asked["manifest"]`, or gets
        them itself (`provided`).

        `known` is what was found when the same was brought before, empty the first time.
        """

    def facts(self, told: Asked) -> dict[str, Any]:
        """What is kept of what a run told, each of the type and size that a page can show: what it told is untrusted."""

    def words(self, asked: Asked, facts: Asked) -> str:
        """Where the files are from, as everybody may read it."""


class Url:
    """Files at addresses. `asked`: `urls`, `unpack`."""

    def fetching(self, asked: Asked, known: Asked) -> Fetching:
        urls, before = list(asked["urls"]), {each["url"]: each for each in known.get("files", [])}
        same = [before[url] for url in urls if url in before]
        wanted = {
            "kind": "url",
            "urls": urls,
            "unpack": asked["unpack"],
            "known": same if len(same) == len(urls) else [],
        }
        return Fetching(wanted=wanted | _PATIENCE, hosts=(*hosts_of(urls), _ELSEWHERE))

    def facts(self, told: Asked) -> dict[str, Any]:
        files = [each for each in _list(told.get("files"))[:100] if isinstance(each, dict)]
        kept = [{name: _text(each.get(name), most) for name, most in _OF_A_FILE} for each in files]
        return {"files": kept, "left_out": _number(told.get("left_out"))}

    def words(self, asked: Asked, facts: Asked) -> str:
        urls = asked["urls"]
        more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
        return f"{shown_url(urls[0])}{more}"


class Git:
    """A commit of a repository. `asked`: `url`, `ref`, `folder`, `secret`, `username`."""

    def fetching(self, asked: Asked, known: Asked) -> Fetching:
        names = ("url", "ref", "folder", "secret", "username")
        wanted = {"kind": "git", **{name: asked[name] for name in names}, "known": known.get("commit", "")}
        # What Git LFS keeps lies where the server says.
        hosts = (*hosts_of([asked["url"]]), _ELSEWHERE)
        return Fetching(wanted=wanted | _PATIENCE, hosts=hosts, secret=asked["secret"])

    def facts(self, told: Asked) -> dict[str, Any]:
        texts = {name: _text(told.get(name), most) for name, most in _OF_A_COMMIT}
        return {**texts, "left_out": _number(told.get("left_out")), "lfs": _number(told.get("lfs"))}

    def words(self, asked: Asked, facts: Asked) -> str:
        folder = f", folder {asked['folder']}" if asked["folder"] else ""
        commit = f", commit {facts['commit'][:10]}" if facts.get("commit") else ""
        return f"{shown_url(asked['url'])}{folder}{commit}"


class NotebookFiles:
    """Output files of a version of a notebook. `asked`: `notebook` (id), `number`, `follows`, `manifest`."""

    def fetching(self, asked: Asked, known: Asked) -> None:
        return None

    def facts(self, told: Asked) -> dict[str, Any]:
        return {}

    def words(self, asked: Asked, facts: Asked) -> str:
        return f"version {asked['number']} of a notebook"


class ProviderFiles:
    """Files of a team's storage provider. `asked`: `provider` (id), `name` (with its team), `folder`."""

    def fetching(self, asked: Asked, known: Asked) -> None:
        return None

    def facts(self, told: Asked) -> dict[str, Any]:
        return {}

    def words(self, asked: Asked, facts: Asked) -> str:
        folder = f", {asked['folder']}" if asked["folder"] else ""
        return f"provider {asked['name']}{folder}"


KINDS: dict[SourceKind, Kind] = {
    SourceKind.URL: Url(),
    SourceKind.GIT: Git(),
    SourceKind.NOTEBOOK: NotebookFiles(),
    SourceKind.PROVIDER: ProviderFiles(),
}

_OF_A_FILE = (("url", 2000), ("name", 255), ("etag", 200), ("modified", 100))
_OF_A_COMMIT = (("commit", 40), ("subject", 200), ("author", 100), ("committed_at", 40), ("ref", 250), ("kind", 10))


def kind_of(name: str) -> Kind:
    return KINDS[SourceKind(name)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object, most: int) -> str:
    return "".join(c for c in value[:most] if c.isprintable()) if isinstance(value, str) else ""


def _number(value: object) -> int:
    return min(value, 10**9) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
