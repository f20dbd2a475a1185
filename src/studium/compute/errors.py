"""What compute refuses, with the figures."""

from studium.errors import BadInput, NotFound, NotYet


def unknown_machine_type(slug: str, known: list[str]) -> BadInput:
    shown = ", ".join(known[:12]) or "none yet"
    return BadInput(
        "machine.unknown",
        f"There is no machine type {slug!r}.",
        f"Choose one of: {shown}. `studium machines` lists them.",
        {"known": known},
    )


def unknown_run(run_id: str) -> NotFound:
    return NotFound("run.unknown", f"There is no run {run_id!r} that you may see.", "`studium runs list` shows yours.")


def owner_busy(run_id: str, state: str) -> NotYet:
    return NotYet(
        "run.already_live",
        f"Run {run_id} is already {state} on this workspace.",
        "Open it, or stop it first.",
        {"run": run_id, "state": state},
    )
