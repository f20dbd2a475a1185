"""Who gets which page of a dataset: its team, those it is shared with, strangers, nobody."""

from collections.abc import Callable

import pytest
from dataset_scenes import Data, at, make_data
from scenes import Scene, client_of
from test_web_access import problems_of

from studium.accounts.models import User

OK, DONE, BAD, NO, GONE, IN = 200, 302, 400, 403, 404, 302
Where = Callable[[Data], str]
Six = tuple[int, int, int, int, int, int]

# page: owner, teammate, reader of the team, editor, reader, stranger; nobody is sent to sign in everywhere.
PAGES: dict[str, tuple[Where, Six]] = {
    "listing": (lambda d: "/datasets/", (OK, OK, OK, OK, OK, OK)),
    "of teams": (lambda d: "/datasets/?show=team&tag=weather", (OK, OK, OK, OK, OK, OK)),
    "shared": (lambda d: "/datasets/?show=shared", (OK, OK, OK, OK, OK, OK)),
    "found": (lambda d: "/datasets/?show=public&q=open", (OK, OK, OK, OK, OK, OK)),
    "new": (lambda d: "/datasets/new/", (OK, OK, OK, OK, OK, OK)),
    "of the team": (lambda d: at(d.team), (OK, OK, OK, OK, OK, GONE)),
    "private": (lambda d: at(d.quiet), (OK, GONE, GONE, OK, OK, GONE)),
    "public": (lambda d: at(d.public), (OK, OK, OK, OK, OK, OK)),
    "without files": (lambda d: at(d.bare), (OK, OK, OK, OK, OK, GONE)),
    "a version": (lambda d: at(d.team, "?version=1"), (OK, OK, OK, OK, OK, GONE)),
    "no version": (lambda d: at(d.team, "?version=9"), (GONE,) * 6),
    "no number": (lambda d: at(d.team, "?version=x"), (BAD,) * 6),
    "a folder": (lambda d: at(d.team, "?path=tables/deep"), (OK, OK, OK, OK, OK, GONE)),
    "no folder": (lambda d: at(d.team, "?path=nowhere"), (GONE,) * 6),
    "a file": (lambda d: at(d.team, "file/?path=tables/a.csv"), (OK, OK, OK, OK, OK, GONE)),
    "a file of a private one": (lambda d: at(d.quiet, "file/?path=readme.md"), (OK, GONE, GONE, OK, OK, GONE)),
    "what is in a file": (lambda d: at(d.team, "profile/?version=1&path=tables/a.csv"), (OK, OK, OK, OK, OK, GONE)),
    "no rows of a table": (lambda d: at(d.team, "rows/?version=1&path=tables/a.csv"), (GONE,) * 6),
    "rows of no version": (lambda d: at(d.team, "rows/?path=tables/a.csv"), (BAD,) * 6),
    "croissant of nothing": (lambda d: at(d.bare, "croissant/"), (GONE,) * 6),
    "what is in no file": (lambda d: at(d.team, "profile/?version=1&path=x"), (GONE,) * 6),
    "what is in no version": (lambda d: at(d.team, "profile/?path=x"), (BAD,) * 6),
    "no file": (lambda d: at(d.team, "file/?path=tables"), (GONE,) * 6),
    "versions": (lambda d: at(d.team, "versions/"), (OK, OK, OK, OK, OK, GONE)),
    "no versions": (lambda d: at(d.bare, "versions/"), (OK, OK, OK, OK, OK, GONE)),
    "compare": (lambda d: at(d.team, "compare/?left=1&right=2"), (OK, OK, OK, OK, OK, GONE)),
    "compare tables": (lambda d: at(d.team, "compare/tables/?left=1&right=2"), (OK, OK, OK, OK, OK, GONE)),
    "compare no tables": (lambda d: at(d.team, "compare/tables/"), (BAD, BAD, BAD, BAD, BAD, BAD)),
    "compare nothing": (lambda d: at(d.team, "compare/"), (BAD, BAD, BAD, BAD, BAD, GONE)),
    "settings": (lambda d: at(d.team, "settings/"), (OK, OK, NO, OK, NO, GONE)),
    "columns of no table": (lambda d: at(d.team, "settings/columns/?path=readme.md"), (GONE, GONE, NO, GONE, NO, GONE)),
    "settings of a public one": (lambda d: at(d.public, "settings/"), (OK, OK, NO, NO, NO, NO)),
    "add": (lambda d: at(d.team, "add/"), (OK, OK, NO, OK, NO, GONE)),
    "add to a public one": (lambda d: at(d.public, "add/"), (OK, OK, NO, NO, NO, NO)),
    "what files would cost": (lambda d: at(d.team, "add/cost/?bytes=9"), (OK, OK, NO, OK, NO, GONE)),
    "arrived": (lambda d: at(d.team, "add/arrived/"), (OK, OK, NO, OK, NO, GONE)),
    "delete": (lambda d: at(d.team, "delete/"), (OK, OK, NO, NO, NO, GONE)),
    "from elsewhere": (lambda d: at(d.team, "from/"), (OK, OK, NO, OK, NO, GONE)),
    "how far it is": (lambda d: at(d.team, "from/imports/"), (OK, OK, NO, OK, NO, GONE)),
    "from elsewhere to a public one": (lambda d: at(d.public, "from/?kind=git"), (OK, OK, NO, NO, NO, NO)),
    "report": (lambda d: at(d.public, "report/"), (OK,) * 6),
    "report of what is hidden": (lambda d: at(d.team, "report/"), (OK, OK, OK, OK, OK, GONE)),
    "narrowed": (lambda d: "/datasets/?show=public&ending=csv&smallest=1&largest=1g&days=7&votes=0&sort=trending&by=x", (OK,) * 6),
    "narrowed by nonsense": (lambda d: "/datasets/?smallest=x&days=-1&votes=many&sort=x&licence=%0a", (OK,) * 6),
    "take down": (lambda d: f"/admin/datasets/{d.public.pk}/take-down/", (GONE,) * 6),
    "comments": (lambda d: at(d.team, "comments/"), (OK, OK, OK, OK, OK, GONE)),
    "comments of a public one": (lambda d: at(d.public, "comments/"), (OK,) * 6),
    "a thread": (lambda d: at(d.public, f"comments/{d.said.pk}/"), (OK,) * 6),
    "a thread of another": (lambda d: at(d.team, f"comments/{d.said.pk}/"), (GONE,) * 6),
    "reply": (lambda d: at(d.public, f"comments/{d.said.pk}/reply/"), (OK,) * 6),
    "bookmarks": (lambda d: "/bookmarks/", (OK,) * 6),
}  # fmt: skip
BYTES: dict[str, tuple[Where, Six]] = {
    "download": (lambda d: at(d.team, "download/?path=tables/a.csv"), (OK, OK, OK, OK, OK, GONE)),
    "download of a private one": (lambda d: at(d.quiet, "download/?path=readme.md"), (OK, GONE, GONE, OK, OK, GONE)),
    "no download": (lambda d: at(d.bare, "download/?path=a"), (GONE,) * 6),
    "picture": (lambda d: at(d.team, "picture/?path=sky.png"), (OK, OK, OK, OK, OK, GONE)),
    "what is no picture": (lambda d: at(d.public, "picture/?path=drawing.svg"), (GONE,) * 6),
    "archive": (lambda d: at(d.team, "archive/?path=tables"), (OK, OK, OK, OK, OK, GONE)),
    "no cover": (lambda d: at(d.team, "cover/"), (GONE,) * 6),
    "cover": (lambda d: at(d.covered, "cover/"), (OK, GONE, GONE, OK, OK, GONE)),
    "no archive": (lambda d: at(d.bare, "archive/"), (GONE,) * 6),
}
FORMS: dict[str, tuple[Where, dict[str, str], Six]] = {
    "make": (lambda d: "/datasets/new/", {"title": ""}, (BAD,) * 6),
    "card": (lambda d: at(d.team, "settings/"), {"title": "T"}, (DONE, DONE, NO, DONE, NO, GONE)),
    "bad card": (lambda d: at(d.team, "settings/"), {"title": ""}, (BAD, BAD, NO, BAD, NO, GONE)),
    "cover": (lambda d: at(d.team, "cover/change/"), {"do": "remove"}, (DONE, DONE, NO, DONE, NO, GONE)),
    "no cover": (lambda d: at(d.public, "cover/change/"), {}, (BAD, BAD, NO, NO, NO, NO)),
    "visibility": (lambda d: at(d.team, "visibility/"), {"visibility": "team"}, (DONE, DONE, NO, NO, NO, GONE)),
    "share": (lambda d: at(d.team, "sharing/add/"), {}, (BAD, BAD, NO, NO, NO, GONE)),
    "unshare": (lambda d: at(d.team, "sharing/change/"), {"do": "remove"}, (GONE, GONE, NO, NO, NO, GONE)),
    "leave": (lambda d: at(d.quiet, "sharing/leave/"), {}, (DONE, GONE, GONE, DONE, DONE, GONE)),
    "make a version": (lambda d: at(d.bare, "add/"), {}, (BAD, BAD, NO, BAD, NO, GONE)),
    "forget": (lambda d: at(d.team, "add/forget/"), {}, (DONE, DONE, NO, DONE, NO, GONE)),
    "begin": (lambda d: at(d.team, "add/begin/"), {}, (BAD, BAD, NO, BAD, NO, GONE)),
    "send": (lambda d: at(d.team, "add/none/?offset=0"), {}, (GONE, GONE, NO, GONE, NO, GONE)),
    "bring": (lambda d: at(d.team, "from/"), {"kind": "url", "url-urls": "https://x.example/a"}, (DONE, 409, NO, 409, NO, GONE)),
    "bring nothing": (lambda d: at(d.team, "from/"), {"kind": "git"}, (BAD, BAD, NO, BAD, NO, GONE)),
    "bring from nowhere": (lambda d: at(d.team, "from/"), {}, (BAD, BAD, NO, BAD, NO, GONE)),
    "bring from what is closed": (
        lambda d: at(d.team, "from/"), {"kind": "url", "url-urls": "http://127.0.0.1/"}, (422, 422, NO, 422, NO, GONE)
    ),
    "bring from a notebook of others": (
        lambda d: at(d.team, "from/"), {"kind": "notebook", "notebook-notebook": "no/such"}, (GONE, GONE, NO, GONE, NO, GONE)
    ),
    "bring from no provider": (
        lambda d: at(d.team, "from/"), {"kind": "provider", "provider-provider": "no-such"}, (GONE, GONE, NO, GONE, NO, GONE)
    ),
    "call off nothing": (lambda d: at(d.team, "from/none/cancel/"), {}, (GONE, GONE, NO, GONE, NO, GONE)),
    "nothing again": (lambda d: at(d.team, "from/none/again/"), {}, (GONE, GONE, NO, GONE, NO, GONE)),
    "report": (lambda d: at(d.public, "report/"), {"why": "spam"}, (422, 422, 422, DONE, DONE, DONE)),
    "take down": (lambda d: f"/admin/datasets/{d.public.pk}/take-down/", {"reason": "x"}, (GONE,) * 6),
    "put back": (lambda d: f"/admin/datasets/{d.public.pk}/put-back/", {}, (GONE,) * 6),
    "delete a version": (lambda d: at(d.team, "versions/1/delete/"), {}, (DONE, GONE, NO, NO, NO, GONE)),
    "delete": (lambda d: at(d.team, "delete/"), {}, (DONE, GONE, GONE, GONE, GONE, GONE)),
    "comment": (lambda d: at(d.team, "comments/"), {"text": "Hm"}, (DONE, DONE, DONE, DONE, DONE, GONE)),
    "vote": (lambda d: at(d.team, "vote/"), {"do": "vote"}, (422, DONE, DONE, DONE, DONE, GONE)),
    "bookmark": (lambda d: at(d.team, "bookmark/"), {"do": "mark"}, (DONE, DONE, DONE, DONE, DONE, GONE)),
    "hide": (lambda d: at(d.public, f"comments/{d.said.pk}/do/"), {"do": "hide"}, (DONE, NO, NO, NO, NO, NO)),
}  # fmt: skip


