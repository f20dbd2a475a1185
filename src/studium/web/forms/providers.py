"""The form of a storage provider. It reads what was typed; whether it may be is decided by the actions."""

from typing import Any

from django import forms

from studium.storage.providers.actions import Wanted
from studium.storage.providers.models import Provider
from studium.storage.providers.states import KIND_WORDS, Kind

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_SECRET = {**_PLAIN, "list": "provider-secrets"}
_FIELDS = ("bucket", "region", "account", "endpoint", "key_id_secret", "key_secret", "writable")


class ProviderForm(forms.Form):
    """What a provider is told. With `row`, of one that is there, whose name and kind stay."""

    kind = forms.ChoiceField(choices=[(kind.value, words) for kind, words in KIND_WORDS.items()])
    name = forms.CharField(
        max_length=40, widget=forms.TextInput(_PLAIN), help_text="Small letters, digits and hyphens, as training-data."
    )
    endpoint = forms.CharField(
        max_length=1000, required=False, widget=forms.TextInput({**_PLAIN, "inputmode": "url"}),
        help_text="Address of the server, as https://s3.lab.example. Left empty, the cloud's own; an HTTP server needs it.",
    )  # fmt: skip
    bucket = forms.CharField(
        max_length=255, required=False, label="Bucket or container", widget=forms.TextInput(_PLAIN),
        help_text="Its name alone. An HTTP server has none.",
    )  # fmt: skip
    folder = forms.CharField(
        max_length=500, required=False, label="Folder in it", widget=forms.TextInput(_PLAIN),
        help_text="Nothing outside of it is seen. Left empty, all of it.",
    )  # fmt: skip
    region = forms.CharField(
        max_length=60, required=False, widget=forms.TextInput(_PLAIN),
        help_text="Of S3, as eu-west-1. Left empty, us-east-1.",
    )  # fmt: skip
    account = forms.CharField(
        max_length=60, required=False, label="Storage account", widget=forms.TextInput(_PLAIN), help_text="Of Azure."
    )
    key_id_secret = forms.CharField(
        max_length=64, required=False, label="Secret with the key id", widget=forms.TextInput(_SECRET),
        help_text="Of S3: the name of a secret of the team.",
    )  # fmt: skip
    key_secret = forms.CharField(
        max_length=64, required=False, label="Secret with the key", widget=forms.TextInput(_SECRET),
        help_text="The name of a secret of the team, with the secret key, the service account's JSON, the account's key or a "
        "shared access signature, a token or user:password. Left empty for a public place.",
    )  # fmt: skip
    writable = forms.BooleanField(
        required=False, label="Files may be written and deleted", help_text="Otherwise they are only read."
    )

    def __init__(self, *args: Any, row: Provider | None = None, **more: Any) -> None:
        if row is not None:
            more["initial"] = {"folder": row.prefix} | {name: getattr(row, name) for name in _FIELDS}
        super().__init__(*args, **{"auto_id": "provider_%s", **more})
        self._row = row
        if row is not None:
            del self.fields["kind"], self.fields["name"]

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        kind = Kind(self._row.kind if self._row is not None else data["kind"])
        return Wanted(kind=kind, prefix=data["folder"], **{name: data[name] for name in _FIELDS})
