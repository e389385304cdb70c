"""`/api/v1/sessions/` and `/api/v1/patients/<id>/sessions/`."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from patients.api.filters import PatientFilter
from patients.api.nested import OfPatient
from sessions_app import services
from sessions_app.api.serializers import NewSessionSerializer, SessionSerializer
from sessions_app.models import ConsultationSession, SessionType
from synapse import workflows
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.idempotency import idempotent
from synapse.api.serializers import ResourceSerializer
from synapse.api.viewsets import ApiRequest, Creates, Deletes, ScopedViewSet, Updates

START = OpenApiExample(
    "From a visit",
    value={
        "patient": "7b3f0c1e-5d7f-4a55-9d7f-0a5d1a3b2c11",
        "appointment": "1f6a2f0e-8f2b-4a0e-8a55-2f8a0d9b7c22",
        "session_type": "followup",
        "chief_complaint": "Sleeps four hours a night",
    },
    request_only=True,
)
PAUSE = OpenApiExample("Pause", value={"status": "paused"}, request_only=True)


class SessionFilters(django_filters.FilterSet):
    patient = PatientFilter()
    doctor = django_filters.UUIDFilter(field_name="doctor_id", label="Sessions of this doctor.")
    appointment = django_filters.UUIDFilter(method="of_visit", label="The session that began from this visit.")
    status = django_filters.ChoiceFilter(choices=ConsultationSession.Status.choices)
    session_type = django_filters.ChoiceFilter(choices=SessionType.choices)
    started_after = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="gt")
    started_before = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")

    def of_visit(
        self, sessions: QuerySet[ConsultationSession], name: str, visit_id: UUID
    ) -> QuerySet[ConsultationSession]:
        return sessions.filter(pk__in=workflows.sessions_of_visits([visit_id]))


class SessionRows(ScopedViewSet[ConsultationSession]):
    """The sessions a person knows of: reception of all, a doctor of their patients'."""

    model = ConsultationSession
    serializer_class = SessionSerializer
    filterset_class = SessionFilters
    cursor_ordering = ("-started_at", "-pk")
    # A visit is tied to its session where that begins, and let go of where the session moves: the row changes with it.
    always_loaded = ("updated_at", "started_at", "session_id", "patient")
    orderings = {
        "session_id": ("session_id",),
        "started_at": ("started_at",),
        "updated_at": ("updated_at",),
        "status": ("status", "-started_at"),
    }

    def scope(self) -> QuerySet[ConsultationSession]:
        return ConsultationSession.objects.known_to(self.request.user)

    def list_scope(self, rows: QuerySet[ConsultationSession]) -> QuerySet[ConsultationSession]:
        return rows.order_by("-started_at", "-pk")

    def answer_serializer(self, rows: Any = None, *, many: bool = False) -> ResourceSerializer[ConsultationSession]:
        serializer = super().answer_serializer(rows, many=many)
        if many:
            context: dict[str, Any] = serializer.context  # type: ignore[assignment]  # the one all fields share
            context["visits"] = workflows.visits_of_sessions(row.pk for row in rows)
        return serializer


@extend_schema_view(
    list=extend_schema(summary="List sessions", description="Those in scope, the latest first."),
    create=extend_schema(
        summary="Start a session",
        description=(
            "Also without consent: only audio is refused then. A doctor has one session at a time; a second one is "
            "409 `session_live`, and `fields.session` names the one that is open."
        ),
        examples=[START],
    ),
    retrieve=extend_schema(summary="Read a session"),
    update=extend_schema(summary="Change, pause or resume a session", examples=[PAUSE]),
    partial_update=extend_schema(summary="Change, pause or resume a session", examples=[PAUSE]),
    destroy=extend_schema(summary="Cancel a session", description="It ends, and its recording is erased."),
)
class SessionViewSet(Creates, Updates, Deletes, SessionRows):
    """Sessions in the scope of who asks; held by their doctor alone."""

    input_class = NewSessionSerializer
    needs = {
        "*": Permission.CONDUCT_SESSIONS,
        "list": Permission.VIEW_SESSION_TIMES,
        "retrieve": Permission.VIEW_SESSION_TIMES,
    }

    @extend_schema(
        summary="Complete a session",
        description="The words are queued to be written and the bill is drafted; the visit it began from is completed.",
        request=None,
        responses={200: SessionSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def complete(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        row = self.row()
        with self.held(row):
            workflows.complete_consultation(row, by=request.user, at=timezone.now())
        return self.answer(self.row())

    def create_object(self, fields: dict[str, Any]) -> ConsultationSession:
        try:
            return workflows.start_consultation(
                fields["patient"].pk,
                fields.get("appointment"),
                by=self.request.user,
                at=timezone.now(),
                session_type=fields.get("session_type"),
                chief_complaint=fields.get("chief_complaint"),
            )
        except workflows.OutOfScope as error:
            raise BadInput({"appointment": error.message}) from None

    def update_object(self, row: ConsultationSession, fields: dict[str, Any]) -> ConsultationSession:
        return services.update_session(row, fields, by=self.request.user, at=timezone.now())

    def delete_object(self, row: ConsultationSession) -> None:
        services.cancel_session(row, by=self.request.user, at=timezone.now())


@extend_schema_view(list=extend_schema(summary="List a patient's sessions", description="The latest first."))
class PatientSessionViewSet(OfPatient, SessionRows):
    """The sessions of one patient, of all records that stand for the same person."""

    needs = {"*": Permission.VIEW_SESSION_TIMES}

    def scope(self) -> QuerySet[ConsultationSession]:
        return super().scope().filter(patient__in=self.patient.records())
