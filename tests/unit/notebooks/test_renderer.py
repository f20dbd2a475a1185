"""Pages that look otherwise are made anew everywhere, for which the renderer's number is to be raised with them."""

import hashlib
import json

from studium.notebooks.render import RENDERER
from studium.notebooks.render.page import page

# Of the number below, the page of the notebook below. Other libraries of the lock may draw it otherwise too: the same holds.
LOOKS = (1, "a1fd9d7e708f0fdd34742e726d5ce49ba7bf5a4f0e39a529aeb2404cd64b113e")


def cells() -> list[dict[str, object]]:
    """Something of each kind that is drawn: a new kind of output has a line here."""
    prose = (
        "# Title\n\n## One\n\n## Two\n\nSome *words*, $x^2$, a [link](https://example.org).\n\n"
        "```python\nx = 1\n```\n\n| a | b |\n|-|-|\n| 1 | 2 |"
    )
    data: list[dict[str, object]] = [
        {"text/plain": "plain"},
        {"text/html": '<table class="dataframe"><tr><td onclick="x()">1</td></tr></table>'},
        {"text/html": "<script>draw()</script><p>drawn</p>"},
        {"image/png": "iVBORw0KGgo="},
        {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"><circle r="3"/></svg>'},
        {"text/latex": "$$\\frac{a}{b}$$"},
        {"text/markdown": "**bold**"},
        {"application/json": {"a": [1, 2]}},
        {"application/vnd.plotly.v1+json": {"data": [], "layout": {}}},
        {"application/vnd.vegalite.v5+json": {"mark": "bar"}},
        {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "a widget"},
    ]
    outputs: list[dict[str, object]] = [
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m and a bar\rdone\n"},
        {"output_type": "stream", "name": "stderr", "text": "warned\n" * 200},
        *({"output_type": "display_data", "metadata": {}, "data": each} for each in data),
        {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "no",
            "traceback": ["\x1b[0;31mValueError\x1b[0m: no"],
        },
    ]
    time = {
        "iopub.execute_input": "2026-11-28T08:00:00Z",
        "shell.execute_reply": "2026-11-28T08:00:05Z",
    }
    code = {"cell_type": "code", "id": "c", "source": "import os  # a remark\nprint('text')", "outputs": outputs}
    return [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": prose},
        {**code, "execution_count": 3, "metadata": {"execution": time}},
        {
            **code,
            "id": "h",
            "execution_count": None,
            "metadata": {"jupyter": {"source_hidden": True, "outputs_hidden": True}},
        },
        {"cell_type": "raw", "id": "r", "metadata": {}, "source": "as it is"},
    ]


def test_a_page_that_looks_otherwise_has_another_number() -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    view = {"state": {"m": {"model_name": "IntSliderModel", "model_module": "@jupyter-widgets/controls", "state": {}}}}
    metadata = {"kernelspec": kernel, "widgets": {"application/vnd.jupyter.widget-state+json": view}}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells()}
    looks = hashlib.sha256(page(json.dumps(document).encode())).hexdigest()
    assert (RENDERER, looks) == LOOKS, "pages look otherwise: raise RENDERER, and put down both here"
