"""Forms of what people say: comments, reports, their own page, what they want e-mail of."""

from typing import Any

from django import forms

from studium.community.states import (
    BIO_LENGTH,
    COMMENT_LENGTH,
    REASON_LENGTH,
    REPORT_LENGTH,
    TOLD_WORDS,
    WHY_WORDS,
    Told,
)


class CommentForm(forms.Form):
    """A comment. How long one may be is decided by the action, so that nothing typed is lost on the way."""

    text = forms.CharField(
        label="Comment",
        strip=False,
        required=False,
        widget=forms.Textarea({"rows": 4, "dir": "auto", "maxlength": COMMENT_LENGTH, "class": "prose"}),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": "comment_%s", **more})


class ReportForm(forms.Form):
    """Why something should not be public."""

    why = forms.ChoiceField(label="What is wrong with it", choices=[(w.value, words) for w, words in WHY_WORDS.items()])
    text = forms.CharField(
        label="What should be known",
        required=False,
        max_length=REPORT_LENGTH,
        widget=forms.Textarea({"rows": 4, "dir": "auto", "class": "prose"}),
        help_text="Where it is, whose data or work it is. Only administrators read this.",
    )


class TakeDownForm(forms.Form):
    """Why something is taken down."""

    reason = forms.CharField(max_length=REASON_LENGTH, help_text="Told to its team, and to those who reported it.")


class ProfileForm(forms.Form):
    """What a person says of themselves."""

    bio = forms.CharField(
        label="About you",
        required=False,
        max_length=BIO_LENGTH,
        widget=forms.Textarea({"rows": 5, "dir": "auto", "class": "prose"}),
        help_text="Markdown, with formulas.",
    )
    link = forms.CharField(
        label="Link",
        required=False,
        max_length=400,
        widget=forms.URLInput({"placeholder": "https://", "autocomplete": "url"}),
    )


class MailForm(forms.Form):
    """Which notifications are also mailed."""

    kinds = forms.MultipleChoiceField(
        label="Also send me an e-mail when",
        choices=[(kind.value, words) for kind, words in TOLD_WORDS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def chosen(self) -> list[Told]:
        return [Told(kind) for kind in self.cleaned_data["kinds"]]
