"""Forms of notebooks from git. They read what was typed; whether it may be is decided by the actions."""

from typing import Any

from django import forms

from studium.accounts.models import Project
from studium.notebooks.git.naming import Wanted
from studium.notebooks.states import Visibility
from studium.web.forms.notebooks import VISIBILITIES

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class RepositoryForm(forms.Form):
    """A repository and what is to be had of it."""

    url = forms.CharField(
        max_length=1000, label="Repository", widget=forms.TextInput({**_PLAIN, "inputmode": "url"}),
        help_text="As https://host/path.git. Read and cloned in a sandbox; nothing of it is run.",
    )  # fmt: skip
    ref = forms.CharField(
        max_length=200, required=False, label="Branch, tag or commit", widget=forms.TextInput(_PLAIN),
        help_text="Left empty, the default branch.",
    )  # fmt: skip
    path = forms.CharField(
        max_length=400, required=False, label="Notebook in it", widget=forms.TextInput(_PLAIN),
        help_text="As folder/name.ipynb. Left empty, the only one there is, or you choose afterwards.",
    )  # fmt: skip
    secret = forms.CharField(
        max_length=64, required=False, label="Secret with a token", widget=forms.TextInput({**_PLAIN, "list": "git-secrets"}),
        help_text="The name of a secret of the project or its team, for a private repository and to push.",
    )  # fmt: skip
    username = forms.CharField(
        max_length=100, required=False, label="User name of the token", widget=forms.TextInput(_PLAIN),
        help_text="Many servers take any name.",
    )  # fmt: skip
    depth = forms.IntegerField(
        min_value=0, max_value=100_000, required=False, label="Commits of history", help_text="Left empty, all of them."
    )
    submodules = forms.BooleanField(required=False, label="Fetch submodules too")

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        names = ("url", "ref", "path", "secret", "username", "submodules")
        return Wanted(**{name: data[name] for name in names}, depth=data["depth"] or 0)


class NewGitNotebook(RepositoryForm):
    """The same, with the notebook that is made of it."""

    title = forms.CharField(max_length=200, required=False, help_text="Left empty, the repository's name.")
    project = forms.ChoiceField(choices=[], label="Team and project")
    visibility = forms.ChoiceField(
        choices=[("", "As private as the plan allows"), *VISIBILITIES], required=False, label="Who may read it"
    )
    internet = forms.BooleanField(
        required=False, label="Internet access for its sessions", help_text="Also for git in their terminals."
    )

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._projects = {f"{p.team.slug}/{p.slug}": p for p in projects}
        field = self.fields["project"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, f"{p.team.name} / {p.name}") for name, p in self._projects.items()]

    @property
    def chosen_project(self) -> Project:
        return self._projects[self.cleaned_data["project"]]

    @property
    def chosen_visibility(self) -> Visibility | None:
        return Visibility(self.cleaned_data["visibility"]) if self.cleaned_data["visibility"] else None


class CredentialsForm(forms.Form):
    """Which secret git uses."""

    secret = forms.CharField(
        max_length=64,
        required=False,
        label="Secret with a token",
        widget=forms.TextInput({**_PLAIN, "list": "git-secrets"}),
    )
    username = forms.CharField(
        max_length=100, required=False, label="User name of the token", widget=forms.TextInput(_PLAIN)
    )


class PushForm(forms.Form):
    """A commit's message, and where to."""

    message = forms.CharField(max_length=5000, label="What was changed", widget=forms.Textarea({"rows": 3}))
    branch = forms.CharField(
        max_length=200, required=False, label="Another branch", widget=forms.TextInput(_PLAIN),
        help_text="Left empty, the one it is on.",
    )  # fmt: skip
