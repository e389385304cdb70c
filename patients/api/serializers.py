"""A patient's record as JSON; by role, as `patients.permissions` has it."""

from datetime import date

from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework import serializers

from patients import choices, permissions
from patients.finding.search import LONGEST_QUERY, SHORTEST_QUERY
from patients.forms import LONGEST_HISTORY, LONGEST_MEDICATIONS, LONGEST_TAG, MOST_TAGS, OLDEST_BIRTH
from patients.models import Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer


class PatientSerializer(ResourceSerializer[Patient]):
    """A patient. Fields the role may not read are absent: a receptionist sees of the clinical part only
    `has_allergies`.
    """

    first_name = serializers.CharField(max_length=80)
    last_name = serializers.CharField(max_length=80)
    date_of_birth = serializers.DateField()
    age = serializers.SerializerMethodField(help_text="In whole years, on the clinic's date.")
    gender = serializers.ChoiceField(choices=choices.GENDERS, required=False, allow_blank=True)
    phone_primary = serializers.CharField(
        max_length=32, required=False, allow_blank=True, help_text="Any spelling; answered as E.164."
    )
    phone_secondary = serializers.CharField(max_length=32, required=False, allow_blank=True)
    emergency_contact_phone = serializers.CharField(max_length=32, required=False, allow_blank=True)
    blood_group = serializers.ChoiceField(choices=choices.BLOOD_GROUPS, required=False, allow_blank=True)
    marital_status = serializers.ChoiceField(choices=choices.MARITAL_STATUSES, required=False, allow_blank=True)
    emergency_contact_relationship = serializers.ChoiceField(
        choices=choices.RELATIONSHIPS, required=False, allow_blank=True
    )
    has_allergies = serializers.BooleanField(read_only=True)
    medical_history = serializers.CharField(max_length=LONGEST_HISTORY, required=False, allow_blank=True)
    current_medications = serializers.CharField(max_length=LONGEST_MEDICATIONS, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=LONGEST_HISTORY, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG), max_length=MOST_TAGS, required=False
    )
    created_by = KeyField(read_only=True)
    merged_into = KeyField(read_only=True, help_text="The record of the same person that took this one's place.")

    columns = {"age": ("date_of_birth",), "has_allergies": ("allergies",)}

    class Meta:
        model = Patient
        fields = (
            "id",
            "patient_id",
            "first_name",
            "last_name",
            "date_of_birth",
            "age",
            "gender",
            "phone_primary",
            "phone_secondary",
            "email",
            "address",
            "blood_group",
            "allergies",
            "has_allergies",
            "medical_history",
            "current_medications",
            "occupation",
            "marital_status",
            "preferred_language",
            "emergency_contact_name",
            "emergency_contact_phone",
            "emergency_contact_relationship",
            "insurance_provider",
            "insurance_policy_number",
            "insurance_group_number",
            "notes",
            "tags",
            "created_by",
            "created_at",
            "updated_at",
            "last_seen_at",
            "archived_at",
            "merged_into",
        )
        read_only_fields = ("patient_id", "created_at", "updated_at", "last_seen_at", "archived_at")

    @classmethod
    def readable(cls, user: User) -> frozenset[str]:
        return permissions.readable_fields(user) | {
            "id",
            "created_at",
            "updated_at",
            "last_seen_at",
            "archived_at",
            "merged_into",
        }

    @classmethod
    def writable(cls, user: User) -> frozenset[str]:
        return permissions.writable_fields(user)

    def get_age(self, patient: Patient) -> int:
        return patient.age_on(self._today)

    @cached_property
    def _today(self) -> date:
        return ClinicSettings.load().date_of(timezone.now())

    def validate_date_of_birth(self, value: date) -> date:
        if not OLDEST_BIRTH <= value <= self._today:
            raise serializers.ValidationError(f"Send a day from {OLDEST_BIRTH.isoformat()} to today.")
        return value


class NewPatientSerializer(PatientSerializer):
    """A patient to register: also the doctor in charge, which reception and administration must name."""

    doctor = KeyField(queryset=User.objects.filter(is_active=True), required=False, write_only=True)

    class Meta(PatientSerializer.Meta):
        fields = (*PatientSerializer.Meta.fields, "doctor")  # type: ignore[assignment]  # one longer

    @classmethod
    def writable(cls, user: User) -> frozenset[str]:
        return permissions.writable_fields(user) | {"doctor"}


class PatientQuerySerializer(StrictSerializer):
    query = serializers.CharField(
        min_length=SHORTEST_QUERY,
        max_length=LONGEST_QUERY,
        help_text="Parts of a name, phone, e-mail, birth date or number; in any order.",
    )
