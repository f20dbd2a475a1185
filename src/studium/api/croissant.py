"""Croissant of a version, with the addresses it has here."""

from typing import Any
from urllib.parse import quote

from studium.api import addresses
from studium.datasets import croissant
from studium.datasets.models import DatasetVersion
from studium.datasets.profiles.queries import found_in, profile_of
from studium.datasets.queries import files_of, tags_of

CROISSANT_TYPE = "application/ld+json"


def described(version: DatasetVersion, *, columns: bool = True) -> dict[str, Any]:
    """The document; without `columns` it takes no look at what was found in the files."""
    dataset = version.dataset

    def file_url(path: str) -> str:
        return addresses.below(f"/rest/datasets/{dataset.pk}/versions/{version.number}/files/{quote(path)}")

    return croissant.described(
        version,
        files_of(version),
        tags_of([dataset]).get(dataset.pk, []),
        page=addresses.dataset_page(dataset),
        file_url=file_url,
        found=found_in(profile_of(version)) if columns else None,
    )
