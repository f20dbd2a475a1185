"""A plan's rules as sentences. Pure."""

from studium.lib.units import duration_words, money_words, size_words
from studium.plans.rules import PlanRules, Window

_RESOURCES = {"gpu": "GPU time", "tpu": "TPU time", "cpu": "CPU time", "accelerator": "accelerator time"}


def window_rule(window: Window) -> str:
    """`30 h of GPU time a week, from Saturday 00:00 UTC`."""
    amount = f"{_whole(window.seconds)} of {_RESOURCES[window.resource]}"
    if window.kind == "weekly":
        return f"{amount} a week, given anew on {window.weekday.capitalize()} {window.time} UTC"
    if window.kind == "monthly":
        return f"{amount} a month, given anew on the first"
    return f"{amount} in any {_whole(window.length_seconds or 0)}"


def _whole(seconds: int) -> str:
    return duration_words(seconds).removesuffix(" 00 min").removesuffix(" 0 h")


def _limit(count: int | None, noun: str, nothing: str = "No limit") -> str:
    return nothing if count is None else f"{count} {noun}" + ("" if count == 1 else "s")


def rules_in_words(rules: PlanRules) -> list[tuple[str, str]]:
    """Each rule as a label and a sentence, in the order people ask for them."""
    return [
        ("Price", f"{money_words(rules.price_micros_month)} a month" if rules.price_micros_month else "Free"),
        ("Machine types", _machines(rules)),
        ("Allowances", "; ".join(window_rule(w) for w in rules.windows) or "No limit"),
        ("Longest session", _sessions(rules)),
        (
            "Idle sessions",
            f"Stop after {_whole(rules.idle_seconds)} in which nothing runs"
            if rules.idle_seconds
            else "Never stopped for being idle",
        ),
        ("Sessions can be extended", "Yes" if rules.extend else "No"),
        ("Running at once", _at_once(rules)),
        ("In the queue", _limit(rules.queued_runs, "run")),
        ("Projects", _limit(rules.projects, "project")),
        ("Storage", _storage(rules)),
        ("Terminal", "Yes" if rules.terminal else "No"),
        ("Internet in sessions", "Can be turned on" if rules.internet else "No"),
        ("Notebooks may be", ", ".join(v for v in ("private", "team", "public") if v in rules.visibilities)),
        ("Priority in the queue", "Normal" if rules.priority == 0 else f"{rules.priority:+d}"),
    ]


def _at_once(rules: PlanRules) -> str:
    if rules.running_notebooks is None and rules.running_runs is None:
        return "No limit"
    notebooks = _limit(rules.running_notebooks, "notebook", "Any number of notebooks")
    return f"{notebooks}, {_limit(rules.running_runs, 'run', 'any number of runs')} in all"


def _machines(rules: PlanRules) -> str:
    return "All" if "*" in rules.machine_types else ", ".join(rules.machine_types)


def _sessions(rules: PlanRules) -> str:
    lengths = rules.session_seconds
    parts = [_whole(lengths.default)]
    if lengths.free_machines:
        parts.append(f"{_whole(lengths.free_machines)} on free machines")
    if lengths.paid_machines:
        parts.append(f"{_whole(lengths.paid_machines)} on paid machines")
    parts += [f"{_whole(seconds)} on {name.upper()} machines" for name, seconds in lengths.by_class.items()]
    return ", ".join(parts)


def _storage(rules: PlanRules) -> str:
    parts = []
    if rules.storage_bytes_notebook:
        parts.append(f"{size_words(rules.storage_bytes_notebook)} a notebook")
    if rules.storage_bytes_team:
        parts.append(f"{size_words(rules.storage_bytes_team)} for the team")
    if rules.storage_overage_micros_per_gib_month:
        parts.append(f"more at {money_words(rules.storage_overage_micros_per_gib_month)} a GiB and month")
    return ", ".join(parts) or "As much as the disk has"
