"""How long until a notebook of 20 MB and 500 cells can be read in Chromium, beside what nbconvert makes of the same file.

From the address of the notebook's page to the first cell in sight, and to the last one being in the document, so that all of it
can be scrolled and searched. The page is kept from one rendering to the next; how long the first reader waits, who comes as soon
as the file is uploaded, is a figure of its own. The peer is a file on a plain server that is there already.
"""

import base64
import json
import random
import statistics
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from browsing import chromium, visit
from playwright.sync_api import Browser, Frame, FrameLocator, Page

from render import nbconvert, python_with_nbconvert
from report import figure
from running.platform import Platform, running_platform, wait_for
from studium.client.shapes import Notebook

CELLS, OPENINGS, FIRSTS, GOAL = 500, 7, 5, 2.0


def picture(dice: random.Random, width: int, height: int) -> str:
    """A real PNG of noise, which is as large as its pixels."""
    rows = b"".join(b"\0" + dice.randbytes(width * 3) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + body).decode()


def shown(dice: random.Random, n: int) -> dict[str, object]:
    """What the n-th code cell shows: a picture in two of five, now and then a plot, else a table."""
    if n % 5 < 2:
        return {"image/png": picture(dice, 200, 200), "text/plain": "<Figure size 200x200>"}
    if n % 25 == 4:
        data = [{"type": "scatter", "x": list(range(2000)), "y": [dice.random() for _ in range(2000)]}]
        return {"application/vnd.plotly.v1+json": {"data": data, "layout": {}}, "text/plain": "Figure"}
    rows = "".join(f"<tr>{''.join(f'<td>{dice.random():.6f}</td>' for _ in range(8))}</tr>" for _ in range(30))
    table = f'<table border="1" class="dataframe"><tbody>{rows}</tbody></table>'
    return {"text/html": table, "text/plain": "a table"}


def notebook(seed: int) -> bytes:
    """About 20 MB: 100 pictures of 120 kB, 10 plots, tables, long text, code, prose. The same every time for a seed."""
    dice = random.Random(seed)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells: list[dict[str, object]] = []
    for n in range(CELLS // 2):
        text = "".join(f"epoch {i}, loss {dice.random():.6f}, accuracy {dice.random():.6f}\n" for i in range(180))
        outputs = [
            {"output_type": "stream", "name": "stdout", "text": text},
            {"output_type": "display_data", "metadata": {}, "data": shown(dice, n)},
        ]
        source = "\n".join(f"value_{n}_{i} = compute({i}, 'text {i}')  # a remark" for i in range(15))
        prose = f"## Part {n}\n\nSome *words* and $x^2_{{{n}}}$.\n\n" + "A sentence that says a little. " * 20
        cells.append({"cell_type": "markdown", "id": f"m{n}", "metadata": {}, "source": prose})
        cells.append({
            "cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "outputs": outputs, "execution_count": n,
        })  # fmt: skip
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}).encode()


def opening(page: Page, address: str, place: Page | Frame | FrameLocator, first: str, last: str) -> tuple[float, float]:
    """Seconds until the first text can be seen, and until the last cell is there."""
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    place.locator(first).first.wait_for(state="visible", timeout=60_000)
    in_sight = time.perf_counter() - began
    place.locator(last).last.wait_for(state="attached", timeout=60_000)
    return in_sight, time.perf_counter() - began


def ours(platform: Platform, page: Page, made: Notebook) -> tuple[float, float]:
    address = f"{platform.url}/notebooks/{made.team}/{made.slug}/"
    return opening(page, address, page.frame_locator("#document iframe"), "#cell-2 pre", f"#cell-{CELLS}")


def mine(browser: Browser, platform: Platform, made: Notebook) -> tuple[float, float]:
    """One opening of ours, in a profile that knows nothing of the platform but its start page."""
    with visit(browser, platform, "admin") as seen:
        return ours(platform, seen.page, made)


def first_reader(browser: Browser, platform: Platform, n: int) -> float:
    """Seconds from the end of an upload until its first cell is in sight: nothing of it is rendered before."""
    content = notebook(100 + n)
    with visit(browser, platform, "admin") as seen, platform.client() as client:
        return ours(platform, seen.page, client.notebooks.create(f"New megabytes {n}", content=content))[0]


def theirs(browser: Browser, platform: Platform, address: str) -> tuple[float, float]:
    with visit(browser, platform, None) as seen:
        return opening(seen.page, address, seen.page, ".jp-CodeCell pre", f".jp-Cell >> nth={CELLS - 1}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(name: str, here: list[float], peer: list[float], conditions: str) -> bool:
    value = statistics.median(here)
    figure(
        "opened", name, value, "s", peer="nbconvert's page of it from a file server", peer_value=statistics.median(peer),
        goal=f"< {GOAL:g}", ok=value < GOAL,
        conditions=f"medians of {len(here)} openings in turn in new profiles, slowest {max(here):.2f} and {max(peer):.2f} s, "
        f"{conditions}",
    )  # fmt: skip
    return value < GOAL


def main() -> int:
    content = notebook(11)
    code = "from studium.notebooks.models import Notebook; print(Notebook.objects.get(pk={!r}).rendered)"
    with running_platform() as platform, platform.client() as client, chromium() as browser:
        made = client.notebooks.create("Twenty megabytes", content=content)
        wait_for(lambda: platform.manage(code.format(made.id)), seconds=120, every=0.5)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a.ipynb").write_bytes(content)
            nbconvert(python_with_nbconvert(), Path(folder, "a.ipynb"), "b")
            far_size = Path(folder, "b.html").stat().st_size
            size = f"{len(content) / 1e6:.1f} MB and {CELLS} cells, nbconvert's page {far_size / 1e6:.1f} MB"
            with served(Path(folder)) as far:
                pairs = [
                    (mine(browser, platform, made), theirs(browser, platform, f"{far}/b.html"))
                    for _ in range(OPENINGS + 1)
                ]
        firsts = [first_reader(browser, platform, n) for n in range(FIRSTS)]
    pairs = pairs[1:]
    quick = say(
        "first_screen",
        [here[0] for here, _ in pairs],
        [peer[0] for _, peer in pairs],
        f"to the first cell in sight; {size}",
    )
    whole = say(
        "whole",
        [here[1] for here, _ in pairs],
        [peer[1] for _, peer in pairs],
        f"to the last cell in the document; {size}",
    )
    first = statistics.median(firsts)
    figure(
        "opened", "first_reader", first, "s", goal=f"< {GOAL:g}", ok=first < GOAL,
        conditions=f"median of {FIRSTS}, slowest {max(firsts):.2f} s, opened as soon as it is uploaded, so that it is rendered "
        "meanwhile; to the first cell in sight",
    )  # fmt: skip
    return 0 if quick and whole and first < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
