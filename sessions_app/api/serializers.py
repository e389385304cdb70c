"""A session as JSON; by role, as `sessions_app.permissions` has it."""

from uuid import UUID

from django.urls import reverse
from rest_framework import serializers

from patients.models import Patient
from sessions_app import permissions, queries
from sessions_app.forms import LONGEST_COMPLAINT, LONGEST_NOTES
from sessions_app.models import ConsultationSession, SessionType
from synapse import workflows
from synapse.accounts.models import User
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer


class SessionSerializer(ResourceSerializer[ConsultationSession]):
    """A session. Reception reads that one took place, with its time, type and state; administration all but content."""

    patient = KeyField(read_only=True)
    doctor = KeyField(read_only=True)
    appointment = serializers.SerializerMethodField(help_text="The visit it began from, if any.")
    session_type = serializers.ChoiceField(choices=SessionType.choices, required=False)
    telehealth = serializers.BooleanField(required=False, help_text="Whether it is held by video.")
    status = serializers.ChoiceField(
        choices=ConsultationSession.Status.choices,
        required=False,
        help_text="Write `paused` or `in_progress` to pause and resume; any other one is 409.",
    )
    chief_complaint = serializers.CharField(max_length=LONGEST_COMPLAINT, required=False, allow_blank=True)
    session_notes = serializers.CharField(
        max_length=LONGEST_NOTES, required=False, allow_blank=True, trim_whitespace=False
    )
    audio_url = serializers.SerializerMethodField(
        help_text="Where the recording is played from, at this address alone."
    )
    recording_settings = serializers.DictField(read_only=True, help_text="How the microphone was set.")
    stt_settings = serializers.DictField(read_only=True, help_text="What the speech engine was told, and fell back to.")
    billing_amount = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True, allow_null=True)

    columns = {"appointment": (), "audio_url": ("audio_name", "audio_deleted_at")}

    class Meta:
        model = ConsultationSession
        fields = (
            "id",
            "session_id",
            "patient",
            "doctor",
            "appointment",
            "session_type",
            "telehealth",
            "status",
            "chief_complaint",
            "session_notes",
            "started_at",
            "ended_at",
            "paused_at",
            "resumed_at",
            "duration_minutes",
            "audio_url",
            "audio_duration_seconds",
            "audio_size_bytes",
            "audio_format",
            "audio_quality_score",
            "recording_settings",
            "stt_settings",
            "billing_code",
            "billing_amount",
            "created_at",
            "updated_at",
        )
        read_only_fields = (
            "session_id",
            "started_at",
            "ended_at",
            "paused_at",
            "resumed_at",
            "duration_minutes",
            "audio_duration_seconds",
            "audio_size_bytes",
            "audio_format",
            "audio_quality_score",
            "billing_code",
            "created_at",
            "updated_at",
        )

    @classmethod
    def readable(cls, user: User) -> frozenset[str]:
        return frozenset(name for name in cls.Meta.fields if permissions.may_read_session_field(user, name))

    def get_appointment(self, session: ConsultationSession) -> UUID | None:
        # A list looks all of them up at once.
        visits: dict[UUID, UUID] | None = self.context.get("visits")
        return (workflows.visits_of_sessions([session.pk]) if visits is None else visits).get(session.pk)

    def get_audio_url(self, session: ConsultationSession) -> str | None:
        if not queries.has_audio_as_read(session):
            return None
        address = reverse("session-audio", args=[session.pk])
        request = self.context.get("request")
        return request.build_absolute_uri(address) if request else address


class NewSessionSerializer(StrictSerializer):
    """A session to begin, on its own or from a visit, whose type and reason it takes when none are sent."""

    patient = KeyField(queryset=Patient.objects.all())
    appointment = serializers.UUIDField(required=False, allow_null=True)
    session_type = serializers.ChoiceField(choices=SessionType.choices, required=False)
    chief_complaint = serializers.CharField(max_length=LONGEST_COMPLAINT, required=False, allow_blank=True)
