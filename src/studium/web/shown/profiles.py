"""What was found in a file, in words and small pictures: columns with how their values lie, first rows, members of archives."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.http import urlencode

from studium.accounts.models import User
from studium.datasets.access import may_change
from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles.queries import profile_of, rows_in, told_of
from studium.datasets.states import ProfileState
from studium.errors import BadInput
from studium.lib.units import size_words
from studium.lib.values import value_words
from studium.storage.manifests import Entry
from studium.web.shown.rows import ROWS_A_PAGE, Asked, ShownRows, shown_rows

WIDTH, HEIGHT = 120, 28
_MOST_COLUMNS, _MOST_MEMBERS = 200, 200
_WORDS = 60


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One of a picture, in its units; `told` says what it stands for."""

    x: float
    width: float
    height: float
    told: str

    @property
    def y(self) -> float:
        return HEIGHT - self.height


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table. `said` is what its dataset says of it; `bars` or `top` show how its values lie, `middle` where half
    of them lie."""

    name: str
    type: str
    said: str
    missing: str
    distinct: str
    range: str
    bars: list[Bar]
    top: list[tuple[str, str]]
    told: str
    middle: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a file. `more` counts columns that are not shown."""

    name: str
    size: str
    columns: list[Column]
    more: int
    rows: ShownRows | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """How far the look into a file is. `waiting` is empty when there is nothing to wait for; `trouble` says what failed, and
    `broken` that it was this file.
    """

    waiting: str = ""
    trouble: str = ""
    broken: bool = False
    tables: list[Table] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    more_members: int = 0

    @property
    def silent(self) -> bool:
        """Whether there is nothing to tell but facts."""
        return not (self.waiting or self.broken or self.tables or self.members)


def found_words(profile: Profile | None) -> tuple[str, str]:
    """What is to be waited for, and what failed, of all files."""
    if profile is None:
        return "", ""
    if profile.state == ProfileState.WAITING:
        return "The files are about to be looked into.", ""
    if profile.state == ProfileState.RUNNING:
        queued = profile.run is not None and profile.run.running_at is None
        return ("Waiting for a machine to look into the files." if queued else "The files are being looked into."), ""
    return "", profile.fault


def profile_beside(user: User, version: DatasetVersion, entry: Entry, asked: Asked | None = None) -> dict[str, object]:
    """What the part of a file's page needs that tells of what was found in it. `asked` is what is asked for of its rows."""
    row = profile_of(version)
    told = version.dataset.columns.get(entry.path, {})
    return {
        "file": entry,
        "query": urlencode([("version", version.number), ("path", entry.path)]),
        "able": may_change(user, version.dataset),
        "newest": not version.dataset.versions.filter(number__gt=version.number, deleted_at=None).exists(),
        "found": shown_profile(row, entry.path, told, asked or Asked()),
    }


def rows_beside(profile: Profile | None, path: str, asked: Asked) -> ShownRows:
    """The first rows of a table, as they are asked for. Raises NotFound."""
    try:
        found = rows_in(
            profile,
            path,
            asked.table,
            search=asked.search,
            sort=asked.sort,
            descending=asked.descending,
            start=asked.start,
            limit=ROWS_A_PAGE,
        )
    except BadInput:  # a column that another version had
        return rows_beside(profile, path, Asked(table=asked.table, search=asked.search))
    return shown_rows(found, asked)


def shown_profile(profile: Profile | None, path: str, said: dict[str, str], asked: Asked) -> Found:
    """What was found in one file. `said` is what its dataset says of columns."""
    found = told_of(profile, path)
    waiting, fault = found_words(profile)
    if not found:
        return Found(waiting=waiting, trouble=fault if profile is not None else "")
    members = found.get("members") or []
    return Found(
        trouble=str(found.get("trouble") or ""),
        broken=bool(found.get("trouble")),
        tables=[_table(each, said, rows_beside(profile, path, asked.of(n))) for n, each in enumerate(found["tables"])],
        facts=_facts(found),
        members=[(str(each["path"])[:400], size_words(each["size"])) for each in members[:_MOST_MEMBERS]],
        more_members=max(0, int(found.get("members_count") or len(members)) - min(len(members), _MOST_MEMBERS)),
    )


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [("Format", str(found.get("format") or found.get("kind") or ""))]
    if found.get("width") and found.get("height"):
        facts.append(("Picture", f"{found['width']} x {found['height']}"))
    for name, label in (("lines", "Lines"), ("cells", "Cells"), ("members_count", "Files inside")):
        if isinstance(found.get(name), int):
            facts.append((label, f"{found[name]:,}"))
    if isinstance(found.get("members_bytes"), int):
        facts.append(("Unpacked", size_words(found["members_bytes"])))
    facts += [(name.capitalize(), str(found[name])) for name in ("encoding", "language") if found.get(name)]
    return [fact for fact in facts if fact[1]]


