"""What is typed about a patient, checked. Only the fields the person's role may write are there."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from patients import choices, queries
from patients.models import Consent, Patient
from patients.permissions import CLINICAL_FIELDS, IDENTITY_FIELDS, writable_fields
from patients.phones import display_phone
from synapse.accounts.choices import AudioRetention
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.encryption import blind_index
from synapse.web.forms import DateThreeFieldsField

OLDEST_BIRTH = date(1890, 1, 1)
RECORD_FIELDS = frozenset({*IDENTITY_FIELDS, *CLINICAL_FIELDS})
MOST_TAGS = 12
LONGEST_TAG = 40
BAD_EMAIL = "Enter an e-mail address in the correct format, like name@example.com"
BAD_PHONE = "Enter a phone number, like {example}, or with + and the country code"


class PhoneField(forms.CharField):
    """A phone number, read in the clinic's region and returned as E.164."""

    def __init__(self, *, region: str = "", **kwargs: Any) -> None:
        self.region = region
        super().__init__(max_length=32, required=False, **kwargs)
        self.widget.input_type = "tel"
        self.widget.attrs["autocomplete"] = "off"

    def prepare_value(self, value: Any) -> Any:
        return display_phone(value, self.region) if isinstance(value, str) and value.startswith("+") else value

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        phone = blind_index.normalise_phone(text, self.region)
        if phone is None:
            raise ValidationError(BAD_PHONE.format(example=_example_phone(self.region)), code="invalid")
        return phone


class DoctorField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A colleague, shown by name and title."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.display_name)


class TagsField(forms.CharField):
    """Words separated by commas, returned as a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        tags = list(dict.fromkeys(filter(None, (tag.strip() for tag in super().clean(value).split(",")))))
        if len(tags) > MOST_TAGS:
            raise ValidationError(f"Use {MOST_TAGS} tags or fewer", code="too_many")
        if any(len(tag) > LONGEST_TAG for tag in tags):
            raise ValidationError(f"Each tag must be {LONGEST_TAG} characters or fewer", code="too_long")
        return tags


class PatientForm(forms.Form):
    """Everything the role of `user` may write about a patient; `region` (ISO 3166) reads phone numbers."""

    first_name = forms.CharField(max_length=80, error_messages={"required": "Enter the first name"})
    last_name = forms.CharField(max_length=80, error_messages={"required": "Enter the last name"})
    date_of_birth = DateThreeFieldsField(
        what="Date of birth",
        label="Date of birth",
        help_text="For example, 2 5 1991",
        earliest=lambda: OLDEST_BIRTH,
        latest=timezone.localdate,
    )
    gender = forms.ChoiceField(choices=choices.GENDERS, required=False)
    preferred_language = forms.CharField(max_length=30, required=False)
    occupation = forms.CharField(max_length=80, required=False)
    marital_status = forms.ChoiceField(choices=choices.MARITAL_STATUSES, required=False)

    phone_primary = PhoneField(label="Mobile")
    phone_secondary = PhoneField(label="Other phone")
    email = forms.EmailField(label="E-mail", required=False, error_messages={"invalid": BAD_EMAIL})
    address = forms.CharField(max_length=600, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    emergency_contact_name = forms.CharField(label="Name", max_length=160, required=False)
    emergency_contact_relationship = forms.ChoiceField(
        label="Relationship", choices=choices.RELATIONSHIPS, required=False
    )
    emergency_contact_phone = PhoneField(label="Phone")

    insurance_provider = forms.CharField(label="Insurer", max_length=120, required=False)
    insurance_policy_number = forms.CharField(label="Policy number", max_length=60, required=False)
    insurance_group_number = forms.CharField(label="Group number", max_length=60, required=False)

    blood_group = forms.ChoiceField(choices=choices.BLOOD_GROUPS, required=False)
    allergies = forms.CharField(
        max_length=2000, required=False, help_text="Separate them with commas. For example, penicillin (rash), latex"
    )
    current_medications = forms.CharField(
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One on each line, with dose and time",
    )
    medical_history = forms.CharField(max_length=20000, required=False, widget=forms.Textarea(attrs={"rows": 5}))
    notes = forms.CharField(max_length=20000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField(max_length=600, required=False, help_text="Separate them with commas")

    def __init__(self, *args: Any, user: User, region: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in RECORD_FIELDS - writable_fields(user):
            del self.fields[name]
        for name in RECORD_FIELDS & self.fields.keys():
            field = self.fields[name]
            field.widget.attrs.setdefault("autocomplete", "off")
            if isinstance(field, PhoneField):
                field.region = region
            elif isinstance(field, forms.ChoiceField):
                field.choices = _with_present(field.choices, self.initial.get(name, ""))

    @property
    def has_clinical_part(self) -> bool:
        return not self.fields.keys().isdisjoint(CLINICAL_FIELDS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        asked = ("phone_primary", "email")
        if not any(cleaned.get(name) for name in asked) and self.errors.keys().isdisjoint(asked):
            self.add_error("phone_primary", "Enter a mobile number or an e-mail address")
        return cleaned

    def record_fields(self) -> dict[str, Any]:
        """Return the cleaned values that belong to the patient's record."""
        return {name: value for name, value in self.cleaned_data.items() if name in RECORD_FIELDS}


