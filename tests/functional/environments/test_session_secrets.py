"""A session's kernel has the run's secrets; what it prints of them is not in the saved notebook, with a page or without."""

import json
import signal
from collections.abc import Iterator

import pytest

from functional.environments.conftest import Inside
from functional.environments.test_execute import cells, text, write
from functional.environments.test_session import WAIT, Server, execute, heard
from running.platform import wait_for

VALUE = "correct-horse-battery-staple"
PRINTS = "import os; from studium_secrets import get; print(os.environ['TOKEN'] == get('TOKEN'), get('TOKEN'))"


@pytest.fixture
def server(inside: Inside) -> Iterator[Server]:
    write(inside, "first", "second")
    started = Server(inside, STUDIUM_SECRETS="TOKEN", TOKEN=VALUE)
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        started.process.communicate(timeout=20)


def test_what_a_page_saves_has_no_secret_in_its_outputs(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", PRINTS)
        said = heard(page, "stream")["content"]
    assert said["text"] == f"True {VALUE}\n"
    content = server.get("/api/contents/a.ipynb")["content"]
    content["cells"][0]["source"] = f"# {VALUE} as typed"
    content["cells"][0]["outputs"] = [{"output_type": "stream", **said}]
    assert server.call("PUT", "/api/contents/a.ipynb", {"type": "notebook", "content": content})[0] == 200
    first = cells(server.inside)[0]
    assert "".join(first["outputs"][0]["text"]) == "True ***\n"
    assert "".join(first["source"]) == f"# {VALUE} as typed"


def test_what_is_saved_without_a_page_has_none_either(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", WAIT)
        heard(page, "stream")
        execute(page, "c1", PRINTS)
    (server.inside.workspace / "go").touch()
    wait_for(lambda: text(server.notebook()[1]) == "True ***\n", says="the output in the notebook")
    assert VALUE not in json.dumps(cells(server.inside))
