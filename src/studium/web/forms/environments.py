"""Forms of environments. They read what was typed; whether it can be built is for the resolver to say."""

from typing import Any

from django import forms

from studium.accounts.models import User
from studium.environments.access import visible_to
from studium.environments.models import Environment
from studium.environments.states import SourceKind
from studium.notebooks.models import Notebook

_KINDS = [
    (SourceKind.PACKAGES.value, "Packages, one a line"),
    (SourceKind.REQUIREMENTS.value, "A requirements.txt"),
    (SourceKind.PYPROJECT.value, "A pyproject.toml"),
]


class WhatToBuild(forms.Form):
    """What an environment is made from: text, or a file that says it."""

    kind = forms.ChoiceField(choices=_KINDS, label="Made from")
    source = forms.CharField(
        required=False,
        label="Packages or content",
        strip=False,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false", "autocapitalize": "none", "class": "code"}),
        help_text="As <code>pandas&gt;=2</code>. ipykernel and pip are always added.",
    )
    file = forms.FileField(required=False, label="Or a file", help_text="A requirements.txt or pyproject.toml.")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        upload = data.get("file")
        if upload is not None:
            try:
                data["source"] = upload.read().decode()
            except UnicodeDecodeError:
                self.add_error("file", "This file is no text.")
            if upload.name.endswith(".toml"):
                data["kind"] = SourceKind.PYPROJECT.value
            elif data.get("kind") == SourceKind.PYPROJECT:
                data["kind"] = SourceKind.REQUIREMENTS.value
        elif not (data.get("source") or "").strip():
            self.add_error("source", "Type what it is made from, or choose a file.")
        return data


class NewEnvironment(WhatToBuild):
    """A new one, with its name."""

    name = forms.CharField(max_length=120, help_text="Such as Vision, or Course 2026.")
    field_order = ("name", "kind", "source", "file")


class ChooseEnvironment(forms.Form):
    """What a notebook runs in."""

    environment = forms.ChoiceField(label="Environment", required=False)
    build = forms.IntegerField(
        required=False, min_value=1, label="Stay with build", help_text="Left empty, the newest is followed."
    )

    def __init__(self, user: User, notebook: Notebook, *args: Any, **more: Any) -> None:
        chosen = notebook.environment
        more.setdefault(
            "initial",
            {"environment": chosen.pk if chosen else "default", "build": notebook.environment_number},
        )
        super().__init__(*args, **{"auto_id": "environment_%s", **more})
        found = list(visible_to(user).exclude(team=None).order_by("team__slug", "name"))
        if chosen is not None and all(each.pk != chosen.pk for each in found):
            found.append(chosen)  # it came with a copy, or was deleted: what is set is shown
        field = self.fields["environment"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("default", "Default, of the platform"), *((each.pk, _words(each)) for each in found)]


def _words(environment: Environment) -> str:
    team = environment.team.slug if environment.team else ""
    return f"{environment.name} ({team})" + (" \u00b7 deleted" if environment.deleted_at else "")
