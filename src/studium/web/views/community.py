"""What people say and do about a notebook or a dataset: comments in threads, votes, bookmarks, reports.

Whoever may read it may take part. `kind` is what the address is of.
"""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studium.community import actions, queries
from studium.community.access import Subject
from studium.community.models import Comment
from studium.community.reports import actions as reports
from studium.community.states import MOST_REPLIES_SHOWN, REPLIES_SHOWN, Why
from studium.datasets.access import dataset_for
from studium.datasets.subjects import subject_of as of_dataset
from studium.errors import BadInput, StudiumError
from studium.lib import clock
from studium.notebooks.access import notebook_for
from studium.notebooks.models import Notebook
from studium.notebooks.subjects import KIND as NOTEBOOK
from studium.notebooks.subjects import subject_of as of_notebook
from studium.web.forms.community import CommentForm, ReportForm
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.community import REPLIES_BESIDE, bar, threads_shown

THREADS_A_PAGE = 20
_SORTS: tuple[tuple[queries.Sort, str, str], ...] = (("new", "Newest", "id"), ("top", "Most votes", "votes"))


def _fetched(request: UserRequest, kind: str, team: str, slug: str) -> tuple[Notebook | None, Subject]:
    """What is talked about; also as the notebook, where it is one."""
    name = f"{team}/{slug}"
    if kind != NOTEBOOK:
        return None, of_dataset(dataset_for(request.user, name))
    notebook = notebook_for(request.user, name)
    return notebook, of_notebook(notebook)


@signed_in
@require_http_methods(["GET", "POST"])
def comments(request: UserRequest, team: str, slug: str, kind: str = NOTEBOOK) -> HttpResponse:
    """The threads, and saying something new."""
    notebook, subject = _fetched(request, kind, team, slug)
    if request.method == "POST":
        return _write(request, subject, None)
    asked = request.GET.get("sort", "")
    sort, _, field = next((each for each in _SORTS if each[0] == asked), _SORTS[0])
    found = page(request, queries.threads_of(subject), field, size=THREADS_A_PAGE)
    context = {
        "now": clock.now(),
        "notebook": notebook,
        "page": found,
        "keep": f"sort={sort}",
        "threads": threads_shown(request.user, subject, found.rows),
        "comment_form": CommentForm(),
        "here": request.get_full_path(),
        "sorts": _SORTS,
        "sort": sort,
        **bar(request.user, subject),
    }
    return render(request, "community/comments.html", context)


@signed_in
@require_GET
def thread(request: UserRequest, team: str, slug: str, comment: int, kind: str = NOTEBOOK) -> HttpResponse:
    """One thread with all its replies: where a comment's own address leads."""
    notebook, subject = _fetched(request, kind, team, slug)
    row = queries.comment_of(subject, comment)
    root = queries.threads_of(subject).filter(pk=row.root_id or row.pk)
    context = {
        "now": clock.now(),
        "notebook": notebook,
        "threads": threads_shown(request.user, subject, list(root), most=MOST_REPLIES_SHOWN),
        "most": MOST_REPLIES_SHOWN,
        "here": request.path,
        "subject": subject,
        "alone": True,
    }
    return render(request, "community/thread.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def reply(request: UserRequest, team: str, slug: str, comment: int, kind: str = NOTEBOOK) -> HttpResponse:
    """Answer a comment."""
    _, subject = _fetched(request, kind, team, slug)
    row = queries.comment_of(subject, comment)
    if request.method == "POST":
        return _write(request, subject, row)
    return _form(request, subject, CommentForm(), row)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: UserRequest, team: str, slug: str, comment: int, kind: str = NOTEBOOK) -> HttpResponse:
    """Say it otherwise."""
    _, subject = _fetched(request, kind, team, slug)
    row = queries.comment_of(subject, comment)
    if request.method == "GET":
        # Somebody else's hidden words are not for the asker; whether they may be changed is decided when they are sent.
        text = row.text if row.author_id == request.user.pk else ""
        return _form(request, subject, CommentForm(initial={"text": text}), row, changes=True)
    form = CommentForm(request.POST)
    try:
        actions.edit(request.user, subject, row.pk, _typed(form), now=clock.now())
    except StudiumError as error:
        return _refused(request, subject, form, row, error, changes=True)
    return redirect(_back(request, subject, row))


def _typed(form: CommentForm) -> str:
    if not form.is_valid():
        raise BadInput("text.control", "The text holds control characters.", "Type it, or paste it as plain text.")
    return str(form.cleaned_data["text"])


def _write(request: UserRequest, subject: Subject, parent: Comment | None) -> HttpResponse:
    form = CommentForm(request.POST)
    try:
        made = actions.comment(
            request.user, subject, _typed(form), now=clock.now(), parent=parent.pk if parent else None
        )
    except StudiumError as error:
        return _refused(request, subject, form, parent, error)
    return redirect(_back(request, subject, made))


