"""The session's server, really started: ready at once, the notebook's kernel with it, nothing lost without a page."""

import http.client
import json
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from traitlets.config.loader import PyFileConfigLoader
from websockets.sync.client import ClientConnection, unix_connect

import studium.environments
from functional.environments.conftest import Inside
from functional.environments.test_execute import cells, text, write
from running.platform import wait_for

CONFIG = Path(studium.environments.__file__).parent / "inside" / "server_config.py"
TOKEN = "a-token"
HEADERS = {"Authorization": f"token {TOKEN}"}


class Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("label.localhost:8000", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


class Server:
    def __init__(self, inside: Inside, **variables: str) -> None:
        self.inside = inside
        self.socket = str(inside.run_folder / "service.sock")
        self.process = inside.start("serve_notebook.py", JUPYTER_TOKEN=TOKEN, STUDIUM_NOTEBOOK="a.ipynb", **variables)
        wait_for(self._answers, says="the server's first answer")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        try:
            return bool(self.get("/api"))
        except OSError:
            return False

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        connection = Unix(self.socket)
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(method, path, content, HEADERS if headers is None else headers)
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(found) if "json" in (answer.getheader("Content-Type") or "") else found

    def get(self, path: str) -> Any:
        status, content = self.call("GET", path)
        assert status == 200, (status, content)
        return content

    def page(self) -> ClientConnection:
        """A page's connection to the notebook's kernel."""
        (session,) = self.get("/api/sessions")
        path = f"/api/kernels/{session['kernel']['id']}/channels?session_id={uuid.uuid4().hex}"
        return unix_connect(self.socket, f"ws://label.localhost:8000{path}", additional_headers=HEADERS)

    def notebook(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/api/contents/a.ipynb")["content"]["cells"]
        return found


def execute(page: ClientConnection, cell: str, code: str, *, stdin: bool = False) -> str:
    request = uuid.uuid4().hex
    header = {
        "msg_id": request,
        "msg_type": "execute_request",
        "session": "s",
        "username": "",
        "version": "5.3",
        "date": "",
    }
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": stdin}
    message = {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": {"cellId": cell},
        "content": content,
    }
    page.send(json.dumps({**message, "buffers": []}))
    return request


def heard(page: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(page.recv(timeout=20))
        if message["msg_type"] == kind:
            return message


@pytest.fixture
def server(inside: Inside) -> Iterator[Server]:
    write(inside, "first", "second")
    started = Server(inside)
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        started.process.communicate(timeout=20)


WAIT = "import pathlib, time\nprint('begun', flush=True)\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)\nprint('ended')"


def test_the_notebooks_kernel_is_there_from_the_first_answer(server: Server) -> None:
    (session,) = server.get("/api/sessions")
    assert (session["path"], session["kernel"]["name"]) == ("a.ipynb", "python3")
    wanted = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    status, again = server.call("POST", "/api/sessions", wanted)
    assert (status, again["id"]) == (201, session["id"])
    wait_for(
        lambda: server.get("/api/kernels")[0]["execution_state"] == "idle", seconds=60, every=0.2, says="an idle kernel"
    )


def test_the_first_cell_answers_and_a_restart_works(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", "print(6 * 7)")
        assert heard(page, "stream")["content"]["text"] == "42\n"
    kernel = server.get("/api/kernels")[0]["id"]
    assert server.call("POST", f"/api/kernels/{kernel}/restart")[0] == 200
    with server.page() as page:
        execute(page, "c0", "print('again')")
        assert heard(page, "stream")["content"]["text"] == "again\n"


def test_nothing_holds_a_cell_up(server: Server) -> None:
    asked = "k = get_ipython(); print(k.kernel._execute_sleep, k.history_manager.db_cache_size)"
    with server.page() as page:
        execute(page, "c0", asked)
        assert heard(page, "stream")["content"]["text"] == "0.0 100\n"
    assert "total_cpu_usage" not in server.get("/metrics").decode(), "each second the server stops to measure"


def test_a_websocket_outlives_its_first_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CONFIG.parent))
    settings = PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config().ServerApp.tornado_settings
    assert settings["ws_ping_timeout"] >= 2 * settings["ws_ping_interval"], "the first ping comes after one interval"


def test_nobody_gets_in_without_the_token(server: Server) -> None:
    assert server.call("GET", "/api/contents", headers={})[0] == 403
    assert server.call("GET", "/api/contents", headers={"Authorization": "token wrong"})[0] == 403


def test_lab_is_served_lean(server: Server) -> None:
    page = server.get("/lab/tree/a.ipynb").decode()
    config = json.loads(
        page.partition('id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0]
    )
    assert config["news"] == {"disabled": True}
    assert config["quitButton"] is False
    assert "@jupyterlab/extensionmanager-extension" in config["disabledExtensions"]
    assert [e["name"] for e in config["federated_extensions"] if e["name"] == "studium-session"]
    themes = server.get("/lab/api/settings/" + quote("@jupyterlab/apputils-extension:themes"))
    assert '"adaptive-theme": true' in json.dumps(themes["schema"]) or themes["settings"].get("adaptive-theme", True)


@pytest.mark.parametrize(("allowed", "status"), [("1", 200), ("0", 404)])
def test_terminals_are_there_only_where_they_are_allowed(inside: Inside, allowed: str, status: int) -> None:
    write(inside, "1")
    assert Server(inside, STUDIUM_TERMINALS=allowed).call("POST", "/api/terminals")[0] == status


def test_what_a_cell_says_after_the_page_was_closed_is_in_the_notebook(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", WAIT)
        heard(page, "stream")
        execute(page, "c1", "print('the next one')")
    assert text(server.notebook()[0]) == "begun\n"
    (running, waiting) = server.get("/studium/running?path=a.ipynb")["cells"]
    assert (running["cell"], waiting["cell"], running["count"]) == ("c0", "c1", 1)
    sequence = server.get("/studium/running?path=a.ipynb")["sequence"]
    (server.inside.workspace / "go").touch()
    wait_for(lambda: text(server.notebook()[1]) == "the next one\n", says="the second cell's output in the notebook")
    assert text(server.notebook()[0]) == "begun\nended\n"
    assert server.get("/studium/running?path=a.ipynb")["cells"] == []
    assert cells(server.inside)[1]["execution_count"] == 2
    said = server.get(f"/studium/running?path=a.ipynb&after={sequence}")["events"]
    assert "".join(event["content"]["text"] for event in said if event["kind"] == "stream") == "ended\nthe next one\n"


def test_a_server_that_is_stopped_saves_what_the_page_had_not(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", "print('finished, not saved')")
        heard(page, "stream")
        execute(page, "c1", WAIT)
        heard(page, "stream")
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=20)
    assert server.process.returncode == 0
    first, second = cells(server.inside)
    assert (first["source"], text(first)) == ("print('finished, not saved')", "finished, not saved\n")
    assert text(second) == "begun\n"


def test_a_kernel_that_dies_without_a_page_leaves_words_and_comes_back_idle(server: Server) -> None:
    with server.page() as page:
        execute(page, "c0", "print('so far', flush=True)\nimport os, time; time.sleep(0.5)\nos.kill(os.getpid(), 9)")
        heard(page, "stream")
    wait_for(lambda: "The kernel" in text(server.notebook()[0]), says="word of the kernel's end")
    assert text(server.notebook()[0]).startswith("so far\n")
    wait_for(lambda: server.get("/api/kernels")[0]["execution_state"] == "idle", every=0.2, says="an idle kernel")
    with server.page() as page:
        execute(page, "c1", "print('back')")
        assert heard(page, "stream")["content"]["text"] == "back\n"


def test_a_kernel_that_waits_for_an_answer_is_told_from_one_that_works(server: Server) -> None:
    def waits() -> tuple[str, bool]:
        (kernel,) = server.get("/api/kernels")
        return kernel["execution_state"], kernel["waits_for_input"]

    with server.page() as page:
        execute(page, "c0", "name = input('Who? ')\n" + WAIT, stdin=True)
        question = heard(page, "input_request")
        assert waits() == ("busy", True)
        header = {**question["header"], "msg_id": uuid.uuid4().hex, "msg_type": "input_reply"}
        answer = {"header": header, "parent_header": {}, "metadata": {}, "content": {"value": "me"}, "buffers": []}
        page.send(json.dumps({"channel": "stdin", **answer}))
        heard(page, "stream")
        assert waits() == ("busy", False)
        execute(page, "c1", "input()", stdin=True)
        (server.inside.workspace / "go").touch()
        heard(page, "input_request")
    assert waits() == ("busy", True), "the page is gone, and nobody will answer"
    kernel = server.get("/api/kernels")[0]["id"]
    assert server.call("POST", f"/api/kernels/{kernel}/interrupt")[0] == 204
    wait_for(lambda: waits() == ("idle", False), says="an idle kernel")


DIES = "import os, threading\nthreading.Timer(1, os.kill, (os.getpid(), 9)).start()\ninput()"


def waits(server: Server) -> tuple[str, bool]:
    (kernel,) = server.get("/api/kernels")
    return kernel["execution_state"], kernel["waits_for_input"]


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "dead"])
def test_a_question_ends_with_the_kernel_that_asked_it(server: Server, restarted: bool) -> None:
    with server.page() as page:
        execute(page, "c0", "input()" if restarted else DIES, stdin=True)
        heard(page, "input_request")
        kernel = server.get("/api/kernels")[0]["id"]
        if restarted:
            assert server.call("POST", f"/api/kernels/{kernel}/restart")[0] == 200
    if not restarted:
        wait_for(lambda: "The kernel ended" in text(server.notebook()[0]), says="word of the kernel's end")
    wait_for(lambda: server.get("/api/kernels")[0]["execution_state"] == "idle", every=0.2, says="an idle kernel")
    with server.page() as page:
        execute(page, "c1", WAIT)
        heard(page, "stream")
        wait_for(lambda: waits(server) == ("busy", False), says="a kernel that works, and may go on")
    (server.inside.workspace / "go").touch()


def test_a_notebook_of_a_kernel_that_is_not_there_still_opens(inside: Inside) -> None:
    write(inside, "1", kernel="julia-1.11")
    server = Server(inside)
    assert server.get("/api/sessions")[0]["kernel"]["name"] == "python3"


def test_an_unreadable_notebook_does_not_keep_the_server_from_starting(inside: Inside) -> None:
    (inside.workspace / "a.ipynb").write_text("{")
    assert Server(inside).get("/api/sessions")[0]["path"] == "a.ipynb"


def test_a_reader_never_finds_half_a_saved_file(server: Server) -> None:
    """Saving replaces the file, so one that was opened before keeps its old content to the end."""
    path = server.inside.workspace / "a.ipynb"
    path.chmod(0o640)
    with path.open() as before:
        content = server.get("/api/contents/a.ipynb")["content"]
        assert server.call("PUT", "/api/contents/a.ipynb", {"type": "notebook", "content": content})[0] == 200
        assert json.loads(before.read())["cells"][0]["source"] == "first"
    assert cells(server.inside)[0]["source"] == ["first"]
    assert path.stat().st_mode & 0o777 == 0o640
    body = {"type": "file", "format": "base64", "content": "AP8K"}
    assert server.call("PUT", "/api/contents/a.bin", body)[0] == 201
    assert (server.inside.workspace / "a.bin").read_bytes() == b"\x00\xff\n"
