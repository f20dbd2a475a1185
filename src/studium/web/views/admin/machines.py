"""Machines, accelerators and what they carry; draining; the checks of isolation."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studium.compute import actions, queries
from studium.lib import clock
from studium.lib.units import size_words
from studium.web.requests import UserRequest
from studium.web.shown.meters import Meter, meter
from studium.web.views.admin import operators


@operators
@require_GET
def overview(request: UserRequest) -> HttpResponse:
    now = clock.now()
    live = list(
        queries.live_runs()
        .select_related(None)
        .select_related("machine_type")
        .only("machine_id", "state", "machine_type")
    )
    held: dict[str, list[float]] = {}
    states: dict[str, int] = {}
    for run in live:
        states[run.state] = states.get(run.state, 0) + 1
        if run.machine_id:
            sums = held.setdefault(run.machine_id, [0.0, 0.0, 0.0])
            sums[0] += run.machine_type.vcpu
            sums[1] += run.machine_type.memory_bytes
            sums[2] += 1
    taken = queries.devices_taken()
    machines = []
    for machine in queries.machines():
        vcpu, memory, runs = held.get(machine.name, [0.0, 0.0, 0.0])
        bars: list[Meter] = [
            meter("vCPU given", vcpu, machine.vcpu, f"{vcpu:g} of {machine.vcpu:g}", alarm=False),
            meter(
                "Memory given",
                memory,
                machine.memory_bytes,
                f"{size_words(memory)} of {size_words(machine.memory_bytes)}",
                alarm=False,
            ),
        ]
        devices = [(device, taken.get(device.pk)) for device in machine.accelerators.all() if not device.gone]
        machines.append({"row": machine, "bars": bars, "runs": int(runs), "devices": devices})
    context = {
        "now": now,
        "machines": machines,
        "states": states,
        "live": len(live),
        "failing": queries.failing_runs()[:20],
    }
    return render(request, "admin/overview.html", context)


@operators
@require_POST
def drain(request: UserRequest, machine: str) -> HttpResponse:
    """Drain or open a machine."""
    draining = request.POST.get("draining") == "yes"
    actions.set_draining(request.user, machine, draining, now=clock.now())
    messages.success(
        request,
        f"{machine} takes no new runs; what runs there goes on." if draining else f"{machine} takes runs again.",
    )
    return redirect("/admin/")


@operators
@require_GET
def isolation(request: UserRequest) -> HttpResponse:
    checks = queries.checks()
    worst = [c for c in checks if not c.ok and c.isolates]
    return render(
        request, "admin/isolation.html", {"checks": checks, "worst": worst, "failed": [c for c in checks if not c.ok]}
    )
