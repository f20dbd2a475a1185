"""Forms of sharing a notebook, and of its tags."""

from typing import Any

from django import forms

from studium.notebooks.sharing.actions import MOST_PEOPLE
from studium.notebooks.states import SharedRole

ROLES = [(role.value, role.value.capitalize()) for role in SharedRole]
_ROLES_HELP = "Readers read and copy it; editors also change and run it."
_LIVES = [("1", "a day"), ("7", "7 days"), ("30", "30 days"), ("", "until it is revoked")]


class ShareWith(forms.Form):
    """Whom to share with, as what."""

    who = forms.CharField(
        max_length=254,
        label="Username",
        help_text="Or an e-mail address of somebody in a team of yours.",
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(choices=ROLES, initial=SharedRole.READER.value, label="As", help_text=_ROLES_HELP)

    def __init__(self, *args: Any, anybody: bool, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "share_%s", **more})
        if anybody:
            self.fields["who"].help_text = "Or the e-mail address of their account."


class MakeLink(forms.Form):
    """What a link lets people do, and for how long."""

    role = forms.ChoiceField(
        choices=ROLES, initial=SharedRole.READER.value, label="Whoever opens it becomes", help_text=_ROLES_HELP
    )
    days = forms.ChoiceField(choices=_LIVES, required=False, initial="30", label="Works for")
    most_uses = forms.IntegerField(
        min_value=1,
        max_value=MOST_PEOPLE,
        required=False,
        label="For so many people",
        help_text="Left empty, for any number.",
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "link_%s", **more})

    def chosen_days(self) -> int | None:
        return int(self.cleaned_data["days"]) if self.cleaned_data["days"] else None
