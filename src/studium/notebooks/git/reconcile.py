"""The passes of notebooks from git: take over what a git run told and left, and read the notebook that somebody chose.

What a run tells is untrusted: it is cut and checked before it is kept. Repeatable: a piece of work is settled last.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import transaction

from studium.compute.engines.base import Engine
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.states import Reason, State
from studium.config.options import options
from studium.events.actions import hint, record
from studium.lib.units import GIB
from studium.notebooks.actions import holder_of
from studium.notebooks.document import summarise
from studium.notebooks.git.models import GitWork, Repository
from studium.notebooks.git.naming import check_path
from studium.notebooks.git.queries import files_holder
from studium.notebooks.git.states import CLONED_MOVES, WORK_MOVES, Cloned, Verb, WorkState
from studium.notebooks.inspection import NotebookInfo
from studium.notebooks.launching import volume_of
from studium.notebooks.models import Launch, Notebook
from studium.notebooks.queries import room_of
from studium.notebooks.taking import Taken, hold_taken, take_files
from studium.storage import actions as storage
from studium.storage.errors import StoreFailed

log = structlog.get_logger(__name__)
MOST_TAKEN = 2 * GIB
_LIST, _LIST_BYTES = ".git/studium.json", 6 * 1024**2
_MOST_NOTEBOOKS = 2000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a git run, before it is written down."""

    code: str = ""
    message: str = ""
    facts: dict[str, Any]
    candidates: list[str]
    path: str = ""
    document: NotebookInfo | None = None

    @property
    def failed(self) -> bool:
        return bool(self.code)


def settle_ended(engines: Engines, now: datetime) -> int:
    """Take over what ended git runs told; returns how many."""
    rows = GitWork.objects.filter(state=WorkState.LIVE, run__state=State.ENDED).order_by("created_at")
    done = 0
    for work in rows.select_related("repository__notebook", "run__machine")[:50]:
        try:
            outcome = _look(engines, work)
        except Exception as error:  # one hostile workspace keeps no other waiting
            log.warning("git_settle_failed", run=work.run_id, error=str(error))
            words = f"What the run left could not be read: {error}"[:600]
            outcome = Outcome(code="git.failed", message=words, facts={}, candidates=[])
        try:
            done += _settle(work, outcome, _taken(engines, work, outcome, now), now)
        except StoreFailed as error:
            log.warning("git_waits", run=work.run_id, error=str(error))
            break
        except Exception:
            log.exception("git_settle_failed", run=work.run_id)
    return done


def _look(engines: Engines, work: GitWork) -> Outcome:
    """Read what the run told and left. Changes nothing."""
    run, notebook = work.run, work.repository.notebook
    told: dict[str, Any] = run.progress if isinstance(run.progress, dict) else {}
    if run.reason != Reason.FINISHED or told.get("work") != work.pk or told.get("state") != "done":
        return _failure(run, told)
    result = told.get("result")
    facts = facts_of(result if isinstance(result, dict) else {})
    candidates: list[str] = []
    path = notebook.filename
    if work.verb == Verb.CLONE:
        candidates = _candidates(engines, run, notebook, work.pk)
        wanted = work.repository.path
        path = wanted if wanted in candidates else candidates[0] if len(candidates) == 1 and not wanted else ""
        if wanted and not path:
            words = f"The repository has no notebook {wanted}."
            return Outcome(code="git.no_notebook", message=words, facts=facts, candidates=candidates)
    document = _document(engines, run, notebook, path) if path else None
    if work.verb == Verb.CLONE and path and document is None:
        words = f"{path} is no notebook that can be read, or is too large."
        return Outcome(code="git.no_notebook", message=words, facts=facts, candidates=candidates)
    return Outcome(facts=facts, candidates=candidates, path=path, document=document)


def _taken(engines: Engines, work: GitWork, outcome: Outcome, now: datetime) -> Taken | None:
    """The repository's files as the git run left them, stored for runs of versions: those that are as the commit has them.

    The git run did its work whether or not they can be kept.
    """
    run, notebook = work.run, work.repository.notebook
    if work.verb == Verb.CHECK or not outcome.facts.get("commit") or run.machine is None:
        return None
    engine, volume = engines[run.machine.engine], volume_of(notebook)
    try:
        told = _told(engine, notebook, work.pk)
        files, folders = told.get("files"), told.get("folders")
        if not isinstance(files, list) or not isinstance(folders, list):
            return None
        names, inner = frozenset(map(str, files)), tuple(f"{folder}/" for folder in folders)
        return take_files(
            engine,
            volume,
            skip="",
            most_bytes=min(MOST_TAKEN, room_of(notebook.team, MOST_TAKEN, now)),
            now=now,
            only=lambda path: path in names or path.startswith(inner),
        )
    except StoreFailed:  # kept once there is a store and room in it
        raise
    except Exception as error:
        log.warning("git_files_not_taken", run=work.run_id, error=str(error))
        return None


