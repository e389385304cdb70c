"""The form of the clinic's settings."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from synapse.accounts import choices, profiles
from synapse.accounts.models import ClinicSettings
from synapse.common.figures import read_whole_number
from synapse.notifications import sms
from synapse.web.forms import PlainMessages, clean_with

LONGEST_VOCABULARY = 10_000
MOST_REMINDERS = 4
EARLIEST_REMINDER_HOURS = 14 * 24


class HoursField(forms.CharField):
    """Numbers of hours separated by commas, returned as a list, the largest first."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(hours) for hours in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        parts = [part.strip() for part in super().clean(value).split(",") if part.strip()]
        numbers = {read_whole_number(part) or 0 for part in parts}
        if not all(1 <= number <= EARLIEST_REMINDER_HOURS for number in numbers):
            raise ValidationError(
                f"Enter hours from 1 to {EARLIEST_REMINDER_HOURS}, separated by commas, like 72, 24, 2", code="invalid"
            )
        hours = sorted(numbers, reverse=True)
        if len(hours) > MOST_REMINDERS:
            raise ValidationError(f"Use {MOST_REMINDERS} reminders or fewer", code="too_many")
        return hours


class ClinicForm(PlainMessages, forms.ModelForm):  # type: ignore[type-arg]
    """The clinic's one row of settings."""

    currency = forms.ChoiceField(label="Currency", choices=choices.CURRENCIES)
    region = forms.ChoiceField(label="Country of phone numbers", choices=choices.region_choices)
    timezone = forms.ChoiceField(label="Time zone", choices=choices.timezone_choices)
    language = forms.ChoiceField(label="Language of speech and documents", choices=choices.LANGUAGES)
    tax_rate = forms.DecimalField(
        label="Tax", min_value=0, max_value=100, decimal_places=2, help_text="Percent, on every bill unless changed"
    )
    payment_terms_days = forms.IntegerField(label="Bills are due after", min_value=0, max_value=365)
    audio_retention = forms.ChoiceField(
        label="Recordings a patient agreed to keep",
        choices=choices.AudioRetention.choices,
        help_text="A doctor may set another rule for one patient",
    )
    audio_retention_days = forms.IntegerField(
        label="Days of a recording",
        min_value=1,
        max_value=3650,
        help_text="Without that consent a recording goes when the report is signed, at the latest after these days",
    )
    record_retention_years = forms.IntegerField(
        label="Records",
        min_value=7,
        max_value=100,
        help_text="From the last treatment. Most laws ask for 7 to 10 years, some for more",
    )
    minor_retention_years = forms.IntegerField(
        label="Records of minors", min_value=1, max_value=100, help_text="From the age of majority, if that is later"
    )
    majority_age = forms.IntegerField(label="Age of majority", min_value=16, max_value=21)
    erasure_cool_off_days = forms.IntegerField(
        label="Time to think an erasure over",
        min_value=1,
        max_value=90,
        help_text="Where no second administrator carries it out",
    )
    backup_warn_hours = forms.IntegerField(
        label="A backup is old after", min_value=1, max_value=720, help_text="The worklist tells of it"
    )
    consent_valid_days = forms.IntegerField(label="A consent is valid for", min_value=1, max_value=3650)
    idle_lock_minutes = forms.IntegerField(
        label="Lock the screen after",
        min_value=1,
        max_value=240,
        help_text="Without a touch for so long. A running recording goes on",
    )
    abandoned_session_hours = forms.IntegerField(
        label="A session left open",
        min_value=1,
        max_value=168,
        help_text="Without sound for so long, it is finished with what is there",
    )
    unsigned_report_days = forms.IntegerField(
        label="A report waits unsigned for",
        min_value=1,
        max_value=90,
        help_text="The note audit names it after so long",
    )
    vocabulary = forms.CharField(
        label="Words to recognise",
        required=False,
        max_length=LONGEST_VOCABULARY,
        widget=forms.Textarea({"rows": 4}),
        help_text="One a line: medicines, places and names that come up in sessions",
    )
    opening_hour = forms.IntegerField(label="Calendar begins", min_value=0, max_value=23)
    closing_hour = forms.IntegerField(label="Calendar ends", min_value=1, max_value=24)

    message_channels = forms.ChoiceField(
        label="Patients hear about visits",
        choices=choices.MessageChannels.choices,
        help_text="Where a patient has no wish of their own",
    )
    reminder_hours = HoursField(
        label="Reminders", required=False, help_text="Hours before the visit, like 72, 24, 2. Empty: none"
    )
    quiet_from_hour = forms.IntegerField(
        label="Quiet from", min_value=0, max_value=23, help_text="What comes up later waits for the morning"
    )
    quiet_until_hour = forms.IntegerField(
        label="Quiet until", min_value=0, max_value=23, help_text="The same hour twice: never quiet"
    )
    cancel_notice_hours = forms.IntegerField(
        label="Cancelling by link up to",
        min_value=0,
        max_value=14 * 24,
        help_text="Before the visit. After that patients are asked to call",
    )

    class Meta:
        model = ClinicSettings
        fields = (
            "name",
            "address",
            "phone",
            "email",
            "region",
            "currency",
            "timezone",
            "language",
            "tax_rate",
            "payment_terms_days",
            "payment_instructions",
            "audio_retention",
            "audio_retention_days",
            "record_retention_years",
            "minor_retention_years",
            "majority_age",
            "erasure_cool_off_days",
            "backup_warn_hours",
            "consent_valid_days",
            "idle_lock_minutes",
            "abandoned_session_hours",
            "unsigned_report_days",
            "crisis_line",
            "vocabulary",
            "opening_hour",
            "closing_hour",
            "message_channels",
            "reminder_hours",
            "quiet_from_hour",
            "quiet_until_hour",
            "cancel_notice_hours",
        )
        labels = {"email": "E-mail", "payment_instructions": "How to pay", "crisis_line": "Whom to call in a crisis"}
        help_texts = {
            "payment_instructions": "Printed on every invoice",
            "crisis_line": "Stands under every summary a patient gets. For example, Tele-MANAS 14416, day and night",
        }
        widgets = {"address": forms.Textarea({"rows": 2}), "payment_instructions": forms.Textarea({"rows": 3})}

    def clean_phone(self) -> str:
        region = self.data.get("region", "")
        return clean_with(lambda text: profiles.check_phone(text, region), self.cleaned_data["phone"])

    def clean_message_channels(self) -> str:
        wish: str = self.cleaned_data["message_channels"]
        if wish in {choices.MessageChannels.SMS, choices.MessageChannels.BOTH} and not sms.is_offered():
            raise ValidationError("SMS is not set up on this server. Choose e-mail", code="no_sms")
        return wish

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        opens, closes = cleaned.get("opening_hour"), cleaned.get("closing_hour")
        if opens is not None and closes is not None and closes <= opens:
            self.add_error("closing_hour", "The calendar must end after it begins")
        return cleaned
