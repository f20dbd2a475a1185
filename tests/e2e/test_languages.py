"""Notebooks in other languages than Python on a whole running platform, in real sandboxes: executions, sessions, plots."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import unix_connect

from factories.notebooks import notebook_json
from functional.environments.test_session import Unix, execute, heard
from running.platform import Platform, wait_for
from studium.notebooks.document import blank

CODE = {
    "r": ('cat("sum", sum(1:10), "\\n")', "hist(rnorm(100), main = 'Numbers')", "sum 55", "image/png"),
    "typescript": (
        "const n: number = 55;\nconsole.log('sum', n)",
        "Deno.jupyter.svg`<svg xmlns='http://www.w3.org/2000/svg'><rect width='${n}' height='9'/></svg>`",
        "sum 55",
        "image/svg+xml",
    ),
    "javascript": ("console.log('sum', 55)", "Deno.jupyter.html`<b>shown</b>`", "sum 55", "text/html"),
}


@pytest.mark.parametrize("language", CODE)
def test_a_notebook_runs_with_its_plot(platform: Platform, tmp_path: Path, language: str) -> None:
    printing, plotting, says, shows = CODE[language]
    document = json.loads(blank("In another language", language))
    document["cells"][1]["source"] = printing
    document["cells"].append({**document["cells"][1], "id": "plot", "source": plotting})
    source = tmp_path / "a.ipynb"
    source.write_text(json.dumps(document))
    done = platform.cli("run", str(source), "--machine", "cpu-small")
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    cells = json.loads((tmp_path / "a.executed.ipynb").read_text())["cells"]
    assert any(shows in output.get("data", {}) for output in cells[2]["outputs"]), cells[2]["outputs"]


def token_of(platform: Platform, run: str) -> str:
    """The token that the edge adds for people."""
    code = f"from studium.compute.models import Run\nprint(Run.objects.get(pk={run!r}).spec['service']['token'])"
    return platform.manage(code)


@pytest.mark.parametrize(
    ("language", "kernel", "code"), [("r", "ir", "cat(6 * 7)"), ("typescript", "deno", "console.log(6 * 7)")]
)
def test_a_session_of_a_new_notebook_runs_cells(platform: Platform, language: str, kernel: str, code: str) -> None:
    made = platform.cli("notebooks", "create", "--title", f"A session in {language}", "--language", language, "--json")
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["language"].lower() == language
    with platform.client() as client:
        run = client.notebooks.start(found["id"], machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).state == "running", seconds=60, says="a running session")
        try:
            socket = next(platform.home.glob(f"**/{run.id}/**/service.sock"))
            headers = {"Authorization": f"token {token_of(platform, run.id)}"}
            kernels = fetched(str(socket), "/api/kernels", headers)
            assert [each["name"] for each in kernels] == [kernel]
            address = f"ws://localhost/api/kernels/{kernels[0]['id']}/channels"
            with unix_connect(str(socket), address, additional_headers=headers) as page:
                execute(page, "c0", code)
                assert heard(page, "stream")["content"]["text"].strip() == "42"
        finally:
            client.notebooks.stop(found["id"])


def fetched(socket: str, path: str, headers: dict[str, str]) -> Any:
    connection = Unix(socket)
    connection.request("GET", path, headers=headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


OPERATORS = """
display_name = "Python with a greeting"
argv = ["{environment}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
needs = ["{environment}/bin/python"]
remedy = "It is always there."
variables = { GREETING = "hello from the operator" }

[[languages]]
slug = "greeting"
name = "Greeting"
language_info = { name = "python" }
"""


def test_an_operators_kernel_file_is_enough(platform: Platform, tmp_path: Path) -> None:
    folder = platform.home / "kernels"
    folder.mkdir()
    try:
        (folder / "greeting.toml").write_text(OPERATORS)
        (folder / "broken.toml").write_text("argv = 1")
        metadata = {"name": "greeting", "display_name": "Greeting", "language": "python"}
        source = tmp_path / "a.ipynb"
        source.write_bytes(notebook_json("import os; print(os.environ['GREETING'])", kernelspec=metadata))
        done = platform.cli("run", str(source), "--machine", "cpu-small")
        assert done.returncode == 0, done.stderr
        assert "hello from the operator" in done.stdout
        doctor = platform.cli("doctor").stdout
        assert "notebooks in Greeting: installed" in doctor
        assert "broken.toml" in doctor
    finally:
        shutil.rmtree(folder)
