"""Several people at the same moment, on a database of its own: a SQLite file, or PostgreSQL where the suite runs on it.

`python races.py` prints, as JSON, how each of the races ended. Threads each have a connection, as those of the web
process do, and meet at a barrier.
"""

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

AT_ONCE = 4


def race(work: Callable[[int], object]) -> dict[str, int]:
    """How often the work ended how, done by several threads at once: `done`, or the code of a refusal."""
    from django.db import connection

    from studium.errors import StudiumError

    barrier, ended = threading.Barrier(AT_ONCE), Counter[str]()

    def one(number: int) -> None:
        try:
            barrier.wait(30)
            work(number)
            ended["done"] += 1
        except StudiumError as error:
            ended[error.code] += 1
        except Exception as error:
            ended[repr(error)] += 1
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(ended)


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    print(json.dumps(all_races()))


def all_races() -> dict[str, Any]:
    from factories.accounts import NOW, make_team, make_user
    from factories.compute import load_plans, make_run
    from factories.notebooks import make_environment, make_notebook
    from studium.accounts import actions as accounts
    from studium.accounts.models import Membership, Team
    from studium.accounts.states import Role
    from studium.compute.models import Run
    from studium.notebooks import actions as notebooks
    from studium.notebooks.states import LaunchKind
    from studium.plans import actions as plans
    from studium.plans.rules import PlanRules

    load_plans("open")
    make_environment()
    owner = make_user("owner")
    rules = PlanRules.model_validate({"queued_runs": 1})
    plans.load_plan("narrow", "Narrow", "", rules, now=NOW)
    team = make_team(owner, "Racers")
    plans.assign_plan(None, team, "narrow", now=NOW)
    found: dict[str, Any] = {}
    found["last project"] = race(lambda n: accounts.create_project(owner, team, f"p{n}", now=NOW, limit=2))
    found["projects"] = team.projects.count()
    found["last place in the queue"] = race(lambda n: make_run(owner, team))
    found["queued"] = Run.objects.filter(team=team).count()
    notebook = make_notebook(owner)
    found["one workspace"] = race(lambda n: notebooks.start(owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW))
    people = [make_user() for _ in range(AT_ONCE)]
    _, secret = accounts.invite(owner, team, Role.MEMBER, now=NOW)
    found["one invitation"] = race(lambda n: accounts.accept_invitation(people[n], secret, now=NOW))
    link = accounts.make_login_link(owner, now=NOW)
    found["one sign-in link"] = race(lambda n: accounts.use_login_link(link, now=NOW))
    ticket = accounts.make_ticket(owner, "label", "/", now=NOW)
    used: list[object] = []
    race(lambda n: used.append(accounts.use_ticket(ticket, "label", now=NOW)))
    found["one ticket"] = sum(each is not None for each in used)
    for person in people:
        Membership.objects.update_or_create(team=team, user=person, defaults={"role": Role.OWNER, "since": NOW})
    everybody = [*people[1:], owner]
    Membership.objects.filter(team=team).exclude(user__in=everybody).delete()
    found["owners leave"] = race(lambda n: accounts.remove_member(everybody[n], team, everybody[n], now=NOW))
    found["owners left"] = Membership.objects.filter(team=team, role=Role.OWNER).count()
    found["same name"] = race(lambda n: make_notebook(people[0], title="Same"))
    eager = make_user()
    make_team(eager)
    found["teams of one"] = race(lambda n: make_team(eager, f"More {n}"))
    found["teams"] = Team.objects.filter(memberships__user=eager, personal_of=None).count()
    return found | _coming_by_links(owner) | people_at_once(people) | _storage_at_once()


