"""The form of an input."""

from typing import Any
from urllib.parse import urlsplit

from django import forms

from studium.accounts.models import User
from studium.notebooks.inputs.queries import kind_of, offered


class AddInput(forms.Form):
    """A dataset, or another notebook whose output files are to be read."""

    source = forms.CharField(
        label="Dataset or notebook",
        max_length=400,
        widget=forms.TextInput(
            {"placeholder": "datasets/team/name", "list": "input-sources", "autocapitalize": "none"}
        ),
        help_text="Or the address of its page.",
    )
    version = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text="Left empty, the newest is followed, of a notebook the newest that ended well.",
    )
    name = forms.CharField(
        required=False,
        max_length=80,
        label="Folder",
        help_text="What it is called in <code>/datasets</code>; its own name when left empty.",
    )

    def __init__(self, *args: Any, user: User, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "input_%s", **more})
        self.sources = [(f"{kind_of(each)}s/{each.team.slug}/{each.slug}", each.title) for each in offered(user)]

    def clean_source(self) -> tuple[str, str]:
        """`datasets`, `notebooks` or nothing where that is not said, and `team/name`; also from an address."""
        typed = str(self.cleaned_data["source"]).strip()
        parts = [part for part in urlsplit(typed).path.split("/") if part]
        kind = parts.pop(0) if len(parts) > 2 and parts[0] in ("datasets", "notebooks") else ""
        return kind, "/".join(parts[:2])
