"""Making, reading, changing and starting notebooks through the pages, with good and bad input."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from scenes import Scene, address, client_of

from factories.accounts import NOW
from factories.notebooks import notebook_json
from studium.accounts.models import EntryTicket
from studium.compute.models import Run
from studium.notebooks.models import Notebook
from studium.notebooks.search.reconcile import index_changed
from studium.plans.actions import assign_plan


def text_of(response) -> str:  # type: ignore[no-untyped-def]
    return " ".join(response.content.decode().split())


def new_form(scene: Scene, **more: object) -> dict[str, object]:
    return {"title": "Fresh", "project": f"{scene.cast.owner.personal_team.slug}/main", "visibility": "", **more}


def test_blank_notebook(scene: Scene) -> None:
    response = client_of(scene.cast.owner).post("/new/", new_form(scene))
    made = Notebook.objects.get(title="Fresh")
    assert response.headers["Location"] == address(made)
    assert made.team == scene.cast.owner.personal_team
    assert "Rendering …" in text_of(client_of(scene.cast.owner).get(address(made)))


def test_a_blank_notebook_in_another_language(scene: Scene) -> None:
    client_of(scene.cast.owner).post("/new/", new_form(scene, language="r"))
    assert Notebook.objects.get(title="Fresh").language == "R"


def test_a_language_that_is_not_installed_is_shown_and_refused(scene: Scene) -> None:
    """Deno is part of the default environment, which is not built here."""
    client = client_of(scene.cast.owner)
    page = text_of(client.get("/new/"))
    assert '<option value="typescript" disabled>TypeScript (not installed here)</option>' in page
    assert '<option value="r">R</option>' in page
    assert '<option value="python">Python</option>' in page
    response = client.post("/new/", new_form(scene, language="typescript"))
    assert response.status_code == 409
    assert "TypeScript is not installed on this machine: deno is missing" in text_of(response)
    assert not Notebook.objects.filter(title="Fresh").exists()


def test_an_upload_keeps_its_own_language(scene: Scene) -> None:
    file = SimpleUploadedFile("x.ipynb", notebook_json("1"))
    client_of(scene.cast.owner).post("/new/", new_form(scene, file=file, language="r"))
    assert Notebook.objects.get(title="Fresh").language == "python"


def test_notebook_without_cells_teaches_the_next_step(scene: Scene) -> None:
    Notebook.objects.filter(pk=scene.quiet.pk).update(cells=0)
    said = text_of(client_of(scene.cast.owner).get(address(scene.quiet)))
    assert "This notebook is empty" in said
    assert "Press Start" in said


def test_upload_takes_its_title_from_the_file(scene: Scene) -> None:
    file = SimpleUploadedFile("my_first_model.ipynb", notebook_json("1+1", "2+2"))
    client_of(scene.cast.owner).post("/new/", new_form(scene, title="", file=file))
    made = Notebook.objects.get(title="my first model")
    assert made.cells == 2


@pytest.mark.parametrize("content", [b"", b"no notebook", b'{"nbformat": 4}', b"[" * 5000])
def test_upload_that_is_no_notebook_makes_nothing(scene: Scene, content: bytes) -> None:
    before = Notebook.objects.count()
    file = SimpleUploadedFile("x.ipynb", content)
    response = client_of(scene.cast.owner).post("/new/", new_form(scene, file=file))
    assert response.status_code == 400
    assert Notebook.objects.count() == before
    assert 'class="note bad"' in text_of(response) or 'class="error"' in text_of(response)


def test_new_in_a_project_one_may_only_read(scene: Scene) -> None:
    response = client_of(scene.cast.reader).post("/new/", new_form(scene, project=f"{scene.cast.team.slug}/main"))
    assert response.status_code == 400
    assert "Select a valid choice" in text_of(response)


def test_copy_from_the_gallery(scene: Scene) -> None:
    client = client_of(scene.cast.stranger)
    response = client.post("/gallery/explore-a-table/copy/")
    made = Notebook.objects.get(gallery_slug="explore-a-table")
    assert response.headers["Location"] == address(made)
    assert made.created_by == scene.cast.stranger
    assert client.post("/gallery/no-such/copy/").status_code == 404


def test_copy_of_a_public_notebook_is_private_and_ones_own(scene: Scene) -> None:
    client_of(scene.cast.stranger).post(address(scene.public, "copy/"))
    made = Notebook.objects.get(created_by=scene.cast.stranger)
    assert (made.visibility, made.document) == ("private", scene.public.document)


def test_search_and_tabs(scene: Scene) -> None:
    client = client_of(scene.cast.teammate)
    assert "Team work" in text_of(client.get("/notebooks/?show=team"))
    assert "Quiet work" not in text_of(client.get("/notebooks/?show=team"))
    assert "Team work" not in text_of(client.get("/notebooks/?show=mine"))
    assert "Open work" in text_of(client.get("/notebooks/?show=public"))
    assert index_changed(NOW)
    found = text_of(client.get("/notebooks/?q=open")).replace("<mark>", "").replace("</mark>", "")
    assert "Open work" in found
    assert "Team work" not in found
    assert "Nothing found for" in text_of(client.get("/notebooks/?q=zebra"))


def test_listing_goes_on_where_it_stopped(scene: Scene) -> None:
    from factories.notebooks import make_notebook

    for number in range(45):
        make_notebook(scene.cast.stranger, title=f"n{number:02}", now=NOW + timedelta(seconds=number))
    client = client_of(scene.cast.stranger)
    first = client.get("/notebooks/")
    more = first.context["page"].more
    second = client.get(f"/notebooks/?{more}")
    titles = [row.notebook.title for page in (first, second) for row in page.context["rows"]]
    assert titles == [f"n{number:02}" for number in reversed(range(45))]
    assert second.context["page"].more == ""
    assert client.get("/notebooks/?after=nonsense").status_code == 400


def test_change_title_visibility_and_internet(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    client.post(address(scene.quiet, "change/"), {"title": "Louder", "visibility": "team", "internet": "on"})
    scene.quiet.refresh_from_db()
    assert (scene.quiet.title, scene.quiet.visibility, scene.quiet.internet) == ("Louder", "team", True)
    response = client.post(address(scene.quiet, "change/"), {"title": "", "visibility": "team"})
    assert response.status_code == 400
    assert 'aria-invalid="true"' in text_of(response)


def test_refusal_of_the_plan_is_said_in_the_form(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from factories.compute import load_plans

    load_plans("gradient")
    assign_plan(None, scene.cast.team, "gradient-free", now=NOW)
    response = client_of(scene.cast.owner).post(
        address(scene.public, "change/"), {"title": "x", "visibility": "private"}
    )
    assert response.status_code == 422
    assert "public" in text_of(response)
    scene.public.refresh_from_db()
    assert scene.public.visibility == "public"


def test_upload_over_a_running_notebook_is_refused(scene: Scene) -> None:
    file = SimpleUploadedFile("x.ipynb", notebook_json("3"))
    response = client_of(scene.cast.owner).post(address(scene.notebook, "upload/"), {"file": file})
    assert response.status_code == 409
    assert "Stop the session first" in text_of(response)


def test_delete_asks_first(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    assert "Delete “Quiet work”?" in text_of(client.get(address(scene.quiet, "delete/")))
    assert Notebook.objects.get(pk=scene.quiet.pk).deleted_at is None
    client.post(address(scene.quiet, "delete/"))
    assert Notebook.objects.get(pk=scene.quiet.pk).deleted_at is not None
    assert client.get(address(scene.quiet)).status_code == 404


def test_download(scene: Scene) -> None:
    response = client_of(scene.cast.reader).get(address(scene.notebook, "download/"))
    assert b"nbformat" in response.content
    assert response.headers["Content-Disposition"].startswith("attachment;")


def test_start_goes_to_the_editor_and_run_all_to_the_run(scene: Scene) -> None:
    client = client_of(scene.cast.owner)
    response = client.post(address(scene.quiet, "start/"), {"machine": "cpu-small", "kind": "session"})
    assert response.headers["Location"] == address(scene.quiet, "edit/")
    response = client.post(address(scene.public, "start/"), {"machine": "cpu-small", "kind": "execution"})
    run = Run.objects.get(owner_id=scene.public.pk, state="queued")
    assert response.headers["Location"] == f"/runs/{run.pk}/"


@pytest.mark.parametrize(("machine", "status"), [("no-such", 400), ("", 302)])
def test_start_on_a_machine(scene: Scene, machine: str, status: int) -> None:
    response = client_of(scene.cast.owner).post(address(scene.quiet, "start/"), {"machine": machine, "kind": "session"})
    assert response.status_code == status


def test_start_twice_says_it_runs(scene: Scene) -> None:
    response = client_of(scene.cast.owner).post(
        address(scene.notebook, "start/"), {"machine": "cpu-small", "kind": "session"}
    )
    assert response.status_code == 409
    assert "already" in text_of(response)


def test_machines_of_another_plan_are_shown_with_the_reason(scene: Scene) -> None:
    assign_plan(None, scene.cast.team, "kaggle", now=NOW)
    page = client_of(scene.cast.owner).get(address(scene.quiet))
    offered = {c.kind.slug for c in page.context["choices"]}
    refused = {c.kind.slug: c.refusal for c in page.context["refused"]}
    assert "p100" in offered
    assert "kaggle" in refused["cpu-small"].lower()
    assert "simulated" in text_of(page)


def test_machines_page_folds_away_what_cannot_be_had(scene: Scene) -> None:
    assign_plan(None, scene.cast.team, "kaggle", now=NOW)
    page = client_of(scene.cast.owner).get(f"/machines/?team={scene.cast.team.slug}")
    shown, folded = page.context["choices"], page.context["others"]
    assert shown
    assert all(c.total and not c.refusal for c in shown)
    assert "cpu-small" in {c.kind.slug for c in folded}
    assert f"{len(folded)} more that the plan does not include" in text_of(page)


def test_document_states(scene: Scene) -> None:
    client = client_of(scene.cast.reader)

    def shown(**fields: object) -> str:
        Notebook.objects.filter(pk=scene.public.pk).update(**fields)
        return text_of(client.get(address(scene.public, "document/")))

    document = scene.public.document
    assert "Rendering …" in shown(rendered="", rendered_of="")
    assert "It could not be rendered" in shown(rendered_of=document, render_error="It is too large.")
    assert "<iframe" not in shown(rendered_of=document, render_error="It is too large.")
    ready = shown(rendered="f" * 64, rendered_of=document, render_error="")
    assert "<iframe" in ready
    assert "hx-get" not in ready
    stale = shown(rendered_of="0" * 64)
    assert "Newer content is being rendered" in stale
    assert "hx-trigger" in stale


def test_a_page_that_waits_for_its_document_is_told_when_it_has_another_to_show(scene: Scene) -> None:
    client = client_of(scene.cast.stranger)
    rows = Notebook.objects.filter(pk=scene.public.pk)

    def again(page: str) -> tuple[int, str]:
        (query,) = re.findall(r'hx-get="[^"]*/document/(\?[^"]*)"', page)
        answer = client.get(address(scene.public, "document/" + html.unescape(query)))
        return answer.status_code, text_of(answer)

    rows.update(rendered="", rendered_of="")
    first = text_of(client.get(address(scene.public)))
    assert f'sse-connect="/events?notebook={scene.public.pk}"' in first
    assert again(first) == (204, "")
    EntryTicket.objects.all().delete()
    rows.update(rendered="e" * 64, rendered_of="0" * 64)  # made, and changed since
    code, stale = again(first)
    assert code == 200
    assert "<iframe" in stale
    assert again(stale) == (204, "")  # what is read stays where it is
    assert EntryTicket.objects.count() == 1
    rows.update(rendered="f" * 64)
    assert "<iframe" in again(stale)[1]
    rows.update(rendered_of=scene.public.document)
    assert "hx-get" not in again(stale)[1]
    assert "sse-connect" not in text_of(client.get(address(scene.public)))  # nothing of it is theirs to follow


def test_document_frame_is_its_own_origin_with_a_ticket_for_this_user(scene: Scene) -> None:
    Notebook.objects.filter(pk=scene.public.pk).update(rendered="f" * 64, rendered_of=scene.public.document)
    EntryTicket.objects.all().delete()
    response = client_of(scene.cast.stranger).get(address(scene.public))
    origin = f"http://doc-{scene.public.label}.localhost:8000"
    assert f'src="{origin}/-/enter?ticket=' in text_of(response)
    assert f"frame-src {origin};" in response.headers["Content-Security-Policy"]
    ticket = EntryTicket.objects.get()
    assert (ticket.user, ticket.label, ticket.path) == (scene.cast.stranger, f"doc-{scene.public.label}", "/")


def test_status_part_reloads_when_another_run_is_on(scene: Scene, frozen: time_machine.Traveller) -> None:
    client = client_of(scene.cast.owner)
    same = client.get(address(scene.notebook, f"status/?run={scene.running.pk}"), headers={"HX-Request": "true"})
    assert "Running" in text_of(same)
    other = client.get(address(scene.notebook, "status/?run="), headers={"HX-Request": "true"})
    assert other.status_code == 204
    assert other.headers["HX-Refresh"] == "true"


def test_status_part_tells_how_the_last_run_ended(scene: Scene) -> None:
    said = text_of(
        client_of(scene.cast.owner).get(address(scene.public, "status/?run="), headers={"HX-Request": "true"})
    )
    assert "Cell 2 failed: ValueError: no" in said