def people_at_once(people: list[Any]) -> dict[str, Any]:
    """Votes, comments and reports of several at the same moment, and of one person by several tabs."""
    from factories.accounts import NOW, make_user
    from factories.notebooks import make_notebook
    from studium.community import actions
    from studium.community.models import Comment, Notification, Report, Vote
    from studium.community.reports.actions import report
    from studium.community.states import COMMENTS_A_MINUTE, Why
    from studium.notebooks.states import Visibility
    from studium.notebooks.subjects import subject_of

    owner, guest = make_user("votedfor"), make_user("guest")
    subject = subject_of(make_notebook(owner, title="Liked", visibility=Visibility.PUBLIC))
    found: dict[str, Any] = {}
    found["votes of several"] = race(lambda n: actions.vote(people[n], subject, now=NOW))
    found["they are told of once"] = Notification.objects.filter(user=owner, kind="vote").count()
    found["votes of one"] = race(lambda n: actions.vote(guest, subject, now=NOW))
    found["votes"] = Vote.objects.filter(subject_id=subject.id).count()
    found["reports of one"] = race(lambda n: report(guest, subject, Why.SPAM, "", now=NOW))
    found["reports"] = Report.objects.filter(subject_id=subject.id).count()
    for _ in range(COMMENTS_A_MINUTE - 1):
        actions.comment(guest, subject, "Well", now=NOW)
    found["last comment of the minute"] = race(lambda n: actions.comment(guest, subject, "Well", now=NOW))
    found["comments"] = Comment.objects.filter(author=guest).count()
    # Each tells the next and is told by the one before: locks that wait for each other would show here.
    said = [actions.comment(person, subject, "Hm", now=NOW) for person in people]
    found["answers in a ring"] = race(
        lambda n: actions.comment(people[n], subject, "So?", now=NOW, parent=said[(n + 1) % AT_ONCE].pk)
    )
    return found


def _storage_at_once() -> dict[str, Any]:
    """Controllers that charge the same hours, and starts beside requests to empty the workspace."""
    from datetime import timedelta

    from factories.accounts import NOW, make_team, make_user
    from factories.compute import load_plans
    from factories.notebooks import make_notebook
    from studium.notebooks import actions as notebooks
    from studium.notebooks.models import Notebook
    from studium.notebooks.states import LaunchKind
    from studium.notebooks.stored.emptying import ask_to_empty
    from studium.plans import actions as plans
    from studium.plans.models import StorageEntry
    from studium.plans.queries import team_plan
    from studium.plans.storage_charges import charge_hours, set_cap

    load_plans("gradient")
    owner = make_user("payer")
    team = make_team(owner, "Payers")
    plans.assign_plan(None, team, "gradient-free", now=NOW)
    set_cap(owner, team, stored=0, cap_bytes=10**12, now=NOW)
    plan = team_plan(team)
    charge_hours(plan, team, 10**10, now=NOW)
    found: dict[str, Any] = {}
    rounds = [
        race(lambda n, h=h: charge_hours(plan, team, 10**10, now=NOW + timedelta(hours=h))) for h in range(3, 30, 3)
    ]
    found["the same hours"] = [each for each in rounds if each != {"done": AT_ONCE}]
    found["hours"] = StorageEntry.objects.filter(team=team).count()
    both, either = 0, 0
    for number in range(5):
        notebook = make_notebook(owner, title=f"Emptied {number}")

        def work(n: int, notebook: Notebook = notebook) -> None:
            if n % 2:
                ask_to_empty(owner, notebook.team, [notebook.pk], NOW)
            else:
                notebooks.start(owner, notebook, LaunchKind.SESSION, "cpu-small", now=NOW)

        race(work)
        emptied = Notebook.objects.filter(pk=notebook.pk).exclude(emptying_at=None).exists()
        started = notebooks.live_run(notebook) is not None
        both, either = both + (emptied and started), either + (emptied or started)
    found["emptied and started"], found["emptied or started"] = both, either
    return found


def _coming_by_links(owner: Any) -> dict[str, Any]:
    """The last use of a link, one person in several browsers, and the last place among its people."""
    from factories.accounts import NOW, make_user
    from factories.notebooks import make_notebook
    from studium.notebooks.search.reconcile import index_changed
    from studium.notebooks.sharing import actions as sharing
    from studium.notebooks.sharing import queries
    from studium.notebooks.states import SharedRole

    people = [make_user() for _ in range(AT_ONCE)]
    notebook = make_notebook(owner, title="Shared")
    _, last = sharing.make_link(owner, notebook, SharedRole.READER, now=NOW, most_uses=1)
    found = {"last use of a link": race(lambda n: sharing.accept_link(people[n], last, now=NOW))}
    found["let in"] = queries.people_of(notebook).count()
    other = make_notebook(owner, title="Shared too")
    _, secret = sharing.make_link(owner, other, SharedRole.READER, now=NOW, most_uses=1)
    found["one person in four browsers"] = race(lambda n: sharing.accept_link(people[0], secret, now=NOW))
    found["uses"] = queries.links_of(other, now=NOW)[0].used
    full = make_notebook(owner, title="Full")
    sharing.MOST_PEOPLE = 1
    found["last place"] = race(lambda n: sharing.share(owner, full, people[n], SharedRole.READER, now=NOW))
    race(lambda n: index_changed(NOW))
    found["indexed at once"] = index_changed(NOW)
    return found


if __name__ == "__main__":
    main()
