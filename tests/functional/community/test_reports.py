"""Reports and take-downs: every pair of states, who may read what is taken down, and who is told."""

from datetime import timedelta
from itertools import product

import pytest

from factories.accounts import NOW, Cast, make_user
from factories.notebooks import make_notebook
from studium.accounts.models import User
from studium.community.access import Subject
from studium.community.models import Notification, Report
from studium.community.notifications.wording import sentence
from studium.community.reports import actions
from studium.community.reports.queries import open_reports, reports
from studium.community.states import REPORT_MOVES, REPORTS_A_DAY, ReportState, Why
from studium.errors import BadInput, NotFound, NotYet, Refused
from studium.events.models import Event
from studium.notebooks.access import notebook_for, notebook_for_operator, visible_to
from studium.notebooks.actions import delete_notebook, update_notebook
from studium.notebooks.models import Notebook
from studium.notebooks.queries import listing
from studium.notebooks.states import Visibility
from studium.notebooks.subjects import subject_of
from studium.notebooks.takedowns import put_back, take_down
from studium.notebooks.versions.actions import copy


def kinds(person: User) -> list[str]:
    return list(Notification.objects.filter(user=person).order_by("pk").values_list("kind", flat=True))


def reported(cast: Cast, subject: Subject, who: User | None = None) -> Report:
    return actions.report(who or cast.stranger, subject, Why.SPAM, "Look at it", now=NOW)


@pytest.mark.parametrize(("before", "after"), list(product(ReportState, ReportState)))
def test_every_pair_of_states(cast: Cast, subject: Subject, before: ReportState, after: ReportState) -> None:
    row = reported(cast, subject)
    Report.objects.filter(pk=row.pk).update(state=before)
    row.refresh_from_db()
    if after in REPORT_MOVES[before]:
        actions.move(row, after, actor=cast.operator, answer="So be it", now=NOW)
        assert (row.state, row.decided_by, row.decided_at, row.answer) == (after, cast.operator, NOW, "So be it")
        assert kinds(cast.stranger) == [f"report_{after}"]
        assert Event.objects.filter(kind=f"report.{after}").count() == 1
    else:
        with pytest.raises(Refused):
            actions.move(row, after, actor=cast.operator, answer="", now=NOW)
        assert Report.objects.get().state == before
        assert kinds(cast.stranger) == []


def test_a_report_that_somebody_else_decided_a_moment_ago(cast: Cast, subject: Subject) -> None:
    row = reported(cast, subject)
    actions.dismiss(cast.operator, row.pk, "Fine", now=NOW)
    with pytest.raises(Refused) as caught:
        actions.move(row, ReportState.UPHELD, actor=cast.operator, answer="", now=NOW)
    assert "dismissed already" in caught.value.message
    assert Report.objects.get().answer == "Fine"


def test_who_may_report_what(cast: Cast, subject: Subject) -> None:
    inside = subject_of(make_notebook(cast.owner, cast.team, "Inside", visibility=Visibility.TEAM))
    for who, what, code in (
        (cast.owner, subject, "report.own"),
        (cast.reader, subject, "report.own"),
        (cast.teammate, inside, "report.not_public"),
    ):
        with pytest.raises(Refused) as caught:
            reported(cast, what, who)
        assert caught.value.code == code
    for why, text, code in ((Why.OTHER, " ", "report.no_reason"), (Why.SPAM, "x" * 1001, "report.too_long")):
        with pytest.raises(BadInput) as bad:
            actions.report(cast.stranger, subject, why, text, now=NOW)
        assert bad.value.code == code
    reported(cast, subject)
    with pytest.raises(Refused) as again:
        reported(cast, subject)
    assert again.value.code == "report.open_already"
    assert open_reports() == 1


def test_one_person_reports_so_many_a_day(cast: Cast, subject: Subject) -> None:
    fields = {"subject_kind": "x", "title": "", "path": "", "why": Why.SPAM, "created_at": NOW}
    Report.objects.bulk_create(
        Report(subject_id=str(n), reporter=cast.stranger, **fields) for n in range(REPORTS_A_DAY)
    )
    with pytest.raises(NotYet):
        actions.report(cast.stranger, subject, Why.SPAM, "", now=NOW + timedelta(hours=23))
    assert actions.report(cast.stranger, subject, Why.SPAM, "", now=NOW + timedelta(hours=24)).state == "open"


def test_only_administrators_decide(cast: Cast, public: Notebook, subject: Subject) -> None:
    row = reported(cast, subject)
    for who in (cast.owner, cast.teammate, cast.stranger):
        for refused in (
            lambda who=who: actions.dismiss(who, row.pk, "", now=NOW),
            lambda who=who: take_down(who, public, "Spam", now=NOW),
            lambda who=who: put_back(who, public, now=NOW),
            lambda who=who: notebook_for_operator(who, public.pk),
        ):
            with pytest.raises(NotFound):
                refused()
    with pytest.raises(NotFound):
        actions.dismiss(cast.operator, "nothing", "", now=NOW)
    assert Report.objects.get().state == "open"


