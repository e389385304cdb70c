"""Forms of the calendar. They turn a day and a clock time of the reader's zone into one moment."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from patients.models import Patient
from scheduling.calendar import NoSuchTime, at_wall_clock
from scheduling.models import Appointment
from scheduling.queries import list_doctors_for
from scheduling.services import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import User


def current_zone() -> ZoneInfo:
    """Return the zone the reader's pages are written in."""
    return ZoneInfo(timezone.get_current_timezone_name())


class TimeForm(forms.Form):
    """A day, a time and a length; `scheduled_at` is in the cleaned data."""

    day = forms.DateField(
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Enter the day", "invalid": "Enter a real day"},
    )
    clock = forms.TimeField(
        label="Time",
        widget=forms.TimeInput({"type": "time", "step": 300}, format="%H:%M"),
        error_messages={"required": "Enter the time", "invalid": "Enter a time, like 10:30"},
    )
    duration_minutes = forms.IntegerField(
        label="Length",
        min_value=SHORTEST_MINUTES,
        max_value=LONGEST_MINUTES,
        initial=50,
        widget=forms.NumberInput({"inputmode": "numeric", "step": 5}),
        error_messages={"required": "Enter how many minutes the visit takes"},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("day") and cleaned.get("clock"):
            cleaned["scheduled_at"] = self._moment(cleaned)
        return cleaned

    def _moment(self, cleaned: dict[str, Any]) -> datetime | None:
        try:
            return at_wall_clock(cleaned["day"], cleaned["clock"], current_zone())
        except NoSuchTime:
            self.add_error("clock", "The clocks go forward that night and skip this time. Enter another one.")
            return None


class BookingForm(TimeForm):
    """A new visit. The patient comes from the search above the form."""

    field_order = ("patient", "doctor", "day", "clock", "duration_minutes")

    patient = forms.ModelChoiceField(
        Patient.objects.none(),
        widget=forms.HiddenInput,
        error_messages={"required": "Choose the patient", "invalid_choice": "Choose the patient again"},
    )
    doctor = forms.ModelChoiceField(
        User.objects.none(), empty_label="Choose the doctor", error_messages={"required": "Choose the doctor"}
    )
    appointment_type = forms.ChoiceField(
        label="Type", choices=Appointment.Type.choices, initial=Appointment.Type.FOLLOWUP
    )
    priority = forms.ChoiceField(choices=Appointment.Priority.choices, initial=Appointment.Priority.NORMAL)
    location = forms.CharField(max_length=80, required=False, help_text="Room, or how the video call is reached")
    chief_complaint = forms.CharField(
        label="Reason",
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text="In the patient’s words",
    )
    preparation_instructions = forms.CharField(
        label="To bring or prepare", max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["patient"].queryset = Patient.objects.visible_to(user).active()  # type: ignore[attr-defined]
        doctor = self.fields["doctor"]
        doctor.queryset = list_doctors_for(user)  # type: ignore[attr-defined]
        doctor.label_from_instance = lambda person: person.display_name  # type: ignore[attr-defined]
        if user.is_doctor:
            doctor.initial = user.pk
            doctor.widget = forms.HiddenInput()


class MoveForm(TimeForm):
    """Another time for a visit."""

    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea({"rows": 2}))


class CancelForm(forms.Form):
    """Why a visit is called off."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why the visit is cancelled"},
        help_text="For the clinic; the patient does not see it",
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"].strip()
        if not reason:
            raise ValidationError("Say why the visit is cancelled")
        return reason


class FreeTimesForm(forms.Form):
    """Whose free times, on which day, for how long."""

    doctor = forms.ModelChoiceField(User.objects.none())
    day = forms.DateField()
    duration_minutes = forms.IntegerField(min_value=SHORTEST_MINUTES, max_value=LONGEST_MINUTES)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = list_doctors_for(user)  # type: ignore[attr-defined]
