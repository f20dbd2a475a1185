"""The web process as it starts."""

import os
import subprocess
import sys


def test_what_start_up_made_is_not_collected_again_and_again() -> None:
    asked = "import gc, sys, studium.web.wsgi; print(gc.get_freeze_count(), 'studium.web.urls' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "studium.config.settings_test"},
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    frozen, loaded = told.stdout.split()[-2:]
    assert int(frozen) > 50_000
    assert loaded == "True"
