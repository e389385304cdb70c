"""What is typed into the pages of oversight."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from synapse.accounts.models import ClinicSettings, User
from synapse.oversight.models import AlertSettings, Associate, Incident, NotedDisclosure
from synapse.web.forms import PlainMessages

DAY = forms.DateInput({"type": "date"})


def _long(rows: int = 3) -> forms.Textarea:
    return forms.Textarea({"rows": rows})


class RulesForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """From which number on access stands out."""

    patients_an_hour = forms.IntegerField(label="Charts opened", min_value=3, max_value=1000)
    refusals_an_hour = forms.IntegerField(label="Refusals", min_value=3, max_value=1000)
    sign_ins_an_hour = forms.IntegerField(label="Failed sign-ins", min_value=3, max_value=1000)
    exports_an_hour = forms.IntegerField(label="Documents taken out", min_value=3, max_value=1000)
    night_from_hour = forms.IntegerField(label="Night begins", min_value=0, max_value=23)
    night_until_hour = forms.IntegerField(label="Night ends", min_value=0, max_value=23)
    watches_nights = forms.BooleanField(
        label="Records opened at night", required=False, help_text="Not by people who often work then"
    )
    watches_names = forms.BooleanField(
        label="Same surname", required=False, help_text="Once for each person and patient; the name is not kept"
    )
    watches_colleagues = forms.BooleanField(
        label="Records of colleagues", required=False, help_text="By the same e-mail address or telephone"
    )

    class Meta:
        model = AlertSettings
        fields = (
            *("patients_an_hour", "exports_an_hour", "refusals_an_hour", "sign_ins_an_hour"),
            *("night_from_hour", "night_until_hour", "watches_nights", "watches_names", "watches_colleagues"),
        )


class DisclosureForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """A disclosure made by word of mouth, by letter or by hand."""

    recipient = forms.CharField(label="Who got it", max_length=200, help_text="Person and office")
    address = forms.CharField(label="Address", max_length=300, required=False, help_text="If known")
    what = forms.CharField(label="What they got", max_length=1000, widget=_long())
    purpose = forms.CharField(label="What for", max_length=1000, widget=_long())

    class Meta:
        model = NotedDisclosure
        fields = ("disclosed_on", "recipient", "address", "what", "ground", "purpose")
        labels = {"disclosed_on": "Day", "ground": "Ground"}
        widgets = {"disclosed_on": DAY}


class LookForm(PlainMessages, forms.Form):
    """Which access to look into."""

    title = forms.CharField(
        label="What happened", max_length=160, help_text="In a few words, without names of patients"
    )
    discovered_on = forms.DateField(label="Discovered on", widget=DAY, help_text="The 60 days count from here")
    first = forms.DateField(label="From", widget=DAY)
    last = forms.DateField(label="Until", widget=DAY, help_text="Both days included")
    person = forms.ModelChoiceField(User.objects.none(), label="Account", required=False, empty_label="Any account")
    address = forms.GenericIPAddressField(label="Network address", required=False)
    sign_in = forms.UUIDField(
        label="Sign-in", required=False, help_text="Of one browser or token: “This sign-in” in the audit log"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        person: Any = self.fields["person"]
        person.queryset = User.objects.order_by("last_name", "first_name", "username")
        person.label_from_instance = lambda user: f"{user.display_name} ({user.username})"

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first")
        if not any(data.get(name) for name in ("person", "address", "sign_in")) and not self.errors:
            raise ValidationError("Choose an account, a network address or a sign-in.")
        return data

    def window(self) -> tuple[datetime, datetime]:
        """Return the moments the days begin and end at, by the clinic's clock."""
        zone = ClinicSettings.load().zone
        first, last = self.cleaned_data["first"], self.cleaned_data["last"] + timedelta(days=1)
        return datetime.combine(first, time.min, zone), datetime.combine(last, time.min, zone)


class AssessmentForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """The four factors, and what follows from them."""

    nature = forms.CharField(
        label="What was seen",
        max_length=2000,
        widget=_long(),
        help_text="Kinds of data, how sensitive, how easily somebody is recognised",
    )
    person = forms.CharField(
        label="Who saw it", max_length=2000, widget=_long(), help_text="And whether they have to keep it to themselves"
    )
    acquired = forms.CharField(label="Was it really seen or taken", max_length=2000, widget=_long())
    mitigated = forms.CharField(
        label="What makes the risk smaller",
        max_length=2000,
        widget=_long(),
        help_text="Such as a written assurance that it was destroyed",
    )
    is_breach = forms.TypedChoiceField(
        label="Conclusion",
        choices=[("1", "A breach: the patients are told"), ("0", "A low probability that the data was compromised")],
        coerce=lambda value: value == "1",
        widget=forms.RadioSelect,
    )
    happened = forms.CharField(
        label="What happened", max_length=2000, widget=_long(), help_text="In plain words; stands in the letters"
    )
    done = forms.CharField(label="What the clinic does", max_length=2000, widget=_long())
    advice = forms.CharField(label="What patients can do", max_length=2000, widget=_long())

    class Meta:
        model = Incident
        fields = ("nature", "person", "acquired", "mitigated", "is_breach", "happened", "done", "advice")


class AssociateForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """One agreement with a company."""

    name = forms.CharField(label="Company", max_length=120)
    sees = forms.CharField(label="What it gets to see", max_length=400, widget=_long(2))
    contact = forms.CharField(
        label="Contact", max_length=200, required=False, help_text="Whom to call when something happens"
    )

    class Meta:
        model = Associate
        fields = ("name", "service", "sees", "contact", "signed_on", "ends_on")
        labels = {"service": "Service", "signed_on": "Signed on", "ends_on": "Ends on"}
        widgets = {"signed_on": DAY, "ends_on": DAY}
