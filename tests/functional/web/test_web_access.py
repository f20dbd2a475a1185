"""Who gets which page: each page against owner, teammate, reader, stranger, operator and nobody."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from scenes import Scene, address, client_of

from factories.accounts import NOW
from factories.files import give_files
from studium.accounts.states import Visibility
from studium.datasets.actions import create_dataset
from studium.datasets.models import Dataset

Where = Callable[[Scene], str]
OK, NO, GONE, IN = 200, 403, 404, 302  # IN: sent to the sign-in page


def shown_file(scene: Scene, rest: str) -> str:
    give_files(scene.version_run, {"a.txt": b"a"})
    return address(scene.notebook, rest)


def public_file(scene: Scene) -> str:
    give_files(scene.version, {"a.txt": b"a"})
    return address(scene.public, "versions/1/view/0/")


def team_dataset(scene: Scene, rest: str = "") -> str:
    """The page of a dataset of the team; `test_web_datasets_access` has what is left of them."""
    found = Dataset.objects.filter(slug="team-data").first()
    made = found or create_dataset(scene.cast.owner, scene.cast.team, "Team data", now=NOW, visibility=Visibility.TEAM)
    return f"/datasets/{made.team.slug}/{made.slug}/{rest}"


# page: owner, teammate, reader, stranger, operator, anonymous
MATRIX: dict[str, tuple[Where, tuple[int, ...]]] = {
    "home": (lambda s: "/", (OK, OK, OK, OK, OK, IN)),
    "notebooks": (lambda s: "/notebooks/", (OK, OK, OK, OK, OK, IN)),
    "notebooks of teams": (lambda s: "/notebooks/?show=team", (OK, OK, OK, OK, OK, IN)),
    "public notebooks": (lambda s: "/notebooks/?show=public", (OK, OK, OK, OK, OK, IN)),
    "datasets": (lambda s: "/datasets/", (OK, OK, OK, OK, OK, IN)),
    "new dataset": (lambda s: "/datasets/new/", (OK, OK, OK, OK, OK, IN)),
    "team dataset": (lambda s: team_dataset(s), (OK, OK, OK, GONE, GONE, IN)),
    "its versions": (lambda s: team_dataset(s, "versions/"), (OK, OK, OK, GONE, GONE, IN)),
    "its settings": (lambda s: team_dataset(s, "settings/"), (OK, OK, NO, GONE, GONE, IN)),
    "adding to it": (lambda s: team_dataset(s, "add/"), (OK, OK, NO, GONE, GONE, IN)),
    "new": (lambda s: "/new/", (OK, OK, OK, OK, OK, IN)),
    "new from git": (lambda s: "/new/git/", (OK, OK, OK, OK, OK, IN)),
    "git of a notebook that is not from git": (
        lambda s: address(s.notebook, "git/"),
        (GONE, GONE, GONE, GONE, GONE, IN),
    ),
    "gallery": (lambda s: "/gallery/", (OK, OK, OK, OK, OK, IN)),
    "team notebook": (lambda s: address(s.notebook), (OK, OK, OK, GONE, GONE, IN)),
    "private notebook": (lambda s: address(s.quiet), (OK, GONE, GONE, GONE, GONE, IN)),
    "public notebook": (lambda s: address(s.public), (OK, OK, OK, OK, OK, IN)),
    "its document": (lambda s: address(s.public, "document/"), (OK, OK, OK, OK, OK, IN)),
    "its status": (lambda s: address(s.notebook, f"status/?run={s.running.pk}"), (OK, OK, OK, GONE, GONE, IN)),
    "download": (lambda s: address(s.notebook, "download/"), (OK, OK, OK, GONE, GONE, IN)),
    "versions": (lambda s: address(s.notebook, "versions/"), (OK, OK, OK, GONE, GONE, IN)),
    "no versions": (lambda s: address(s.quiet, "versions/"), (OK, GONE, GONE, GONE, GONE, IN)),
    "a version": (lambda s: address(s.notebook, "versions/1/"), (OK, OK, OK, GONE, GONE, IN)),
    "a public version": (lambda s: address(s.public, "versions/1/"), (OK, OK, OK, OK, OK, IN)),
    "its body": (lambda s: address(s.public, "versions/1/body/"), (OK, OK, OK, OK, OK, IN)),
    "its file": (lambda s: address(s.notebook, "versions/1/download/"), (OK, OK, OK, GONE, GONE, IN)),
    "a version that is not": (lambda s: address(s.notebook, "versions/9/"), (GONE, GONE, GONE, GONE, GONE, IN)),
    "an output that is not": (lambda s: address(s.notebook, "versions/1/files/a/b"), (GONE,) * 5 + (IN,)),
    "an output file": (lambda s: shown_file(s, "versions/1/view/0/"), (OK, OK, OK, GONE, GONE, IN)),
    "its bytes": (lambda s: shown_file(s, "versions/1/files/a.txt"), (OK, OK, OK, GONE, GONE, IN)),
    "a public output file": (lambda s: public_file(s), (OK, OK, OK, OK, OK, IN)),
    "an output file that is not": (lambda s: address(s.notebook, "versions/1/view/7/"), (GONE,) * 5 + (IN,)),
    "compare": (lambda s: address(s.notebook, "compare/?left=1&right=1"), (OK, OK, OK, GONE, GONE, IN)),
    "compare nothing": (lambda s: address(s.notebook, "compare/"), (400, 400, 400, GONE, GONE, IN)),
    "inputs": (lambda s: address(s.public, "inputs/"), (OK, OK, OK, OK, OK, IN)),
    "secrets": (lambda s: address(s.public, "secrets/"), (OK, OK, NO, NO, NO, IN)),
    "secrets of a private one": (lambda s: address(s.quiet, "secrets/"), (OK, GONE, GONE, GONE, GONE, IN)),
    "schedules": (lambda s: address(s.notebook, "schedules/"), (OK, OK, OK, GONE, GONE, IN)),
    "schedules of a public one": (lambda s: address(s.public, "schedules/"), (OK, OK, OK, NO, OK, IN)),
    "a schedule": (lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/"), (OK, OK, NO, GONE, GONE, IN)),
    "its webhook": (lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/webhook/"), (OK, OK, OK, GONE, GONE, IN)),
    "a schedule that is not": (lambda s: address(s.notebook, "schedules/no/"), (GONE, GONE, NO, GONE, GONE, IN)),
    "comments": (lambda s: address(s.notebook, "comments/"), (OK, OK, OK, GONE, GONE, IN)),
    "comments of a private one": (lambda s: address(s.quiet, "comments/"), (OK, GONE, GONE, GONE, GONE, IN)),
    "comments of a public one": (lambda s: address(s.public, "comments/?sort=top"), (OK, OK, OK, OK, OK, IN)),
    "a thread": (lambda s: address(s.notebook, f"comments/{s.inside.pk}/"), (OK, OK, OK, GONE, GONE, IN)),
    "a public thread": (lambda s: address(s.public, f"comments/{s.said.pk}/"), (OK, OK, OK, OK, OK, IN)),
    "a thread of another": (lambda s: address(s.notebook, f"comments/{s.said.pk}/"), (GONE,) * 5 + (IN,)),
    "reply": (lambda s: address(s.notebook, f"comments/{s.inside.pk}/reply/"), (OK, OK, OK, GONE, GONE, IN)),
    "edit a comment": (lambda s: address(s.public, f"comments/{s.said.pk}/edit/"), (OK, OK, OK, OK, OK, IN)),
    "report": (lambda s: address(s.public, "report/"), (OK, OK, OK, OK, OK, IN)),
    "report what is inside": (lambda s: address(s.notebook, "report/"), (OK, OK, OK, GONE, GONE, IN)),
    "a person": (lambda s: f"/people/{s.cast.owner.username}/", (OK, OK, OK, OK, OK, IN)),
    "nobody's page": (lambda s: "/people/nobody/", (GONE, GONE, GONE, GONE, GONE, IN)),
    "bookmarks": (lambda s: "/bookmarks/", (OK, OK, OK, OK, OK, IN)),
    "notifications": (lambda s: "/notifications/", (OK, OK, OK, OK, OK, IN)),
    "notifications not read": (lambda s: "/notifications/?show=unread", (OK, OK, OK, OK, OK, IN)),
    "a notification": (lambda s: f"/notifications/{s.told.pk}/", (302, GONE, GONE, GONE, GONE, IN)),
    "notification settings": (lambda s: "/settings/notifications/", (OK, OK, OK, OK, OK, IN)),
    "public by votes": (lambda s: "/notebooks/?show=public&sort=votes", (OK, OK, OK, OK, OK, IN)),
    "public by comments": (lambda s: "/notebooks/?show=public&sort=comments", (OK, OK, OK, OK, OK, IN)),
    "delete": (lambda s: address(s.notebook, "delete/"), (OK, OK, NO, GONE, GONE, IN)),
    "editor": (lambda s: address(s.notebook, "edit/"), (OK, OK, NO, GONE, GONE, IN)),
    "editor of a public one": (lambda s: address(s.public, "edit/"), (OK, OK, NO, NO, NO, IN)),
    "panel": (lambda s: address(s.notebook, "edit/panel/"), (OK, OK, NO, GONE, GONE, IN)),
    "runs": (lambda s: "/runs/", (OK, OK, OK, OK, OK, IN)),
    "a run": (lambda s: f"/runs/{s.running.pk}/", (OK, OK, OK, GONE, OK, IN)),
    "an ended run": (lambda s: f"/runs/{s.ended.pk}/", (OK, OK, OK, GONE, OK, IN)),
    "its state": (lambda s: f"/runs/{s.queued.pk}/state/", (OK, OK, OK, GONE, OK, IN)),
    "its log": (lambda s: f"/runs/{s.running.pk}/log/?offset=0", (OK, OK, OK, GONE, OK, IN)),
    "machines": (lambda s: "/machines/", (OK, OK, OK, OK, OK, IN)),
    "machines of a team": (lambda s: f"/machines/?team={s.cast.team.slug}", (OK, OK, OK, GONE, GONE, IN)),
    "queue": (lambda s: "/queue/", (OK, OK, OK, OK, OK, IN)),
    "usage": (lambda s: f"/usage/{s.cast.team.slug}/", (OK, OK, OK, GONE, GONE, IN)),
    "storage": (lambda s: f"/usage/{s.cast.team.slug}/storage/", (OK, OK, OK, GONE, GONE, IN)),
    "storage of a kind": (lambda s: f"/usage/{s.cast.team.slug}/storage/?kind=versions", (OK, OK, OK, GONE, GONE, IN)),
    "snapshots": (lambda s: address(s.notebook, "snapshots/"), (OK, OK, OK, GONE, GONE, IN)),
    "snapshots of a private one": (lambda s: address(s.quiet, "snapshots/"), (OK, GONE, GONE, GONE, GONE, IN)),
    "snapshots of a public one": (lambda s: address(s.public, "snapshots/"), (OK, OK, OK, NO, OK, IN)),
    "state of snapshots": (lambda s: address(s.public, "snapshots/state/"), (OK, OK, OK, NO, OK, IN)),
    "volume": (lambda s: f"/usage/{s.cast.team.slug}/volume/", (OK, OK, OK, GONE, GONE, IN)),
    "state of no volume": (lambda s: f"/usage/{s.cast.team.slug}/volume/state/", (GONE, GONE, GONE, GONE, GONE, IN)),
    "ledger": (lambda s: f"/usage/{s.cast.team.slug}/ledger.csv", (OK, OK, OK, GONE, GONE, IN)),
    "teams": (lambda s: "/teams/", (OK, OK, OK, OK, OK, IN)),
    "a team": (lambda s: f"/teams/{s.cast.team.slug}/", (OK, OK, OK, GONE, GONE, IN)),
    "environments of a team": (
        lambda s: f"/teams/{s.cast.team.slug}/environments/",
        (OK, OK, OK, GONE, GONE, IN),
    ),
    "the default environment": (lambda s: "/environments/", (OK, OK, OK, OK, OK, IN)),
    "an environment": (lambda s: f"/environments/{s.cast.team.slug}/vision/", (OK, OK, OK, GONE, GONE, IN)),
    "its builds": (lambda s: f"/environments/{s.cast.team.slug}/vision/body/", (204, 204, 204, GONE, GONE, IN)),
    "a build": (lambda s: f"/environments/{s.cast.team.slug}/vision/?build=1", (OK, OK, OK, GONE, GONE, IN)),
    "a build that is not": (
        lambda s: f"/environments/{s.cast.team.slug}/vision/?build=7",
        (GONE, GONE, GONE, GONE, GONE, IN),
    ),
    "its lock": (lambda s: f"/environments/{s.cast.team.slug}/vision/builds/1/lock/", (OK, OK, OK, GONE, GONE, IN)),
    "settings": (lambda s: "/settings/", (OK, OK, OK, OK, OK, IN)),
    "tokens": (lambda s: "/settings/tokens/", (OK, OK, OK, OK, OK, IN)),
    "password": (lambda s: "/accounts/password/change/", (OK, OK, OK, OK, OK, IN)),
    "two-factor": (lambda s: "/accounts/2fa/", (OK, OK, OK, OK, OK, IN)),
    "e-mail": (lambda s: "/accounts/email/", (OK, OK, OK, OK, OK, IN)),
    "signed-in browsers": (lambda s: "/accounts/sessions/", (OK, OK, OK, OK, OK, IN)),
    "connections": (lambda s: "/accounts/3rdparty/", (OK, OK, OK, OK, OK, IN)),
    "sign-out": (lambda s: "/accounts/logout/", (OK, OK, OK, OK, OK, IN)),
    "sign-in": (lambda s: "/accounts/login/", (IN, IN, IN, IN, IN, OK)),
    "sign-up": (lambda s: "/accounts/signup/", (IN, IN, IN, IN, IN, OK)),
    "password reset": (lambda s: "/accounts/password/reset/", (OK, OK, OK, OK, OK, OK)),
    "login link": (lambda s: "/login/link/whatever/", (OK, OK, OK, OK, OK, OK)),
    "invitation that is gone": (lambda s: "/join/whatever/", (GONE,) * 6),
    "search": (lambda s: "/notebooks/?q=work", (OK, OK, OK, OK, OK, IN)),
    "shared notebooks": (lambda s: "/notebooks/?show=shared", (OK, OK, OK, OK, OK, IN)),
    "a link that is gone": (lambda s: "/shared/whatever/", (GONE,) * 5 + (IN,)),
    "nothing": (lambda s: "/nowhere/", (GONE,) * 6),
    "admin": (lambda s: "/admin/", (GONE, GONE, GONE, GONE, OK, IN)),
    "admin runs": (lambda s: "/admin/runs/?show=all", (GONE, GONE, GONE, GONE, OK, IN)),
    "admin users": (lambda s: "/admin/users/", (GONE, GONE, GONE, GONE, OK, IN)),
    "admin plans": (lambda s: "/admin/plans/", (GONE, GONE, GONE, GONE, OK, IN)),
    "admin events": (lambda s: "/admin/events/", (GONE, GONE, GONE, GONE, OK, IN)),
    "admin reports": (lambda s: "/admin/reports/", (GONE, GONE, GONE, GONE, OK, IN)),
    "all admin reports": (lambda s: "/admin/reports/?show=all", (GONE, GONE, GONE, GONE, OK, IN)),
    "which datasets are taken down": (
        lambda s: "/admin/reports/?show=datasets",
        (GONE, GONE, GONE, GONE, OK, IN),
    ),
    "what is taken down": (lambda s: "/admin/reports/?show=down", (GONE, GONE, GONE, GONE, OK, IN)),
    "take down": (lambda s: f"/admin/notebooks/{s.public.pk}/take-down/", (GONE, GONE, GONE, GONE, OK, IN)),
    "take down what is inside": (lambda s: f"/admin/notebooks/{s.notebook.pk}/take-down/", (GONE,) * 5 + (IN,)),
    "admin isolation": (lambda s: "/admin/isolation/", (GONE, GONE, GONE, GONE, OK, IN)),
}
WHO = ("owner", "teammate", "reader", "stranger", "operator", None)


class Markup(HTMLParser):
    """Collects what a strict policy would block, and what a reader of screens would miss."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self._inside_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.wrong += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        data = given.get("type") in ("application/json", "application/ld+json")  # browsers run nothing of these
        if tag == "style" or (tag == "script" and "src" not in given and not data):
            self.wrong.append(f"inline <{tag}>")
        for name in ("src", "href", "action"):
            if re.match(r"(?:https?:)?//", given.get(name, "")) and tag not in ("a", "iframe"):
                self.wrong.append(f"<{tag} {name}={given[name]}>")
        if tag == "label":
            self._inside_label += 1
            self.labelled.add(given.get("for", ""))
        field = tag in ("input", "select", "textarea") and given.get("type") != "hidden"
        if field and "aria-label" not in given and not self._inside_label:
            self.fields.append(given)
        if tag == "iframe" and not given.get("title"):
            self.wrong.append("<iframe> without a title")
        if tag in ("img",) and "alt" not in given:
            self.wrong.append("<img> without alt")

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._inside_label -= 1

    def problems(self) -> list[str]:
        return self.wrong + [f"field without label: {f}" for f in self.fields if f.get("id", "") not in self.labelled]