def _table(table: dict[str, Any], said: dict[str, str], rows_shown: ShownRows) -> Table:
    columns = table.get("columns") or []
    rows, exact = table.get("rows"), table.get("rows_exact", True)
    count = int(table.get("columns_count") or len(columns))
    about = "" if exact else "about "
    size = f"{about}{rows:,} rows" if isinstance(rows, int) else "rows not counted"
    return Table(
        name=str(table.get("name") or ""),
        size=f"{size}, {count:,} column{'' if count == 1 else 's'}",
        columns=[_column(each, rows, said) for each in columns[:_MOST_COLUMNS]],
        more=max(0, count - min(len(columns), _MOST_COLUMNS)),
        rows=rows_shown if rows_shown.rows or rows_shown.asked.search else None,
    )


def _column(column: dict[str, Any], rows: int | None, said: dict[str, str]) -> Column:
    name, missing, distinct = str(column["name"]), column.get("missing"), column.get("distinct")
    shares = isinstance(missing, int) and isinstance(rows, int) and rows > 0
    top = [(value_words(value)[:_WORDS], int(count)) for value, count in column.get("top") or []][:3]
    bars = _bars(column.get("histogram"))
    about = "" if column.get("distinct_exact", True) else "about "
    return Column(
        name=name,
        type=str(column.get("type") or ""),
        said=said.get(name, ""),
        missing=_share(int(missing or 0), int(rows or 1)) if shares else "",
        distinct=f"{about}{distinct:,}" if isinstance(distinct, int) else "",
        range=_range(column),
        bars=bars,
        top=[] if bars else [(value, _share(count, int(rows or 1))) for value, count in top],
        told=f"How the values of {name} lie: {_range(column)}",
        middle=_middle(column),
    )


def _range(column: dict[str, Any]) -> str:
    """Smallest and largest, with the mean of numbers and the lengths of texts."""
    low, high, length = column.get("min"), column.get("max"), column.get("length")
    if isinstance(length, dict) and length.get("max") is not None:
        return f"{value_words(length.get('min'))} to {value_words(length['max'])} characters"
    if low is None or high is None or isinstance(low, bool):
        return ""
    words = f"{value_words(low)[:_WORDS]} to {value_words(high)[:_WORDS]}"
    mean = column.get("mean")
    return f"{words}, mean {value_words(mean)}" if isinstance(mean, int | float) else words


def _middle(column: dict[str, Any]) -> str:
    """Where half of the values lie, and the one in the middle; quantiles are those of 5, 25, 50, 75 and 95 %."""
    quantiles = column.get("quantiles")
    if not isinstance(quantiles, list) or len(quantiles) != 5:
        return ""
    low, middle, high = (value_words(each)[:_WORDS] for each in quantiles[1:4])
    return f"half from {low} to {high}, median {middle}"


def _bars(histogram: Any) -> list[Bar]:
    if not isinstance(histogram, dict) or not histogram.get("counts"):
        return []
    counts, edges = histogram["counts"], histogram.get("edges") or []
    most, wide = max(counts), WIDTH / len(counts)
    if not most or len(edges) <= len(counts) - 1:
        return []
    return [
        Bar(
            x=round(place * wide, 2),
            width=round(wide * 0.86, 2),
            # What is there is seen, however little it is.
            height=round(max(1.0, (HEIGHT - 2) * count / most), 2) if count else 0,
            told=f"{value_words(edges[place])} to {value_words(edges[min(place + 1, len(edges) - 1)])}: {count:,}",
        )
        for place, count in enumerate(counts)
    ]


def _share(part: int, whole: int) -> str:
    if not part:
        return "none"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 else "under 1 %"
