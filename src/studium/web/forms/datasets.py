"""Forms of datasets. They read what was typed; whether it may be is decided by the actions."""

from typing import Any

from django import forms

from studium.accounts.models import Team, User
from studium.accounts.states import Role
from studium.datasets.models import Dataset
from studium.datasets.states import LICENCES, Frequency
from studium.web.forms.notebooks import VISIBILITIES
from studium.web.forms.sharing import ShareWith

_LICENCES = [("", "Not said"), *LICENCES.items()]
_FREQUENCIES = [("", "Not said"), *((f.value, f.value.capitalize()) for f in Frequency)]


def teams_to_write(user: User) -> list[Team]:
    """The teams in which the user may make things, the personal one first."""
    able = [Role.OWNER.value, Role.ADMIN.value, Role.MEMBER.value]
    rows = Team.objects.filter(memberships__user_id=user.pk, memberships__role__in=able)
    return sorted(rows, key=lambda team: (team.personal_of_id != user.pk, team.slug))


class NewDataset(forms.Form):
    """A dataset without files yet."""

    title = forms.CharField(max_length=200)
    team = forms.ChoiceField(choices=[], help_text="Its storage counts what the dataset takes.")
    visibility = forms.ChoiceField(
        choices=[("", "As private as the plan allows"), *VISIBILITIES], required=False, label="Who may read it"
    )
    licence = forms.ChoiceField(choices=_LICENCES, required=False, help_text="What others may do with the files.")

    def __init__(self, *args: Any, teams: list[Team], **more: Any) -> None:
        super().__init__(*args, **more)
        self._teams = {team.slug: team for team in teams}
        field = self.fields["team"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(slug, team.name) for slug, team in self._teams.items()]

    @property
    def chosen_team(self) -> Team:
        """The chosen team, one of those the form was made with."""
        return self._teams[self.cleaned_data["team"]]


class CardForm(forms.Form):
    """What a dataset says of itself."""

    title = forms.CharField(max_length=200)
    subtitle = forms.CharField(max_length=300, required=False, help_text="One line, shown in lists.")
    card = forms.CharField(
        required=False,
        label="Card",
        strip=False,
        help_text="Markdown, with tables and formulas: what is in it, how it came to be, what it is not good for.",
        widget=forms.Textarea({"rows": 14, "dir": "auto", "class": "prose"}),
    )
    tags = forms.CharField(max_length=400, required=False, help_text="With commas or spaces between.")
    licence = forms.ChoiceField(choices=_LICENCES, required=False)
    other_licence = forms.CharField(
        max_length=60, required=False, label="Another licence", help_text="Counts where it is filled in."
    )
    frequency = forms.ChoiceField(choices=_FREQUENCIES, required=False, label="New versions come")
    sources = forms.CharField(
        required=False,
        help_text="Where the data come from. Markdown.",
        widget=forms.Textarea({"rows": 3, "dir": "auto", "class": "prose"}),
    )

    @classmethod
    def of(cls, dataset: Dataset, tags: list[str]) -> "CardForm":
        """The form as the card is now."""
        named = dataset.licence in LICENCES
        names = ("title", "subtitle", "card", "frequency", "sources")
        said = {name: getattr(dataset, name) for name in names}
        licence = {"licence": dataset.licence if named else "", "other_licence": "" if named else dataset.licence}
        return cls(initial={**said, **licence, "tags": ", ".join(tags)})

    def said(self) -> dict[str, Any]:
        """What `change_card` takes."""
        data = dict(self.cleaned_data)
        other = data.pop("other_licence").strip()
        data["licence"] = other or data["licence"]
        data["tags"] = data["tags"].replace(",", " ").split()
        return data


class WhoReads(forms.Form):
    """Who may read a dataset."""

    visibility = forms.ChoiceField(choices=VISIBILITIES, label="Who may read it")


class ShareDataset(ShareWith):
    """Whom to share a dataset with, as what."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["role"].help_text = "Readers read it; editors also change the card and bring new versions."
