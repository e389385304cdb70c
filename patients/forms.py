"""What is typed about a patient, checked. Only the fields the person's role may write are there."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from patients import choices, queries
from patients.consents.given import Given
from patients.contact.languages import NATIVE_NAMES
from patients.contact.phones import display_phone
from patients.merging.services import BOTH, KEPT, OTHER, FieldChoice
from patients.models import Consent, Patient
from patients.permissions import CLINICAL_FIELDS, IDENTITY_FIELDS, writable_fields
from synapse.accounts.choices import AudioRetention
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.encryption import blind_index
from synapse.web.forms import DateThreeFieldsField

OLDEST_BIRTH = date(1890, 1, 1)
RECORD_FIELDS = frozenset({*IDENTITY_FIELDS, *CLINICAL_FIELDS})
LONGEST_HISTORY = 20_000
LONGEST_MEDICATIONS = 4_000
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
        max_length=LONGEST_MEDICATIONS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One on each line, with dose and time",
    )
    medical_history = forms.CharField(
        max_length=LONGEST_HISTORY, required=False, widget=forms.Textarea(attrs={"rows": 5})
    )
    notes = forms.CharField(max_length=LONGEST_HISTORY, required=False, widget=forms.Textarea(attrs={"rows": 3}))
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

    field_order = ("doctor",)  # as on the page, where errors are read in the same order

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


class HandoverForm(forms.Form):
    """To whom patients go, until when, why, and whether coming visits go along."""

    from_doctor = DoctorField(User.objects.none(), label="From", empty_label="Choose")
    to_doctor = DoctorField(
        User.objects.none(), label="To", empty_label="Choose", error_messages={"required": "Choose the colleague"}
    )
    how_long = forms.ChoiceField(
        label="For how long?",
        widget=forms.RadioSelect,
        choices=[("until", "Until a day: leave, illness"), ("for_good", "For good")],
        initial="until",
    )
    last_day = DateThreeFieldsField(
        label="Last day", what="Last day", required=False, help_text="The colleague can open the records until its end"
    )
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why the patients are handed over"},
    )
    move_visits = forms.BooleanField(
        label="Move coming visits to the colleague where the time is free there", required=False
    )

    def __init__(self, *args: Any, givers: Sequence[User], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        _offer(self.fields["from_doctor"], queries.doctors().filter(pk__in=[giver.pk for giver in givers]))
        if len(givers) == 1:
            self.fields["from_doctor"].widget = forms.HiddenInput()
            _offer(self.fields["to_doctor"], queries.doctors().exclude(pk=givers[0].pk))
        else:
            _offer(self.fields["to_doctor"], queries.doctors())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("how_long") == "for_good":
            cleaned["last_day"] = None
        elif not self.has_error("last_day"):
            if cleaned.get("last_day") is None:
                self.add_error("last_day", "Enter the last day of the cover")
            elif cleaned["last_day"] < self.today:
                self.add_error("last_day", "Enter a day from today on")
        return cleaned


class MergeForm(forms.Form):
    """Which value stays in each field two records differ in, and how it is known that they are of one person."""

    reason = forms.CharField(
        label="How do you know that both are the same person?",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say how you know that both records are of the same person"},
    )

    def __init__(self, *args: Any, differences: Sequence[FieldChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.differences = differences
        for choice in differences:
            self.fields[choice.name] = forms.ChoiceField(
                label=_label_of(choice.name),
                required=False,
                choices=[(answer, answer) for answer in (KEPT, OTHER, *([BOTH] if choice.can_join else []))],
                initial=choice.default,
            )

    def choices(self) -> dict[str, str]:
        return {choice.name: self.cleaned_data[choice.name] or choice.default for choice in self.differences}


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
    language = forms.ChoiceField(choices=NATIVE_NAMES.items(), required=False, widget=forms.HiddenInput)
    heard_by = forms.ModelChoiceField(
        queries.hearers(), label="Who heard it", required=False, empty_label=None, help_text="When it was said"
    )
    paper_place = forms.CharField(
        label="Where the paper is", required=False, max_length=200, help_text="When it was signed on paper"
    )
    signer_relation = forms.ChoiceField(
        label="Who answered",
        required=False,
        choices=[("", "The patient"), *Consent.Relation.choices],
    )
    signer_name = forms.CharField(label="Name, if it was not the patient", required=False, max_length=120)
    interpreter = forms.CharField(label="Interpreter, if one was there", required=False, max_length=120)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("signer_relation") and not cleaned.get("signer_name"):
            self.add_error("signer_name", "Enter the name of the person who answered")
        return cleaned

    def given(self) -> Given:
        """Return what is noted beside the answer."""
        said = self.cleaned_data["method"] == Consent.Method.VERBAL
        return Given(
            language=self.cleaned_data["language"],
            heard_by=self.cleaned_data["heard_by"] if said else None,
            paper_place="" if said else self.cleaned_data["paper_place"],
            signer_name=self.cleaned_data["signer_name"],
            signer_relation=self.cleaned_data["signer_relation"],
            interpreter=self.cleaned_data["interpreter"],
        )


class ConsentTextForm(forms.Form):
    """The next version of what patients are asked."""

    title = forms.CharField(label="What is asked", max_length=120, error_messages={"required": "Write what is asked"})
    text = forms.CharField(
        label="What the patient agrees to",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": "Write what the patient agrees to"},
    )
    effective_on = forms.DateField(
        label="Asked from", widget=forms.DateInput(attrs={"type": "date"}), error_messages={"required": "Enter a day"}
    )
    asks_again = forms.BooleanField(
        label="Ask again whoever agreed to an older version",
        required=False,
        help_text="They are listed and marked; what they agreed to holds until they answer. Other languages are not "
        "asked until they are written anew.",
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_effective_on(self) -> date:
        day: date = self.cleaned_data["effective_on"]
        if day < self.today:
            raise ValidationError("Enter today or a later day")
        return day


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


def _label_of(name: str) -> str:
    """Return the name of a field as the form of the record has it."""
    field = PatientForm.base_fields.get(name)
    return str((field.label if field else None) or name.replace("_", " ").capitalize())


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
