"""What stands in a notebook's workspace, taken over into the notebook: its document, and what was installed."""

import json
from datetime import datetime

from django.db import transaction

from studium.compute.engines.base import Engine, EngineError
from studium.config.options import options
from studium.events.actions import hint
from studium.notebooks import actions
from studium.notebooks.document import summarise
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Notebook
from studium.storage import actions as storage

PACKAGES = ".local/studium-packages.json"


def take_document(engine: Engine, notebook: Notebook, now: datetime) -> bool:
    """Make the document what the workspace holds. False when nothing changed or nothing can be read."""
    content = engine.read_file(volume_of(notebook), notebook.filename, options().notebook_bytes)
    summary = summarise(content) if content else None
    if not content or summary is None:  # removed, renamed or half-written: the last good document stays
        return False
    blob = storage.put(content, now=now)
    if blob.digest == notebook.document:
        Notebook.objects.filter(pk=notebook.pk).update(volume_document=blob.digest)
        return False
    with transaction.atomic():
        storage.hold(actions.holder_of(notebook), blob.digest)
        Notebook.objects.filter(pk=notebook.pk).update(
            document=blob.digest,
            volume_document=blob.digest,
            document_bytes=blob.size,
            cells=summary.cells,
            changed_at=now,
        )
        hint([f"notebook:{notebook.pk}"])
    notebook.document = blob.digest
    return True


def take_packages(engine: Engine, notebook: Notebook) -> None:
    """What was installed into the workspace, as it says itself: untrusted, shown to people and used for nothing else."""
    try:
        found = json.loads(engine.read_file(volume_of(notebook), PACKAGES, 256 * 1024) or b"[]")
        packages = [[str(name)[:100], str(version)[:60]] for name, version in found[:1000]]
    except (EngineError, ValueError, TypeError, KeyError, RecursionError):
        return
    if packages != notebook.packages:
        Notebook.objects.filter(pk=notebook.pk).update(packages=packages)
