"""Executing a notebook with the real kernel: outputs, saving, endings."""

import json
import signal
import subprocess
from typing import Any

import nbformat
import pytest

from functional.environments.conftest import Inside
from running.platform import wait_for
from studium.notebooks.gallery import read_gallery
from studium.notebooks.render.widgets import VIEW, needed, saved_state


def write(inside: Inside, *sources: str, kernel: str = "python3", tags: dict[int, list[str]] | None = None) -> None:
    cells = []
    for n, source in enumerate(sources):
        metadata = {"tags": (tags or {}).get(n, [])}
        left = {"outputs": [], "execution_count": 9}  # from an earlier run
        cells.append({"cell_type": "code", "id": f"c{n}", "metadata": metadata, "source": source, **left})
    spec = {"kernelspec": {"name": kernel, "display_name": kernel}}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": spec, "cells": cells}
    (inside.workspace / "a.ipynb").write_text(json.dumps(document))


def cells(inside: Inside, name: str = "a.ipynb") -> list[dict[str, Any]]:
    document = json.loads((inside.workspace / name).read_text())
    nbformat.validate(document)
    return list(document["cells"])


def progress(inside: Inside) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((inside.run_folder / "progress.json").read_text())
    return found


def text(cell: dict[str, Any]) -> str:
    return "".join(str(o.get("text", "")) for o in cell["outputs"])


def test_cells_run_in_order_and_what_they_print_is_the_log(inside: Inside) -> None:
    write(inside, "print('one')\nx = 20", "", "import sys\nprint('err', file=sys.stderr)\nx + 22")
    done = inside.execute("a.ipynb")
    assert (done.returncode, done.stdout) == (0, "one\nerr\n")
    first, empty, last = cells(inside)
    assert (first["execution_count"], empty["execution_count"], last["execution_count"]) == (1, None, 2)
    assert last["outputs"][-1]["data"]["text/plain"] == "42"
    assert progress(inside) == {"cell": 3, "of": 3, "code_cell": 3, "code_cells": 3, "state": "done", "error": None} | {
        "failed_cells": 0,
        "elapsed": progress(inside)["elapsed"],
    }
    assert first["metadata"]["execution"]["iopub.execute_input"] < first["metadata"]["execution"]["shell.execute_reply"]


def test_what_programs_of_a_cell_print_is_in_the_log_once(inside: Inside) -> None:
    code = "import os, subprocess, sys\nos.system('echo out; echo err >&2')\nos.write(1, 'größe '.encode());\n"
    write(inside, f"{code}subprocess.run(['echo', 'child'], stdout=sys.stdout);", "print('plain')")
    done = inside.execute("a.ipynb")
    assert done.returncode == 0
    assert sorted(f"{done.stdout} {done.stderr}".split()) == ["child", "err", "größe", "out", "plain"]
    assert sorted(text(cells(inside)[0]).split()) == ["err", "größe", "out"]


def test_displays_are_updated_and_cleared(inside: Inside) -> None:
    write(
        inside,
        "from IPython.display import display, clear_output\nh = display('old', display_id=True)",
        "h.update('new')\nfor i in range(3):\n    clear_output(wait=True)\n    print(i)",
        "for i in range(3): print(f'\\r{i}', end='', flush=True)",
    )
    assert inside.execute("a.ipynb").returncode == 0
    shown, cleared, overwritten = cells(inside)
    assert shown["outputs"][0]["data"]["text/plain"] == "'new'"
    assert text(cleared) == "2\n"
    assert text(overwritten) == "2"


