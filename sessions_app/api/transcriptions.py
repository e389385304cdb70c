"""`/api/v1/transcriptions/` and `/api/v1/sessions/<id>/transcription/`."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from patients.api.filters import PatientFilter
from sessions_app import queries
from sessions_app.api.transcription_serializers import TranscriptionChangeSerializer, TranscriptionSerializer
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts
from synapse.accounts.roles import Permission
from synapse.api.idempotency import idempotent
from synapse.api.serializers import ResourceSerializer
from synapse.api.viewsets import ApiRequest, ScopedViewSet, Updates

CORRECTION = OpenApiExample(
    "Two lines",
    value={
        "segments": [
            {"id": 3, "text": "Some nausea the first week. It went away."},
            {"id": 4, "speaker": "doctor"},
        ],
        "correction_notes": "Heard again with headphones",
    },
    request_only=True,
)


class TranscriptionFilters(django_filters.FilterSet):
    session = django_filters.UUIDFilter(field_name="session_id", label="The tries at the words of this session.")
    patient = PatientFilter("session__patient")
    doctor = django_filters.UUIDFilter(field_name="session__doctor_id", label="In sessions of this doctor.")
    status = django_filters.ChoiceFilter(choices=Transcription.Status.choices)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gt")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")


class TranscriptionRows(ScopedViewSet[Transcription]):
    """The tries at the words of the sessions a person opens."""

    model = Transcription
    serializer_class = TranscriptionSerializer
    related = ("session",)
    always_loaded = ("updated_at", "created_at", "session", "session__session_id", "session__patient")

    def scope(self) -> QuerySet[Transcription]:
        rows = Transcription.objects.known_to(self.request.user)
        return rows.select_related("session") if self.request.method not in {"GET", "HEAD"} else rows

    def patient_of(self, row: Transcription) -> UUID:
        return row.session.patient_id


@extend_schema_view(
    list=extend_schema(
        summary="List transcriptions",
        description=(
            "The latest first, without `segments`, `transcript_text` and `original_transcript`: an hour of speech is "
            "long. Name them in `fields` to have them."
        ),
    ),
    retrieve=extend_schema(summary="Read a transcription"),
    update=extend_schema(
        summary="Correct a transcription",
        description="What was first heard is kept with each line. An id that is not there is 400, and `fields` names it.",
        examples=[CORRECTION],
    ),
    partial_update=extend_schema(summary="Correct a transcription", examples=[CORRECTION]),
)
class TranscriptionViewSet(Updates, TranscriptionRows):
    """What was said, to read and correct for the treating doctors; administration has a failed one written again."""

    filterset_class = TranscriptionFilters
    update_class = TranscriptionChangeSerializer
    needs = {"*": Permission.VIEW_SESSIONS, "update": Permission.CONDUCT_SESSIONS}
    throttle_scopes = {"regenerate": "generate"}
    orderings = {
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
        "status": ("status", "-created_at"),
    }

    def list_scope(self, rows: QuerySet[Transcription]) -> QuerySet[Transcription]:
        return rows.order_by("-created_at", "-pk")

    def answer_serializer(self, rows: Any = None, *, many: bool = False) -> ResourceSerializer[Transcription]:
        if many and "segments" in self.answer_serializer().shown_names():
            queries.load_live_segments(rows)
        return super().answer_serializer(rows, many=many)

    @extend_schema(
        summary="Transcribe a session again",
        description="A new row with `retry_count` one higher, which counts when it is done; the old one stays.",
        request=None,
        responses={202: TranscriptionSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def regenerate(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.row()
        with self.held(row):
            again = transcripts.retry(row, by=request.user, at=timezone.now())
        return self.answer(again, 202)

    def update_object(self, row: Transcription, fields: dict[str, Any]) -> Transcription:
        return corrections.correct_segments(
            row,
            fields.get("segments", []),
            notes=fields.get("correction_notes"),
            by=self.request.user,
            at=timezone.now(),
        )


@extend_schema_view(
    retrieve=extend_schema(
        operation_id="sessions_transcription_retrieve",
        summary="Read a session's transcription",
        description="The latest finished transcript, or the latest try while there is none; 404 when nothing was heard.",
    )
)
class SessionTranscriptionViewSet(TranscriptionRows):
    """The words of a session that count now."""

    needs = {"*": Permission.VIEW_SESSIONS}

    def row(self) -> Transcription:
        visible = ConsultationSession.objects.visible_to(self.request.user).only("pk")
        session = get_object_or_404(visible, pk=self.kwargs["pk"])
        row = queries.current_transcription(session, among=self.get_queryset())
        if row is None:
            raise Http404
        return row
