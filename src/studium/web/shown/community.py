"""What people say about a subject, as one of them sees it: threads in the order they are read, each comment with what may
be done to it.
"""

from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString

from studium.accounts.access import role_in
from studium.accounts.models import User
from studium.community.access import Subject, may_moderate
from studium.community.models import Comment
from studium.community.queries import comment_votes, people_named, replies_to, reply_counts, tally, threads_of
from studium.community.states import REPLIES_SHOWN
from studium.community.writing import mentioned, said_html
from studium.web.forms.community import CommentForm

THREADS_BESIDE, REPLIES_BESIDE = 5, 5  # on the subject's own page
DEEPEST = 4  # beyond, what answers what is said in words
State = Literal["shown", "veiled", "hidden", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Said:
    """One comment. `hidden` and `deleted` ones are stubs without text; `veiled` is hidden to others but not to this person.

    `to` is whom it answers, where the indentation does not tell.
    """

    row: Comment
    depth: int
    state: State
    html: SafeString
    to: str
    votes: int
    voted: bool
    mine: bool
    moderated: bool

    @property
    def readable(self) -> bool:
        return self.state in ("shown", "veiled")


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A first comment and what it led to; `more` replies are on the thread's own page."""

    root: Comment
    said: list[Said]
    more: int


def beside(user: User, subject: Subject) -> dict[str, object]:
    """What the subject's own page shows of it: what people did, and the newest threads. Forms lead back to that page."""
    roots = list(threads_of(subject).order_by("-pk")[: THREADS_BESIDE + 1])
    return {
        **bar(user, subject),
        "threads": threads_shown(user, subject, roots[:THREADS_BESIDE], most=REPLIES_BESIDE),
        "threads_more": len(roots) > THREADS_BESIDE,
        "comment_form": CommentForm(),
        "here": subject.path,
    }


def bar(user: User, subject: Subject) -> dict[str, object]:
    """What people did with the subject, and what this one may do; six queries."""
    return {
        "tally": tally(user, subject),
        "own": subject.owner.pk == user.pk,
        "may_report": subject.public and role_in(user, subject.team) is None,
        "subject": subject,
        "may_take_down": user.is_staff and subject.public,
    }


def html_of(text: str, people: frozenset[str] = frozenset()) -> SafeString:
    """Markdown of a person, drawn and cleaned by `said_html`, which is what makes it safe."""
    return SafeString(said_html(text, people))


def threads_shown(user: User, subject: Subject, roots: list[Comment], *, most: int = REPLIES_SHOWN) -> list[Thread]:
    """The threads of these first comments, in their order; seven queries however many there are."""
    if not roots:
        return []
    replies, counts = replies_to(roots, most=most), reply_counts(roots)
    rows = [*roots, *replies]
    view = _View(
        user=user, moderates=may_moderate(user, subject), votes=comment_votes(user, rows), people=_people(rows)
    )
    answers: dict[int, list[Comment]] = {}
    for reply in replies:
        answers.setdefault(reply.parent_id or 0, []).append(reply)
    found = []
    for root in roots:
        said = [view.said(row, depth, parent) for row, depth, parent in _walk(root, answers)]
        seen = sum(each.row.deleted_at is None for each in said[1:])
        found.append(Thread(root=root, said=said, more=counts.get(root.pk, 0) - seen))
    return found


def _people(rows: list[Comment]) -> frozenset[str]:
    return people_named(name for row in rows if "@" in row.text for name in mentioned(row.text))


def _walk(root: Comment, answers: dict[int, list[Comment]]) -> list[tuple[Comment, int, Comment | None]]:
    """A thread from the top down with the depth of each and what it answers, less the deleted ones that nobody answers.

    Not by recursion: threads can be as deep as people like to talk.
    """
    order: list[tuple[Comment, int, Comment | None]] = []
    waiting: list[tuple[Comment, int, Comment | None]] = [(root, 0, None)]
    while waiting:
        row, depth, parent = waiting.pop()
        order.append((row, depth, parent))
        waiting += [(answer, depth + 1, row) for answer in reversed(answers.get(row.pk, []))]
    alive: set[int] = {root.pk}
    for row, _, parent in reversed(order):
        if row.deleted_at is None or row.pk in alive:
            alive |= {row.pk, parent.pk if parent else row.pk}
    return [each for each in order if each[0].pk in alive]


@dataclass(frozen=True, kw_only=True)
class _View:
    """What one person sees of comments."""

    user: User
    moderates: bool
    votes: dict[int, tuple[int, bool]]
    people: frozenset[str]

    def said(self, row: Comment, depth: int, parent: Comment | None) -> Said:
        mine = row.author_id == self.user.pk
        state = self._state(row, mine)
        votes, voted = self.votes.get(row.pk, (0, False))
        return Said(
            row=row,
            depth=min(depth, DEEPEST),
            state=state,
            html=html_of(row.text, self.people) if state in ("shown", "veiled") else SafeString(),
            to=parent.author.username if parent and depth > DEEPEST and parent.deleted_at is None else "",
            votes=votes,
            voted=voted,
            mine=mine,
            moderated=self.moderates,
        )

    def _state(self, row: Comment, mine: bool) -> State:
        if row.deleted_at:
            return "deleted"
        if row.hidden_at:
            return "veiled" if mine or self.moderates else "hidden"
        return "shown"
