"""Secrets in the outputs of a notebook file are hidden when it is saved; its sources are as they were typed."""

import json
from typing import Any

import pytest

from unit.environments.inside_modules import load

VALUE = "correct-horse"
TWO_LINES = '-----BEGIN KEY-----\nabcdef "quoted" é\n-----END KEY-----\n'


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = load("hidden_outputs")
    monkeypatch.setenv("STUDIUM_SECRETS", "TOKEN KEY SHORT GONE")
    monkeypatch.setenv("TOKEN", VALUE)
    monkeypatch.setenv("KEY", TWO_LINES)
    monkeypatch.setenv("SHORT", "five5")
    monkeypatch.delenv("GONE", raising=False)
    monkeypatch.setattr(module, "VALUES", module._values())
    return module


def notebook(*outputs: Any, source: str = "print(1)") -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": list(outputs)}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}


OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": f"it is {VALUE}{VALUE} five5\n"},
    {"output_type": "stream", "name": "stdout", "text": ["a\n", *f"b {TWO_LINES}c\n".splitlines(keepends=True)]},
    {"output_type": "display_data", "data": {"text/html": [f"<b>{VALUE}</b>"], "application/json": {"k": [VALUE, 1]}}},
    {"output_type": "error", "ename": "E", "evalue": f"bad {VALUE}", "traceback": ["x", f"bad {VALUE}\n"]},
]


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_kind_of_output_loses_the_values(hidden: Any, output: dict[str, Any]) -> None:
    for plain in (True, False):
        text = json.dumps(notebook(output, source=f"token = {VALUE!r}"), ensure_ascii=plain, indent=1)
        cell = json.loads(hidden.hide_in_text(text))["cells"][0]
        said = json.dumps(cell["outputs"])
        assert "***" in said
        assert VALUE not in said
        assert "END KEY" not in said
        assert cell["source"] == f"token = {VALUE!r}", "what a person typed stays"


def test_lines_stay_lines_and_short_values_stay(hidden: Any) -> None:
    made = notebook(*OUTPUTS)
    hidden.hide(made)
    outputs = made["cells"][0]["outputs"]
    assert outputs[0]["text"] == "it is ****** five5\n"
    assert outputs[1]["text"] == ["a\n", "b ***c\n"]
    assert outputs[3]["traceback"] == ["x", "bad ***\n"], "the lines of a traceback are texts of their own"
    assert outputs[2]["data"] == {"text/html": ["<b>***</b>"], "application/json": {"k": ["***", 1]}}


def test_files_without_the_values_are_the_same_bytes(hidden: Any) -> None:
    text = json.dumps(notebook(OUTPUTS[0])).replace(VALUE, "nothing")
    assert hidden.hide_in_text(text) is text
    for broken in (f'{{"cells": "{VALUE}"', f'["{VALUE}"]', f'{{"cells": ["{VALUE}", {{"outputs": "{VALUE}"}}]}}'):
        hidden.hide_in_text(broken)


def test_the_notebook_file_is_saved_without(hidden: Any, tmp_path: Any) -> None:
    load("notebook_file").save(tmp_path / "n.ipynb", notebook(*OUTPUTS))
    assert VALUE not in (tmp_path / "n.ipynb").read_text()
