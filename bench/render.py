"""How long a notebook of a megabyte takes to be read: rendered the first time beside nbconvert, and served again from what is kept.

The first is ours in its bounded process beside `nbconvert --to html` in a process of its own, the same file. The second is
the page through the edge, as a browser with a right to enter gets it, the document's digest unchanged.
"""

import base64
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from report import figure
from running.platform import Platform, running_platform, shared_environments, wait_for

ROUNDS, GOAL, REQUESTS, GOAL_MS = 7, 1.2, 300, 50


def notebook() -> bytes:
    """About a megabyte: text, code, tables, two pictures, long output. The same every time."""
    dice = random.Random(7)
    cells: list[dict[str, object]] = []
    table = "<table>" + "".join(f"<tr><td>{i}</td><td>{dice.random():.6f}</td></tr>" for i in range(60)) + "</table>"
    for n in range(120):
        outputs: list[dict[str, object]] = [
            {"output_type": "stream", "name": "stdout", "text": "a line of output\n" * 40}
        ]
        outputs.append({"output_type": "display_data", "metadata": {}, "data": {"text/html": table, "text/plain": "t"}})
        if n < 4:
            picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + dice.randbytes(80_000)).decode()
            outputs.append({"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}})
        source = "\n".join(f"value_{n}_{i} = compute({i}, 'text {i}')  # a remark" for i in range(12))
        cells.append(
            {"cell_type": "markdown", "id": f"m{n}", "metadata": {}, "source": f"## Part {n}\n\nSome *words*."}
        )
        cells.append({
            "cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "outputs": outputs, "execution_count": n,
        })  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}).encode()


def python_with_nbconvert() -> Path:
    """That of a default environment, as any is taken in which the peer is installed."""
    pythons = shared_environments().glob("*/bin/python")
    return next(python for python in pythons if python.with_name("jupyter-nbconvert").exists())


def nbconvert(python: Path, source: Path, name: str) -> None:
    """Make the peer's page of the notebook beside it."""
    command = [str(python), "-s", "-m", "nbconvert", "--to", "html", "--log-level", "ERROR", "--output", name]
    subprocess.run([*command, str(source)], check=True, capture_output=True, timeout=300)


def first(content: bytes, python: Path) -> tuple[list[float], list[float]]:
    from studium.notebooks.render import render_html

    mine: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.ipynb")
        source.write_bytes(content)
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            render_html(content)
            mine.append(time.perf_counter() - began)
            began = time.perf_counter()
            nbconvert(python, source, "b")
            theirs.append(time.perf_counter() - began)
    return mine[1:], theirs[1:]


async def served(platform: Platform, notebook_id: str) -> list[float]:
    """Milliseconds of each request for the rendered page through the edge."""
    entrance = platform.manage(
        f"""
from studium.accounts.actions import make_ticket
from studium.accounts.models import User
from studium.notebooks.models import Notebook
notebook = Notebook.objects.get(pk={notebook_id!r})
user = User.objects.get(username="admin")
print("doc-" + notebook.label, make_ticket(user, "doc-" + notebook.label, "/", now=now))
"""
    )
    label, ticket = entrance.split()
    base = f"http://127.0.0.1:{platform.options.port}"
    host = {"Host": f"{label}.{platform.options.content_host_suffix}"}
    took: list[float] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.get(f"{base}/-/enter?ticket={ticket}", headers=host, allow_redirects=False) as entered:
            cookie = "; ".join(f"{c.key}={c.value}" for c in entered.cookies.values())
        for _ in range(REQUESTS):
            began = time.perf_counter()
            async with http.get(f"{base}/", headers={**host, "Cookie": cookie}) as answer:
                size = len(await answer.read())
                if answer.status != 200 or size < 500_000:
                    raise SystemExit(f"the page answered {answer.status} with {size} bytes")
            took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> int:
    import asyncio

    content = notebook()
    mine, theirs = first(content, python_with_nbconvert())
    value, peer_value = statistics.median(mine), statistics.median(theirs)
    size = f"a notebook of {len(content) / 1e6:.2f} MB"
    fast = value <= GOAL * peer_value
    figure(
        "render", "first", value, "s", peer="nbconvert --to html", peer_value=peer_value, goal=f"<= {GOAL} x", ok=fast,
        conditions=f"medians of {ROUNDS} alternating rounds after one warm-up, each in a fresh process, {size}",
    )  # fmt: skip
    with running_platform() as platform:
        client = platform.client()
        made = client.notebooks.create("A megabyte", content=content)
        code = f"from studium.notebooks.models import Notebook; print(Notebook.objects.get(pk={made.id!r}).rendered)"
        wait_for(lambda: platform.manage(code), seconds=60, every=0.5)
        took = sorted(asyncio.run(served(platform, made.id)))
    p95 = took[int(len(took) * 0.95)]
    figure(
        "render", "served_p95", p95, "ms", goal=f"< {GOAL_MS}", ok=p95 < GOAL_MS,
        conditions=f"{REQUESTS} requests one after the other through the edge, p50 {took[len(took) // 2]:.1f} ms, {size}",
    )  # fmt: skip
    return 0 if fast and p95 < GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