def _refused(
    request: UserRequest,
    subject: Subject,
    form: CommentForm,
    row: Comment | None,
    error: StudiumError,
    *,
    changes: bool = False,
) -> HttpResponse:
    """The form with the reason and with what was typed, which is not lost. Whose it is not to write gets no form."""
    if error.status in (403, 404):
        raise error
    form.is_valid()
    form.add_error(None, f"{error.message} {error.next_step}")
    return _form(request, subject, form, row, changes=changes, status=error.status)


def _form(
    request: UserRequest,
    subject: Subject,
    form: CommentForm,
    row: Comment | None,
    *,
    changes: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "now": clock.now(),
        "subject": subject,
        "comment_form": form,
        "row": row,
        "changes": changes,
        "thread": threads_shown(request.user, subject, [row], most=0)[0] if row else None,
        "here": request.POST.get("next") or request.GET.get("next") or f"{subject.path}comments/",
    }
    name = "community/write_form.html" if request.htmx else "community/write.html"
    return render(request, name, context, status=status)


def _back(request: UserRequest, subject: Subject, row: Comment) -> str:
    """Where the form stood, at the comment; on its own page where it would not be among those shown there."""
    where = request.POST.get("next", "")
    own = f"{subject.path}{actions.below(row)}"
    if not url_has_allowed_host_and_scheme(where, allowed_hosts=None) or "#" in where:
        return own
    shown = REPLIES_BESIDE if where == subject.path else REPLIES_SHOWN
    if row.root_id and queries.reply_counts([row.root or row]).get(row.root_id, 0) > shown:
        return own
    return f"{where}#c-{row.pk}"


@signed_in
@require_POST
def act(request: UserRequest, team: str, slug: str, comment: int, kind: str = NOTEBOOK) -> HttpResponse:
    """Delete, hide, show again, vote for a comment or no longer: `do` says which."""
    _, subject = _fetched(request, kind, team, slug)
    user, now, row = request.user, clock.now(), queries.comment_of(subject, comment)
    match request.POST.get("do", ""):
        case "delete":
            actions.delete(user, subject, row.pk, now=now)
            messages.success(request, "Your comment is deleted.")
        case "hide":
            actions.hide(user, subject, row.pk, request.POST.get("reason", ""), now=now)
            messages.success(request, "The comment is hidden; its author is told.")
        case "unhide":
            actions.unhide(user, subject, row.pk, now=now)
            messages.success(request, "The comment is shown again.")
        case "vote":
            actions.vote(user, subject, now=now, comment_id=row.pk)
        case "unvote":
            actions.unvote(user, subject, comment_id=row.pk)
        case _:
            raise BadInput("comment.do_unknown", "The form does not say what to do.", "Go back and choose.")
    if request.htmx:
        votes, voted = queries.comment_votes(user, [row])[row.pk]
        context = {"action": f"{subject.path}comments/{row.pk}/do/", "votes": votes, "voted": voted, "of": "comment"}
        return render(request, "community/vote.html", context)
    return redirect(_back(request, subject, row))


@signed_in
@require_POST
def vote(request: UserRequest, team: str, slug: str, kind: str = NOTEBOOK) -> HttpResponse:
    """Vote for it, or no longer."""
    _, subject = _fetched(request, kind, team, slug)
    if request.POST.get("do") == "unvote":
        actions.unvote(request.user, subject)
    else:
        actions.vote(request.user, subject, now=clock.now())
    if not request.htmx:
        return redirect(subject.path)
    tally = queries.tally(request.user, subject)
    context = {"action": f"{subject.path}vote/", "votes": tally.votes, "voted": tally.voted, "of": subject.kind}
    return render(request, "community/vote.html", context)


@signed_in
@require_POST
def bookmark(request: UserRequest, team: str, slug: str, kind: str = NOTEBOOK) -> HttpResponse:
    """Bookmark it, or no longer."""
    _, subject = _fetched(request, kind, team, slug)
    marked = request.POST.get("do") != "unmark"
    if marked:
        actions.bookmark(request.user, subject, now=clock.now())
    else:
        actions.unbookmark(request.user, subject.kind, subject.id)
    if not request.htmx:
        return redirect(subject.path)
    return render(request, "community/bookmark.html", {"action": f"{subject.path}bookmark/", "bookmarked": marked})


@signed_in
@require_http_methods(["GET", "POST"])
def report(request: UserRequest, team: str, slug: str, kind: str = NOTEBOOK) -> HttpResponse:
    """Tell the administrators that it should not be public."""
    notebook, subject = _fetched(request, kind, team, slug)
    form, status = ReportForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                reports.report(
                    request.user, subject, Why(form.cleaned_data["why"]), form.cleaned_data["text"], now=clock.now()
                )
            except StudiumError as error:
                form.add_error(None, f"{error.message} {error.next_step}")
                status = error.status
            else:
                messages.success(
                    request, "Thank you. Administrators will look at it, and you are told what comes of it."
                )
                return redirect(subject.path)
    context = {"notebook": notebook, "subject": subject, "form": form, **bar(request.user, subject)}
    return render(request, "community/report.html", context, status=status)
