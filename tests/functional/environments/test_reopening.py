"""A real browser: a notebook is closed while its cell runs and opened again."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from functional.environments.conftest import Inside
from functional.environments.test_execute import cells, write
from functional.environments.test_session import TOKEN, Server
from running.platform import wait_for

CODE = """import pathlib, time
from IPython.display import display
shown = display('at the start', display_id=True)
print('begun', flush=True)
while not pathlib.Path('go').exists(): time.sleep(0.02)
shown.update('at the end')
print('ended')"""


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _serve(listener: socket.socket, path: str, opened: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            opened += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()


@pytest.fixture
def server(inside: Inside) -> Server:
    write(inside, CODE)
    return Server(inside)


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """A loopback port that leads to the session's socket: a browser cannot open that itself."""
    listener, opened = socket.create_server(("127.0.0.1", 0)), []
    thread = threading.Thread(target=_serve, args=(listener, server.socket, opened), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/lab/tree/a.ipynb?token={TOKEN}"
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
    for each in (listener, *opened):
        each.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()


def printed(inside: Inside) -> str:
    return "".join("".join(output.get("text", "")) for output in cells(inside)[0]["outputs"])


def opened(browser: Browser, address: str, errors: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    return page


def test_a_notebook_that_is_opened_again_goes_on_showing_its_running_cell(
    browser: Browser, server: Server, address: str
) -> None:
    errors: list[str] = []
    page = opened(browser, address, errors)
    page.wait_for_selector("#jp-main-statusbar >> text=Python 3 | Idle")
    page.click(".jp-Notebook .jp-CodeCell .cm-content")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea-output:has-text('begun')")
    page.context.close()

    page = opened(browser, address, errors)
    page.wait_for_selector(".jp-OutputArea-output:has-text('begun')")
    page.wait_for_selector(".jp-InputPrompt:has-text('[*]')")
    (server.inside.workspace / "go").touch()
    page.wait_for_selector(".jp-OutputArea-output:has-text('ended')")
    page.wait_for_selector(".jp-OutputArea-output:has-text('at the end')")
    page.wait_for_selector(".jp-InputPrompt:has-text('[1]')")
    page.keyboard.press("Control+s")
    wait_for(lambda: printed(server.inside) == "begun\nended\n", says="the notebook saved by the page")
    assert page.query_selector(".jp-Dialog") is None
    page.context.close()
    assert [error for error in errors if "plugin" in error or "studium" in error] == []
