"""Who came without a visit, and to whom they go."""

from typing import Any

from django import forms

from patients.forms import DoctorField, PatientForm
from patients.models import Patient
from scheduling.models import Appointment
from scheduling.queries import list_doctors_for
from scheduling.services.slot_checks import LONGEST_MINUTES, SHORTEST_MINUTES
from synapse.accounts.models import User

SHORT_FORM = ("first_name", "last_name", "date_of_birth", "phone_primary", "email")


class WalkInForm(forms.Form):
    """The visit that begins now. `patient` is somebody on file; empty for a new patient."""

    patient = forms.ModelChoiceField(
        Patient.objects.none(), required=False, error_messages={"invalid_choice": "Search for the patient again"}
    )
    doctor = DoctorField(
        User.objects.none(),
        label="Clinician",
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the clinician they go to"},
    )
    appointment_type = forms.ChoiceField(
        label="Kind of visit",
        choices=[choice for choice in Appointment.Type.choices if choice[0] != Appointment.Type.TELEMEDICINE],
        initial=Appointment.Type.CONSULTATION,
    )
    duration_minutes = forms.IntegerField(
        label="Length",
        min_value=SHORTEST_MINUTES,
        max_value=LONGEST_MINUTES,
        initial=30,
        widget=forms.NumberInput({"inputmode": "numeric", "step": 5}),
        error_messages={"required": "Enter how many minutes the visit takes"},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["patient"].queryset = Patient.objects.visible_to(user).active()  # type: ignore[attr-defined]
        self.fields["doctor"].queryset = list_doctors_for(user)  # type: ignore[attr-defined]


class NewcomerForm(PatientForm):
    """The few lines that make a record; the rest follows in the waiting room."""

    def __init__(self, *args: Any, user: User, region: str, **kwargs: Any) -> None:
        super().__init__(*args, user=user, region=region, **kwargs)
        for name in set(self.fields) - set(SHORT_FORM):
            del self.fields[name]


class NoNameForm(forms.Form):
    """What helps to find somebody in the waiting room again."""

    note = forms.CharField(
        label="What they want or look like",
        max_length=120,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
        help_text="For example, asks for Dr Rao, blue coat",
    )
