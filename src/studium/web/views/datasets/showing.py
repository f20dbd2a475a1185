"""A dataset's page, and what is inside its versions: folders, files, pictures, downloads."""

import json
from urllib.parse import quote

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_safe

from studium.api.croissant import CROISSANT_TYPE, described
from studium.api.serving import served, served_file
from studium.community.writing import card_html
from studium.config.options import options
from studium.datasets import archives
from studium.datasets.access import dataset_for, may_change, may_manage, shared_role, version_for
from studium.datasets.croissant import MOST_FILES
from studium.datasets.finding import begins_a_download, downloads, note_download
from studium.datasets.models import Dataset, DatasetVersion
from studium.datasets.profiles.queries import profile_of, summary_of
from studium.datasets.quality import quality
from studium.datasets.queries import newest_of, tags_of, versions_of
from studium.datasets.states import LICENCES
from studium.datasets.subjects import subject_of
from studium.errors import BadInput, Broken, NotFound
from studium.lib import clock
from studium.notebooks.lineage import MOST as MOST_USES
from studium.notebooks.lineage import made_from, used_by
from studium.storage.manifests import Entry
from studium.web import policy
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.community import beside
from studium.web.shown.datasets import (
    FRAMED,
    PICTURES,
    crumbs_of,
    ending,
    entries_of,
    folder_of,
    is_picture,
    neighbours,
    shown_file,
)
from studium.web.shown.documents import DATA, entrance
from studium.web.shown.notebooks import VISIBILITY_WORDS
from studium.web.shown.profiles import found_words, profile_beside
from studium.web.shown.rows import asked_in

_VERSIONS_BESIDE = 5


def address(dataset: Dataset, rest: str = "") -> str:
    return f"/datasets/{dataset.team.slug}/{dataset.slug}/{rest}"


def number_in(text: str) -> int | None:
    """A version's number as it stands in an address, None where there is none. Raises BadInput."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput("dataset.version_number", f"{text[:40]!r} is no number of a version.", "Give one as 3.")
    return int(text)


def asked_version(request: UserRequest, team: str, slug: str) -> tuple[Dataset, DatasetVersion | None]:
    """The dataset, and the version that the address asks for or the newest; None where there is none yet."""
    name, number = f"{team}/{slug}", number_in(request.GET.get("version", ""))
    if number is not None:
        version = version_for(request.user, name, number)
        return version.dataset, version
    dataset = dataset_for(request.user, name)
    newest = newest_of([dataset]).get(dataset.pk)
    if newest is not None:
        newest.dataset = dataset
    return dataset, newest


@signed_in
@require_GET
def show(request: UserRequest, team: str, slug: str) -> HttpResponse:
    dataset, version = asked_version(request, team, slug)
    versions = list(versions_of(dataset).filter(deleted_at=None)[: _VERSIONS_BESIDE + 1])
    manages = may_manage(request.user, dataset)
    looked = profile_of(version) if version else None
    tags = tags_of([dataset]).get(dataset.pk, [])
    context = {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "version": version,
        "versions": versions[:_VERSIONS_BESIDE],
        "more_versions": len(versions) > _VERSIONS_BESIDE,
        "manages": manages,
        "able": manages or may_change(request.user, dataset),
        "own_share": shared_role(request.user, dataset),
        "card": SafeString(card_html(dataset.card)),
        "sources": SafeString(card_html(dataset.sources)),
        "licence": LICENCES.get(dataset.licence, dataset.licence),
        "visibility": VISIBILITY_WORDS[dataset.visibility],
        "tags": tags,
        "croissant": _embedded(version),
        "looked": found_words(looked),
        "quality": quality(dataset, version, tags, _paths(version), summary_of(looked)),
        "downloads": downloads([dataset]).get(dataset.pk, 0),
        "made_from": made_from(request.user, version) if version else None,
        "used_by": used_by(request.user, dataset),
        "most_uses": MOST_USES,
        **_folder(request, version),
        **beside(request.user, subject_of(dataset)),
    }
    return render(request, "datasets/show.html", context)


def _paths(version: DatasetVersion | None) -> list[str]:
    try:
        return [entry.path for entry in entries_of(version)] if version else []
    except Broken:  # said where the files would stand
        return []


def _folder(request: UserRequest, version: DatasetVersion | None) -> dict[str, object]:
    """What the folder card shows; why it cannot, where the store lost the files."""
    if version is None:
        return {}
    start = request.GET.get("after", "")
    try:
        found = folder_of(
            entries_of(version),
            request.GET.get("path", ""),
            int(start) if start.isascii() and start.isdigit() and len(start) < 8 else 0,
            request.GET.get("view", ""),
        )
    except Broken as error:
        return {"lost": error}
    if found.path and not found.total:
        raise NotFound(
            "dataset.no_folder", f"Version {version.number} has no such folder.", "Begin at the dataset's page."
        )
    asked = request.GET.get("view", "")
    return {
        "folder": found,
        "of": f"version={version.number}&path=",
        "asked_view": asked if asked in ("list", "pictures") else "",
    }


@signed_in
@require_GET
def croissant(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """The version as other tools load it."""
    _, version = asked_version(request, team, slug)
    if version is None:
        raise NotFound("dataset.no_version", "There are no files yet.", "Come back when there is a version.")
    try:
        content = json.dumps(described(version), ensure_ascii=False, indent=1)
    except FileNotFoundError as error:
        raise lost() from error
    response = HttpResponse(content, content_type=CROISSANT_TYPE)
    response["Content-Disposition"] = content_disposition_header(True, f"{slug}-v{version.number}.croissant.json") or ""
    return response


def _embedded(version: DatasetVersion | None) -> SafeString | None:
    """Croissant without columns, for machines that read the page; nothing in it ends the element that it is in."""
    if version is None or version.files_count > MOST_FILES:
        return None
    try:
        content = json.dumps(described(version, columns=False), ensure_ascii=False)
    except FileNotFoundError:
        return None
    return SafeString(content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


@signed_in
@require_GET
def show_file(request: UserRequest, team: str, slug: str) -> HttpResponse:
    """One file: a picture, a player or rendering in a frame of its own host, the beginning of a text, or what is known of it."""
    dataset, version, entry, entries = _file(request, team, slug)
    beside_it = neighbours(entries, entry)
    try:
        shown = shown_file(entry)
    except FileNotFoundError as error:
        raise lost() from error
    context = {
        "now": clock.now(),
        "dataset": dataset,
        "url": address(dataset),
        "version": version,
        "name": entry.path.rpartition("/")[2],
        "crumbs": crumbs_of(entry.path.rpartition("/")[0]),
        "shown": shown,
        "kind": shown.kind,
        **(_frame(request, version, entries.index(entry), shown.kind) if shown.kind in FRAMED else {}),
        "previous": beside_it[0],
        "next": beside_it[1],
        "of": f"version={version.number}&path=",
        **profile_beside(request.user, version, entry, asked_in(request.GET)),
    }
    response = render(request, "datasets/file.html", context)
    if shown.kind in FRAMED:
        response["Content-Security-Policy"] = policy.content_policy(frames=[options().content_url(DATA + dataset.pk)])
    return response


def _frame(request: UserRequest, version: DatasetVersion, at: int, kind: str) -> dict[str, str]:
    """Where the file is shown on its dataset's own host: in a frame, and in a tab alone."""
    label, place = DATA + version.dataset_id, f"/v/{version.number}/files/{at}/"
    alone = place + "raw" if kind == "pdf" else place
    return {
        "source": entrance(request, label, place, now=clock.now()),
        "alone": f"/open/{label}?path={quote(alone, safe='')}",
    }


