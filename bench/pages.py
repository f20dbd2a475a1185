"""How long each main page takes in an installation that has been used: 10,000 notebooks, 1,000 users, 20,000 runs.

The real web process answers through the edge, as a browser sees it. The controller is away meanwhile, because the rows
that say `queued` and `running` are made up. A page is asked for one at a time, over notebooks and runs that differ.
"""

import http.client
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from filling import READER
from peers.kernels import notebook_file
from peers.ours import sign_in
from report import figure
from running.platform import Platform, running_platform, wait_for

TIMES, WARM_UP, GOAL_MS = 150, 5, 100.0


def fill(platform: Platform) -> dict[str, Any]:
    """Put the rows in; what the pages are to be asked about."""
    wait_for(lambda: platform.client().machines(), says="the controller has found the machine")
    with platform.client() as client:
        client.notebooks.create("The first", content=json.dumps(notebook_file()).encode())
    wait_for(
        lambda: platform.manage(
            "from studium.notebooks.models import Notebook; print(Notebook.objects.get().rendered)"
        ),
        says="the notebook is rendered",
    )
    platform.kill("controller")
    del platform.supervisor.children["controller"]
    for part in ("people", "notebooks", "search", "search", "runs", "charges", "events"):
        platform.manage(f"from filling import installation; installation.{part}(now)")
    found: dict[str, Any] = json.loads(platform.manage(_ASKED))
    return found


_ASKED = f"""
import json
from filling.installation import counted
from django.db import connection
from studium.accounts.actions import create_token
from studium.accounts.models import User
from studium.accounts.states import Scope
from studium.notebooks.access import visible_to
from studium.notebooks.access import readable_runs
with connection.cursor() as cursor:
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
user = User.objects.get(username={READER!r})
print(json.dumps({{
    "rows": counted(),
    "token": create_token(user, "bench", [Scope.READ], now=now, expires_at=None)[1],
    "notebooks": [f"{{n.team.slug}}/{{n.slug}}" for n in visible_to(user).order_by("label")[:200]],
    "runs": list(readable_runs(user).values_list("pk", flat=True)[:200]),
}}))
"""


# What the reader sees, what an administrator sees, and what a program with the reader's token asks for.
READERS = {
    "home": "/",
    "notebooks_mine": "/notebooks/?show=mine",
    "notebooks_team": "/notebooks/?show=team",
    "notebooks_public": "/notebooks/?show=public",
    "notebooks_search": "/notebooks/?show=public&q=weather",
    "gallery": "/gallery/",
    "runs": "/runs/",
    "queue": "/queue/",
    "machines": "/machines/",
    "usage": f"/usage/{READER}/",
    "usage_team": "/usage/lab-00/",
    "teams": "/teams/",
    "team": "/teams/lab-00/",
    "settings": "/settings/",
}
ADMINS = {
    "admin_overview": "/admin/",
    "admin_runs": "/admin/runs/",
    "admin_runs_all": "/admin/runs/?show=all",
    "admin_users": "/admin/users/",
    "admin_plans": "/admin/plans/",
    "admin_events": "/admin/events/",
}
PROGRAMS = {"rest_notebooks": "/rest/notebooks", "rest_runs": "/rest/runs", "rest_queue": "/rest/queue"}


def pages(asked: dict[str, Any], platform: Platform) -> Iterator[tuple[str, Iterator[str], dict[str, str]]]:
    """Each page's name, the paths to ask for one after the other, and who asks."""
    reader = {"Cookie": sign_in(platform, READER)}
    admin = {"Cookie": sign_in(platform)}
    token = {"Authorization": f"Bearer {asked['token']}"}
    for paths, who in ((READERS, reader), (ADMINS, admin), (PROGRAMS, token)):
        for name, path in paths.items():
            yield name, itertools.repeat(path), who
    yield "notebook", itertools.cycle(f"/notebooks/{name}/" for name in asked["notebooks"]), reader
    yield "run", itertools.cycle(f"/runs/{run}/" for run in asked["runs"]), reader


class Browser:
    """One kept-alive connection to the edge."""

    def __init__(self, platform: Platform) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", platform.options.port, timeout=30)
        self._host = platform.options.platform_host

    def get(self, path: str, who: dict[str, str]) -> tuple[float, int]:
        """Milliseconds until the last byte, and the size of the answer."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Host": self._host, **who})
        answer = self._connection.getresponse()
        size = len(answer.read())
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status}")
        return took, size


def measured(browser: Browser, paths: Iterator[str], who: dict[str, str]) -> tuple[list[float], int]:
    """The times of a page after some that are not counted, and its size."""
    answers = [browser.get(next(paths), who) for _ in range(WARM_UP + TIMES)]
    return [took for took, _ in answers[WARM_UP:]], answers[-1][1]


def tell(name: str, times: list[float], size: int, rows: dict[str, int]) -> bool:
    p95 = statistics.quantiles(times, n=20)[18]
    counts = ", ".join(f"{count:,} {noun}" for noun, count in rows.items())
    figure(
        "pages", name, p95, "ms", goal=f"< {GOAL_MS:g}", ok=p95 < GOAL_MS,
        conditions=(
            f"p95 of {TIMES}; p50 {statistics.median(times):.1f} ms, worst {max(times):.0f} ms; {size / 1024:.0f} KiB; "
            f"through the edge, one at a time; SQLite with {counts}"
        ),
    )  # fmt: skip
    return p95 < GOAL_MS


def main() -> int:
    with running_platform(plans=("open", "kaggle")) as platform:
        asked = fill(platform)
        browser = Browser(platform)
        results = [
            tell(name, *measured(browser, paths, who), asked["rows"]) for name, paths, who in pages(asked, platform)
        ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
