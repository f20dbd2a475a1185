"""`studium backup` and `restore`: database, blobs and blocks in one tar file, taken while everything runs.

The database is dumped first, the blobs and blocks after it: what the dump names was written before and is collected an hour
after its last use at the earliest, so every name in a backup has its bytes. Where that hour was not enough, it fails and says so.
"""

import contextlib
import hashlib
import io
import json
import sqlite3
import subprocess
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

from studium.config.options import options
from studium.errors import BadInput, Broken, Refused
from studium.lib import clock
from studium.storage.folder import sync

FORMAT = 1


def backup(target: Path) -> int:
    """Write a backup to `target`, atomically; returns its size in bytes. Raises BadInput where it would overwrite."""
    from django.conf import settings as django_settings

    from studium.storage import stores
    from studium.storage.models import Blob, Block

    if target.exists():
        raise BadInput("backup.exists", f"{target} exists already.", "Choose another name.")
    engine = django_settings.DATABASES["default"]["ENGINE"].rsplit(".", 1)[1]
    unfinished = target.with_name(f".{target.name}.unfinished")
    with tempfile.TemporaryDirectory(dir=options().home) as scratch, tarfile.open(unfinished, "w") as tar:
        unfinished.chmod(0o600)
        dump = Path(scratch) / "database"
        keys = _keys()
        _dump(engine, dump)
        keys |= _keys()  # a key that was changed meanwhile is needed as it was and as it is
        # After the dump, or what came while it was made would be missing.
        names = list(Blob.objects.filter(deleting=False).values_list("digest", flat=True))
        # One without chunks is on its way in, or the dump may still name it.
        blocks = list(Block.objects.filter(deleting=False).order_by("pk").values_list("pk", flat=True))
        _add(
            tar,
            "studium.json",
            json.dumps(
                {"format": FORMAT, "engine": engine, "at": clock.now().isoformat(), "blobs": len(names)}
            ).encode(),
        )
        tar.add(dump, "database")
        for name, content in sorted(keys.items()):
            _add(tar, f"keys/{name}", content)
        for digest in names:
            _add(tar, f"blobs/{digest}", stores.read(digest))
        for block in blocks:
            if (kept := _block(block)) is not None:
                _add(tar, f"blocks/{block}.{hashlib.sha256(kept).hexdigest()}", kept)
    sync(unfinished)
    unfinished.rename(target)
    sync(target.absolute().parent)
    return target.stat().st_size


def restore(source: Path, *, replace: bool = False) -> datetime:
    """Put a backup in place of an empty installation; returns when it was taken. Nothing may be running.

    Raises Refused if there is a database already and `replace` is not given, BadInput for a file that is no backup.
    """
    from django.conf import settings as django_settings

    try:
        with tarfile.open(source) as tar:
            about = json.loads(_read(tar, "studium.json"))
            if about["format"] != FORMAT:
                raise BadInput(
                    "restore.format",
                    f"This backup has format {about['format']}; this version reads {FORMAT}.",
                    "Use the version that made it.",
                )
            engine = django_settings.DATABASES["default"]["ENGINE"].rsplit(".", 1)[1]
            if engine != about["engine"]:
                raise BadInput(
                    "restore.engine",
                    f"The backup is of {about['engine']}, this installation uses {engine}.",
                    "Set STUDIUM_DATABASE_URL to match.",
                )
            _restore_blobs(tar)
            _restore_keys(tar)
            _load(engine, _read(tar, "database"), replace=replace)
            _forget_workspaces()
            at = datetime.fromisoformat(about["at"])
            end_placed(at)
            return at
    except (tarfile.TarError, KeyError, json.JSONDecodeError, OSError) as error:
        raise BadInput(
            "restore.not_a_backup",
            f"{source} cannot be read as a backup: {error}.",
            "Give a file that `studium backup` made.",
        ) from None


def _block(block: str) -> bytes | None:
    """Its bytes; None for one that is not written yet. What the dump names was there an hour ago at the latest."""
    from studium.storage import stores
    from studium.storage.models import Chunk

    try:
        return stores.read_block(block)
    except FileNotFoundError:
        if not Chunk.objects.filter(block_id=block).exists() and _is_young(block):
            return None
        raise Broken(
            "backup.block_gone",
            f"Block {block} of the store went while it was backed up, or was lost before.",
            "Try again; where it is said of the same block, it was lost.",
        ) from None


