"""Forms of a person's own settings."""

from datetime import datetime, timedelta
from typing import Any

from django import forms

from studium.accounts.states import SCOPE_WORDS, Scope

_LIVES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "no end"))


class NewToken(forms.Form):
    """A personal token."""

    name = forms.CharField(max_length=80, help_text="What it is for, to know it by later.")
    scopes = forms.MultipleChoiceField(
        label="May", choices=[], widget=forms.CheckboxSelectMultiple, initial=[Scope.READ.value, Scope.WRITE.value]
    )
    days = forms.ChoiceField(label="Works for", choices=_LIVES, required=False, initial="90")

    def __init__(self, *args: Any, operator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (s.value, f"{s.value}: {words}") for s, words in SCOPE_WORDS.items() if operator or s != Scope.ADMIN
        ]

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["days"]
        return now + timedelta(days=int(days)) if days else None

    def chosen(self) -> list[Scope]:
        return [Scope(s) for s in self.cleaned_data["scopes"]]
