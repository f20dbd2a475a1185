"""The passes of environments: settle build runs, start those that wait, compile, and remove what nobody uses."""

import time
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import Q

from studium.compute.engines.base import EngineError
from studium.compute.engines.registry import Engines
from studium.compute.models import Run
from studium.compute.states import ENDINGS, LIVE, Reason, State
from studium.environments import actions
from studium.environments.building import volume_of
from studium.environments.compiling import compile_modules
from studium.environments.models import Build, Environment
from studium.environments.publishing import Published, UnusableError, folder, publish
from studium.environments.queries import current_build, default_build, of_team
from studium.environments.states import BuildState
from studium.errors import StudiumError
from studium.events.actions import record
from studium.lib.folders import remove
from studium.storage import actions as storage
from studium.storage.errors import StoreFailed

log = structlog.get_logger(__name__)
KEPT_UNUSED = timedelta(days=30)
_ORPHAN_SECONDS = 86400
_REASON_CHARACTERS, _LOG_BYTES = 3000, 4 * 1024**2


def settle_ended(engines: Engines, now: datetime) -> int:
    """Publish what ended build runs made, or note why they made nothing; returns how many."""
    ended = Build.objects.filter(state=BuildState.BUILDING, run__state=State.ENDED)
    done = 0
    for build in ended.select_related("run__machine", "environment__team")[:10]:
        run = build.run
        assert run is not None
        try:
            if run.reason != Reason.FINISHED or run.machine is None:
                done += actions.fail(build, _why(engines, run), now=now)
                continue
            published = publish(engines[run.machine.engine], build)
            ready = _ready(build, published, now)
        except StoreFailed as error:
            log.warning("build_waits", build=build.pk, error=str(error))
            break
        except (EngineError, UnusableError) as error:
            log.warning("build_unusable", build=build.pk, error=str(error))
            done += actions.fail(build, f"What the build made cannot be used: {error}.", now=now)
            continue
        except Exception as error:  # one that the platform stumbles over keeps no other waiting
            log.exception("build_not_settled", build=build.pk)
            done += actions.fail(build, f"The platform could not keep what the build made: {error}.", now=now)
            continue
        if ready:
            done += 1
        elif published.twin is None:
            remove(published.path)  # another controller was first
    return done


def _why(engines: Engines, run: Run) -> str:
    """The resolver's or installer's own words where it came to them, else how the run ended."""
    if run.reason == Reason.FAILED and run.machine is not None:
        # Kept already where another pass has been here before.
        kept = storage.get(run.log_digest) if run.log_digest else b""
        content = (kept or engines[run.machine.engine].read_log(run.pk, 0, _LOG_BYTES)).decode(errors="replace")
        said = content.removeprefix("Resolving\n").strip()[-_REASON_CHARACTERS:]
        if said:
            return said
    return f"{ENDINGS[Reason(run.reason)].title}. {run.message}".strip()


def _ready(build: Build, made: Published, now: datetime) -> bool:
    """Put it on record; False if another controller was first. Raises UnusableError when what it shares is gone."""
    lock = storage.put(made.lock, now=now)
    with transaction.atomic():
        # Collecting looks at `used_at` too: from here on the other build stays until this one is on record.
        ready = Build.objects.filter(state=BuildState.READY, path=str(made.path))
        if made.twin is not None and not ready.filter(pk=made.twin.pk).update(used_at=now):
            raise UnusableError("the build whose packages it was to have was removed meanwhile. Build it again")
        if not Build.objects.filter(pk=build.pk, state=BuildState.BUILDING).update(
            state=BuildState.READY,
            fault="",
            lock=lock.digest,
            lock_digest=lock.digest,
            path=str(made.path),
            python=made.python,
            packages=made.packages,
            size_bytes=made.size_bytes,
            built_at=now,
            used_at=now,
            compiled_at=now if made.twin else None,  # one folder is compiled once
        ):
            return False
        storage.hold(actions.holder_of(build, "lock"), lock.digest)
        record(
            "environment.ready",
            subject=("environment", build.environment_id),
            team_id=build.environment.team_id,
            now=now,
            data={"number": build.number, "packages": len(made.packages)},
        )
    return True