def _is_young(block: str) -> bool:
    """Whether its writer may still be at it."""
    from studium.storage.chunks.reconcile import GRACE
    from studium.storage.models import Block

    return Block.objects.filter(pk=block, unused_since__gt=clock.now() - GRACE, thinned=False).exists()


def _keys() -> dict[str, bytes]:
    """The key files by name; those that are just being made are not among them."""
    found = {}
    for path in (options().home / "keys").glob("[!.]*"):
        with contextlib.suppress(FileNotFoundError):  # dropped a moment ago
            found[path.name] = path.read_bytes()
    return found


def end_placed(at: datetime) -> int:
    """End what ran when the backup was taken, charged up to then; what was queued stays queued. Returns how many."""
    from studium.compute.models import Run
    from studium.compute.reconcile.ending import finish
    from studium.compute.states import PLACED, Reason

    placed = Run.objects.filter(state__in=PLACED).select_related("machine_type", "team")
    said = "It was running when the backup was taken that this installation was restored from."
    return sum(finish(run, Reason.LOST, now=at, message=said, ended_at=at) for run in placed)


def _forget_workspaces() -> None:
    """Backups hold no workspaces. Those that are not in this home begin with the notebook that the backup has."""
    from studium.notebooks.launching import forget_workspaces

    volumes = options().home / "volumes"
    forget_workspaces(kept={path.name for path in volumes.iterdir()} if volumes.is_dir() else set())


def _dump(engine: str, target: Path) -> None:
    from django.db import connection

    if engine == "sqlite3":
        with (
            sqlite3.connect(f"file:{connection.settings_dict['NAME']}?mode=ro", uri=True) as live,
            sqlite3.connect(target) as copy,
        ):
            live.backup(copy)
        return
    _postgres("pg_dump", ["--format=custom", "--file", str(target)])


def _load(engine: str, content: bytes, *, replace: bool) -> None:
    from django.db import connection

    if engine == "sqlite3":
        path = Path(connection.settings_dict["NAME"])
        if path.exists() and not replace:
            raise Refused(
                "restore.not_empty", f"{path} exists already.", "Restore into a new STUDIUM_HOME, or add --replace."
            )
        connection.close()
        fresh = path.with_name(f".{path.name}.restored")
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        for leftover in ("-wal", "-shm"):
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        sync(fresh)
        fresh.rename(path)
        sync(path.parent)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        _postgres(
            "pg_restore",
            [
                *(["--clean", "--if-exists"] if replace else []),
                "--exit-on-error",
                "--no-owner",
                "--dbname",
                "",
                file.name,
            ],
        )


def _postgres(program: str, arguments: list[str]) -> None:
    """Run a PostgreSQL client program; the password travels in the environment, not on the command line."""
    import os

    from django.db import connection

    told = connection.settings_dict
    named = {
        "PGHOST": told["HOST"],
        "PGPORT": told["PORT"],
        "PGUSER": told["USER"],
        "PGPASSWORD": told["PASSWORD"],
        "PGDATABASE": told["NAME"],
    }
    arguments = [told["NAME"] if a == "" else a for a in arguments]
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, **{k: v for k, v in named.items() if v}},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Broken(
            "backup.postgres",
            f"{program} failed: {done.stderr.strip()[-300:]}",
            "Install postgresql-client of the server's version and try again.",
        )


def _restore_blobs(tar: tarfile.TarFile) -> None:
    """Blobs, and blocks of chunks. Each name in a backup tells the digest of the bytes."""
    from studium.storage import stores

    for member in tar:
        folder, _, name = member.name.partition("/")
        if folder not in ("blobs", "blocks") or not member.isfile():
            continue
        content = _member(tar, member)
        block, _, digest = name.rpartition(".")
        if hashlib.sha256(content).hexdigest() != digest:
            raise BadInput(
                "restore.damaged",
                f"The backup is damaged: {member.name} has other content than its name says.",
                "Use another backup.",
            )
        if folder == "blobs":
            stores.write(digest, content)
        elif block.isalnum():
            stores.write_block(block, [content])


def _restore_keys(tar: tarfile.TarFile) -> None:
    folder = options().home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for member in tar.getmembers():
        name = Path(member.name)
        if member.isfile() and len(name.parts) == 2 and name.parts[0] == "keys" and not name.name.startswith("."):
            path = folder / name.name
            path.touch(mode=0o600)
            path.write_bytes(_member(tar, member))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o600
    tar.addfile(info, io.BytesIO(content))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    return _member(tar, tar.getmember(name))


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    if stream is None:
        raise KeyError(member.name)
    return stream.read()