class RegisterForm(PatientForm):
    """A new patient: also whose patient it is, and what the patient says about recording."""

    doctor = DoctorField(
        User.objects.none(), empty_label="Choose", error_messages={"required": "Choose the doctor the patient will see"}
    )
    recording = forms.ChoiceField(
        label="May sessions be recorded?",
        required=False,
        widget=forms.RadioSelect,
        choices=[
            ("verbal", "Yes, the patient said so"),
            ("written", "Yes, the patient signed on paper"),
            ("declined", "No, the patient does not want recording"),
            ("later", "Ask at the first visit"),
        ],
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        if user.may(Permission.VIEW_ALL_PATIENTS):
            _offer(self.fields["doctor"], queries.doctors())
        else:
            del self.fields["doctor"]
        if not user.may(Permission.RECORD_CONSENT):
            del self.fields["recording"]


class ShareForm(forms.Form):
    """The colleague who may open the record from now on."""

    doctor = DoctorField(
        User.objects.none(), label="Doctor", empty_label="Choose", error_messages={"required": "Choose the doctor"}
    )

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self.fields["doctor"], queries.doctors_without_access(patient))


class ConsentForm(forms.Form):
    """What the patient was asked, how they answered, and the answer. Nothing is chosen beforehand."""

    kind = forms.ChoiceField(choices=Consent.Kind.choices, widget=forms.HiddenInput)
    method = forms.ChoiceField(
        label="How did the patient answer?",
        widget=forms.RadioSelect,
        choices=[
            (Consent.Method.VERBAL.value, "Said it in the room"),
            (Consent.Method.WRITTEN.value, "Signed on paper"),
        ],
        error_messages={"required": "Choose how the patient answered"},
    )
    answer = forms.ChoiceField(choices=[("agreed", "Agreed"), ("declined", "Declined")], widget=forms.HiddenInput)


class AudioRetentionForm(forms.Form):
    """How long the patient's recordings are kept; `days` count for the rule of that name only."""

    rule = forms.ChoiceField(
        label="Recordings of this patient",
        required=False,
        choices=[("", "As the clinic does"), *AudioRetention.choices],
    )
    days = forms.IntegerField(
        label="Days",
        required=False,
        min_value=1,
        max_value=3650,
        help_text="From the end of the session; only for a number of days",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("rule") != AudioRetention.DAYS:
            cleaned["days"] = None
        elif cleaned.get("days") is None and not self.has_error("days"):
            self.add_error("days", "Say after how many days recordings are deleted")
        return cleaned


def _offer(field: forms.Field, doctors: QuerySet[User]) -> None:
    assert isinstance(field, DoctorField)
    field.queryset = doctors


def _with_present(options: Any, present: str) -> Sequence[tuple[str, str]]:
    """Return the options after an empty one, with a stored value that is in no list."""
    known = list(options)
    extra = [(present, present)] if present and present not in dict(known) else []
    return [("", "Choose"), *known, *extra]


def _example_phone(region: str) -> str:
    import phonenumbers

    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:
        return "030 123456"
    return display_phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), region)
