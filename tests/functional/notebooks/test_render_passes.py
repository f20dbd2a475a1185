"""The passes that make pages: what is asked each second costs the same however many notebooks there are."""

import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories.accounts import NOW, Cast
from factories.notebooks import make_notebook
from running.platform import wait_for
from studium.controller.loop import Controller, Pass
from studium.lib import hints
from studium.lib.ids import new_id
from studium.notebooks import reconcile
from studium.notebooks.models import Notebook, Version
from studium.notebooks.render import RENDERER, RenderError
from studium.notebooks.versions import actions
from studium.notebooks.versions import reconcile as versions
from studium.storage.models import Hold

LONG_AGO = NOW - timedelta(days=30)


def copies(notebook: Notebook, count: int) -> None:
    """So many more notebooks like this one, each with a settled version, all rendered long ago."""
    state = {f.attname: getattr(notebook, f.attname) for f in Notebook._meta.concrete_fields}
    state |= {"changed_at": LONG_AGO, "rendered_of": notebook.document, "renderer": RENDERER}
    made = [Notebook(**{**state, "id": new_id(), "slug": new_id(), "label": new_id()}) for _ in range(count)]
    Notebook.objects.bulk_create(made)
    Version.objects.bulk_create(
        Version(
            notebook=each, number=1, kind="quick", created_by_id=each.created_by_id, created_at=LONG_AGO, cells=1,
            source=each.document, document=each.document, document_bytes=1, environment="",
            settled_at=LONG_AGO, rendered_of=each.document, renderer=RENDERER,
        )
        for each in made
    )  # fmt: skip


def steps(work: Callable[[datetime], int]) -> int:
    """How much the database worked for it, in instructions of its machine."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection.connection.set_progress_handler(count, 1)
    try:
        assert work(NOW) == 0
    finally:
        connection.connection.set_progress_handler(None, 0)
    return counted


def plan(work: Callable[[datetime], int]) -> list[str]:
    """How PostgreSQL goes about the first thing that it is asked."""
    with CaptureQueriesContext(connection) as asked:
        assert work(NOW) == 0
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(f"EXPLAIN {asked[0]['sql']}")
        return [line for (line,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("work", "column"), [(reconcile.render_lately, "changed_at"), (versions.render_lately, "settled_at")]
)
def test_what_is_asked_each_second_does_not_grow_with_the_notebooks(
    notebook: Notebook, work: Callable[[datetime], int], column: str
) -> None:
    reconcile.render_changed(NOW)
    Notebook.objects.update(changed_at=LONG_AGO)
    copies(notebook, 20)
    if connection.vendor == "postgresql":
        copies(notebook, 2000)
        assert any("Index Cond" in line and f"{column} >" in line for line in plan(work))
        return
    few = steps(work)
    copies(notebook, 2000)
    assert steps(work) <= 1.5 * few
    assert steps(reconcile.render_changed) > 10 * few, "the other one does look at all"


def test_whether_a_session_is_to_move_is_asked_of_those_alone(notebook: Notebook) -> None:
    if connection.vendor == "postgresql":
        copies(notebook, 2000)
        assert any("notebook_to_restart" in line for line in plan(reconcile.restart_moved))
        return
    few = steps(reconcile.restart_moved)
    copies(notebook, 2000)
    assert steps(reconcile.restart_moved) <= 1.5 * few


def test_what_changed_lately_is_rendered_at_once(cast: Cast, notebook: Notebook) -> None:
    for visibility in ("private", "team", "public"):
        make_notebook(cast.owner, cast.team, visibility=visibility)
    assert reconcile.render_lately(NOW) == 4
    assert reconcile.render_lately(NOW) == 0
    actions.save_quick(cast.owner, notebook, now=NOW)
    assert versions.render_lately(NOW) == 1
    assert versions.render_lately(NOW) == 0


def test_what_is_to_be_made_anew_is_found_by_the_one_that_looks_at_all(cast: Cast, notebook: Notebook) -> None:
    actions.save_quick(cast.owner, notebook, now=NOW)
    later = NOW + timedelta(hours=1)
    assert (reconcile.render_lately(later), versions.render_lately(later)) == (0, 0)
    assert (reconcile.render_changed(later), versions.render_settled(later)) == (1, 1)


def test_pages_of_another_renderer_are_made_anew_and_shown_until_then(
    cast: Cast, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.save_quick(cast.owner, notebook, now=NOW)
    later = NOW + timedelta(hours=1)
    assert (reconcile.render_changed(later), versions.render_settled(later)) == (1, 1)
    notebook.refresh_from_db()
    before = notebook.rendered
    for module in (reconcile, versions):
        monkeypatch.setattr(module, "RENDERER", RENDERER + 1)
        monkeypatch.setattr(module, "render_html", lambda data: b"drawn otherwise")
    assert (notebook.rendered_of, notebook.rendered) == (notebook.document, before)
    assert (versions.render_settled(later), versions.render_settled(later)) == (1, 0)  # not taken from the one before
    assert (reconcile.render_changed(later), reconcile.render_changed(later)) == (1, 0)
    notebook.refresh_from_db()
    version = notebook.versions.get()
    assert notebook.rendered == version.rendered != before
    assert notebook.renderer == version.renderer == RENDERER + 1
    assert not Hold.objects.filter(blob_id=before).exists()


def test_what_another_renderer_cannot_draw_keeps_its_page(
    cast: Cast, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(data: bytes) -> bytes:
        raise RenderError("No more.")

    actions.save_quick(cast.owner, notebook, now=NOW)
    later = NOW + timedelta(hours=1)
    assert (reconcile.render_changed(later), versions.render_settled(later)) == (1, 1)
    notebook.refresh_from_db()
    before = notebook.rendered
    for module in (reconcile, versions):
        monkeypatch.setattr(module, "RENDERER", RENDERER + 1)
        monkeypatch.setattr(module, "render_html", cannot)
    assert (versions.render_settled(later), versions.render_settled(later)) == (1, 0)
    assert (reconcile.render_changed(later), reconcile.render_changed(later)) == (1, 0)
    notebook.refresh_from_db()
    version = notebook.versions.get()
    for row in (notebook, version):
        assert (row.rendered, row.render_error, row.renderer) == (before, "", RENDERER + 1)
    assert Hold.objects.filter(blob_id=before).count() == 2
    Notebook.objects.update(rendered_of="0" * 64)  # of other content it is no page
    reconcile.render_changed(later)
    notebook.refresh_from_db()
    assert (notebook.rendered, notebook.render_error) == (before, "No more.")


def test_what_a_runner_says_reaches_the_passes_and_topics_do_not(tmp_path: Path) -> None:
    said: list[str] = []
    woken = threading.Event()

    def tell(run_id: str) -> None:
        said.append(run_id)
        woken.set()

    controller = Controller([], tmp_path / "hints", tell)
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        wait_for((tmp_path / "hints").exists)
        hints.send(tmp_path / "hints", ["runs"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as runner:
            runner.sendto(b"r1", str(tmp_path / "hints"))
        assert woken.wait(20)
    finally:
        controller.stop()
        thread.join()
    assert said == ["r1"]


def test_a_pass_that_is_to_go_on_looks_again_at_once_and_others_wait(tmp_path: Path) -> None:
    left, ended = [5], threading.Event()

    def work(_: datetime) -> int:
        left[0] -= 1
        if left[0] == 0:
            ended.set()
        return left[0]

    going = Pass(name="going", run=work, every=3600, again=True)
    controller = Controller([going], tmp_path / "hints")
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        assert ended.wait(20)
    finally:
        controller.stop()
        thread.join()
