"""Blobs: bytes named by their SHA-256. A blob lives as long as something holds it."""

from django.db import models


class Blob(models.Model):
    """One content. The bytes lie in the object store under the digest."""

    digest = models.CharField(primary_key=True, max_length=64)
    size = models.BigIntegerField()
    created_at = models.DateTimeField()
    # Set by the collector before it removes the bytes; from then on the row may not be held or reused.
    deleting = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.digest


class Hold(models.Model):
    """Somebody's need of a blob. `holder` is opaque, such as `notebook:abc:document`; it holds one blob."""

    holder = models.CharField(primary_key=True, max_length=100)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="holds")


class Block(models.Model):
    """Chunks that lie behind each other in one object of the store. Its row is there before its bytes.

    One without chunks is collected an hour after `unused_since`, so whoever read where a chunk lies can still read it there.
    """

    id = models.CharField(primary_key=True, max_length=16)
    size = models.BigIntegerField()
    unused_since = models.DateTimeField()
    # Set when a chunk of it is forgotten, so that only such blocks are looked at for room.
    thinned = models.BooleanField(default=False, db_index=True)
    # Set by the collector before it removes the bytes; from then on nothing may be recorded to lie here.
    deleting = models.BooleanField(default=False, db_index=True)

    def __str__(self) -> str:
        return self.id


class Chunk(models.Model):
    """A piece of files, kept once whoever owns it. `digest` is the SHA-256 of its bytes, `crc` their CRC-32."""

    digest = models.CharField(primary_key=True, max_length=64)
    size = models.PositiveIntegerField()
    # From it follows that of each file the chunk is part of, which an archive names.
    crc = models.BigIntegerField()
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="chunks")
    offset = models.BigIntegerField()

    def __str__(self) -> str:
        return self.digest


class Ownership(models.Model):
    """That somebody has brought a chunk. Who knows a digest only does not get its bytes.

    `owner` is opaque, such as a team's id. Until `promised_until` it stays without anything of the owner's that needs it.
    """

    owner = models.CharField(max_length=40)
    chunk = models.ForeignKey(Chunk, on_delete=models.PROTECT, related_name="ownerships")
    promised_until = models.DateTimeField()
    # Whether something of the owner's came to need it.
    claimed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "chunk"], name="a_chunk_is_owned_once")]

    def __str__(self) -> str:
        return f"{self.owner} {self.chunk_id}"


class Upload(models.Model):
    """A file that arrives piece by piece, over as many connections and days as it takes.

    `purpose` is opaque and says what it is for; `fingerprint` by which a file is known again that was begun before. `chunks`
    are the digests of what is kept of it, 32 bytes each; `tail` is what arrived behind them and is no chunk yet.
    """

    id = models.CharField(primary_key=True, max_length=24)
    owner = models.CharField(max_length=40)
    purpose = models.CharField(max_length=60)
    path = models.CharField(max_length=1024)
    size = models.BigIntegerField()
    fingerprint = models.CharField(max_length=64)
    received = models.BigIntegerField(default=0)
    chunks = models.BinaryField(default=bytes)
    tail = models.BinaryField(default=bytes)
    # The SHA-256 of the whole, once all of it is there.
    digest = models.CharField(max_length=64, blank=True)
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["purpose", "path"])]

    def __str__(self) -> str:
        return self.path


# Tables of the parts beside this module, which Django finds through it.
from studium.storage.providers import models as providers  # noqa: E402

__all__ = ["Blob", "Block", "Chunk", "Hold", "Ownership", "Upload", "providers"]