def submit_waiting(now: datetime) -> int:
    """Start builds that waited for another of their team; returns how many."""
    waiting = Build.objects.filter(state=BuildState.BUILDING, run=None).order_by("created_at")
    done = 0
    for build in waiting.select_related("environment__team", "created_by")[:50]:
        if build.environment.deleted_at is not None:
            done += actions.fail(build, "The environment was deleted.", now=now)
            continue
        try:
            done += actions.submit(build, now=now) is not None
        except StudiumError as error:
            done += actions.fail(build, f"{error.message} {error.next_step}", now=now)
        except Exception as error:  # one that cannot be asked for keeps no other waiting
            log.exception("build_not_submitted", build=build.pk)
            done += actions.fail(build, f"The platform could not start the build: {error}.", now=now)
    return done


def compile_ready(now: datetime) -> int:
    """Compile the modules of one build that has not been; returns how many. A failure is not tried again."""
    build = Build.objects.filter(state=BuildState.READY, compiled_at=None).order_by("built_at").first()
    if build is None:
        return 0
    compile_modules(Path(build.path), Path(default_build().path))
    Build.objects.filter(pk=build.pk).update(compiled_at=now)
    return 1


def collect_unused(now: datetime) -> int:
    """Remove builds that nobody has used for long, and those of deleted environments; their locks stay. Returns how many."""
    live = set(Run.objects.filter(state__in=LIVE).values_list("spec__environment_path", flat=True))
    old = Q(used_at__lt=now - KEPT_UNUSED) | ~Q(environment__deleted_at=None)
    done = 0
    for build in Build.objects.filter(old, state=BuildState.READY).select_related("environment__team")[:20]:
        if build.path in live or _is_present(build):
            continue
        # Whoever starts a run at this moment has moved `used_at`, and this finds nothing.
        done += Build.objects.filter(pk=build.pk, state=BuildState.READY, used_at=build.used_at).update(
            state=BuildState.COLLECTED
        )
    for build in Build.objects.filter(state=BuildState.COLLECTED).exclude(path="")[:20]:
        # Off the record first: folders are never named twice, so what a crash leaves here is swept as nobody's.
        off = Build.objects.filter(pk=build.pk, state=BuildState.COLLECTED, path=build.path).update(path="")
        if off and not Build.objects.filter(path=build.path).exists():  # builds with the same lock share one
            remove(Path(build.path))
    _sweep()
    return done


def _is_present(build: Build) -> bool:
    """Whether it is what a live environment gives now: that stays however long nobody asks for it."""
    environment = build.environment
    if environment.deleted_at is not None:
        return False
    present = default_build() if environment.team is None else current_build(environment)
    return present is not None and present.pk == build.pk


def _sweep() -> None:
    """Remove folders that no build names, as a controller that was killed leaves them."""
    if not folder().is_dir():
        return
    known = set(Build.objects.exclude(path="").values_list("path", flat=True))
    for place in folder().iterdir():
        if str(place) not in known and time.time() - place.stat().st_ctime > _ORPHAN_SECONDS:
            remove(place)


def clean_volumes(engines: Engines, now: datetime) -> int:
    """Remove what the builds of a team fetched whose last environment was just deleted; returns how many."""
    gone = Environment.objects.filter(deleted_at__gt=now - timedelta(hours=1)).exclude(team=None).select_related("team")
    done = 0
    for team in {each.team for each in gone if each.team}:
        if of_team(team).exists() or actions.under_way(team):
            continue
        for engine in engines.values():
            try:
                engine.delete_volume(volume_of(team))
            except EngineError as error:
                log.warning("volume_kept", team=team.slug, error=str(error))
                continue
            done += 1
    return done
