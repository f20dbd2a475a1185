"""Kernels as data: one TOML file for each, which says what languages it runs, what it needs and how it is started.

Read by the platform to offer languages, and inside every run to tell Jupyter of those that can be used. So it knows
neither the platform nor Jupyter. The format is described in docs/operators/languages.md.
"""

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Where programs are looked for after the environment's own; a sandbox sees no others of the host.
PROGRAM_FOLDERS = ("/usr/local/bin", "/usr/bin")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_FIELDS = frozenset(
    "display_name argv transport interrupt fence needs debian remedy logos folders variables languages".split()
)
_LANGUAGE_FIELDS = frozenset(("slug", "name", "language_info"))

Json = dict[str, Any]


class BadKernelFile(Exception):
    """The file does not describe a kernel. The text names it and says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """What people choose. `info` is what a new notebook's metadata says as `language_info`."""

    slug: str
    name: str
    info: Json


@dataclass(frozen=True, kw_only=True)
class KernelFile:
    """One kernel. Texts may hold `{environment}`, `{packages}` and `{scratch}`; `needs` lists alternatives for each need.

    Without `argv` the environment brings the kernel's specification, and only its languages are said here.
    """

    name: str
    display_name: str
    languages: tuple[Language, ...]
    needs: tuple[tuple[str, ...], ...]
    argv: tuple[str, ...] = ()
    transport: str = "ipc"
    interrupt: str = "signal"
    fence: str = ""
    debian: tuple[str, ...] = ()
    remedy: str = ""
    logos: str = ""
    folders: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def missing(self, environment: Path) -> list[str]:
        """What it needs and this machine, with this environment, does not have, by the names of programs and files.

        Nothing means that it can be used.
        """
        return [
            need[0].rpartition("/")[2] for need in self.needs if not any(_found(each, environment) for each in need)
        ]

    def how_to_add(self) -> str:
        """The next step of an operator who wants it."""
        if self.remedy:
            return self.remedy
        return f"sudo apt-get install --no-install-recommends -y {' '.join(self.debian)}"

    def specification(self, places: dict[str, str]) -> Json:
        """The contents of its `kernel.json`. `places` has what stands for the words in braces."""
        return {
            "argv": [filled(each, places) for each in self.argv],
            "display_name": self.display_name,
            "language": self.languages[0].info["name"],
            "interrupt_mode": self.interrupt,
            "env": {name: filled(value, places) for name, value in self.variables.items()},
            "metadata": {
                "studium": {
                    "transport": self.transport,
                    "fence": self.fence,
                    "folders": [filled(each, places) for each in self.folders],
                    "languages": [each.info["name"] for each in self.languages],
                }
            },
        }


def filled(text: str, places: dict[str, str]) -> str:
    """The text with its places; other words in braces, such as Jupyter's `{connection_file}`, are left."""
    for name, path in places.items():
        text = text.replace(f"{{{name}}}", path)
    return text


def _found(need: str, environment: Path) -> bool:
    if "/" in need:
        return os.path.exists(filled(need, {"environment": str(environment)}))
    return any(os.access(os.path.join(f, need), os.X_OK) for f in (environment / "bin", *PROGRAM_FOLDERS))


def read_all(*folders: Path) -> tuple[list[KernelFile], list[BadKernelFile]]:
    """The kernels of these folders by name, those of a later folder in place of an earlier one's; and what is wrong.

    A folder that does not exist or may not be listed holds none.
    """
    found: dict[str, KernelFile] = {}
    wrong: list[BadKernelFile] = []
    for folder in folders:
        for path in _files(folder):
            try:
                found[path.stem] = read(path)
            except BadKernelFile as error:
                wrong.append(error)
    return sorted(found.values(), key=lambda kernel: kernel.name), wrong


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError:
        return []