def test_widgets_are_saved_as_they_were_last_and_secrets_in_them_are_hidden(inside: Inside) -> None:
    write(
        inside,
        "import ipywidgets as w, os\nbox = w.IntSlider(value=1)\nbox",
        "w.Text(os.environ['TOKEN'])",
        "box.value = 7",
    )
    assert inside.execute("a.ipynb", TOKEN="correct-horse", STUDIUM_SECRETS="TOKEN").returncode == 0
    slider, text_field, _ = (cell["outputs"] for cell in cells(inside))
    content = (inside.workspace / "a.ipynb").read_text()
    models = saved_state(json.loads(content)["metadata"])
    shown = [needed(models, only[0]["data"][VIEW]["model_id"]) for only in (slider, text_field)]
    assert all(len(found) == 3 for found in shown), "with its layout and its style"
    assert [next(iter(found.values()))["state"]["value"] for found in shown] == [7, "***"]
    assert "correct-horse" not in content


def test_an_error_ends_the_run_and_is_saved(inside: Inside) -> None:
    write(inside, "print('before')", "1/0", "print('never')")
    done = inside.execute("a.ipynb")
    assert done.returncode == 1
    assert "ZeroDivisionError in cell 2: division by zero" in done.stderr
    _, failed, never = cells(inside)
    assert failed["outputs"][0]["ename"] == "ZeroDivisionError"
    assert (never["outputs"], never["execution_count"]) == ([], None)
    assert progress(inside)["error"] == {"cell": 2, "name": "ZeroDivisionError", "message": "division by zero"}
    assert progress(inside)["state"] == "failed"


def test_a_run_may_go_on_after_errors_and_still_fails(inside: Inside) -> None:
    write(inside, "1/0", "int('x')", "raise KeyError", "print('end')", tags={2: ["raises-exception"]})
    done = inside.execute("a.ipynb", "--keep-going")
    assert (done.returncode, done.stdout) == (1, "end\n")
    assert "2 cells failed; the others were run." in done.stderr
    assert [o["ename"] for cell in cells(inside)[:3] for o in cell["outputs"]] == [
        "ZeroDivisionError",
        "ValueError",
        "KeyError",
    ]
    told = progress(inside)
    assert (told["state"], told["failed_cells"], told["through"], told["cell"]) == ("failed", 2, True, 4)
    assert told["error"] == {"cell": 1, "name": "ZeroDivisionError", "message": "division by zero"}


def test_a_kernel_that_dies_ends_a_run_that_was_to_go_on(inside: Inside) -> None:
    write(inside, "1/0", "import os\nos._exit(7)", "print('never')")
    done = inside.execute("a.ipynb", "--keep-going")
    assert (done.returncode, done.stdout) == (3, "")
    told = progress(inside)
    assert (told["failed_cells"], told["error"]["cell"], told["error"]["name"]) == (2, 2, "KernelDied")
    assert "through" not in told


def test_a_cell_that_takes_too_long_is_interrupted(inside: Inside) -> None:
    slow = "print('so far', flush=True)\nimport time\ntime.sleep(600)"
    write(inside, slow, "print('never')", tags={0: ["raises-exception"]})
    done = inside.execute("a.ipynb", "--cell-seconds", "1")
    assert (done.returncode, done.stdout) == (1, "so far\n")
    assert "CellTimeout in cell 1: This cell took longer than the 1 s" in done.stderr
    late, never = cells(inside)
    assert text(late).startswith("so far\n")
    assert "took longer than the 1 s" in text(late)
    assert [o["ename"] for o in late["outputs"] if o["output_type"] == "error"] == ["KeyboardInterrupt"]
    assert late["metadata"]["studium"] == {"state": "timed out"}
    assert never["outputs"] == []


def test_a_run_may_go_on_after_a_cell_that_took_too_long(inside: Inside) -> None:
    write(inside, "import time\ntime.sleep(600)", "print('next')")
    done = inside.execute("a.ipynb", "--cell-seconds", "1", "--keep-going")
    assert (done.returncode, done.stdout) == (1, "next\n")
    assert progress(inside)["error"]["name"] == "CellTimeout"
    assert text(cells(inside)[1]) == "next\n"


