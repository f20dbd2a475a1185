"""The form of a webhook. The key for signatures is never put into a page again."""

from django import forms

from studium.notebooks.states import Notify


class WebhookForm(forms.Form):
    """Where to, when, and the key for signatures."""

    url = forms.CharField(
        max_length=2000, label="Address", help_text="As https://hooks.example.org/path, reachable from the internet.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    notify = forms.ChoiceField(
        label="Called", initial=Notify.FAILURE.value,
        choices=[(Notify.FAILURE.value, "When a run has failed"), (Notify.ALWAYS.value, "After every run")],
    )  # fmt: skip
    secret = forms.CharField(
        max_length=200, required=False, strip=False, label="Key for signatures",
        help_text="Left empty, the one there is stays, or one is made and shown once.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )  # fmt: skip

    @property
    def chosen(self) -> Notify:
        return Notify(self.cleaned_data["notify"])
