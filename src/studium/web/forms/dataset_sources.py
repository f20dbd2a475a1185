"""Forms of what is brought to a dataset from elsewhere. They read what was typed; whether it may be is decided by the actions."""

from django import forms

from studium.api.shapes.dataset_sources import NewImport

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class _Bring(forms.Form):
    """What all kinds of sources have in common."""

    use_required_attribute = False
    note = forms.CharField(max_length=500, required=False, label="Note of the version")
    add = forms.BooleanField(required=False, label="The files of the version before stay")

    def wanted(self) -> NewImport:
        """What the API would take for the same."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        return NewImport.model_validate(given)


class FromUrls(_Bring):
    """Files at addresses."""

    field_order = ("urls", "unpack", "note", "add")

    urls = forms.CharField(
        max_length=250_000, label="Addresses", widget=forms.Textarea({**_PLAIN, "rows": 3}),
        help_text="One a line, as https://host/file.csv.",
    )  # fmt: skip
    unpack = forms.BooleanField(required=False, label="Unpack zip and tar archives")

    def clean_urls(self) -> list[str]:
        text: str = self.cleaned_data["urls"]
        return [line.strip() for line in text.splitlines() if line.strip()]


class FromGit(_Bring):
    """A commit of a repository."""

    field_order = ("git", "ref", "folder", "secret", "username", "note", "add")

    git = forms.CharField(
        max_length=1000, label="Repository", widget=forms.TextInput({**_PLAIN, "inputmode": "url"}),
        help_text="As https://host/path.git. Nothing of it is run.",
    )  # fmt: skip
    ref = forms.CharField(
        max_length=200, required=False, label="Branch, tag or commit", widget=forms.TextInput(_PLAIN),
        help_text="Left empty, the default branch.",
    )  # fmt: skip
    folder = forms.CharField(
        max_length=400, required=False, label="Folder in it", widget=forms.TextInput(_PLAIN),
        help_text="Left empty, all of it.",
    )  # fmt: skip
    secret = forms.CharField(
        max_length=64, required=False, label="Secret with a token", widget=forms.TextInput(_PLAIN),
        help_text="The name of a secret of the team, for a private repository.",
    )  # fmt: skip
    username = forms.CharField(
        max_length=100, required=False, label="User name of the token", widget=forms.TextInput(_PLAIN),
        help_text="Many servers take any name.",
    )  # fmt: skip


class FromNotebook(_Bring):
    """Output files of a notebook's version."""

    field_order = ("notebook", "number", "note", "add")

    notebook = forms.CharField(
        max_length=200, label="Notebook", widget=forms.TextInput({**_PLAIN, "list": "notebooks-with-files"}),
        help_text="As team/name. Its output files are not copied.",
    )  # fmt: skip
    number = forms.IntegerField(
        min_value=1, max_value=999_999_999, required=False, label="Version",
        help_text="Left empty, the newest that ended well.",
    )  # fmt: skip


class FromProvider(_Bring):
    """Files of a storage provider."""

    field_order = ("provider", "folder", "note", "add")

    provider = forms.CharField(
        max_length=200, label="Provider", widget=forms.TextInput({**_PLAIN, "list": "providers"}),
        help_text="As team/name. Its files come by themselves, without a run.",
    )  # fmt: skip
    folder = forms.CharField(
        max_length=400, required=False, label="Folder or file in it", widget=forms.TextInput(_PLAIN),
        help_text="Left empty, all of it.",
    )  # fmt: skip
