"""Kinds of providers, and what each of them is told."""

import re
from enum import StrEnum

MOST_OF_A_TEAM = 50
NAME_LENGTH = 40
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# A whole test ends within this, in seconds.
TEST_SECONDS = 10.0
PATH_LENGTH = 1000


class Kind(StrEnum):
    """What a provider speaks."""

    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"
    HTTP = "http"


KIND_WORDS = {
    Kind.S3: "S3-compatible",
    Kind.GCS: "Google Cloud Storage",
    Kind.AZURE: "Azure Blob Storage",
    Kind.HTTP: "HTTP server",
}


def well_formed(name: str) -> bool:
    """Whether this can name a provider: it is part of addresses and paths."""
    return _NAME.fullmatch(name) is not None and name != "new"