def _failure(run: Run, told: dict[str, Any]) -> Outcome:
    error = told.get("error")
    if isinstance(error, dict) and run.reason == Reason.FAILED:
        code = str(error.get("name", ""))
        known = code.startswith(("git.", "outbound.")) and code.isprintable() and len(code) <= 40
        facts = {}
        files = error.get("facts", {}).get("files") if isinstance(error.get("facts"), dict) else None
        if isinstance(files, list):
            facts["files"] = [str(name)[:400] for name in files[:20]]
        return Outcome(
            code=code if known else "git.failed",
            message=str(error.get("message", ""))[:600],
            facts=facts,
            candidates=[],
        )
    code = {Reason.OUT_OF_MEMORY: "git.memory", Reason.DISK_FULL: "git.disk_full"}.get(Reason(run.reason), "git.run")
    return Outcome(code=code, message=run.message[:600] or "The run did not end well.", facts={}, candidates=[])


def facts_of(result: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a result, each of the type and size that its column has."""
    found: dict[str, Any] = {}
    for name, most in (("kind", 10), ("branch", 250), ("commit", 40), ("subject", 200), ("author", 100)):
        found[name] = _text(result.get(name), most)
    found["ref_found"] = _text(result.get("ref"), 250)
    for name in ("ahead", "behind", "dirty", "lfs", "changed", "pushed"):
        value = result.get(name)
        found[name] = min(value, 10**9) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
    for name in ("notes", "kept"):
        value = result.get(name)
        found[name] = [_text(each, 400) for each in value[:20]] if isinstance(value, list) else []
    found["committed_at"] = _moment(result.get("committed_at"))
    found["target"] = _text(result.get("target"), 250)
    return found


def _text(value: object, most: int) -> str:
    return "".join(c for c in value[:most] if c.isprintable()) if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _told(engine: Engine, notebook: Notebook, work: str) -> dict[str, Any]:
    """What the git run wrote into the workspace; nothing where it is another one's."""
    told = json.loads(engine.read_file(volume_of(notebook), _LIST, _LIST_BYTES) or b"{}")
    return told if isinstance(told, dict) and told.get("work") == work else {}


def _candidates(engines: Engines, run: Run, notebook: Notebook, work: str) -> list[str]:
    assert run.machine is not None
    names = _told(engines[run.machine.engine], notebook, work).get("notebooks")
    return [name for name in names[:_MOST_NOTEBOOKS] if _is_path(name)] if isinstance(names, list) else []


def _is_path(name: object) -> bool:
    try:
        return isinstance(name, str) and check_path(name) == name
    except Exception:
        return False


def _document(engines: Engines, run: Run, notebook: Notebook, path: str) -> NotebookInfo | None:
    """The notebook in the workspace, None where there is none that can be read."""
    assert run.machine is not None
    content = engines[run.machine.engine].read_file(volume_of(notebook), path, options().notebook_bytes)
    summary = summarise(content) if content else None
    # The very bytes of the workspace, so that document and workspace are the same.
    return None if summary is None or content is None else NotebookInfo(**{**summary.__dict__, "content": content})


def _settle(work: GitWork, outcome: Outcome, taken: Taken | None, now: datetime) -> bool:
    blob = storage.put(outcome.document.content, now=now) if outcome.document else None
    notebook = work.repository.notebook
    state = WorkState.FAILED if outcome.failed else WorkState.DONE
    with transaction.atomic():
        result = {name: value for name, value in outcome.facts.items() if not isinstance(value, datetime)}
        if not move_work(work, state, now=now, code=outcome.code, message=outcome.message, result=result):
            return False  # another controller was first
        _stand(work, outcome, now)
        if taken is not None:
            _keep(work.repository_id, taken, outcome.facts["commit"])
        if blob is not None and outcome.document is not None:
            _take(notebook, outcome.path, blob.digest, blob.size, outcome.document, now)
        size = work.run.usage.get("disk_bytes") or notebook.workspace_bytes
        Notebook.objects.filter(pk=notebook.pk).update(workspace_bytes=size)
        Launch.objects.filter(run=work.run_id, settled_at=None).update(settled_at=now, fault=outcome.message[:300])
        record(
            f"git.{work.verb}_{state}", subject=("notebook", notebook.pk), team_id=notebook.team_id, now=now,
            data={"run": work.run_id, "code": outcome.code},
        )  # fmt: skip
        hint([f"notebook:{notebook.pk}", f"run:{work.run_id}"])
    return True


def _keep(repository: str, taken: Taken, commit: str) -> None:
    """Have runs of versions begin with these files, in the caller's transaction. Versions hold those they began with."""
    rows = Repository.objects.filter(pk=repository, notebook__deleted_at=None)
    if rows.update(files=taken.manifest.digest, files_bytes=taken.size, files_commit=commit):
        holder = files_holder(repository)
        storage.release_under(f"{holder}:")
        hold_taken(holder, taken.manifest.digest, taken.digests)


def move_work(work: GitWork, to: WorkState, *, now: datetime, **changes: Any) -> bool:
    """Move by compare-and-set; False when somebody else did."""
    assert to in WORK_MOVES[WorkState(work.state)], (work.state, to)
    return bool(GitWork.objects.filter(pk=work.pk, state=work.state).update(state=to, ended_at=now, **changes))


def _stand(work: GitWork, outcome: Outcome, now: datetime) -> None:
    """Write down how the repository stands."""
    names = ("branch", "commit", "subject", "author", "committed_at", "ahead", "behind", "dirty", "lfs", "notes")
    changes: dict[str, Any] = {}
    if outcome.facts.get("commit"):
        changes = {name: outcome.facts[name] for name in names} | {"looked_at": now}
    if work.verb != Verb.CLONE:
        Repository.objects.filter(pk=work.repository_id).update(**changes) if changes else None
        return
    if changes:
        changes |= {"kind": outcome.facts["kind"], "ref_found": outcome.facts["ref_found"]}
    state, trouble = Cloned.FAILED, {"code": outcome.code, "trouble": outcome.message}
    if outcome.code == "git.no_notebook" and outcome.candidates:
        state = Cloned.CHOOSING
    elif not outcome.failed:
        state, trouble = Cloned.READY if outcome.document else Cloned.CHOOSING, {"code": "", "trouble": ""}
        if not outcome.candidates:
            state = Cloned.NONE
    move_repository(work.repository, state, candidates=outcome.candidates, **changes, **trouble)


def move_repository(repository: Repository, to: Cloned, **changes: Any) -> bool:
    """Move by compare-and-set; False when somebody else did."""
    assert to in CLONED_MOVES[Cloned(repository.state)], (repository.state, to)
    return bool(Repository.objects.filter(pk=repository.pk, state=repository.state).update(state=to, **changes))


def _take(notebook: Notebook, path: str, digest: str, size: int, found: NotebookInfo, now: datetime) -> None:
    """Make a file of the workspace the notebook's document, in the caller's transaction."""
    changed = {} if digest == notebook.document else {"changed_at": now}
    # Something newer may have been put in place meanwhile: then that is what the next start brings.
    taken = Notebook.objects.filter(pk=notebook.pk, document=notebook.document).update(
        filename=path,
        document=digest,
        volume_document=digest,
        document_bytes=size,
        cells=found.cells,
        language=found.language,
        **changed,
    )
    if taken:
        storage.hold(holder_of(notebook), digest)


def take_chosen(engines: Engines, now: datetime) -> int:
    """Read the notebooks that were chosen; returns how many."""
    rows = Repository.objects.filter(state=Cloned.TAKING).select_related("notebook")
    done = 0
    for repository in rows[:20]:
        notebook = repository.notebook
        work = repository.work.filter(verb=Verb.CLONE).select_related("run__machine").order_by("-created_at").first()
        document = None
        try:
            document = _document(engines, work.run, notebook, repository.path) if work else None
        except Exception as error:
            log.warning("git_take_failed", notebook=notebook.pk, error=str(error))
        blob = storage.put(document.content, now=now) if document else None
        with transaction.atomic():
            if document is None or blob is None:
                words = f"{repository.path} is no notebook that can be read, or is too large."
                done += move_repository(repository, Cloned.CHOOSING, code="git.no_notebook", trouble=words)
            elif move_repository(repository, Cloned.READY):
                _take(notebook, repository.path, blob.digest, blob.size, document, now)
                done += 1
            hint([f"notebook:{notebook.pk}"])
    return done
