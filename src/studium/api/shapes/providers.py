"""Storage providers and their files."""

from datetime import datetime

from pydantic import Field

from studium.api.shapes.base import Asked, Line, Shape
from studium.storage.providers.actions import Wanted
from studium.storage.providers.models import Provider
from studium.storage.providers.remote import Entry, Listing
from studium.storage.providers.states import Kind
from studium.storage.providers.testing import Step, Tried


class ProviderShape(Shape):
    """A provider. `key_id_secret` and `key_secret` are names of the team's secrets; no answer has their values.

    `tested_at` is null while it was not tested as it is; `test_code` is then why the last test failed, empty where it went well.
    """

    name: str
    team: str
    kind: Kind
    bucket: str
    prefix: str
    region: str
    account: str
    endpoint: str
    key_id_secret: str
    key_secret: str
    writable: bool
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    tested_at: datetime | None
    test_code: str

    @classmethod
    def of(cls, row: Provider) -> "ProviderShape":
        return cls(
            name=row.name,
            team=row.team.slug,
            kind=Kind(row.kind),
            bucket=row.bucket,
            prefix=row.prefix,
            region=row.region,
            account=row.account,
            endpoint=row.endpoint,
            key_id_secret=row.key_id_secret,
            key_secret=row.key_secret,
            writable=row.writable,
            created_by=row.created_by.username if row.created_by else "",
            created_at=row.created_at,
            changed_by=row.changed_by.username if row.changed_by else "",
            changed_at=row.changed_at,
            tested_at=row.tested_at,
            test_code=row.test_code,
        )


class ProviderSettings(Asked):
    """All that a provider is told; what its kind has no use for is dropped."""

    kind: Kind
    bucket: Line = Field("", description="Bucket or container.")
    prefix: str = Field("", max_length=500, description="Only what is below this folder.")
    region: Line = Field("", description="Of S3; `us-east-1` when empty.")
    account: Line = Field("", description="The storage account of Azure.")
    endpoint: str = Field("", max_length=1000, description="Address of the server; empty for the cloud's own.")
    key_id_secret: Line = Field("", description="Name of the team's secret with the key id, for S3.")
    key_secret: Line = Field("", description="Name of the team's secret with the key; empty for a public place.")
    writable: bool = Field(False, description="Whether files may be written and deleted.")

    def wanted(self) -> Wanted:
        return Wanted(**self.model_dump(exclude={"name"}))


class NewProvider(ProviderSettings):
    name: Line = Field(description="Small letters, digits and hyphens.")


class ProviderStep(Shape):
    """One step of a test. `code`, `message` and `next_step` are empty where it went well."""

    step: Step
    ok: bool
    note: str
    code: str
    message: str
    next_step: str

    @classmethod
    def of(cls, tried: Tried) -> "ProviderStep":
        said = tried.error
        return cls(
            step=tried.step,
            ok=said is None,
            note=tried.note,
            code=said.code if said else "",
            message=said.message if said else "",
            next_step=said.next_step if said else "",
        )


class ProviderTest(Shape):
    """How a test went. It ends at the first step that fails."""

    ok: bool
    steps: list[ProviderStep]


class ProviderEntry(Shape):
    """A file or folder. `size` and `changed_at` are null where the server does not tell, and of folders."""

    path: str
    folder: bool
    size: int | None
    changed_at: datetime | None
    etag: str

    @classmethod
    def of(cls, entry: Entry) -> "ProviderEntry":
        return cls(
            path=entry.path,
            folder=entry.folder,
            size=entry.size if entry.size >= 0 else None,
            changed_at=entry.changed_at,
            etag=entry.etag,
        )


class ProviderListing(Shape):
    """A part of a folder. Ask for the next with `after`, which is empty at the end."""

    entries: list[ProviderEntry]
    after: str

    @classmethod
    def of(cls, listing: Listing) -> "ProviderListing":
        return cls(entries=[ProviderEntry.of(entry) for entry in listing.entries], after=listing.after)
