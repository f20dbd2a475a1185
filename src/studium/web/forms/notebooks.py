"""Forms of notebooks. They read what was typed; whether it may be is decided by the actions."""

from typing import Any

from django import forms

from studium.accounts.models import Membership, Project, User
from studium.accounts.states import Role
from studium.environments.queries import offered
from studium.errors import BadInput
from studium.notebooks.states import Visibility

VISIBILITIES = [
    (Visibility.PRIVATE.value, "Private: you and the team's admins"),
    (Visibility.TEAM.value, "Team: every member reads it; those with the role member change it"),
    (Visibility.PUBLIC.value, "Public: everybody who can sign in here reads it"),
]


def projects_to_write(user: User) -> list[Project]:
    """The live projects of the teams in which the user may make things, the personal team's first."""
    able = [Role.OWNER.value, Role.ADMIN.value, Role.MEMBER.value]
    teams = Membership.objects.filter(user=user, role__in=able).values("team_id")
    rows = Project.objects.filter(team_id__in=teams, deleted_at=None).select_related("team").order_by("slug")
    return sorted(rows, key=lambda p: (p.team.personal_of_id != user.pk, p.team.slug, p.slug))


class LanguageSelect(forms.Select):
    """Languages that are not installed are shown, and cannot be chosen."""

    missing: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value in self.missing:
            option["attrs"]["disabled"] = True
        return option


class NewNotebook(forms.Form):
    """A notebook from nothing, from a file or from the gallery."""

    title = forms.CharField(
        max_length=200, required=False, help_text="Left empty, a file's name or “Untitled” is taken."
    )
    file = forms.FileField(
        required=False,
        label="Upload a notebook",
        help_text="An .ipynb file. Leave empty for a blank notebook.",
        widget=forms.ClearableFileInput(attrs={"accept": ".ipynb,application/x-ipynb+json,application/json"}),
    )
    source = forms.CharField(required=False, widget=forms.HiddenInput)
    language = forms.ChoiceField(
        choices=[],
        required=False,
        widget=LanguageSelect,
        help_text="Of a blank notebook. A file or a copy keeps its own.",
    )
    project = forms.ChoiceField(choices=[], label="Team and project")
    visibility = forms.ChoiceField(
        choices=[("", "As private as the plan allows"), *VISIBILITIES], required=False, label="Who may read it"
    )
    internet = forms.BooleanField(
        required=False,
        label="Internet access",
        help_text="Lets sessions reach the internet, for packages and data. Can be changed later.",
    )

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._projects = {f"{p.team.slug}/{p.slug}": p for p in projects}
        field = self.fields["project"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, f"{p.team.name} / {p.name}") for name, p in self._projects.items()]
        self._offer_languages()

    def _offer_languages(self) -> None:
        field, found = self.fields["language"], offered()
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(field.widget, LanguageSelect)
        field.choices = [(c.slug, c.name if c.may_be_chosen else f"{c.name} (not installed here)") for c in found]
        field.widget.missing = frozenset(c.slug for c in found if not c.may_be_chosen)

    @property
    def chosen_project(self) -> Project:
        """The chosen project, one of those the form was made with."""
        return self._projects[self.cleaned_data["project"]]

    def content(self) -> bytes | None:
        """The bytes of the upload, None without one. Raises BadInput for an empty file."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return None
        content: bytes = upload.read()
        if not content:
            raise BadInput("notebook.empty_file", f"{upload.name} is empty.", "Choose a notebook file.")
        return content

    def wanted_title(self) -> str:
        """What was typed, else the file's name."""
        typed: str = self.cleaned_data["title"].strip()
        upload = self.cleaned_data.get("file")
        if typed or upload is None:
            return typed
        return str(upload.name).removesuffix(".ipynb").replace("_", " ").strip()


class NotebookSettings(forms.Form):
    """Title, visibility and internet of a notebook; of one that is only shared with who changes it, the title."""

    title = forms.CharField(max_length=200)
    visibility = forms.ChoiceField(choices=VISIBILITIES, label="Who may read it")
    internet = forms.BooleanField(required=False, label="Internet access", help_text="Takes effect at the next start.")

    def __init__(self, *args: Any, manages: bool = True, **more: Any) -> None:
        super().__init__(*args, **more)
        if not manages:
            del self.fields["visibility"], self.fields["internet"]


class StartForm(forms.Form):
    """Which machine, and whether to open it or run it through."""

    machine = forms.CharField(max_length=60, required=False)
    kind = forms.ChoiceField(choices=[("session", "Open in JupyterLab"), ("execution", "Run all cells and end")])
