"""Forms of the waiting list: what somebody waits for, and a free time picked by hand."""

from typing import Any

from django import forms

from patients.models import Patient
from scheduling.forms import REAL_DAYS, TimeForm
from scheduling.models import Appointment, WaitingEntry
from scheduling.queries import list_doctors_for
from scheduling.series.recurrence import WEEKDAYS
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import User

CLOCK = {"type": "time", "step": 300}
DAY = {"type": "date"}


class WishForm(forms.Form):
    """What a patient waits for."""

    doctor = forms.ModelChoiceField(User.objects.none(), label="Clinician", required=False, empty_label="Any clinician")
    appointment_type = forms.ChoiceField(
        label="Type", choices=Appointment.Type.choices, initial=Appointment.Type.FOLLOWUP
    )
    duration_minutes = forms.IntegerField(
        label="Length",
        min_value=SHORTEST_MINUTES,
        max_value=LONGEST_MINUTES,
        initial=50,
        widget=forms.NumberInput({"inputmode": "numeric", "step": 5}),
        error_messages={"required": "Enter how many minutes the visit takes"},
    )
    priority = forms.ChoiceField(choices=Appointment.Priority.choices, initial=Appointment.Priority.NORMAL)
    weekdays = forms.TypedMultipleChoiceField(
        label="Days",
        coerce=int,
        required=False,
        choices=[(number, name) for number, name in enumerate(WEEKDAYS)],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: any day",
    )
    from_clock = forms.TimeField(
        label="Not before",
        required=False,
        widget=forms.TimeInput(CLOCK, format="%H:%M"),
        error_messages={"invalid": "Enter a time, like 10:30"},
    )
    until_clock = forms.TimeField(
        label="Over by",
        required=False,
        widget=forms.TimeInput(CLOCK, format="%H:%M"),
        error_messages={"invalid": "Enter a time, like 10:30"},
    )
    earliest_day = forms.DateField(
        label="Earliest day",
        required=False,
        validators=REAL_DAYS,
        widget=forms.DateInput(DAY, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a real day"},
    )
    latest_day = forms.DateField(
        label="Latest day",
        required=False,
        validators=REAL_DAYS,
        widget=forms.DateInput(DAY, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a real day"},
    )
    notes = forms.CharField(
        max_length=500, required=False, widget=forms.Textarea({"rows": 2}), help_text="For the clinic"
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        doctor = self.fields["doctor"]
        doctor.queryset = list_doctors_for(user)  # type: ignore[attr-defined]
        doctor.label_from_instance = lambda person: person.display_name  # type: ignore[attr-defined]


class EntryForm(WishForm):
    """A new entry: who waits, and the visit they have until then."""

    patient = forms.ModelChoiceField(
        Patient.objects.none(),
        widget=forms.HiddenInput,
        error_messages={"required": "Choose the patient", "invalid_choice": "Choose the patient again"},
    )
    visit = forms.ModelChoiceField(
        Appointment.objects.none(),
        widget=forms.HiddenInput,
        required=False,
        error_messages={"invalid_choice": "This visit is over or called off. Put the patient on the list without it."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.fields["patient"].queryset = Patient.objects.visible_to(user).active()  # type: ignore[attr-defined]
        self.fields["visit"].queryset = Appointment.objects.visible_to(user).open()  # type: ignore[attr-defined]


class OfferForm(forms.Form):
    """Whom a time is offered to, and whether the next in line follows by itself."""

    entry = forms.ModelChoiceField(WaitingEntry.objects.none())
    goes_on = forms.BooleanField(required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        entries = WaitingEntry.objects.visible_to(user).select_related("patient", "doctor", "current_appointment")
        self.fields["entry"].queryset = entries  # type: ignore[attr-defined]


class SlotForm(TimeForm):
    """A free time picked by hand."""

    field_order = ("doctor", "day", "clock", "duration_minutes")

    doctor = forms.ModelChoiceField(
        User.objects.none(),
        label="Clinician",
        empty_label="Choose the clinician",
        error_messages={"required": "Choose the clinician"},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        doctor = self.fields["doctor"]
        doctor.queryset = list_doctors_for(user)  # type: ignore[attr-defined]
        doctor.label_from_instance = lambda person: person.display_name  # type: ignore[attr-defined]
        if user.is_doctor:
            doctor.initial = user.pk