def read(path: Path) -> KernelFile:
    """The kernel that the file describes; its name is the file's. Raises BadKernelFile."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadKernelFile(f"{path.name} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise BadKernelFile(f"{path.name} is not TOML: {error}.") from None
    try:
        return _kernel(path.stem, content)
    except ValueError as error:
        raise BadKernelFile(f"{path.name}: {error}.") from None


def _kernel(name: str, content: Json) -> KernelFile:
    if not _NAME.fullmatch(name):
        raise ValueError("a kernel's name, which is the file's, has small letters, digits, `-`, `_` and `.`")
    _only(content, _FIELDS, "the file")
    debian, remedy = _texts(content, "debian"), _text(content, "remedy", "")
    if not debian and not remedy:
        raise ValueError("it says neither with `debian` nor with `remedy` how the kernel is added")
    argv = _texts(content, "argv")
    if argv and not any("{connection_file}" in each for each in argv):
        raise ValueError("`argv` has no `{connection_file}`, so Jupyter could not reach the kernel")
    return KernelFile(
        name=name,
        display_name=_text(content, "display_name"),
        languages=_languages(content),
        needs=_needs(content),
        argv=argv,
        transport=_one_of(content, "transport", ("ipc", "tcp")),
        interrupt=_one_of(content, "interrupt", ("signal", "message")),
        fence=_fence(content),
        debian=debian,
        remedy=remedy,
        logos=_text(content, "logos", ""),
        folders=_texts(content, "folders"),
        variables=_variables(content),
    )


def _fence(content: Json) -> str:
    fence = _text(content, "fence", "")
    if fence and "{mark}" not in fence:
        raise ValueError("`fence` has no `{mark}`, so its end could not be told")
    return fence


def _needs(content: Json) -> tuple[tuple[str, ...], ...]:
    found = content.get("needs")
    if not isinstance(found, list) or not found:
        raise ValueError("`needs` is a list of programs and paths, at least one")
    needs = tuple(_alternatives(each) for each in found)
    for path in (each for need in needs for each in need if "/" in each):
        if not path.startswith(("/usr/", "{environment}/")):
            raise ValueError(f"`needs` names {path}, but a run sees only what is below /usr and {{environment}}")
    return needs


def _alternatives(need: Any) -> tuple[str, ...]:
    each = [need] if isinstance(need, str) else need
    if not isinstance(each, list) or not each or not all(isinstance(one, str) and one for one in each):
        raise ValueError("each of `needs` is a text, or a list of texts of which one is enough")
    return tuple(each)


def _languages(content: Json) -> tuple[Language, ...]:
    found = content.get("languages")
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise ValueError("it has no `[[languages]]`")
    return tuple(_language(each) for each in found)


def _language(content: Json) -> Language:
    _only(content, _LANGUAGE_FIELDS, "a language")
    slug, info = _text(content, "slug"), content.get("language_info")
    if not _NAME.fullmatch(slug):
        raise ValueError(f"the language's `slug` {slug!r} has other than small letters, digits, `-`, `_` and `.`")
    if not isinstance(info, dict) or not isinstance(info.get("name"), str):
        raise ValueError(f"the language {slug} has no `language_info` with a `name`")
    return Language(slug=slug, name=_text(content, "name"), info=info)


def _variables(content: Json) -> dict[str, str]:
    found = content.get("variables", {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("`variables` is a table of texts")
    return found


def _text(content: Json, name: str, default: str | None = None) -> str:
    found = content.get(name, default)
    if not isinstance(found, str) or (default is None and not found.strip()):
        raise ValueError(f"`{name}` is a text" + (" that must be given" if default is None else ""))
    return found


def _texts(content: Json, name: str) -> tuple[str, ...]:
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"`{name}` is a list of texts")
    return tuple(found)


def _one_of(content: Json, name: str, allowed: tuple[str, str]) -> str:
    found = content.get(name, allowed[0])
    if found not in allowed:
        raise ValueError(f"`{name}` is {allowed[0]!r} or {allowed[1]!r}, not {found!r}")
    return str(found)


def _only(content: Json, allowed: frozenset[str], what: str) -> None:
    if unknown := sorted(content.keys() - allowed):
        raise ValueError(f"{what} has `{unknown[0]}`, which is no field of it")
