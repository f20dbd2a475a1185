"""The lock of the default environment, and where it is found."""

import re

from studium.environments.build import lock_file

LOCK = lock_file().read_text()


def test_every_package_is_pinned_with_hashes() -> None:
    requirements = [line for line in LOCK.splitlines() if re.match(r"^[a-z]", line)]
    assert len(requirements) > 80
    assert all("==" in line and line.endswith("\\") for line in requirements)


def test_it_names_no_index() -> None:
    assert "://" not in LOCK
    assert "index" not in LOCK


def test_what_makes_servers_slow_is_left_out() -> None:
    assert not re.search(r"^(rfc3987-syntax|lark)==", LOCK, re.MULTILINE)


def test_what_people_were_promised_is_in() -> None:
    for (
        name
    ) in "jupyterlab ipykernel ipywidgets jupyter-resource-usage numpy pandas matplotlib scikit-learn pip".split():
        assert re.search(rf"^{name}==", LOCK, re.MULTILINE), name
