"""What is asked about a correction the patient wants."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from reports.models import Addendum, Report
from synapse.records.amendment_models import AmendmentRequest
from synapse.records.amendments import LONGEST
from synapse.web.forms import PlainMessages


class NoteForm(PlainMessages, forms.Form):
    """What the patient asks for, and when it arrived. Reception, which reads no report, names none."""

    report = forms.ModelChoiceField(
        label="About the report", queryset=Report.objects.none(), required=False, empty_label="Something else"
    )
    statement = forms.CharField(
        label="What stands there now", max_length=LONGEST, required=False, widget=forms.Textarea({"rows": 2})
    )
    wanted = forms.CharField(
        label="What the patient asks for",
        max_length=LONGEST,
        help_text="In the patient's words, with the reason",
        widget=forms.Textarea({"rows": 4}),
    )
    received_on = forms.DateField(label="Received on", widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, reports: "QuerySet[Report] | None", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if reports is None:
            del self.fields["report"]
        else:
            self.fields["report"].queryset = reports  # type: ignore[attr-defined]  # a ModelChoiceField
            self.fields["report"].label_from_instance = label_of  # type: ignore[attr-defined]


def label_of(report: Report) -> str:
    return f"{report.title}, version {report.version}, {report.session.session_id}"


class AcceptForm(PlainMessages, forms.Form):
    """Which signed text corrects the report."""

    deed = forms.ChoiceField(label="Corrected by", required=False)
    note = forms.CharField(
        label="In words", max_length=LONGEST, required=False, widget=forms.Textarea({"rows": 2}),
        help_text="Stands in the letter",
    )  # fmt: skip

    def __init__(self, *args: Any, asked: AmendmentRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.addenda: dict[str, Addendum] = {}
        self.versions: dict[str, Report] = {}
        report = asked.report
        if report is None:
            del self.fields["deed"]
            return
        self.addenda = {f"addendum-{one.pk}": one for one in report.addenda.signed()}
        later = report.session.reports.filter(
            report_type=report.report_type, version__gt=report.version, status=Report.Status.SIGNED
        )
        self.versions = {f"version-{one.pk}": one for one in later.order_by("version")}
        self.fields["deed"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            *((name, f"Addendum {one.number}") for name, one in self.addenda.items()),
            *((name, f"Version {one.version}") for name, one in self.versions.items()),
        ]

    @property
    def has_deeds(self) -> bool:
        return "deed" not in self.fields or bool(self.addenda or self.versions)

    @property
    def terms(self) -> dict[str, Any]:
        """Return what the service takes."""
        deed = self.cleaned_data.get("deed", "")
        return {
            "addendum": self.addenda.get(deed),
            "amended_report": self.versions.get(deed),
            "note": self.cleaned_data["note"],
        }


class DenyForm(PlainMessages, forms.Form):
    """On what ground, and in plain words."""

    reason = forms.ChoiceField(label="Ground", choices=AmendmentRequest.DenialReason.choices)
    note = forms.CharField(
        label="In plain words", max_length=LONGEST, widget=forms.Textarea({"rows": 3}), help_text="Stands in the letter"
    )


class WordsForm(PlainMessages, forms.Form):
    """A text: why it takes longer, or what the patient says to a denial."""

    text = forms.CharField(label="In words", max_length=LONGEST, widget=forms.Textarea({"rows": 3}))
