"""Notebook files from people: what is taken, what is mended, what is refused in words."""

import json
import threading
import time

import pytest

from studium.errors import BadInput, NotYet
from studium.notebooks import bounded
from studium.notebooks.document import READ_HERE, blank, check_notebook, normalise, summarise

MIB = 1024**2


def notebook(*cells: dict[str, object], **fields: object) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}).encode()


def code(source: object, **fields: object) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **fields}


def refused(data: bytes) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check_notebook(data)
    assert caught.value.message.endswith(".")
    assert caught.value.next_step.endswith(".")
    return caught.value


def test_a_notebook_is_described() -> None:
    spec = {"kernelspec": {"name": "ir", "language": "R"}}
    found = check_notebook(
        notebook({"cell_type": "markdown", "source": ["# The *first*\n", "text"]}, code("1"), metadata=spec)
    )
    assert (found.title, found.kernel, found.language) == ("The first", "ir", "R")
    assert (found.cells, found.code_cells) == (2, 1)


def test_blank_is_a_notebook_with_its_title() -> None:
    found = check_notebook(blank("A\nnew one"))
    assert found.title == "A new one"
    assert found.content == blank("A new one")


def test_normalising_again_changes_nothing() -> None:
    once = normalise(
        notebook(code(["a\n", "b"]), code("x", id="same"), code("y", id="same"), {"cell_type": "raw", "source": "r"})
    )
    assert normalise(once) == once


def test_duplicate_and_invalid_cell_ids_are_mended() -> None:
    mended = normalise(notebook(code("x", id="same"), code("y", id="same"), code("z", id="no spaces!"), code("w")))
    ids = [cell["id"] for cell in json.loads(mended)["cells"]]
    assert ids[0] == "same"
    assert len(set(ids)) == 4


def test_nbformat_3_is_upgraded() -> None:
    cell = {
        "cell_type": "code",
        "input": "1+1",
        "language": "python",
        "outputs": [],
        "collapsed": False,
        "metadata": {},
    }
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    found = check_notebook(json.dumps(old).encode())
    assert json.loads(found.content)["cells"][0]["source"] == "1+1"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "notebook.not_json"),
        (b"hello", "notebook.not_json"),
        (b"\0" * 40, "notebook.not_json"),
        (b"PK\x03\x04\xff\xfe", "notebook.not_text"),
        ("{}".encode("utf-16"), "notebook.not_text"),
        (b"[]", "notebook.not_a_notebook"),
        (b'{"a": 1}', "notebook.not_a_notebook"),
        (b'{"nbformat": true, "cells": 3}', "notebook.format_too_old"),
        (b'{"nbformat": 4, "cells": 3}', "notebook.not_a_notebook"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "heading"}]}', "notebook.not_a_notebook"),
        (b'{"nbformat": 2, "worksheets": []}', "notebook.format_too_old"),
        (b'{"nbformat": 5, "cells": []}', "notebook.format_unknown"),
        (b'{"nbformat": 3, "worksheets": 7}', "notebook.not_a_notebook"),
        (b'{"nbformat": 4, "cells": ' + b"[" * 100_000, "notebook.too_deep"),
        (b'{"nbformat": 4, "cells": [], "metadata": ' + b'{"a":' * 70 + b"1" + b"}" * 71, "notebook.too_deep"),
        (b'{"nbformat": 4, "cells": [], "x": ' + b"9" * 5000 + b"}", "notebook.number_too_long"),
        (b'{"nbformat": 4, "cells": [' + b"[]," * 2_000_001 + b"1]}", "notebook.too_many_parts"),
        (notebook(*[{"cell_type": "raw"}] * 10_001), "notebook.too_many_cells"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words(data: bytes, code: str) -> None:
    assert refused(data).code == code


def test_too_large_is_said_before_anything_is_read() -> None:
    document = b"\xff" * (200 * MIB)
    started = time.process_time()
    with pytest.raises(BadInput, match="200 MiB; 64 MiB") as caught:
        check_notebook(document, most=64 * MIB)
    assert caught.value.code == "notebook.too_large"
    assert time.process_time() - started < 0.1


def test_lone_surrogates_and_not_a_number_are_mended() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "a\ud800b"}
    data = notebook(code("x", outputs=[output])).replace(b'"nbformat_minor": 5', b'"nbformat_minor": 5, "y": NaN')
    content = check_notebook(data.replace(b'"metadata": {}', b'"metadata": {"n": NaN}', 1)).content
    assert "a\ufffdb" in content.decode()
    assert b"NaN" not in content


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b'[1, {"a": 1E+400}]'])
def test_numbers_that_read_as_infinity_are_mended(number: bytes) -> None:
    content = check_notebook(
        notebook(code("x")).replace(b'"metadata": {}', b'"metadata": {"n": %s}' % number, 1)
    ).content
    assert b"null" in content
    assert b"Infinity" not in content


def test_a_large_notebook_is_read_in_a_process_of_its_own() -> None:
    text = {"output_type": "stream", "name": "stdout", "text": "x" * (READ_HERE + 1)}
    found = check_notebook(notebook(code("print()", outputs=[text])))
    assert found.code_cells == 1
    assert len(found.content) > READ_HERE
    assert refused(b'{"nbformat": 5, "x": "' + b"x" * READ_HERE + b'"}').code == "notebook.format_unknown"


def test_large_notebooks_are_read_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take gigabytes: a visitor is told to come back, the controller waits its turn."""
    data = notebook(code("1"), metadata={"x": "y" * READ_HERE})
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(bounded, "PLACES", places)
    places.acquire()
    with pytest.raises(NotYet) as caught:
        check_notebook(data, patience=0.05)
    assert caught.value.code == "notebook.crowded"
    threading.Timer(0.2, places.release).start()
    assert summarise(data) is not None
    assert check_notebook(data, patience=0.05).cells == 1, "the place is free again"


def test_half_a_notebook_has_no_summary() -> None:
    whole = notebook(code("1"))
    assert summarise(whole) is not None
    assert summarise(whole[:-5]) is None


UPGRADES = [
    (notebook(code("x", id="a")), ""),
    (notebook(code("x"), nbformat_minor=2), "It came as nbformat 4.2 and was upgraded to 4.5."),
    (notebook(code("x", id="a"), code("y", id="a")), "1 cell has a new id: "),
    (notebook(code("x"), code("y", id="no spaces!")), "2 cells have a new id: "),
    (b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": []}', "It came as nbformat 3 and"),
]


@pytest.mark.parametrize(("data", "words"), UPGRADES)
def test_what_was_done_to_a_file_is_noted(data: bytes, words: str) -> None:
    said = check_notebook(data).upgrade
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_unknown_outputs_and_nul_bytes_are_kept_as_they_are() -> None:
    odd = {"output_type": "hologram", "data": {"a/b": "x\0y"}}
    stored = normalise(notebook(code("print('\0')", outputs=[odd, "no output", 7])))
    (cell,) = json.loads(stored)["cells"]
    assert (cell["source"], cell["outputs"]) == ("print('\0')", [odd])