def problems_of(html: str) -> list[str]:
    markup = Markup()
    markup.feed(html)
    return markup.problems()


@pytest.mark.parametrize("name", MATRIX)
def test_page_for_each_person(scene: Scene, name: str) -> None:
    where, wanted = MATRIX[name]
    url = where(scene)
    seen = []
    for who in WHO:
        response = client_of(getattr(scene.cast, who) if who else None).get(url)
        seen.append(response.status_code)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy or policy.startswith("sandbox")
        assert "unsafe" not in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        # A file may be kept by who has it, but each time it is asked whether they still may read it.
        assert "no-store" in response["Cache-Control"] or response["Cache-Control"] == "private, no-cache"
        if "text/html" in response.get("Content-Type", "") and not response.streaming:
            assert problems_of(response.content.decode()) == []
    assert tuple(seen) == wanted


@pytest.mark.parametrize("path", ["", "status/?run=", "document/"])
def test_everybody_reads_a_public_notebook_and_only_its_team_sees_its_runs(scene: Scene, path: str) -> None:
    said = ("Cell 2 failed", scene.ended.pk)
    seen = client_of(scene.cast.reader).get(address(scene.public, path)).content.decode()
    assert path == "document/" or scene.ended.pk in seen
    told = client_of(scene.cast.stranger).get(address(scene.public, path))
    assert told.status_code == 200
    assert [word for word in said if word in told.content.decode()] == []
    listed = client_of(scene.cast.stranger).get("/notebooks/?show=public").content.decode()
    assert scene.public.title in listed
    assert "Failed" not in listed


