"""What a team has used and what it cost, line by line, with the allowances it draws on."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from studium.accounts.access import team_for, teams_of
from studium.accounts.models import Team, User
from studium.api.shapes.storage import charge_words
from studium.compute.queries import simulated_types
from studium.errors import NotFound
from studium.lib import clock
from studium.notebooks.access import readable_runs
from studium.notebooks.stored.queries import room_words, stored_of
from studium.plans.models import Claim
from studium.plans.overage import HOUR
from studium.plans.queries import (
    bill,
    charged,
    cost_since,
    daily_use,
    ledger,
    standing,
    storage_charges,
    storage_ledger,
)
from studium.web.paging import page
from studium.web.requests import UserRequest, signed_in
from studium.web.shown.days import Days, days_of
from studium.web.shown.meters import allowance_meters
from studium.web.views.machines import chosen_team

_DAYS = 30


@signed_in
@require_GET
def own(request: UserRequest) -> HttpResponse:
    team = chosen_team(request, "")
    if team is None:
        raise NotFound("team.none", "You belong to no team.", "Ask a member of a team to invite you.")
    return redirect(f"/usage/{team.slug}/")


@signed_in
@require_GET
def usage(request: UserRequest, team: str) -> HttpResponse:
    found = team_for(request.user, team)
    now = clock.now()
    allowance = standing(found, now=now)
    stored = stored_of(found)
    lines = page(request, bill(found), "created_at")
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    context = {
        "now": now,
        "team": found,
        "teams": list(teams_of(request.user)),
        "plan": allowance.plan,
        "meters": allowance_meters(allowance),
        "stored": stored,
        "room": room_words(stored),
        "beyond": [(line, charge_words(line)) for line in storage_charges(found, since=now - timedelta(days=366))],
        "page": lines,
        "lines": _explained(request.user, lines.rows),
        "month": cost_since(found, month),
        "month_began": month,
        "days": _daily(found, now),
    }
    return render(request, "usage/usage.html", context)


def _daily(team: Team, now: datetime) -> list[Days]:
    used = daily_use(team, since=now - timedelta(days=_DAYS))
    return [
        days_of(resource.upper(), by_day, until=now.date(), count=_DAYS) for resource, by_day in sorted(used.items())
    ]


def _explained(user: User, claims: list[Claim]) -> list[dict[str, object]]:
    """Each line with who it was, which run and how its cost comes about; four queries for the page."""
    names = dict(User.objects.filter(pk__in={c.user_id for c in claims if c.user_id}).values_list("pk", "username"))
    titles = dict(readable_runs(user).filter(pk__in=[c.holder for c in claims]).values_list("pk", "title"))
    sums, simulated = charged(claims), simulated_types()
    lines: list[dict[str, object]] = []
    for claim in claims:
        seconds, cost = sums.get(claim.pk, (0, 0))
        lines.append(
            {
                "claim": claim,
                "who": names.get(claim.user_id or 0, "somebody who left"),
                "title": titles.get(claim.holder, ""),
                "live": claim.released_at is None,
                "simulated": claim.machine_type in simulated,
                "seconds": seconds,
                "wall": seconds // max(1, claim.devices),
                "cost": cost,
            }
        )
    return lines


_HEADER = (
    "entry",
    "run",
    "user",
    "machine_type",
    "class",
    "devices",
    "started_at",
    "ended_at",
    "device_seconds",
    "price_usd_per_hour",
    "cost_usd",
    "beyond_plan_bytes",
    "price_usd_per_gib_month",
    "note",
)


@signed_in
@require_GET
def as_csv(request: UserRequest, team: str) -> StreamingHttpResponse:
    """Every entry of the ledger: of runs, newest first, then of storage beyond the plan by the hour, newest first.

    Cost of a run is price times wall seconds; wall seconds are device seconds by devices.
    """
    found = team_for(request.user, team)
    names = dict(User.objects.filter(memberships__team=found).values_list("pk", "username"))

    def rows() -> Iterator[str]:
        yield _csv_line(_HEADER)
        for entry in ledger(found).iterator(chunk_size=1000):
            claim = entry.claim
            yield _csv_line(
                (
                    entry.pk,
                    claim.holder,
                    names.get(entry.user_id or 0, entry.user_id),
                    entry.machine_type,
                    entry.resource,
                    claim.devices,
                    entry.started_at.isoformat(),
                    entry.ended_at.isoformat(),
                    entry.seconds,
                    claim.price_micros_hour / 1e6,
                    f"{entry.cost_micros / 1e6:.6f}",
                    "",
                    "",
                    "",
                )
            )
        for hour in storage_ledger(found).iterator(chunk_size=1000):
            late = f"not measured: charged as measured at {hour.measured_at.isoformat()}" if hour.late else ""
            yield _csv_line(
                (
                    f"storage-{hour.pk}",
                    "",
                    "",
                    "",
                    "storage",
                    "",
                    hour.hour.isoformat(),
                    (hour.hour + HOUR).isoformat(),
                    "",
                    "",
                    f"{hour.cost_micros / 1e6:.6f}",
                    hour.charged_bytes,
                    hour.price_micros / 1e6,
                    late,
                )
            )

    headers = {"Content-Disposition": f'attachment; filename="usage-{found.slug}.csv"'}
    return StreamingHttpResponse(rows(), content_type="text/csv; charset=utf-8", headers=headers)


def _csv_line(values: tuple[object, ...]) -> str:
    line = io.StringIO()
    # A name that begins like a formula would be computed by a spreadsheet.
    csv.writer(line).writerow([f"'{v}" if isinstance(v, str) and v[:1] in "=+-@" and v else v for v in values])
    return line.getvalue()
