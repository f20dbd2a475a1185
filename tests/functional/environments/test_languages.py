"""R, JavaScript and TypeScript notebooks with their real kernels: outputs, plots, errors, stopping, sessions."""

import base64
import json
import signal
from typing import Any

import pytest

from functional.environments.conftest import Inside
from functional.environments.test_execute import cells, progress, text, write
from functional.environments.test_session import Server, execute, heard
from studium.notebooks.document import blank

PNG = b"\x89PNG\r\n\x1a\n"


def data(cell: dict[str, Any]) -> dict[str, Any]:
    """All that a cell shows, by media type."""
    found: dict[str, Any] = {}
    for output in cell["outputs"]:
        found |= output.get("data", {})
    return found


def test_r_prints_computes_and_plots(inside: Inside) -> None:
    write(inside, 'cat("one\\n"); x <- 40', "x + 2", "plot(1:10, main = 'Points')", kernel="ir")
    done = inside.execute("a.ipynb")
    assert (done.returncode, done.stdout) == (0, "one\n"), done.stderr
    first, value, plot = cells(inside)
    assert (text(first), first["execution_count"], value["execution_count"]) == ("one\n", 1, 2)
    assert data(value)["text/plain"] == "[1] 42"
    assert base64.b64decode(data(plot)["image/png"]).startswith(PNG)
    document = json.loads((inside.workspace / "a.ipynb").read_text())
    assert document["metadata"]["language_info"]["name"] == "R"
    assert progress(inside)["state"] == "done"


def test_an_error_in_r_ends_the_run(inside: Inside) -> None:
    write(inside, "cat('before')", "stop('too few rows')", "cat('never')", kernel="ir")
    done = inside.execute("a.ipynb")
    assert done.returncode == 1
    assert "in cell 2: " in done.stderr
    assert "too few rows" in progress(inside)["error"]["message"]
    assert cells(inside)[2]["outputs"] == []


def test_r_packages_of_the_workspace_come_first(inside: Inside) -> None:
    write(inside, "cat(.libPaths()[1])", kernel="ir")
    assert inside.execute("a.ipynb").stdout == str(inside.workspace / ".local" / "lib" / "R")


TYPED = "interface P { x: number }\nconst p: P = { x: 40 };\nconsole.log('typed', p.x);"
SVG = "Deno.jupyter.svg`<svg xmlns='http://www.w3.org/2000/svg'><circle r='${p.x}'/></svg>`"


def test_typescript_prints_computes_and_shows_pictures(inside: Inside) -> None:
    write(inside, TYPED, "await Promise.resolve(p.x + 2)", SVG, "Deno.jupyter.html`<b>bold</b>`", kernel="deno")
    done = inside.execute("a.ipynb")
    assert (done.returncode, done.stdout) == (0, "typed 40\n"), done.stderr
    _, value, picture, bold = cells(inside)
    assert "42" in data(value)["text/plain"]
    assert "<circle r='40'/>" in data(picture)["image/svg+xml"]
    assert data(bold)["text/html"] == "<b>bold</b>"


def test_nothing_is_lost_that_a_cell_says_when_its_end_is_told_already(inside: Inside) -> None:
    """Deno tells of a cell's end before it has told all that the cell said."""
    shown = "for (let i = 0; i < 60; i++) { console.log(`n${i}.`); await Deno.jupyter.display(Deno.jupyter.html`<i>x</i>`); }"
    write(inside, *[shown, "'last'"] * 5, kernel="deno")
    assert inside.execute("a.ipynb").returncode == 0
    for talks, value in zip(cells(inside)[::2], cells(inside)[1::2], strict=True):
        assert text(talks) == "".join(f"n{i}.\n" for i in range(60))
        assert sum(1 for output in talks["outputs"] if "data" in output) == 60
        assert "last" in data(value)["text/plain"]