CHANGES: dict[str, tuple[Where, dict[str, str], tuple[int, ...]]] = {
    "change": (lambda s: address(s.notebook, "change/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "upload": (lambda s: address(s.notebook, "upload/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "start": (lambda s: address(s.notebook, "start/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "extend": (lambda s: address(s.notebook, "edit/extend/"), {}, (302, 302, NO, GONE, GONE, IN)),
    "change machine": (lambda s: address(s.notebook, "edit/machine/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "stop a session": (lambda s: address(s.notebook, "edit/stop/"), {}, (302, 302, NO, GONE, GONE, IN)),
    "stop a run": (lambda s: f"/runs/{s.running.pk}/stop/", {}, (302, 302, NO, GONE, 302, IN)),
    "copy": (lambda s: address(s.notebook, "copy/"), {}, (302, 302, 302, GONE, GONE, IN)),
    "save": (lambda s: address(s.notebook, "save/"), {"how": "quick"}, (302, 302, NO, GONE, GONE, IN)),
    "save and run": (lambda s: address(s.public, "save/"), {"how": "run"}, (302, 302, NO, NO, NO, IN)),
    "note": (lambda s: address(s.notebook, "versions/1/change/"), {"note": "x"}, (302, 302, NO, GONE, GONE, IN)),
    "clean up": (
        lambda s: f"/usage/{s.cast.team.slug}/storage/clean/",
        {"item": "versions:x"},
        (OK, OK, NO, GONE, GONE, IN),
    ),
    "make a volume": (lambda s: f"/usage/{s.cast.team.slug}/volume/", {"size": "1 GiB"}, (302, NO, NO, GONE, GONE, IN)),
    "snapshot of no volume": (
        lambda s: f"/usage/{s.cast.team.slug}/volume/do/",
        {"do": "snapshot"},
        (GONE, GONE, GONE, GONE, GONE, IN),
    ),
    "snapshot": (
        lambda s: address(s.notebook, "snapshots/do/"),
        {"do": "take"},
        (302, 409, NO, GONE, GONE, IN),  # one is being taken by then
    ),
    "give up a public one's": (
        lambda s: address(s.public, "snapshots/do/"),
        {"do": "cancel"},
        (302, 302, NO, NO, NO, IN),
    ),
    "put back what is not": (
        lambda s: address(s.notebook, "snapshots/do/"),
        {"do": "put-back", "snapshot": "no"},
        (GONE, GONE, NO, GONE, GONE, IN),
    ),
    "cap storage": (lambda s: f"/usage/{s.cast.team.slug}/storage/cap/", {"none": "1"}, (302, NO, NO, GONE, GONE, IN)),
    "new from git": (lambda s: "/new/git/", {}, (400, 400, 400, 400, 400, IN)),
    "pull of a notebook that is not from git": (
        lambda s: address(s.notebook, "git/do/"),
        {"do": "pull"},
        (GONE, GONE, NO, GONE, GONE, IN),
    ),
    "schedule": (lambda s: address(s.notebook, "schedules/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "change a schedule": (
        lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/"),
        {},
        (400, 400, NO, GONE, GONE, IN),
    ),
    "set a webhook": (
        lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/webhook/"),
        {},
        (400, 400, NO, GONE, GONE, IN),
    ),
    "test a webhook that is not": (
        lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/webhook/do/"),
        {"do": "test"},
        (GONE, GONE, NO, GONE, GONE, IN),
    ),
    "pause a schedule": (
        lambda s: address(s.notebook, f"schedules/{s.schedule.pk}/do/"),
        {"do": "pause"},
        (302, 302, NO, GONE, GONE, IN),
    ),
    "comment": (lambda s: address(s.notebook, "comments/"), {"text": "Hm"}, (302, 302, 302, GONE, GONE, IN)),
    "comment on a public one": (lambda s: address(s.public, "comments/"), {"text": "Hm"}, (302,) * 5 + (IN,)),
    "say nothing": (lambda s: address(s.public, "comments/"), {"text": " "}, (400,) * 5 + (IN,)),
    "reply": (
        lambda s: address(s.notebook, f"comments/{s.inside.pk}/reply/"),
        {"text": "Hm"},
        (302, 302, 302, GONE, GONE, IN),
    ),
    "edit a comment": (
        lambda s: address(s.public, f"comments/{s.said.pk}/edit/"),
        {"text": "Better"},
        (NO, NO, NO, 302, NO, IN),
    ),
    "delete a comment": (
        lambda s: address(s.public, f"comments/{s.said.pk}/do/"),
        {"do": "delete"},
        (NO, NO, NO, 302, NO, IN),
    ),
    "hide": (lambda s: address(s.public, f"comments/{s.said.pk}/do/"), {"do": "hide"}, (302, NO, NO, NO, 302, IN)),
    "unhide": (lambda s: address(s.public, f"comments/{s.said.pk}/do/"), {"do": "unhide"}, (302, NO, NO, NO, 302, IN)),
    "vote for a comment": (
        lambda s: address(s.public, f"comments/{s.said.pk}/do/"),
        {"do": "vote"},
        (302, 302, 302, 422, 302, IN),
    ),
    "do nothing": (lambda s: address(s.public, f"comments/{s.said.pk}/do/"), {}, (400,) * 5 + (IN,)),
    "vote": (lambda s: address(s.notebook, "vote/"), {"do": "vote"}, (422, 302, 302, GONE, GONE, IN)),
    "vote for a public one": (lambda s: address(s.public, "vote/"), {"do": "vote"}, (422, 302, 302, 302, 302, IN)),
    "bookmark": (lambda s: address(s.notebook, "bookmark/"), {"do": "mark"}, (302, 302, 302, GONE, GONE, IN)),
    "remove a bookmark": (lambda s: "/bookmarks/remove/", {"id": "anything"}, (302,) * 5 + (IN,)),
    "report": (lambda s: address(s.public, "report/"), {"why": "abuse"}, (422, 422, 422, 422, 302, IN)),
    "report what is inside": (
        lambda s: address(s.notebook, "report/"),
        {"why": "spam"},
        (422, 422, 422, GONE, GONE, IN),
    ),
    "read all": (lambda s: "/notifications/read/", {}, (302,) * 5 + (IN,)),
    "my page": (lambda s: "/settings/page/", {"bio": "Hm", "link": ""}, (302,) * 5 + (IN,)),
    "a link that is none": (lambda s: "/settings/page/", {"bio": "", "link": "javascript:1"}, (400,) * 5 + (IN,)),
    "choose mail": (lambda s: "/settings/notifications/", {"kinds": "vote"}, (302,) * 5 + (IN,)),
    "dismiss": (lambda s: f"/admin/reports/{s.report.pk}/dismiss/", {}, (GONE, GONE, GONE, GONE, 302, IN)),
    "take down": (
        lambda s: f"/admin/notebooks/{s.public.pk}/take-down/",
        {"reason": "Spam"},
        (GONE, GONE, GONE, GONE, 302, IN),
    ),
    "put back": (lambda s: f"/admin/notebooks/{s.public.pk}/put-back/", {}, (GONE, GONE, GONE, GONE, 302, IN)),
    "restore": (lambda s: address(s.public, "versions/1/restore/"), {}, (302, 302, NO, NO, NO, IN)),
    "again": (lambda s: address(s.public, "versions/1/again/"), {}, (302, 302, NO, NO, NO, IN)),
    "copy a version": (lambda s: address(s.public, "versions/1/copy/"), {}, (302, 302, 302, 302, 302, IN)),
    "share": (lambda s: address(s.notebook, "sharing/add/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "share anew": (lambda s: address(s.notebook, "sharing/change/"), {}, (GONE, GONE, NO, GONE, GONE, IN)),
    "leave": (lambda s: address(s.public, "sharing/leave/"), {}, (GONE, GONE, GONE, GONE, GONE, IN)),
    "make a link": (lambda s: address(s.notebook, "sharing/link/"), {"role": "reader"}, (OK, OK, NO, GONE, GONE, IN)),
    "revoke a link": (lambda s: address(s.notebook, "sharing/link/no/revoke/"), {}, (GONE, GONE, NO, GONE, GONE, IN)),
    "add an input": (lambda s: address(s.notebook, "inputs/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "change an input": (
        lambda s: address(s.public, "inputs/do/"),
        {"do": "remove", "name": "data"},
        (GONE, GONE, NO, NO, NO, IN),
    ),
    "tags": (lambda s: address(s.notebook, "tags/"), {"tags": "a, b"}, (302, 302, NO, GONE, GONE, IN)),
    "delete": (lambda s: address(s.notebook, "delete/"), {}, (302, GONE, GONE, GONE, GONE, IN)),
    "invite": (lambda s: f"/teams/{s.cast.team.slug}/invite/", {"role": "member"}, (OK, NO, NO, GONE, GONE, IN)),
    "role": (
        lambda s: f"/teams/{s.cast.team.slug}/members/{s.cast.reader.username}/role/",
        {"role": "reader"},
        (302, NO, NO, GONE, GONE, IN),
    ),
    "project": (lambda s: f"/teams/{s.cast.team.slug}/projects/", {}, (400, 400, NO, GONE, GONE, IN)),
    "make an environment": (
        lambda s: f"/teams/{s.cast.team.slug}/environments/",
        {"name": "New", "kind": "pyproject", "source": "["},
        (400, 400, NO, GONE, GONE, IN),
    ),
    "build an environment": (
        lambda s: f"/environments/{s.cast.team.slug}/vision/build/",
        {"kind": "pyproject", "source": "["},
        (400, 400, NO, GONE, GONE, IN),
    ),
    "rename an environment": (
        lambda s: f"/environments/{s.cast.team.slug}/vision/rename/",
        {"name": "Other"},
        (302, 302, NO, GONE, GONE, IN),
    ),
    "delete an environment": (
        lambda s: f"/environments/{s.cast.team.slug}/vision/delete/",
        {},
        (302, GONE, GONE, GONE, GONE, IN),
    ),
    "choose an environment": (
        lambda s: address(s.notebook, "environment/"),
        {"environment": "default"},
        (302, 302, NO, GONE, GONE, IN),
    ),
    "secret of a team": (
        lambda s: f"/teams/{s.cast.team.slug}/secrets/",
        {"name": "TOKEN", "value": "v"},
        (302, 302, NO, GONE, GONE, IN),
    ),
    "remove it": (lambda s: f"/teams/{s.cast.team.slug}/secrets/remove/", {}, (GONE, GONE, NO, GONE, GONE, IN)),
    "remove one of a project": (
        lambda s: f"/teams/{s.cast.team.slug}/secrets/remove/",
        {"project": "main"},
        (GONE, GONE, NO, GONE, GONE, IN),
    ),
    "secret of a notebook": (
        lambda s: address(s.notebook, "secrets/"),
        {"name": "TOKEN", "value": "v"},
        (302, 302, NO, GONE, GONE, IN),
    ),
    "secret of a private notebook": (lambda s: address(s.quiet, "secrets/"), {}, (400, GONE, GONE, GONE, GONE, IN)),
    "secret of a public notebook": (lambda s: address(s.public, "secrets/"), {}, (400, 400, NO, NO, NO, IN)),
    "use a secret": (lambda s: address(s.notebook, "secrets/change/"), {}, (400, 400, NO, GONE, GONE, IN)),
    "admin stop": (lambda s: f"/admin/runs/{s.queued.pk}/stop/", {}, (GONE, GONE, GONE, GONE, 302, IN)),
    "admin drain": (lambda s: "/admin/machines/box/drain/", {"draining": "yes"}, (GONE, GONE, GONE, GONE, 302, IN)),
    "admin invite": (lambda s: "/admin/users/invite/", {}, (GONE, GONE, GONE, GONE, OK, IN)),
    "admin load": (lambda s: "/admin/plans/load/", {"set": "open"}, (GONE, GONE, GONE, GONE, 302, IN)),
    "admin user": (lambda s: f"/admin/users/{s.cast.stranger.pk}/", {"do": "x"}, (GONE, GONE, GONE, GONE, 400, IN)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_for_each_person(scene: Scene, name: str) -> None:
    where, data, wanted = CHANGES[name]
    url = where(scene)
    seen = tuple(client_of(getattr(scene.cast, who) if who else None).post(url, data).status_code for who in WHO)
    assert seen == wanted


@pytest.mark.parametrize("path", ["/notebooks/?q=%00", "/runs/?team=a%00b", "/admin/events/?kind=%00", "/runs/a%00b/"])
def test_addresses_that_no_database_can_be_asked_for(scene: Scene, path: str) -> None:
    response = client_of(scene.cast.operator).get(path)
    assert (response.status_code, "NUL byte" in response.content.decode()) == (400, True)


def test_changes_need_a_post_and_a_token(scene: Scene) -> None:
    from django.test import Client

    client = client_of(scene.cast.owner)
    assert client.get(address(scene.notebook, "edit/stop/")).status_code == 405
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    strict.force_login(scene.cast.owner, backend="django.contrib.auth.backends.ModelBackend")
    response = strict.post(address(scene.notebook, "edit/stop/"))
    assert response.status_code == 403
    assert "Send it again" in response.content.decode()
    scene.running.refresh_from_db()
    assert scene.running.state == "running"
