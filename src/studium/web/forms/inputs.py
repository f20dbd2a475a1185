"""The form of an input."""

from typing import Any
from urllib.parse import urlsplit

from django import forms

from studium.accounts.models import User
from studium.notebooks.inputs.queries import offered


class AddInput(forms.Form):
    """Another notebook whose output files are to be read."""

    source = forms.CharField(
        label="Notebook",
        max_length=400,
        widget=forms.TextInput({"placeholder": "team/notebook", "list": "input-sources", "autocapitalize": "none"}),
        help_text="Or the address of its page.",
    )
    version = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text="Left empty, the newest that ended well is followed.",
    )
    name = forms.CharField(
        required=False,
        max_length=80,
        label="Folder",
        help_text="What it is called in <code>/datasets</code>; the notebook's own name when left empty.",
    )

    def __init__(self, *args: Any, user: User, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "input_%s", **more})
        self.sources = offered(user)

    def clean_source(self) -> str:
        """`team/notebook`, also from an address."""
        typed = str(self.cleaned_data["source"]).strip()
        parts = [part for part in urlsplit(typed).path.split("/") if part]
        if "://" in typed or typed.startswith("/"):
            parts = parts[1:] if parts and parts[0] == "notebooks" else parts
        return "/".join(parts[:2])
