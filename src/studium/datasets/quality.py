"""How much a dataset says of itself, and what would say more. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.profiles.packing import Index

_CARD_CHARACTERS = 200
_MOST_NAMED = 10  # files that cannot be read
# Which others read without knowing the program that wrote them.
_OPEN = (
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".parquet",
    ".arrow",
    ".feather",
    ".txt",
    ".md",
    ".png",
    ".jpg",
    ".jpeg",
    ".wav",
)


@dataclass(frozen=True)
class Mark:
    """One thing that is looked for: whether it is there, and what to do where it is not."""

    good: bool
    what: str
    advice: str


@dataclass(frozen=True)
class Quality:
    """All marks, those that are missing first."""

    marks: list[Mark]

    @property
    def score(self) -> int:
        """Of ten."""
        return round(10 * sum(mark.good for mark in self.marks) / len(self.marks))

    @property
    def advice(self) -> list[str]:
        """What is missing, in words."""
        return [mark.advice for mark in self.marks if not mark.good]


def quality(
    dataset: Dataset, version: DatasetVersion | None, tags: Sequence[str], paths: Sequence[str], found: Index
) -> Quality:
    """What is there and what is not. `paths` are those of the version's files, `found` what is known of them."""
    readable = sum(path.lower().endswith(_OPEN) for path in paths)
    broken = sorted(found.broken)
    told = sum(name in dataset.columns.get(path, {}) for path, name in found.columns)
    marks = [
        Mark(bool(dataset.subtitle), "subtitle", "Say in a line what it is."),
        Mark(len(dataset.card) >= _CARD_CHARACTERS, "card", "Write the card: what is in it, and what it is not good for."),
        Mark(bool(dataset.licence), "licence", "Name a licence, or nobody knows what they may do with it."),
        Mark(bool(dataset.sources), "sources", "Say where it comes from."),
        Mark(len(tags) > 1, "tags", "Give it two tags or more, by which it is found."),
        Mark(bool(dataset.frequency), "frequency", "Say how often new versions come."),
        Mark(version is not None, "files", "Bring files."),
        Mark(bool(paths) and 2 * readable >= len(paths), "formats", "Bring files in open formats, such as CSV or Parquet."),
        Mark(version is not None and not broken, "whole files", f"Some files cannot be read: {_named(broken)}."
             if broken else "Bring files that can be read."),
        Mark(2 * told >= len(found.columns), "columns", "Say what the columns of its tables are."),
    ]  # fmt: skip
    return Quality(sorted(marks, key=lambda mark: mark.good))


def _named(paths: Sequence[str]) -> str:
    more = len(paths) - _MOST_NAMED
    return ", ".join(paths[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