def test_a_flood_that_is_interrupted_is_no_cell_that_does_not_let_go(inside: Inside) -> None:
    # Each update is a change of every display, so it takes longer to read than to send: what was sent waits to be read.
    write(
        inside,
        "from IPython.display import update_display\n"
        "for _ in range(3000): display('x', display_id='d')\n"
        "while True: update_display('y', display_id='d')",
        "print('next')",
    )
    done = inside.execute("a.ipynb", "--cell-seconds", "8", "--keep-going")
    assert done.returncode == 1
    assert "did not react" not in text(cells(inside)[0])
    assert text(cells(inside)[1]) == "next\n"
    assert progress(inside)["through"] is True


def test_a_cell_that_does_not_let_go_ends_the_run(inside: Inside) -> None:
    write(inside, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "print('never')")
    done = inside.execute("a.ipynb", "--cell-seconds", "1", "--keep-going")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did not react to being interrupted, so the run ends here" in text(cells(inside)[0])


def test_a_cell_may_be_expected_to_fail_or_be_left_out(inside: Inside) -> None:
    write(inside, "1/0", "print('skipped')", "print('end')", tags={0: ["raises-exception"], 1: ["skip-execution"]})
    done = inside.execute("a.ipynb")
    assert (done.returncode, done.stdout) == (0, "end\n")


def test_asking_for_input_is_an_error_in_words(inside: Inside) -> None:
    write(inside, "input('name? ')")
    done = inside.execute("a.ipynb")
    assert done.returncode == 1
    assert "a run has nobody to answer" in done.stderr


@pytest.mark.parametrize(
    ("said", "runs"),
    [
        ({"kernelspec": {"name": "py310", "display_name": "Elsewhere", "language": "python"}}, "python3"),
        (
            {"kernelspec": {"name": "conda-env", "display_name": "Elsewhere"}, "language_info": {"name": "Python"}},
            "python3",
        ),
        (
            {"kernelspec": {"name": "tslab", "display_name": "Elsewhere"}, "language_info": {"name": "typescript"}},
            "deno",
        ),
        ({"kernelspec": {"name": "r-4.3", "display_name": "Elsewhere", "language": "R"}}, "ir"),
    ],
)
def test_a_kernel_of_another_machine_is_stood_in_for_by_one_of_its_language(
    inside: Inside, said: dict[str, Any], runs: str
) -> None:
    write(inside, "1 + 1")
    path = inside.workspace / "a.ipynb"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metadata": said}))
    done = inside.execute("a.ipynb")
    assert done.returncode == 0, done.stderr
    assert (
        f"no kernel named {said['kernelspec']['name']!r} here; {runs!r}, for the same language, runs it." in done.stderr
    )
    assert "2" in str(cells(inside)[0]["outputs"])


@pytest.mark.parametrize(
    "said",
    [
        {"kernelspec": {"name": "x", "language": 7}, "language_info": []},
        {"kernelspec": {"name": "x", "language": "julia"}, "language_info": {"name": "python"}},
    ],
)
def test_without_a_language_that_is_here_nothing_stands_in(inside: Inside, said: dict[str, Any]) -> None:
    write(inside, "1")
    path = inside.workspace / "a.ipynb"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metadata": said}))
    assert inside.execute("a.ipynb").returncode == 3


def test_a_kernel_that_does_not_exist(inside: Inside) -> None:
    write(inside, "1", kernel="julia-1.11")
    done = inside.execute("a.ipynb")
    assert done.returncode == 3
    assert "no kernel named 'julia-1.11'; it has: deno, ir, python3. Choose another kernel" in done.stderr


def test_a_kernel_that_is_killed_keeps_what_was_printed(inside: Inside) -> None:
    write(
        inside,
        "import os, sys\nprint('so far')\nsys.stdout.flush()\nimport time; time.sleep(0.5)\nos.kill(os.getpid(), 9)",
        "2",
    )
    done = inside.execute("a.ipynb")
    assert done.returncode == 3
    assert "more memory than the machine has" in done.stderr
    assert "so far" in text(cells(inside)[0])
    assert progress(inside)["error"]["cell"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [("[1, 2", "not JSON"), ("{}", "no nbformat"), ('{"nbformat": 5}', "nbformat 5"), (None, "no file")],
)
def test_what_is_no_notebook_is_said(inside: Inside, content: str | None, words: str) -> None:
    if content is not None:
        (inside.workspace / "a.ipynb").write_text(content)
    done = inside.execute("a.ipynb")
    assert done.returncode == 2
    assert words in done.stderr


