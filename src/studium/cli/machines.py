"""`studium machines`, `queue`, `usage`: what there is, what waits, what was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studium.cli import output
from studium.cli.context import server
from studium.cli.output import JsonFlag
from studium.lib.units import duration_words, size_words

if TYPE_CHECKING:
    from studium.client.shapes import MachineType

TeamOption = Annotated[str, typer.Option(help="The team; your own when left out.")]


def size(kind: MachineType) -> str:
    """`2 vCPU, 13 GiB, 1 x P100 (16 GiB)`."""
    words = [f"{kind.vcpu:g} vCPU", size_words(kind.memory_bytes)]
    if kind.accelerator_count:
        card = f" ({size_words(kind.accelerator_memory_bytes)})" if kind.accelerator_memory_bytes else ""
        words.append(f"{kind.accelerator_count} x {kind.accelerator_kind}{card}")
    return ", ".join(words)


def _now(kind: MachineType) -> str:
    if not kind.allowed:
        return "not in the plan"
    if kind.free:
        return f"{kind.free} free"
    waits = f", {kind.waiting} waiting" if kind.waiting else ""
    return f"all taken{waits}" if kind.total else f"none here{waits}"


def machines(
    team: TeamOption = "",
    every: Annotated[bool, typer.Option("--all", help="Also those that no machine here has.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List machine types: size, price, what is free now."""
    with server() as client:
        found = client.machine_types(team)
    if as_json:
        output.show_json(found)
        return
    shown = [kind for kind in found if every or kind.total or kind.waiting]
    shown = shown or found
    rows = [
        (kind.slug, size(kind) + (" (simulated)" if kind.simulated else ""), kind.price, _now(kind)) for kind in shown
    ]
    output.table(["!type", "size", ">price", "!now"], rows, "There are no machine types: `studium plans load open`.")
    if len(shown) < len(found):
        output.say(f"{len(found) - len(shown)} more that no machine here has: studium machines --all")


def queue(as_json: JsonFlag = False) -> None:
    """List what waits for a machine."""
    with server() as client:
        found = client.queue()
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            entry.wait.place or "",
            entry.title or "(another team)",
            entry.machine_type,
            output.ago(entry.submitted_at),
            entry.wait.words,
        )
        for entry in found
    ]
    output.table(
        [">place", "run", "!machine", "since", "waits"],
        rows,
        "Nothing waits. A run starts at once where a machine is free.",
    )


def usage(
    team: TeamOption = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back the charges go.")] = 30,
    as_json: JsonFlag = False,
) -> None:
    """Show allowances and charges of a team, each explained."""
    with server() as client:
        found = client.usage(team, days)
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.team} is on the plan {found.plan_name}.")
    for allowance in found.allowances:
        output.say(f"{allowance.resource}: {allowance.words}; given anew {output.until(allowance.ends_at)}.")
    used = ", ".join(f"{duration_words(seconds)} {name}" for name, seconds in sorted(found.seconds_by_resource.items()))
    output.say(f"Last {days} days: {used or 'nothing used'}; {found.cost}.")
    rows = [
        (f"{line.started_at:%Y-%m-%d %H:%M}", line.title or line.run, line.user, line.words) for line in found.lines
    ]
    if rows:
        output.table(["!started (UTC)", "run", "by", "charge"], rows, "")
    for storage in found.storage:
        output.say(f"Storage beyond the plan, {storage.month:%B %Y}: {storage.words}")
    if found.more_lines:
        output.say(f"{found.more_lines} older lines are not shown; use a smaller --days, or the usage page.")
