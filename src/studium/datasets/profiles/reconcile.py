"""The pass of profiles: ask for runs of those that wait, and keep what ended ones found."""

import json
from datetime import datetime, timedelta

import structlog

from studium.compute.engines.base import EngineError
from studium.compute.engines.registry import Engines
from studium.compute.states import ENDINGS, Reason, State
from studium.datasets.models import Profile
from studium.datasets.profiles import actions
from studium.datasets.states import ProfileState
from studium.errors import NotYet, StudiumError
from studium.storage.errors import StoreFailed

log = structlog.get_logger(__name__)
_RESULT_BYTES = 64 * 1024**2
_PAUSE = timedelta(seconds=30)


def run_pass(engines: Engines, now: datetime) -> int:
    """How many were asked for and how many ended. Repeatable, also by two at once."""
    return _start_waiting(now) + _settle(engines, now)


def _start_waiting(now: datetime) -> int:
    rows = Profile.objects.filter(state=ProfileState.WAITING, due_at__lte=now).order_by("due_at")
    done, busy = 0, set(_teams_at_work())
    for profile in rows.select_related("version__dataset__team", "version__created_by")[:20]:
        dataset = profile.version.dataset
        if dataset.deleted_at or profile.version.deleted_at:
            done += actions.move(profile, ProfileState.FAILED, fault="It was deleted.", ended_at=now)
            continue
        if dataset.team_id in busy:  # one at a time, so that people's own runs are not kept waiting
            actions.later(profile, now=now, pause=_PAUSE)
            continue
        try:
            done += actions.start(profile, now=now)
            busy.add(dataset.team_id)
        except NotYet:
            actions.later(profile, now=now, pause=_PAUSE)
        except StudiumError as error:
            fault = f"{error.message} {error.next_step}".strip()
            done += actions.move(profile, ProfileState.FAILED, fault=fault[:500], ended_at=now)
        except Exception:  # one that the platform stumbles over keeps no other waiting
            log.exception("profile_not_started", version=profile.pk)
            fault = "The platform could not look into the files."
            done += actions.move(profile, ProfileState.FAILED, fault=fault, ended_at=now)
    return done


def _teams_at_work() -> list[int]:
    rows = Profile.objects.filter(state=ProfileState.RUNNING)
    return list(rows.values_list("version__dataset__team_id", flat=True).distinct())


def _settle(engines: Engines, now: datetime) -> int:
    rows = Profile.objects.filter(state=ProfileState.RUNNING, run__state=State.ENDED, due_at__lte=now)
    done = 0
    for profile in rows.select_related("run__machine", "version__dataset")[:10]:
        try:
            content, fault = _found(engines, profile)
            done += actions.end(profile, content, fault, now=now)
        except StoreFailed as error:  # what was found stays in its volume
            _wait(profile, error, now)
            continue
        except Exception:  # one that the platform stumbles over keeps no other waiting
            log.exception("profile_not_settled", version=profile.pk)
            fault = "The platform could not keep what was found."
            done += actions.move(profile, ProfileState.FAILED, fault=fault, ended_at=now)
        _forget_volume(engines, profile)
    return done


def _wait(profile: Profile, error: StoreFailed, now: datetime) -> None:
    log.warning("profile_waits", version=profile.pk, error=str(error))
    actions.later(profile, now=now, pause=_PAUSE)


def _found(engines: Engines, profile: Profile) -> tuple[bytes, str]:
    """What the run wrote, nothing where that is no answer; and why it is not all, in a sentence."""
    run = profile.run
    assert run is not None
    content = None
    if run.machine is not None:
        content = engines[run.machine.engine].read_file(actions.volume_of(profile), "profile.json", _RESULT_BYTES)
    ended = "" if run.reason == Reason.FINISHED else f"{ENDINGS[Reason(run.reason)].title}. {run.message}".strip()
    try:
        said = json.loads(content or b"")
        if not isinstance(said["files"], dict):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        return b"", ended or "The run left no answer."
    return content or b"", ended or ("" if said.get("complete") is True else str(said.get("reason", ""))[:400])


def _forget_volume(engines: Engines, profile: Profile) -> None:
    for engine in engines.values():
        try:
            engine.delete_volume(actions.volume_of(profile))
        except EngineError as error:
            log.warning("volume_kept", version=profile.pk, error=str(error))
