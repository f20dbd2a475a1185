"""A version as Croissant 1.1: JSON-LD that other tools load datasets by. https://docs.mlcommons.org/croissant/docs/croissant-spec.html"""

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from studium.datasets.models import DatasetVersion
from studium.datasets.states import LICENCES
from studium.storage.manifests import Entry

VERSION = "http://mlcommons.org/croissant/1.1"
MOST_FILES = 1000
_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format includes "
    "isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate "
    "separator source subField transform"
).split()
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES = {
    "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean", "date": "sc:Date", "timestamp": "sc:DateTime",
}  # fmt: skip
# Formats of which one table is the file, and whose columns are taken out by name.
_TABLES = {
    "csv": "text/csv", "tsv": "text/tab-separated-values", "jsonl": "application/jsonlines",
    "parquet": "application/x-parquet",
}  # fmt: skip


def described(
    version: DatasetVersion,
    entries: Sequence[Entry],
    tags: Sequence[str],
    *,
    page: str,
    file_url: Callable[[str], str],
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document. `found` is what is known of files by path (`profiles.queries.found_in`): with it tables have their columns.

    The first thousand files are in it, those with columns before others.
    """
    dataset, known = version.dataset, found or {}
    files = sorted(entries, key=lambda entry: (not _columns(known.get(entry.path)), entry.path))[:MOST_FILES]
    said: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": dataset.title,
        "description": dataset.card or dataset.subtitle or dataset.title,
        "url": page,
        "version": f"{version.number}.0.0",
        "datePublished": version.created_at.date().isoformat(),
        "creator": {"@type": "sc:Organization", "name": dataset.team.name},
        "citeAs": f"{dataset.team.name}: {dataset.title}, version {version.number}. {page}",
        "distribution": [_file(entry, file_url) for entry in files],
    }
    if dataset.licence:
        spdx = f"https://spdx.org/licenses/{dataset.licence}.html"
        said["license"] = spdx if dataset.licence in LICENCES else dataset.licence
    if tags:
        said["keywords"] = list(tags)
    tables = [_table(entry, known[entry.path], dataset.columns) for entry in files if _columns(known.get(entry.path))]
    if tables:
        said["recordSet"] = tables
    return said


def _id(path: str) -> str:
    """A file's id: it is resolved as an address, so what has a meaning in one is written otherwise."""
    return f"files/{quote(path)}"


def _file(entry: Entry, file_url: Callable[[str], str]) -> dict[str, Any]:
    ending = entry.path.rpartition(".")[2].lower()
    kind = _TABLES.get(ending) or mimetypes.guess_type(entry.path)[0] or "application/octet-stream"
    return {
        "@type": "cr:FileObject",
        "@id": _id(entry.path),
        "name": entry.path,
        "contentUrl": file_url(entry.path),
        "contentSize": f"{entry.size} B",
        "encodingFormat": kind,
        "sha256": entry.digest,
    }


def _columns(found: Any) -> list[dict[str, Any]]:
    """The columns of a file that is one table, by name each once."""
    if not isinstance(found, dict) or found.get("format") not in _TABLES or len(found.get("tables") or []) != 1:
        return []
    columns = {str(each["name"]): each for each in found["tables"][0].get("columns") or []}
    return list(columns.values())


def _table(entry: Entry, found: dict[str, Any], said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    record = f"records/{quote(entry.path)}"
    fields = []
    for number, column in enumerate(_columns(found)):
        name = str(column["name"])
        fields.append(
            {
                "@type": "cr:Field",
                "@id": f"{record}/{number}",
                "name": name,
                "description": said.get(entry.path, {}).get(name) or name,
                "dataType": _TYPES.get(str(column.get("type")), "sc:Text"),
                "source": {"fileObject": {"@id": _id(entry.path)}, "extract": {"column": name}},
            }
        )
    return {"@type": "cr:RecordSet", "@id": record, "name": entry.path, "field": fields}
