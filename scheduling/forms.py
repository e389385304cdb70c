"""Forms of the calendar. They turn a day and a clock time of the reader's zone into one moment."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone

from patients.forms import PatientForm
from patients.models import Patient
from scheduling.calendar.layout import NoSuchTime, at_wall_clock
from scheduling.models import Appointment, Room
from scheduling.queries import list_doctors_for
from scheduling.services.costs import CopayTooHigh, check_costs
from scheduling.services.slot_checks import LAST_YEAR, LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import User

LONGEST_TEXT = 500
LONGEST_NOTES = 1000
LONGEST_PLACE = 80
LONGEST_OVERBOOKING_REASON = 200
# Beyond these days lies no calendar page, and near the ends of all dates nothing can be reckoned with.
REAL_DAYS = [
    MinValueValidator(date(1900, 1, 1), "Enter a real day"),
    MaxValueValidator(date(LAST_YEAR, 12, 31), "Enter a real day"),
]


def current_zone() -> ZoneInfo:
    """Return the zone the reader's pages are written in."""
    return ZoneInfo(str(timezone.get_current_timezone()))


class TimeForm(forms.Form):
    """A day, a time and a length; `scheduled_at` is in the cleaned data."""

    day = forms.DateField(
        validators=REAL_DAYS,
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


class OverbookingMixin(forms.Form):
    """Asks, once a time was refused, why the visit is to stand there all the same."""

    overbooking_reason = forms.CharField(
        label="Why book it all the same",
        max_length=LONGEST_OVERBOOKING_REASON,
        required=False,
        help_text="Kept with the visit, for example: in crisis, agreed with the doctor",
    )


class SlotForm(TimeForm, OverbookingMixin):
    """A time with a doctor and, where the clinic has rooms, a room. An empty length is the usual one of the type."""

    doctor = forms.ModelChoiceField(
        User.objects.none(), empty_label="Choose the doctor", error_messages={"required": "Choose the doctor"}
    )
    room = forms.ModelChoiceField(Room.objects.none(), empty_label="No room", required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_doctors(self.fields["doctor"], user)
        self.fields["room"].queryset = Room.objects.filter(is_active=True)  # type: ignore[attr-defined]
        self.fields["duration_minutes"].required = False

    @property
    def has_rooms(self) -> bool:
        """Tell whether there is anything to choose."""
        return len(self.fields["room"].choices) > 1  # type: ignore[attr-defined]


class DetailsForm(forms.Form):
    """What is agreed for a visit besides its time."""

    appointment_type = forms.ChoiceField(
        label="Type", choices=Appointment.Type.choices, initial=Appointment.Type.FOLLOWUP
    )
    priority = forms.ChoiceField(choices=Appointment.Priority.choices, initial=Appointment.Priority.NORMAL)
    location = forms.CharField(
        label="Place",
        max_length=LONGEST_PLACE,
        required=False,
        help_text="If it is no room: how the call is reached, a ward",
    )
    chief_complaint = forms.CharField(
        label="Reason",
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text="In the patient’s words",
    )
    preparation_instructions = forms.CharField(
        label="To bring or prepare", max_length=LONGEST_TEXT, required=False, widget=forms.Textarea({"rows": 2})
    )
    notes = forms.CharField(
        label="Notes for the clinic", max_length=LONGEST_NOTES, required=False, widget=forms.Textarea({"rows": 2})
    )
    estimated_cost = forms.DecimalField(
        label="Estimated cost", max_digits=10, decimal_places=2, min_value=0, required=False
    )
    copay_amount = forms.DecimalField(
        label="Patient pays (copay)", max_digits=10, decimal_places=2, min_value=0, required=False
    )
    insurance_verified = forms.BooleanField(label="Insurance verified", required=False)
    confirmation_required = forms.BooleanField(label="Ask the patient to confirm", required=False, initial=True)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        try:
            check_costs(cleaned.get("estimated_cost"), cleaned.get("copay_amount"))
        except CopayTooHigh as error:
            self.add_error(error.field, error.message)
        return cleaned


class BookingForm(SlotForm, DetailsForm):
    """A new visit. The patient comes from the search above the form, or from the fields of a new patient there."""

    field_order = ("patient", "doctor", "day", "clock", "duration_minutes")

    patient = forms.ModelChoiceField(
        Patient.objects.none(),
        widget=forms.HiddenInput,
        error_messages={"required": "Choose the patient", "invalid_choice": "Choose the patient again"},
    )

    def __init__(self, *args: Any, user: User, has_new_patient: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.fields["patient"].queryset = Patient.objects.visible_to(user).active()  # type: ignore[attr-defined]
        self.fields["patient"].required = not has_new_patient


class NewPatientForm(PatientForm):
    """The least that registers a patient; the rest follows at the visit."""

    ASKED = ("first_name", "last_name", "date_of_birth", "phone_primary", "email")

    def __init__(self, *args: Any, user: User, region: str, **kwargs: Any) -> None:
        super().__init__(*args, user=user, region=region, prefix="new", **kwargs)
        for name in set(self.fields) - set(self.ASKED):
            del self.fields[name]

    @property
    def is_begun(self) -> bool:
        """Tell whether anything was typed into it."""
        return self.is_bound and any(value.strip() for name, value in self.data.items() if name.startswith("new-"))


class MoveForm(SlotForm):
    """Another time, doctor or room for a visit. Without a doctor, a length or a room in the data they stay."""

    reason = forms.CharField(
        max_length=LONGEST_TEXT, required=False, widget=forms.Textarea({"rows": 2}), help_text="For the clinic"
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.fields["doctor"].required = False


class EditForm(DetailsForm, OverbookingMixin):
    """What is agreed for a visit, and its room."""

    room = forms.ModelChoiceField(Room.objects.none(), empty_label="No room", required=False)

    def __init__(self, *args: Any, room: Room | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = Room.objects.filter(Q(is_active=True) | Q(pk=room.pk if room else None))
        self.fields["room"].queryset = offered  # type: ignore[attr-defined]


class CancelForm(forms.Form):
    """Why a visit is called off."""

    reason = forms.CharField(
        max_length=LONGEST_TEXT,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say why the visit is cancelled"},
        help_text="For the clinic; the patient does not see it",
    )
    by_patient = forms.BooleanField(
        required=False, label="The patient asked for it", help_text="A fee for late cancelling is only due then"
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"].strip()
        if not reason:
            raise ValidationError("Say why the visit is cancelled")
        return reason


class FreeTimesForm(forms.Form):
    """Whose free times, from which day on, for which visit. Without a doctor: anybody's."""

    doctor = forms.ModelChoiceField(User.objects.none(), required=False)
    day = forms.DateField(required=False, validators=REAL_DAYS)
    clock = forms.TimeField(required=False)
    duration_minutes = forms.IntegerField(min_value=SHORTEST_MINUTES, max_value=LONGEST_MINUTES, required=False)
    appointment_type = forms.ChoiceField(choices=Appointment.Type.choices, required=False)
    room = forms.ModelChoiceField(Room.objects.filter(is_active=True), required=False)
    patient = forms.ModelChoiceField(Patient.objects.none(), required=False)
    visit = forms.ModelChoiceField(Appointment.objects.none(), required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["doctor"].queryset = list_doctors_for(user)  # type: ignore[attr-defined]
        self.fields["patient"].queryset = Patient.objects.visible_to(user)  # type: ignore[attr-defined]
        self.fields["visit"].queryset = Appointment.objects.visible_to(user)  # type: ignore[attr-defined]


def _offer_doctors(field: forms.Field, user: User) -> None:
    field.queryset = list_doctors_for(user)  # type: ignore[attr-defined]
    field.label_from_instance = lambda person: person.display_name  # type: ignore[attr-defined]
    if user.is_doctor:
        field.initial = user.pk
        field.widget = forms.HiddenInput()
