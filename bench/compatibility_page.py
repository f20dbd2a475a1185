"""The result of `bench/compatibility.py` as the page `docs/compatibility.md`."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compatibility import Subject

_HEAD = """# Notebooks of others

What happens to notebooks that were not made for this. {count} of them ship in the source archives of {packages} packages, as
examples, documentation or test data; each was saved and run all on a real platform, going on after errors, and its page was made.
Beside it plain `nbclient` ran the same file on the same packages. `script/bench compatibility --write` does all of it again and
writes this page.

- **Where from.** pip downloads the archives named with their hashes in `requirements/bench-compatibility.txt`. They are unpacked,
  not installed.
- **In what.** One environment of a team, built by the platform from the list in `bench/compatibility.toml`, as a member makes one.
  The peer has the packages of its lock and `nbclient`.
- **How.** A version each on `{machine}`, {seconds} s at most for a cell, without internet. The workspace has the notebook alone, so
  files that lie beside it in its archive are not there; the same for the peer.
- **As in Jupyter** means that every cell has the outputs that `nbclient` gives it: the same kinds in the same order, the same
  media types, the same errors. What is printed is not compared word for word, as times and addresses differ.

Of {compared} that are written in Python {same} are as in Jupyter in every cell. Of their {cells:,} code cells {differ}
{differ_are} not. {pages} of {count} pages were made with no script of the notebook in them. Taken on {day}, with the cores shared
with other work.

"""
_TABLE = """| notebook | what is in it | code cells | ended | s | as in Jupyter | drawn on its page | |
|---|---|---|---|---|---|---|---|
"""
LONGEST = 90
_SEVERAL = ("widget", "picture")
_WORDS = {"plotly": "Plotly", "vega": "Vega", "widget": "widget", "html": "HTML with scripts", "styled": "styled HTML"}


def write(page: Path, subjects: "list[Subject]", versions: dict[str, str], *, machine: str, seconds: int) -> None:
    compared = [subject for subject in subjects if subject.compared]
    text = _HEAD.format(
        count=len(subjects),
        packages=len({subject.package for subject in subjects}),
        machine=machine,
        seconds=seconds,
        same=sum(not subject.different for subject in compared),
        compared=len(compared),
        cells=sum(len(subject.code) for subject in compared),
        differ=(differ := sum(len(subject.different) for subject in subjects)),
        differ_are="is" if differ == 1 else "are",
        pages=sum(subject.read_safely for subject in subjects),
        day=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    for package in dict.fromkeys(subject.package for subject in subjects):
        text += f"## {package} {versions[package]}\n\n{_TABLE}"
        text += "".join(_row(subject) for subject in subjects if subject.package == package) + "\n"
    page.write_text(text.rstrip("\n") + "\n")


def _row(subject: "Subject") -> str:
    same = (
        ("yes" if not subject.different else f"not {_cells(subject.different)}") if subject.compared else "not compared"
    )
    columns = [
        f"`{subject.path}`",
        subject.what,
        str(len(subject.code)),
        _ended(subject),
        f"{subject.seconds:.0f}",
        same,
        _drawn(subject),
        "; ".join(words for words in (_why(subject), subject.note) if words),
    ]
    return f"| {' | '.join(columns)} |\n"


def _why(subject: "Subject") -> str:
    """The first error of a run that failed, as its cell says it, short enough for a table."""
    if not subject.failed or _reason(subject) == "finished":
        return ""
    outputs = subject.cells[subject.failed[0] - 1]["outputs"]
    error = next(output for output in outputs if output["output_type"] == "error")
    words = f"{error['ename']}: {error['evalue']}".split("\n")[0].replace("|", "/").replace("`", "'")
    return f"`{words if len(words) <= LONGEST else words[:LONGEST] + ' …'}`"


def _drawn(subject: "Subject") -> str:
    """`2 Plotly, 1 picture`: what its page shows beside text and tables."""
    counts: Counter[str] = Counter()
    for kind, count in subject.rendered[2].items():
        counts[_WORDS.get(kind, "picture")] += count
    return ", ".join(f"{count} {word}{'s' if word in _SEVERAL and count > 1 else ''}" for word, count in counts.items())


def _ended(subject: "Subject") -> str:
    reason = _reason(subject)
    return f"failed in {_cells(subject.failed)}" if reason != "finished" and subject.failed else reason


def _reason(subject: "Subject") -> str:
    assert subject.version is not None
    assert subject.version.run is not None
    return str(subject.version.run.reason)


def _cells(numbers: list[int]) -> str:
    """`cell 3`, `cells 3 and 5`, `12 cells from 3 to 40`"""
    if len(numbers) > 4:
        return f"{len(numbers)} cells from {numbers[0]} to {numbers[-1]}"
    words = [str(n) for n in numbers]
    return f"cell {words[0]}" if len(words) == 1 else f"cells {', '.join(words[:-1])} and {words[-1]}"