@pytest.fixture
def data(scene: Scene) -> Data:
    return make_data(scene)


def everybody(scene: Scene, data: Data) -> list[User]:
    cast = scene.cast
    return [cast.owner, cast.teammate, cast.reader, data.editor, data.invited, cast.stranger]


@pytest.mark.parametrize("name", PAGES)
def test_page(scene: Scene, data: Data, name: str) -> None:
    where, wanted = PAGES[name]
    seen = []
    for user in everybody(scene, data):
        response = client_of(user).get(where(data))
        seen.append(response.status_code)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "no-store" in response["Cache-Control"]
        assert problems_of(response.content.decode()) == []
    assert tuple(seen) == wanted
    assert client_of(None).get(where(data)).status_code == IN


@pytest.mark.parametrize("name", BYTES)
def test_bytes(scene: Scene, data: Data, name: str) -> None:
    where, wanted = BYTES[name]
    seen = []
    for user in everybody(scene, data):
        response = client_of(user).get(where(data))
        seen.append(response.status_code)
        assert response["X-Content-Type-Options"] == "nosniff"
        if response.status_code == OK:
            assert response["Content-Security-Policy"].startswith("sandbox")
            assert response["Content-Type"] in ("application/octet-stream", "image/png")
    assert tuple(seen) == wanted
    assert client_of(None).get(where(data)).status_code == IN


@pytest.mark.parametrize("name", FORMS)
def test_form(scene: Scene, data: Data, name: str) -> None:
    where, form, wanted = FORMS[name]
    url = where(data)
    assert client_of(None).post(url, form).status_code == IN
    assert tuple(client_of(user).post(url, form).status_code for user in everybody(scene, data)) == wanted
