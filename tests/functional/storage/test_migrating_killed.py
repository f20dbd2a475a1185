"""`kill -9` of the command that moves what is stored, again and again, while somebody makes and deletes versions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from running import database
from running.swift import running_swift

HERE = Path(__file__).parent


def test_a_move_that_is_killed_again_and_again(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "swift"
    home.mkdir()
    folder.mkdir()
    database.put_at(home)
    with running_swift(folder) as swift:
        swift.make_bucket("moved")
        own = {
            "STUDIUM_HOME": str(home),
            "STUDIUM_DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "studium.config.settings",
        }
        # Who writes knows nothing of the bucket.
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | own
        command = [sys.executable, "-m", "studium.cli.main", "storage", "migrate", swift.url_of("moved")]
        told: list[str] = []
        work = [sys.executable, str(HERE.parent / "killed.py"), "work", "1"]
        with subprocess.Popen(work, env=env, stdout=subprocess.PIPE, text=True) as writing:
            assert writing.stdout is not None
            told.append(writing.stdout.readline())
            moving = env | swift.variables
            for lines in (2, 4, 6):
                with subprocess.Popen(command, env=moving, stdout=subprocess.PIPE, text=True) as killed:
                    told += [writing.stdout.readline() for _ in range(lines * 3)]
                    killed.kill()
            done = subprocess.run(command, env=moving, capture_output=True, text=True, check=False, timeout=90)
            assert done.returncode == 0, done.stdout + done.stderr
            told += [writing.stdout.readline() for _ in range(4)]
            writing.kill()
            told += [line for line in writing.stdout.readlines() if line.endswith("\n")]
        again = subprocess.run(command, env=moving, capture_output=True, text=True, check=False, timeout=90)
        assert again.returncode == 0, again.stdout + again.stderr
        shutil.rmtree(home / "blobs")
        check = subprocess.run(
            [sys.executable, str(HERE / "moved.py")], env=env, input="".join(told), capture_output=True, text=True,
            check=False, timeout=90,
        )  # fmt: skip
        assert check.returncode == 0, check.stderr[-3000:]
        assert int(check.stdout) > 8
