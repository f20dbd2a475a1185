"""The page about notebooks of others has every notebook of its list, in the versions that are locked, and can be found."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "compatibility.md"
NOTEBOOKS = tomllib.loads((ROOT / "bench" / "compatibility.toml").read_text())["notebook"]
LOCKED = dict(
    re.findall(r"^(\S+)==(\S+) --hash=", (ROOT / "requirements" / "bench-compatibility.txt").read_text(), re.MULTILINE)
)


def test_every_notebook_of_the_list_has_its_row() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    rows = {
        (section.split(maxsplit=1)[0], path)
        for section in sections
        for path in re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    }
    assert rows == {(each["package"], each["path"]) for each in NOTEBOOKS}
    assert len(rows) >= 20


def test_the_versions_are_those_that_are_locked() -> None:
    headings = re.findall(r"^## (\S+) (\S+)$", PAGE.read_text(), re.MULTILINE)
    assert dict(headings) == LOCKED
    assert len(headings) == len(LOCKED)


def test_it_is_linked_from_where_people_look() -> None:
    assert "(docs/compatibility.md)" in (ROOT / "README.md").read_text()
    assert "(../compatibility.md)" in (ROOT / "docs" / "members" / "notebooks.md").read_text()
