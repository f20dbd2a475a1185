"""What differs between the tables of two versions: columns and numbers of rows, as both were found when they were looked into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studium.datasets.models import Profile
from studium.datasets.profiles.queries import told_of
from studium.datasets.states import ProfileState
from studium.storage.manifests import Entry

# Of the files that changed, so many at most are compared.
MOST_FILES = 200
NONE = "none"


@dataclass(frozen=True, kw_only=True)
class TableChange:
    """A table of a file that changed. Columns are names and types; `retyped` are name, type before and after.

    Rows are None where nobody counted them, and where there was or is no such table: then it was `added` or `removed` whole.
    """

    path: str
    table: str
    whole: str = ""
    rows: tuple[int | None, int | None]
    added: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    retyped: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def same_columns(self) -> bool:
        return not (self.whole or self.added or self.removed or self.retyped)


@dataclass(frozen=True, kw_only=True)
class TablesCompared:
    """`left` and `right` say how far looking into each version is: a state of profiles, or `none` where nobody asked for it.

    Tables are compared where both are known, those of the first 200 files that changed; `more` counts the files beyond.
    """

    left: str
    right: str
    changes: list[TableChange]
    more: int

    @property
    def waiting(self) -> bool:
        return not {self.left, self.right}.isdisjoint({ProfileState.WAITING, ProfileState.RUNNING})


def tables_compared(
    left: Profile | None, right: Profile | None, changed: Sequence[tuple[Entry, Entry]]
) -> TablesCompared:
    """Of the files that are in both versions and not the same, what differs in their tables, in the order of their paths."""
    found = [change for before, _ in changed[:MOST_FILES] for change in _in_file(before.path, left, right)]
    return TablesCompared(
        left=left.state if left else NONE,
        right=right.state if right else NONE,
        changes=found,
        more=max(0, len(changed) - MOST_FILES),
    )


def _in_file(path: str, left: Profile | None, right: Profile | None) -> list[TableChange]:
    before, after = told_of(left, path), told_of(right, path)
    if before is None or after is None:
        return []
    old, new = _by_name(before["tables"]), _by_name(after["tables"])
    return [_change(path, name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def _by_name(tables: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By their names; a file that is one table has one without."""
    return {str(each.get("name") or ""): each for each in tables}


def _change(path: str, name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> TableChange:
    rows = (_rows(old), _rows(new))
    if old is None or new is None:
        return TableChange(path=path, table=name, rows=rows, whole="added" if old is None else "removed")
    before, after = _types(old), _types(new)
    return TableChange(
        path=path,
        table=name,
        rows=rows,
        added=[(each, kind) for each, kind in after.items() if each not in before],
        removed=[(each, kind) for each, kind in before.items() if each not in after],
        retyped=[(each, kind, after[each]) for each, kind in before.items() if after.get(each, kind) != kind],
    )


def _rows(table: Mapping[str, Any] | None) -> int | None:
    found = table.get("rows") if table is not None else None
    return found if isinstance(found, int) else None


def _types(table: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["name"]): str(each.get("type") or "") for each in table["columns"]}
