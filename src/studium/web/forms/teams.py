"""Forms of teams, members and projects."""

from django import forms

from studium.accounts.states import ROLE_WORDS, Role

ROLES = [(role.value, f"{role.value.capitalize()}: {words}") for role, words in ROLE_WORDS.items()]


class NewTeam(forms.Form):
    """A shared team."""

    name = forms.CharField(max_length=120)
    slug = forms.SlugField(
        max_length=60,
        required=False,
        label="Short name",
        help_text="For addresses: lower-case letters, digits, dashes.",
    )


class Invite(forms.Form):
    """Whom to invite, as what."""

    role = forms.ChoiceField(choices=[r for r in ROLES if r[0] != Role.OWNER.value], initial=Role.MEMBER.value)
    email = forms.EmailField(
        required=False, label="For", help_text="A note of whom the link is for. Nothing is mailed."
    )


class NewProject(forms.Form):
    name = forms.CharField(max_length=120, label="Name of the new project")
