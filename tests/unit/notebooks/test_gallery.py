"""The gallery's notebooks as files; that they run is shown in tests/functional/environments."""

import json

import pytest

from studium.errors import NotFound
from studium.notebooks.document import check_notebook
from studium.notebooks.gallery import gallery, read_gallery


@pytest.mark.parametrize("entry", gallery(), ids=lambda entry: entry.slug)
def test_every_entry_is_a_clean_notebook(entry) -> None:  # type: ignore[no-untyped-def]
    data = read_gallery(entry.slug)
    assert check_notebook(data).title == entry.title
    for cell in json.loads(data)["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_the_first_is_the_quickest() -> None:
    assert gallery()[0].seconds == min(entry.seconds for entry in gallery())


def test_an_unknown_entry_is_refused() -> None:
    with pytest.raises(NotFound):
        read_gallery("../pyproject")
