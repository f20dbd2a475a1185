"""`kill -9` of a process that makes, deletes and collects versions: what it said it did is done."""

import os
import subprocess
import sys
from pathlib import Path

from running import database

PROGRAM = Path(__file__).parents[1] / "killed.py"


def test_what_a_killed_process_acknowledged_is_kept(tmp_path: Path) -> None:
    database.put_at(tmp_path)
    own = {
        "STUDIUM_HOME": str(tmp_path),
        "STUDIUM_DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "studium.config.settings",
    }
    env = os.environ | own
    told: list[str] = []
    for seed, lines in enumerate((1, 6, 12)):
        with subprocess.Popen(
            [sys.executable, str(PROGRAM), "work", str(seed)], env=env, stdout=subprocess.PIPE, text=True
        ) as working:
            assert working.stdout is not None
            told += [working.stdout.readline() for _ in range(lines)]
            working.kill()  # in the midst of whatever comes next
            told += [line for line in working.stdout.readlines() if line.endswith("\n")]
        assert working.returncode == -9
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "check"], env=env, input="".join(told), capture_output=True, text=True, check=False,
        timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 19