def test_stopping_saves_what_there_is(inside: Inside) -> None:
    write(inside, "print('first')", "print('working', flush=True)\nimport time\ntime.sleep(600)", "print('never')")
    process = inside.start("execute_notebook.py", "a.ipynb")
    assert process.stdout
    while "working" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    first, stopped, never = cells(inside)
    assert text(first) == "first\n"
    assert text(stopped).startswith("working\n")
    assert "stopped while this cell was running" in text(stopped)
    assert stopped["metadata"]["studium"] == {"state": "interrupted"}
    assert never["outputs"] == []
    assert progress(inside)["error"]["name"] == "Stopped"


def test_every_cell_is_saved_before_the_next_begins(inside: Inside) -> None:
    write(inside, "print('kept')", "import json\nprint(json.load(open('a.ipynb'))['cells'][0]['outputs'][0]['text'])")
    (inside.workspace / "a.ipynb").chmod(0o640)
    assert inside.execute("a.ipynb").stdout == "kept\nkept\n\n"
    assert (inside.workspace / "a.ipynb").stat().st_mode & 0o777 == 0o640
    assert [p.name for p in inside.workspace.glob(".*unfinished")] == []


def test_a_killed_run_leaves_a_whole_notebook(inside: Inside) -> None:
    write(inside, "print('kept')", "import time\nprint('in it', flush=True)\ntime.sleep(600)")
    process = inside.start("execute_notebook.py", "a.ipynb")
    assert process.stdout
    while "in it" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=20)
    assert text(cells(inside)[0]) == "kept\n"


def test_a_flood_is_cut_and_the_rest_goes_on(inside: Inside) -> None:
    write(inside, "print('x' * 12_000_000)", "print('after')")
    done = inside.execute("a.ipynb")
    assert done.returncode == 0
    flooded, after = cells(inside)
    assert "Output cut here" in text(flooded)
    assert len(text(flooded)) < 11 * 1024**2
    assert text(after) == "after\n"


def test_a_hundred_thousand_displays_lose_no_ending(inside: Inside) -> None:
    write(inside, "for i in range(20_000): display(i)", "print('after')")
    done = inside.execute("a.ipynb")
    assert (done.returncode, done.stdout) == (0, "after\n")


@pytest.mark.parametrize("slug", ["explore-a-table", "train-a-classifier", "simulate-an-epidemic"])
def test_the_gallery_runs_without_a_warning(inside: Inside, slug: str) -> None:
    (inside.workspace / "a.ipynb").write_bytes(read_gallery(slug))
    done = inside.execute("a.ipynb", PYTHONWARNINGS="default")
    assert (done.returncode, done.stderr) == (0, "")
    outputs = [o for cell in cells(inside) if cell["cell_type"] == "code" for o in cell["outputs"]]
    assert [o for o in outputs if o.get("name") == "stderr"] == []
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 3


def test_progress_is_told_while_a_cell_runs(inside: Inside) -> None:
    write(inside, "1", "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)")
    process = inside.start("execute_notebook.py", "a.ipynb")
    path = inside.run_folder / "progress.json"
    first = wait_for(lambda: path.exists() and progress(inside)["cell"] == 2 and progress(inside))
    later = wait_for(lambda: progress(inside)["elapsed"] > first["elapsed"] and progress(inside))
    assert (later["state"], later["code_cell"]) == ("running", 2)
    (inside.workspace / "go").touch()
    assert process.wait(timeout=20) == 0


def test_usage(inside: Inside) -> None:
    process = inside.start("execute_notebook.py")
    assert isinstance(process, subprocess.Popen)
    assert process.wait(timeout=20) == 2