def test_what_is_taken_down_is_its_teams_alone(cast: Cast, public: Notebook, subject: Subject) -> None:
    copied = copy(cast.stranger, public, cast.stranger.personal_team.projects.get(), now=NOW)
    with pytest.raises(BadInput):
        take_down(cast.operator, public, " ", now=NOW)
    take_down(cast.operator, public, "Shows\n passwords", now=NOW)
    assert (public.taken_down_at, public.taken_down_reason) == (NOW, "Shows passwords")
    for who, sees in ((cast.owner, True), (cast.teammate, True), (cast.reader, True)):
        assert notebook_for(who, public.pk).pk == public.pk, sees
        assert not listing(who, "public").filter(pk=public.pk).exists()
        assert listing(who, "team").filter(pk=public.pk).exists()
    for who in (cast.stranger, cast.operator):
        with pytest.raises(NotFound):
            notebook_for(who, public.pk)
        assert not visible_to(who).filter(pk=public.pk).exists()
    assert notebook_for_operator(cast.operator, public.pk).pk == public.pk
    assert notebook_for(cast.stranger, copied.pk).pk == copied.pk
    with pytest.raises(Refused) as caught:
        copy(cast.owner, public, cast.team.projects.get(), now=NOW)
    assert caught.value.code == "notebook.taken_down"
    assert not subject_of(public).public
    put_back(cast.operator, public, now=NOW)
    assert notebook_for(cast.stranger, public.pk).taken_down_reason == ""


def test_a_change_of_visibility_puts_nothing_back(cast: Cast, public: Notebook) -> None:
    take_down(cast.operator, public, "Spam", now=NOW)
    for visibility in (Visibility.TEAM, Visibility.PRIVATE, Visibility.PUBLIC):
        update_notebook(cast.owner, public, visibility=visibility, now=NOW)
        with pytest.raises(NotFound):
            notebook_for(cast.stranger, public.pk)
        assert notebook_for_operator(cast.operator, f"{cast.team.slug}/{public.slug}").pk == public.pk
    with pytest.raises(NotFound):
        notebook_for(cast.reader, make_notebook(cast.owner, cast.team, visibility=Visibility.PRIVATE).pk)


def test_taking_down_upholds_and_tells_everybody_concerned(cast: Cast, public: Notebook, subject: Subject) -> None:
    other = make_user()
    for who in (cast.stranger, other):
        reported(cast, subject, who)
    take_down(cast.operator, public, "Spam", now=NOW)
    take_down(cast.operator, public, "Again", now=NOW)
    assert public.taken_down_reason == "Spam"
    assert {row.state for row in reports(only_open=False)} == {"upheld"}
    assert kinds(cast.stranger) == kinds(other) == ["report_upheld"]
    assert kinds(cast.owner) == ["taken_down"]
    assert kinds(cast.teammate) == []
    assert Notification.objects.get(user=cast.owner).words == "Spam"
    assert Notification.objects.get(user=cast.owner).actor is None
    put_back(cast.operator, public, now=NOW)
    put_back(cast.operator, public, now=NOW)
    assert kinds(cast.owner) == ["taken_down", "put_back"]
    assert Event.objects.filter(kind__in=["notebook.taken_down", "notebook.put_back"]).count() == 2


def test_deleting_it_closes_what_was_reported(cast: Cast, public: Notebook, subject: Subject) -> None:
    reported(cast, subject)
    delete_notebook(cast.owner, public, now=NOW)
    assert (Report.objects.get().state, Report.objects.get().answer) == ("dismissed", "It was deleted.")
    assert kinds(cast.stranger) == ["report_dismissed"]


def test_each_administrator_is_told_of_a_report_once(cast: Cast, subject: Subject) -> None:
    other = make_user(operator=True)
    User.objects.filter(pk=make_user(operator=True).pk).update(is_active=False)
    reported(cast, subject)
    rows = Notification.objects.filter(kind="reported").order_by("user_id")
    assert {row.user_id for row in rows} == {cast.operator.pk, other.pk}
    first = rows[0]
    assert (first.path, first.title, first.words) == ("/admin/reports/", subject.title, "Spam or advertising")
    assert sentence(first) == f"{cast.stranger.username} reported"
    with pytest.raises(Refused):
        reported(cast, subject)
    assert rows.all().count() == 2
    reported(cast, subject, make_user())
    assert rows.all().count() == 4, "each report is told of"
