"""Forms of secrets. A value that was sent is never put into a page again, not even into the form that was refused."""

from typing import Any

from django import forms

from studium.accounts.models import Project

_EVERYWHERE = ("", "All projects of the team")


class UnseenText(forms.Textarea):
    """A text area that always comes empty."""

    def __init__(self) -> None:
        super().__init__({"rows": 3, "autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> str:
        return ""


class SetSecret(forms.Form):
    """A notebook's secret."""

    name = forms.CharField(
        max_length=64,
        help_text="As API_TOKEN. A name that is there gets the new value.",
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    value = forms.CharField(strip=False, widget=UnseenText, help_text="It is not shown again, to anybody.")

    def __init__(self, *args: Any, **more: Any) -> None:
        # Pages have other forms with a name beside this one.
        super().__init__(*args, **{"auto_id": "secret_%s", **more})

    def clean_value(self) -> str:
        """Forms send line ends as two characters; nobody typed them so."""
        return str(self.cleaned_data["value"]).replace("\r\n", "\n")


class SetTeamSecret(SetSecret):
    """A team's or one of its projects'."""

    project = forms.ChoiceField(required=False, label="For")

    def __init__(self, projects: list[Project], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        field = self.fields["project"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [_EVERYWHERE, *((p.slug, f"Project {p.name}") for p in projects)]
