"""Reads of profiles."""

from typing import Any

from studium.datasets.models import DatasetVersion, Profile
from studium.datasets.profiles import packing
from studium.datasets.profiles.packing import Index
from studium.datasets.profiles.rows import Rows, chosen
from studium.errors import NotFound

FEW_ROWS = 100


def profile_of(version: DatasetVersion) -> Profile | None:
    """How far it is, None where nobody asked for one."""
    return Profile.objects.filter(version=version).select_related("run").first()


def found_in(profile: Profile | None) -> dict[str, Any]:
    """What was found by path, as `inside/profile_files.py` tells of files, less first rows of tables; empty where nothing was."""
    return packing.told_of_all(profile.content) if profile is not None and profile.content else {}


def told_of(profile: Profile | None, path: str) -> dict[str, Any] | None:
    """What was found in one file, less the first rows of tables; None where nothing was."""
    return packing.told(profile.content, path) if profile is not None and profile.content else None


def found_of(profile: Profile | None, path: str) -> dict[str, Any] | None:
    """The same, with a hundred first rows of each table."""
    found = told_of(profile, path)
    if found is not None and profile is not None:
        for number, table in enumerate(found["tables"]):
            table["head"] = packing.first_rows(profile.content, path, number)[:FEW_ROWS]
    return found


def rows_in(profile: Profile | None, path: str, table: int = 0, **wanted: Any) -> Rows:
    """The first rows of a table, those that are looked for, in the order that is wanted: as `rows.chosen`. Raises NotFound."""
    found = told_of(profile, path)
    if found is None or profile is None or not 0 <= table < len(found["tables"]):
        raise NotFound(
            "dataset.no_table",
            f"Nothing is known of a table {table} in {path[:200]!r}.",
            "Its page says how far looking into it is.",
        )
    return chosen(found["tables"][table], packing.first_rows(profile.content, path, table), **wanted)


def columns_of(profile: Profile | None, path: str) -> list[str]:
    """The names of all columns of the tables of a file; none where they are not known, or not all."""
    found = told_of(profile, path) or {"tables": []}
    if any(int(table.get("columns_count") or 0) > len(table["columns"]) for table in found["tables"]):
        return []
    return list(dict.fromkeys(str(each["name"]) for table in found["tables"] for each in table["columns"]))


def summary_of(profile: Profile | None) -> Index:
    """What is asked of a profile on every page: files that could not be read whole, and columns as path and name."""
    return packing.index_of(profile.content) if profile is not None and profile.content else Index()