@signed_in
@require_safe
def picture(request: UserRequest, team: str, slug: str) -> HttpResponseBase:
    """The bytes of a picture, for pages to show. They can run nothing: no other type is sent, and browsers keep to it."""
    _, version, entry, _ = _file(request, team, slug)
    if not is_picture(entry):
        raise NotFound("dataset.no_picture", "This file is not shown as a picture.", "It can be downloaded.")
    response = _sent(request, version, entry)
    response["Content-Type"], response["Content-Disposition"] = PICTURES[ending(entry.path)], "inline"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@signed_in
@require_safe
def download(request: UserRequest, team: str, slug: str) -> HttpResponseBase:
    """A file as a download that no browser shows as a page, whole or a part of it."""
    dataset, version, entry, _ = _file(request, team, slug)
    if begins_a_download(request.method, request.headers.get("Range", ""), entry.size):
        note_download(request.user, dataset, now=clock.now())
    return _sent(request, version, entry)


def _sent(request: UserRequest, version: DatasetVersion, entry: Entry) -> HttpResponseBase:
    try:
        return served_file(request, entry, changed_at=version.created_at)
    except FileNotFoundError as error:
        raise lost() from error


@signed_in
@require_safe
def archive(request: UserRequest, team: str, slug: str) -> HttpResponseBase:
    """All files of a version, or those in a folder, as one zip that is made while it is sent."""
    dataset, version = asked_version(request, team, slug)
    if version is None:
        raise NotFound("dataset.no_version", "There are no files yet.", "Come back when there is a version.")
    below = request.GET.get("path", "")
    try:
        made = archives.archive_of(version, below)
    except FileNotFoundError as error:
        raise lost() from error
    if begins_a_download(request.method, request.headers.get("Range", ""), made.size):
        note_download(request.user, dataset, now=clock.now())
    return served(
        request,
        made.pieces,
        size=made.size,
        name=archives.name_of(version, below),
        etag=archives.etag_of(version, below),
        changed_at=version.created_at,
    )


def _file(request: UserRequest, team: str, slug: str) -> tuple[Dataset, DatasetVersion, Entry, list[Entry]]:
    """The file that the address asks for, and all those beside it. Raises NotFound."""
    dataset, version = asked_version(request, team, slug)
    path = request.GET.get("path", "")
    entries = entries_of(version) if version else []
    found = next((each for each in entries if each.path == path), None)
    if found is None or version is None:
        which = f"Version {version.number} has" if version else "There is"
        raise NotFound("dataset.no_file", f"{which} no such file.", "The dataset's page shows those there are.")
    return dataset, version, found, entries


def lost() -> Broken:
    """What is said of bytes that the store lost."""
    return Broken(
        "dataset.file_lost",
        "This file cannot be read from the store.",
        "Tell an administrator the address of this page.",
    )
