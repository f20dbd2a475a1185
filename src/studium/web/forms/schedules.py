"""The form of a schedule: how often and at what time in words, or cron text."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from studium.errors import BadInput
from studium.notebooks.models import Schedule
from studium.notebooks.schedules.actions import MOST_KEPT, MOST_RETRIES, Wanted
from studium.notebooks.states import Missed, Notify, Overlap
from studium.web.forms.running import seconds_of

_EVERY = [
    ("hour", "Every hour"),
    ("day", "Every day"),
    ("workday", "Monday to Friday"),
    ("week", "Every Monday"),
    ("month", "On the first of the month"),
    ("cron", "As the cron text says"),
]
_PATTERNS = {"hour": "{m} * * * *", "day": "{m} {h} * * *", "workday": "{m} {h} * * 1-5", "week": "{m} {h} * * 1"}
_PATTERNS["month"] = "{m} {h} 1 * *"


class ScheduleForm(forms.Form):
    """What a person chooses; whether it may be is decided by the actions."""

    every = forms.ChoiceField(choices=_EVERY, label="How often", initial="day")
    at = forms.TimeField(
        label="At", initial="07:00", required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text="Of every hour, only the minute counts.",
    )  # fmt: skip
    cron = forms.CharField(
        max_length=100, required=False, label="Cron text",
        help_text="Minute, hour, day of month, month, day of week, such as <code>30 7 * * 1-5</code>.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    zone = forms.CharField(
        max_length=60, initial="UTC", label="Time zone", widget=forms.TextInput({"list": "zones"}),
        help_text="Such as Europe/Berlin; changes of the clock are taken care of.",
    )  # fmt: skip
    machine = forms.ChoiceField(choices=[], label="Machine")
    missed = forms.ChoiceField(
        label="Times missed while the platform was down", initial=Missed.ONCE.value,
        choices=[(Missed.SKIP.value, "Leave them out"), (Missed.ONCE.value, "Make up for the last one"),
                 (Missed.ALL.value, "Make up for every one")],
    )  # fmt: skip
    overlap = forms.ChoiceField(
        label="While the run before goes on", initial=Overlap.SKIP.value,
        choices=[(Overlap.SKIP.value, "Leave the new one out"), (Overlap.WAIT.value, "Wait for it"),
                 (Overlap.REPLACE.value, "Stop it")],
    )  # fmt: skip
    retries = forms.IntegerField(min_value=0, max_value=MOST_RETRIES, initial=0, label="Tries after a failure")
    keep_last = forms.IntegerField(
        min_value=1, max_value=MOST_KEPT, required=False, label="Versions to keep",
        help_text="Older ones that this schedule made are deleted; pinned ones stay.",
    )  # fmt: skip
    cell_timeout = forms.CharField(
        max_length=20, required=False, label="Longest time for one cell",
        help_text="As 90s, 10min or 2h; a cell that takes longer is interrupted and has failed.",
        widget=forms.TextInput({"autocomplete": "off", "placeholder": "no limit"}),
    )  # fmt: skip
    keep_going = forms.BooleanField(
        required=False, label="Go on after a cell that fails", help_text="The run counts as failed all the same."
    )
    notify = forms.ChoiceField(
        label="E-mail", initial=Notify.FAILURE.value,
        choices=[(Notify.NEVER.value, "Never"), (Notify.FAILURE.value, "When a run fails"),
                 (Notify.ALWAYS.value, "After every run")],
    )  # fmt: skip

    def __init__(self, machines: list[tuple[str, str]], *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "schedule_%s", **more})
        field = self.fields["machine"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = machines

    def wanted(self) -> Wanted:
        """What was chosen. Raises BadInput where the cron text or the time is missing."""
        data = self.cleaned_data
        return Wanted(
            cron=self._cron(),
            zone=data["zone"].strip(),
            machine=data["machine"],
            missed=Missed(data["missed"]),
            overlap=Overlap(data["overlap"]),
            retries=data["retries"],
            keep_last=data["keep_last"],
            notify=Notify(data["notify"]),
            cell_seconds=seconds_of(data["cell_timeout"]),
            keep_going=data["keep_going"],
        )

    def _cron(self) -> str:
        every, at = self.cleaned_data["every"], self.cleaned_data["at"]
        if every == "cron":
            return str(self.cleaned_data["cron"])
        if at is None:
            raise BadInput("schedule.no_time", "No time of day was chosen.", "Choose one, such as 07:00.")
        return _PATTERNS[every].format(m=at.minute, h=at.hour)


def filled(schedule: Schedule) -> dict[str, object]:
    """A schedule as the form shows it: as cron text, which says everything."""
    names = ("cron", "zone", "missed", "overlap", "retries", "keep_last", "notify", "keep_going")
    limit = f"{schedule.cell_seconds}s" if schedule.cell_seconds else ""
    written = {"every": "cron", "machine": schedule.machine_type, "cell_timeout": limit}
    return {**written, **{name: getattr(schedule, name) for name in names}}


def zones() -> list[str]:
    """The names of time zones that people use."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
