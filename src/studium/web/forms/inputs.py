"""The form of an input."""

from typing import Any
from urllib.parse import urlsplit

from django import forms

from studium.accounts.models import User
from studium.notebooks.inputs.providers import offered_providers
from studium.notebooks.inputs.queries import kind_of, offered
from studium.notebooks.models import Notebook


class AddInput(forms.Form):
    """A dataset, another notebook whose output files are to be read, or a storage provider of the notebook's team."""

    source = forms.CharField(
        label="Dataset, notebook or provider",
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
        help_text="What it is called in <code>/datasets</code>, or <code>/providers</code>; its own name when left empty.",
    )

    def __init__(self, *args: Any, user: User, notebook: Notebook, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "input_%s", **more})
        self.sources = [(f"{kind_of(each)}s/{each.team.slug}/{each.slug}", each.title) for each in offered(user)]
        self.sources += [(f"providers/{each.name}", "Storage provider") for each in offered_providers(user, notebook)]

    def clean_source(self) -> tuple[str, str]:
        """`datasets`, `notebooks` or nothing where that is not said, and `team/name`; also from an address.

        Or `providers` and the name of one of the notebook's team.
        """
        typed = str(self.cleaned_data["source"]).strip()
        parts = [part for part in urlsplit(typed).path.split("/") if part]
        if parts[:1] == ["providers"] and len(parts) == 2:
            return "providers", parts[1]
        if parts[:1] == ["teams"] and parts[2:3] == ["providers"] and len(parts) > 3:
            return "providers", parts[3]
        kind = parts.pop(0) if len(parts) > 2 and parts[0] in ("datasets", "notebooks") else ""
        return kind, "/".join(parts[:2])
