"""Forms of sharing: who gets what, for how long; the PIN of a link; the lines of a summary."""

from typing import Any

from django import forms

from reports.models import Report, ReportShare
from reports.services.sharing import LONGEST_PIN, LONGEST_SHARE_REASON, MOST_USES, SHORTEST_PIN
from reports.services.summaries import LONGEST_LINE
from synapse.links.tokens import new_pin
from synapse.web.forms import PlainMessages

HOURS = [(1, "1 hour"), (24, "1 day"), (72, "3 days"), (168, "7 days"), (720, "30 days")]
USES = [(1, "Once"), (2, "Twice"), (3, "3 times"), (5, "5 times"), (10, "10 times"), (MOST_USES, f"{MOST_USES} times")]
NO_PIN, MADE_PIN, OWN_PIN = "", "made", "own"


class ShareReportForm(PlainMessages, forms.Form):
    """A link to a signed report or to its summary."""

    document = forms.ChoiceField(choices=ReportShare.Document.choices, label="Document", widget=forms.RadioSelect)
    email = forms.EmailField(label="Their e-mail address", max_length=254)
    expires_in_hours = forms.TypedChoiceField(choices=HOURS, coerce=int, initial=72, label="Works for")
    uses = forms.TypedChoiceField(choices=USES, coerce=int, initial=1, label="Can be opened")
    pin_kind = forms.ChoiceField(
        choices=[(NO_PIN, "No PIN"), (MADE_PIN, "Six digits, made now"), (OWN_PIN, "My own")],
        initial=MADE_PIN,
        required=False,
        label="PIN",
    )
    pin = forms.CharField(
        min_length=SHORTEST_PIN,
        max_length=LONGEST_PIN,
        required=False,
        label="My own PIN",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    reason = forms.CharField(
        max_length=LONGEST_SHARE_REASON,
        required=False,
        label="Why it is shared without the patient’s consent",
        help_text="Only for a provider, when the patient has not agreed to sharing reports.",
        widget=forms.Textarea({"rows": 2}),
    )
    mail = forms.BooleanField(required=False, initial=True, label="Mail the link")

    def __init__(self, *args: Any, report: Report, has_summary: bool, has_consent: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with_field = forms.ChoiceField(choices=ReportShare.Audience.choices, label="For", widget=forms.RadioSelect)
        self.fields = {"with": with_field, **self.fields}
        self.fields["with"].initial = ReportShare.Audience.PATIENT
        self.fields["document"].initial = ReportShare.Document.SUMMARY if has_summary else ReportShare.Document.REPORT
        self.fields["email"].initial = report.session.patient.email
        if has_consent:
            del self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("pin_kind") == OWN_PIN and not data.get("pin") and "pin" not in self.errors:
            self.add_error("pin", f"Type a PIN of {SHORTEST_PIN} characters or more.")
        return data

    @property
    def terms(self) -> dict[str, Any]:
        """Return what the service asks for; a PIN is made here when one is wanted."""
        data = self.cleaned_data
        pin = {MADE_PIN: new_pin(), OWN_PIN: data["pin"]}.get(data["pin_kind"], "")
        return {
            "audience": data["with"],
            "document": data["document"],
            "email": data["email"],
            "expires_in_hours": data["expires_in_hours"],
            "uses": data["uses"],
            "pin": pin,
            "reason": data.get("reason", ""),
        }


class OpenForm(PlainMessages, forms.Form):
    """The button of a link, and its PIN when it has one."""

    pin = forms.CharField(
        max_length=LONGEST_PIN,
        label="PIN",
        help_text="The clinic gave it to you in another way than this link.",
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def __init__(self, *args: Any, needs_pin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_pin:
            del self.fields["pin"]


class SummaryLineForm(PlainMessages, forms.Form):
    """One line of a summary, with the state of the summary it was read in."""

    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    text = forms.CharField(
        label="Line",
        max_length=LONGEST_LINE,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Write the line, or leave it out."},
    )


class RevisionForm(forms.Form):
    """The state of the summary somebody acts on."""

    revision = forms.IntegerField(required=False, min_value=0)
