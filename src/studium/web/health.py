"""`/healthz` for load balancers and `/metrics` for Prometheus."""

import hmac
from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from studium.accounts.models import User
from studium.compute.models import Accelerator, Machine, Run
from studium.compute.states import LIVE, State
from studium.config.options import options
from studium.lib import clock
from studium.plans.models import LedgerEntry


def healthz(request: HttpRequest) -> HttpResponse:
    """200 when web and database answer, 503 when the database does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"web": "ok", "database": "down"}, status=503)
    return JsonResponse({"web": "ok", "database": "ok"})


def metrics(request: HttpRequest) -> HttpResponse:
    """Figures of the installation. For the bearer of `STUDIUM_METRICS_TOKEN` and for administrators; others get 404."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    wanted = options().metrics_token
    by_token = bool(wanted) and hmac.compare_digest(bearer.encode(), wanted.encode())
    if not by_token and not (isinstance(request.user, User) and request.user.is_active and request.user.is_staff):
        raise Http404
    registry = CollectorRegistry()
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Counted from the rows at each scrape; no counter is kept."""

    def collect(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("studium_runs", "Live runs by state.", labels=["state"])
        counts = dict(Run.objects.filter(state__in=LIVE).values_list("state").annotate(n=Count("pk")))
        for state in LIVE:
            live.add_metric([state], counts.get(state, 0))
        yield live
        ended = CounterMetricFamily("studium_runs_ended", "Ended runs by reason.", labels=["reason"])
        for reason, n in Run.objects.filter(state=State.ENDED).values_list("reason").annotate(n=Count("pk")):
            ended.add_metric([reason], n)
        yield ended
        oldest = (
            Run.objects.filter(state=State.QUEUED)
            .order_by("submitted_at")
            .values_list("submitted_at", flat=True)
            .first()
        )
        wait = (clock.now() - oldest).total_seconds() if oldest else 0
        yield GaugeMetricFamily("studium_queue_oldest_seconds", "Age of the oldest queued run.", value=wait)
        used = CounterMetricFamily("studium_ledger_seconds", "Device seconds in the ledger.", labels=["resource"])
        for resource, seconds in LedgerEntry.objects.values_list("resource").annotate(n=Sum("seconds")):
            used.add_metric([resource], seconds)
        yield used
        devices = GaugeMetricFamily(
            "studium_accelerators", "Accelerators by kind and use.", labels=["kind", "simulated", "use"]
        )
        for kind, simulated, taken, n in (
            Accelerator.objects.filter(gone=False)
            .values_list("kind", "simulated", "allocation__isnull")
            .annotate(n=Count("pk"))
        ):
            devices.add_metric([kind, str(simulated).lower(), "free" if taken else "busy"], n)
        yield devices
        machines = GaugeMetricFamily("studium_machines", "Machines by state.", labels=["state"])
        for draining, gone, n in Machine.objects.values_list("draining", "gone").annotate(n=Count("pk")):
            machines.add_metric(["gone" if gone else "draining" if draining else "ready"], n)
        yield machines
