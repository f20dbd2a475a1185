"""One running platform for the end-to-end tests, with simulated accelerators and every preset."""

from collections.abc import Iterator

import pytest

from running.platform import Platform, running_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    with running_platform(simulate="P100:1,M4000:2,tpu-v3-8:1", plans=("open", "kaggle", "gradient")) as up:
        yield up
