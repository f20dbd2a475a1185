"""Notebooks from git and webhooks on a running platform: real sandboxes, a real server on loopback, and nothing else allowed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from factories.notebooks import notebook_json
from functional.notebooks.receiver import Receiver
from running.git_server import GitServer, git
from running.lfs_server import LfsServer, oid_of, pointer_of
from running.platform import Platform, running_platform, wait_for
from studium.client import Client

TOKEN = "a-token-that-nobody-else-has"
BOOK = notebook_json(
    "import os, lib; print('lib says', lib.x, os.path.getsize('large.bin')); open('made.txt', 'w').write('made');"
    " open('made.bin', 'wb').write(b'made' * 500_000)"
).decode()
LARGE, MADE = b"large" * 100_000, b"made" * 500_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LfsServer]:
    made = LfsServer(tmp_path_factory.mktemp("server"))
    made.password = f"ada:{TOKEN}"
    yield made
    made.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def open_platform(server: GitServer, receiver: Receiver) -> Iterator[Platform]:
    """A platform of its own, whose operator allows these two servers."""
    with running_platform(outbound_allow=f"{server.entry},{receiver.entry}") as up:
        yield up


def holders(platform: Platform) -> list[Path]:
    """Files of the home folder, workspaces aside, that hold the token."""
    found = []
    for folder, folders, names in os.walk(platform.home):
        folders[:] = [name for name in folders if name not in ("environments", "volumes", "in")]
        for path in (Path(folder, name) for name in names):
            try:
                if path.is_file() and not path.is_symlink() and TOKEN.encode() in path.read_bytes():
                    found.append(path)
            except OSError:
                continue
    return found


def test_clone_run_push_and_pull(open_platform: Platform, server: LfsServer) -> None:
    server.make("lib", {"deep.py": "y = 1\n"})
    pointer = server.keep(LARGE)
    files = {"analysis/churn.ipynb": BOOK, "analysis/lib.py": "x = 41\n", ".gitignore": "__pycache__/\n"}
    server.make("churn", {**files, ".gitattributes": "*.bin filter=lfs -text\n", "analysis/large.bin": pointer})
    cli = open_platform.cli
    refused = cli("notebooks", "create", "--git", server.url("churn"))
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "does not let us in" in refused.stderr
    assert cli("secrets", "set", "GIT_TOKEN", input=TOKEN).returncode == 0
    made = cli("notebooks", "git", "clone", "churn", "--secret", "GIT_TOKEN", "--username", "ada")
    assert made.returncode == 0, made.stdout + made.stderr
    with open_platform.client() as client:
        notebook = client.notebooks.find("churn")
        assert client.notebooks.git.get(notebook.id).path == ""
        assert json.loads(client.notebooks.content(notebook.id)) == json.loads(BOOK)
        run = client.notebooks.start(notebook.id, kind="execution", machine="cpu-small")
        wait_for(lambda: client.runs.get(run.id).document == "final", seconds=90, says="its end")
        assert "lib says 41 500000" in client.runs.log(run.id).text, client.runs.get(run.id).message
    pushed = cli("notebooks", "git", "push", "churn", "-m", "Run it", "--json")
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert json.loads(pushed.stdout)["pushed"] == 1
    bare, work = server.folder / "churn.git", server.folder / "churn.work"
    assert "made.txt" in git(bare, "ls-tree", "-r", "--name-only", "main")
    assert git(bare, "show", "main:analysis/churn.ipynb").count("lib says 41") == 1
    assert git(bare, "show", "main:analysis/large.bin") == pointer.strip()
    assert git(bare, "show", "main:analysis/made.bin") == pointer_of(MADE).strip()
    assert server.contents[oid_of(pointer_of(MADE))] == MADE, "sent before the commit, out of the sandbox"
    git(work, "pull", "-q", "origin", "main")
    server.commit("churn", {"analysis/lib.py": "x = 42\n"})
    pulled = cli("notebooks", "git", "pull", "churn")
    assert "Pulled 1 commits." in pulled.stdout, pulled.stdout + pulled.stderr
    ran = cli("notebooks", "run", "churn", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    version = json.loads(ran.stdout)
    assert version["commit"] == git(work, "rev-parse", "HEAD").strip()
    with open_platform.client() as client:
        assert "lib says 42" in client.notebooks.versions.log(notebook.id, version["number"])
        left = [file.path for file in client.notebooks.versions.files(notebook.id, version["number"]).files]
        assert [path for path in left if "__pycache__" not in path] == [], "what the repository has is no output"
    assert holders(open_platform) == []
    log = open_platform.log_text()
    assert TOKEN not in log


def test_hostile_addresses_get_nowhere(open_platform: Platform, server: GitServer) -> None:
    port = open_platform.options.port
    for url in (
        f"http://127.0.0.1:{port}/x.git",
        f"https://localhost:{port}/x",
        f"http://[::ffff:127.0.0.1]:{port}/x",
        "file:///etc",
    ):
        refused = open_platform.cli("notebooks", "create", "--git", url)
        assert refused.returncode == 2, url
    # The operator's server sends on to the platform: the proxy of the run does not go there.
    moved = open_platform.cli(
        "notebooks", "create", "--git", server.url("churn").replace("churn.git", "../../churn.git")
    )
    assert moved.returncode == 1


def test_a_scheduled_run_that_fails_is_told_to_the_webhook(open_platform: Platform, receiver: Receiver) -> None:
    with open_platform.client() as client:
        notebook = client.notebooks.create("Fails", content=notebook_json("raise ValueError('no')"))
        schedule = client.notebooks.schedules.create(notebook.id, "0 0 1 1 *", machine="cpu-small")
        made = client.notebooks.schedules.set_webhook(notebook.id, schedule.id, receiver.url)
        assert made.secret
        client.notebooks.schedules.test_webhook(notebook.id, schedule.id)
        wait_for(lambda: receiver.heard, seconds=20, says="the test message")
        open_platform.manage(
            f"from studium.notebooks.models import Schedule; Schedule.objects.filter(pk='{schedule.id}').update(next_at=now)"
        )
        wait_for(lambda: len(receiver.heard) > 1, seconds=60, says="the message")
        said = json.loads(receiver.heard[1][1])
        assert (said["event"], said["version"]["number"], said["run"]["reason"]) == ("schedule.failed", 1, "failed")
        wait_for(lambda: delivered(client, notebook.id, schedule.id) == 2, seconds=10, says="both delivered")


def delivered(client: Client, notebook: str, schedule: str) -> int:
    return sum(d.state == "delivered" for d in client.notebooks.schedules.deliveries(notebook, schedule))