def test_an_error_in_typescript_ends_the_run(inside: Inside) -> None:
    write(inside, "const rows = 3", "throw new Error('too few rows')", "console.log('never')", kernel="deno")
    done = inside.execute("a.ipynb")
    assert done.returncode == 1
    assert progress(inside)["error"]["cell"] == 2
    assert "too few rows" in progress(inside)["error"]["message"]
    assert cells(inside)[2]["outputs"] == []


@pytest.mark.parametrize(
    ("kernel", "first", "second"),
    [
        ("ir", "cat('kept')", "cat(jsonlite::fromJSON('a.ipynb')$cells$outputs[[1]]$text)"),
        (
            "deno",
            "console.log('kept')",
            "console.log(JSON.parse(Deno.readTextFileSync('a.ipynb')).cells[0].outputs[0].text)",
        ),
    ],
)
def test_every_cell_is_saved_before_the_next_begins(inside: Inside, kernel: str, first: str, second: str) -> None:
    write(inside, first, second, kernel=kernel)
    assert inside.execute("a.ipynb").returncode == 0
    assert text(cells(inside)[1]).startswith("kept")


@pytest.mark.parametrize(
    ("kernel", "endless"),
    [
        ("ir", "cat('working\\n'); Sys.sleep(600)"),
        ("deno", "console.log('working'); await new Promise((r) => setTimeout(r, 600_000))"),
    ],
)
def test_stopping_saves_what_there_is(inside: Inside, kernel: str, endless: str) -> None:
    write(inside, endless, kernel=kernel)
    process = inside.start("execute_notebook.py", "a.ipynb")
    assert process.stdout
    while "working" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert text(cells(inside)[0]).startswith("working\n")


@pytest.mark.parametrize(("language", "code"), [("javascript", "let x = 6; x * 7"), ("r", "6 * 7")])
def test_a_new_notebook_runs_and_keeps_its_language(inside: Inside, language: str, code: str) -> None:
    document = json.loads(blank("New", language))
    document["cells"][1]["source"] = code
    (inside.workspace / "a.ipynb").write_text(json.dumps(document))
    assert inside.execute("a.ipynb").returncode == 0
    assert "42" in data(cells(inside)[1])["text/plain"]
    found = json.loads((inside.workspace / "a.ipynb").read_text())["metadata"]["language_info"]["name"]
    assert found.lower() == language


@pytest.mark.parametrize(("kernel", "code"), [("ir", "cat(6 * 7)"), ("deno", "console.log(6 * 7)")])
def test_a_session_has_the_notebooks_kernel(inside: Inside, kernel: str, code: str) -> None:
    write(inside, "first", kernel=kernel)
    server = Server(inside)
    (session,) = server.get("/api/sessions")
    assert session["kernel"]["name"] == kernel
    with server.page() as page:
        execute(page, "c0", code)
        assert heard(page, "stream")["content"]["text"].strip() == "42"
    assert server.call("POST", f"/api/kernels/{session['kernel']['id']}/restart")[0] == 200
    with server.page() as page:
        execute(page, "c0", code)
        assert heard(page, "stream")["content"]["text"].strip() == "42"


def test_a_sessions_kernel_is_of_the_language_when_the_one_that_is_named_is_not_there(inside: Inside) -> None:
    write(inside, "first", kernel="r-4.3-of-another-machine")
    path = inside.workspace / "a.ipynb"
    document = json.loads(path.read_text())
    document["metadata"]["language_info"] = {"name": "R"}
    path.write_text(json.dumps(document))
    (session,) = Server(inside).get("/api/sessions")
    assert session["kernel"]["name"] == "ir"


def test_a_session_offers_what_can_be_used(inside: Inside) -> None:
    write(inside, "1")
    specs = Server(inside).get("/api/kernelspecs")
    assert specs["default"] == "python3"
    assert {"python3", "ir", "deno"} <= specs["kernelspecs"].keys()
    assert "logo-svg" in specs["kernelspecs"]["ir"]["resources"]
