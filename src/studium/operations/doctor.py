"""`studium doctor`: what isolates, what limits, what is found, what is degraded, each with the remedy."""

from dataclasses import asdict, dataclass
from typing import Any

from studium.compute.engines.base import Check, Engine
from studium.compute.engines.registry import local_engine
from studium.config.options import options
from studium.environments import kernels, libraries
from studium.environments.build import built_default
from studium.errors import Refused
from studium.operations import system


@dataclass(frozen=True, kw_only=True)
class Report:
    """All lines. `full_isolation` False means that strangers must not be let in."""

    checks: list[Check]
    machines: list[dict[str, Any]]
    full_isolation: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "checks": [asdict(c) for c in self.checks],
            "machines": self.machines,
            "full_isolation": self.full_isolation,
        }


def examine(engine: Engine | None = None) -> Report:
    """Look at this machine. Changes nothing."""
    settings = options()
    engine = engine or local_engine(settings)
    checks = [*engine.checks(), *_programs(), *languages(), _outputs(), _sign_up(engine)]
    machines = [
        {
            "name": machine.name,
            "vcpu": machine.vcpu,
            "memory_bytes": machine.memory_bytes,
            "simulated": machine.simulated,
            "accelerators": [
                {"id": d.id, "kind": d.kind, "simulated": d.simulated, "memory_bytes": d.memory_bytes}
                for d in machine.accelerators
            ],
        }
        for machine in engine.inventory()
    ]
    isolated = all(check.ok for check in checks if check.isolates)
    return Report(checks=checks, machines=machines, full_isolation=isolated)


def _programs() -> list[Check]:
    lacking = system.missing()
    if not lacking:
        return [
            Check(
                name="system packages",
                ok=True,
                detail=f"{', '.join(need.package for need in system.NEEDS)} are installed",
            )
        ]
    remedy = system.install_command(lacking)
    return [
        Check(name=need.package, ok=False, detail=f"{need.program} is missing: {need.without}", remedy=remedy)
        for need in lacking
    ]


def languages() -> list[Check]:
    """A line for each language of notebooks, and one for each kernel file that is left out."""
    try:
        environment = built_default(options().home) or kernels.NOT_BUILT
    except Refused:
        environment = kernels.NOT_BUILT
    found = [
        Check(
            name=f"notebooks in {choice.name}",
            ok=not choice.missing,
            detail=f"not installed: {' and '.join(choice.missing)} is missing" if choice.missing else "installed",
            remedy=choice.remedy if choice.missing else "",
        )
        for choice in kernels.choices(environment)
    ]
    remedy = f"Mend or remove it in {kernels.operator_folder()}; docs/operators/languages.md has the format."
    return found + [Check(name="kernel file", ok=False, detail=str(e), remedy=remedy) for e in kernels.known()[1]]


def _outputs() -> Check:
    if libraries.built(options().home):
        return Check(name="interactive outputs", ok=True, detail="Plotly, Vega and widgets are drawn on rendered pages")
    return Check(
        name="interactive outputs",
        ok=False,
        detail="what draws them has not been fetched: pages show pictures in their place",
        remedy="Run `studium up` where the package index can be reached.",
    )


def _sign_up(engine: Engine) -> Check:
    if not options().open_signup:
        return Check(name="sign-up", ok=True, detail="closed: people come by invitation")
    if all(check.ok for check in engine.checks() if check.isolates):
        return Check(name="sign-up", ok=True, detail="open to strangers")
    return Check(
        name="sign-up",
        ok=False,
        detail="asked to be open, but isolation is not full, so it stays closed",
        remedy="Mend what is marked above, or set STUDIUM_OPEN_SIGNUP=false.",
    )
