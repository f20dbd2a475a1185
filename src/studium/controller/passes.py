"""Which passes the controller runs and how often."""

from datetime import datetime

from studium.community.notifications import reconcile as notifications
from studium.compute.engines.registry import Engines, engines
from studium.compute.reconcile import machines, place, reclaim, start, stop, trees, watch
from studium.compute.volumes import reconcile as volumes
from studium.controller.loop import Pass
from studium.datasets import reconcile as datasets
from studium.datasets.profiles import reconcile as profiles
from studium.datasets.sources import reconcile as sources
from studium.environments import reconcile as environments
from studium.notebooks import reconcile as notebooks
from studium.notebooks import trends
from studium.notebooks.git import reconcile as git
from studium.notebooks.queries import stored_bytes
from studium.notebooks.schedules import reconcile as schedules
from studium.notebooks.search import reconcile as search
from studium.notebooks.sharing import reconcile as sharing
from studium.notebooks.snapshots import reconcile as workspaces
from studium.notebooks.stored import emptying
from studium.notebooks.stored import reconcile as stored
from studium.notebooks.versions import reconcile as versions
from studium.notebooks.webhooks import reconcile as webhooks
from studium.storage import reconcile as storage
from studium.storage.chunks import reconcile as chunks
from studium.storage.uploads import actions as uploads


def all_passes(holder: str, chosen: Engines | None = None, told: watch.Told | None = None) -> list[Pass]:
    """Every pass of the platform, over these engines or the installation's. `told` has the runs that runners speak of."""
    spoken_of = told or watch.Told()
    where = chosen if chosen is not None else engines()
    return [
        Pass(name="machines", run=lambda now: machines.run_pass(where, now), every=10),
        Pass(name="place", run=lambda now: place.run_pass(holder, now), every=1, hinted=True),
        Pass(name="start", run=lambda now: start.run_pass(where, now), every=1, hinted=True),
        # Inputs can be large: laying them down holds up no other start.
        Pass(name="trees", run=lambda now: trees.run_pass(where, now), every=1, hinted=True),
        Pass(name="watch", run=lambda now: watch.run_pass(where, now, spoken_of.take()), every=0.25, hinted=True),
        Pass(name="stop", run=lambda now: stop.run_pass(where, now), every=0.5, hinted=True),
        Pass(
            name="settle",
            run=lambda now: notebooks.settle_ended(where, now) + notebooks.restart_moved(now),
            every=1,
            hinted=True,
        ),
        Pass(
            name="git", run=lambda now: git.settle_ended(where, now) + git.take_chosen(where, now), every=1, hinted=True
        ),
        Pass(name="sync", run=lambda now: notebooks.sync_running(where, now), every=2, hinted=True),
        # Output files can be large: keeping them holds up no other ended run.
        Pass(name="versions", run=lambda now: versions.settle_ended(where, now), every=1, hinted=True),
        Pass(name="follow", run=lambda now: versions.follow_running(where, now), every=2),
        Pass(
            name="schedules",
            run=lambda now: schedules.note_due(now) + schedules.see_ended(now) + schedules.start_due(now),
            every=5,
        ),
        Pass(name="unwelcome", run=sharing.stop_of_unwelcome, every=5),
        Pass(name="search", run=search.index_lately, every=5, hinted=True),
        Pass(name="search again", run=search.index_changed, every=60),
        Pass(
            name="tell",
            run=lambda now: schedules.tell(now) + schedules.keep_last(now) + notifications.send_due(now),
            every=15,
        ),
        Pass(name="webhooks", run=lambda now: webhooks.note_ended(now) + webhooks.deliver(now), every=3, hinted=True),
        Pass(name="reclaim", run=lambda now: reclaim.run_pass(where, now), every=2),
        Pass(
            name="render",
            run=lambda now: notebooks.render_lately(now) + versions.render_lately(now),
            every=1,
            hinted=True,
        ),
        # What an upgrade makes anew, and what was missed: everything is looked at, so only now and then.
        Pass(
            name="render again",
            run=lambda now: notebooks.render_changed(now) + versions.render_settled(now),
            every=60,
            again=True,
        ),
        Pass(
            name="builds",
            run=lambda now: environments.settle_ended(where, now) + environments.submit_waiting(now),
            every=1,
            hinted=True,
        ),
        Pass(name="profiles", run=lambda now: profiles.run_pass(where, now), every=2, hinted=True),
        # Volumes can be large: taking and putting back snapshots holds up nothing else.
        Pass(name="volumes", run=lambda now: volumes.run_pass(where, now), every=5, hinted=True),
        Pass(name="workspaces", run=lambda now: workspaces.run_pass(where, now), every=5, hinted=True),
        Pass(name="emptying", run=lambda now: emptying.empty_asked(holder, where, now), every=5, hinted=True),
        # An hour at a time; looked at often, so that the hour's end is near what was measured.
        Pass(name="storage", run=stored.charge_due, every=60, again=True),
        # Large files take long: a pass of its own.
        Pass(name="imports", run=lambda now: sources.run_pass(where, now, stored_bytes), every=1, hinted=True),
        Pass(name="trends", run=trends.note_trends, every=300),
        Pass(name="compile", run=environments.compile_ready, every=5),
        # Looks at every chunk there is, for what a crash left.
        Pass(name="unowned", run=chunks.forget_unowned, every=3600),
        Pass(name="snapshots", run=lambda now: volumes.sweep(now) + workspaces.sweep(now), every=600),
        Pass(
            name="clean",
            run=lambda now: _clean(where, now),
            every=30,
        ),
    ]


def _clean(where: Engines, now: datetime) -> int:
    """Remove what nobody needs any more."""
    return (
        versions.clean_volumes(where, now)
        + versions.forget_comparisons(now)
        + webhooks.forget_old(now)
        + notebooks.clean_deleted(where, now)
        + environments.collect_unused(now)
        + environments.clean_volumes(where, now)
        + datasets.sweep(now)
        + datasets.note_endings(now)
        + uploads.forget_expired(now)
        + storage.collect(now)
        + chunks.collect(now)
        + trees.collect(now)
        + notifications.forget_old(now)
    )
