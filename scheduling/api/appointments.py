"""`/api/v1/appointments/`, and a patient's visits below `/api/v1/patients/<id>/`."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from patients.api.nested import OfPatient
from scheduling.api.filters import AppointmentFilters
from scheduling.api.serializers import (
    AppointmentSerializer,
    CancelAppointmentSerializer,
    NewAppointmentSerializer,
    RescheduleAppointmentSerializer,
    StartAppointmentSerializer,
)
from scheduling.availability import slots
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services import edits
from sessions_app.api.serializers import SessionSerializer
from synapse import workflows
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.idempotency import idempotent
from synapse.api.viewsets import ApiRequest, Creates, ScopedViewSet, Updates

BOOKING = OpenApiExample(
    "A follow-up",
    value={
        "patient": "6f0f7b0e-8f43-4a53-9d55-3d7b5b6e2b1c",
        "doctor": "0c3d2f64-5b0f-4c3b-8a68-9d5f0a7a1d11",
        "scheduled_at": "2026-03-02T09:30:00+05:30",
        "duration_minutes": 50,
        "appointment_type": "followup",
        "chief_complaint": "Sleeps badly again",
    },
    request_only=True,
)
MOVING = OpenApiExample(
    "A week later",
    value={"scheduled_at": "2026-03-09T09:30:00+05:30", "reason": "The patient is travelling"},
    request_only=True,
)
CHANGE = (
    "Details change the visit itself. Another `scheduled_at` or `doctor` books a new visit in its place, as "
    "`reschedule` does, and answers with that one; `rescheduled_from` names this one. The status changes by the actions."
)


class AppointmentRows(ScopedViewSet[Appointment]):
    """What lists of visits share."""

    model = Appointment
    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilters
    needs = {"*": Permission.VIEW_CALENDAR, "start": Permission.CONDUCT_SESSIONS}
    related = ("room",)
    always_loaded = ("updated_at", "patient")
    orderings = {
        "scheduled_at": ("scheduled_at",),
        "status": ("status", "scheduled_at"),
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    }
    cursor_ordering = ("-scheduled_at", "-pk")

    def list_scope(self, rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
        return rows.order_by("-scheduled_at", "-pk")


@extend_schema_view(
    list=extend_schema(summary="List visits", description="Those in scope, the latest time first."),
    create=extend_schema(
        summary="Book a visit",
        description=(
            "409 `slot_taken` when the doctor, the patient or the room has another visit then, `not_available` when the "
            "time is not offered; `/free-slots/` tells which are."
        ),
        request=NewAppointmentSerializer,
        examples=[BOOKING],
    ),
    retrieve=extend_schema(summary="Read a visit"),
    update=extend_schema(summary="Change a visit", description=CHANGE),
    partial_update=extend_schema(summary="Change a visit", description=CHANGE),
)
class AppointmentViewSet(Creates, Updates, AppointmentRows):
    """Visits in the scope of who asks: a doctor's own, everybody's at the desk."""

    input_class = NewAppointmentSerializer

    def create_object(self, fields: dict[str, Any]) -> Appointment:
        user = self.request.user
        doctor = fields.pop("doctor", user if user.is_doctor else None)
        if doctor is None:
            raise BadInput({"doctor": "Name the doctor the visit is with."})
        kind = fields.pop("appointment_type", Appointment.Type.FOLLOWUP)
        minutes = fields.pop("duration_minutes", None) or slots.default_length(kind, doctor=doctor).duration_minutes
        visit = services.schedule_appointment(
            fields.pop("patient"),
            doctor=doctor,
            duration_minutes=minutes,
            appointment_type=kind,
            by=user,
            at=timezone.now(),
            **fields,
        )
        return _as_stored(visit)

    def update_object(self, row: Appointment, fields: dict[str, Any]) -> Appointment:
        return _as_stored(edits.change_appointment(row, by=self.request.user, at=timezone.now(), **fields))

    @extend_schema(
        summary="Confirm a visit", description="The patient will come.", request=None, responses=AppointmentSerializer
    )
    @action(detail=True, methods=["post"])
    def confirm(self, request: ApiRequest, pk: str) -> Response:
        return self._change(services.confirm_appointment)

    @extend_schema(summary="Cancel a visit", request=CancelAppointmentSerializer, responses=AppointmentSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: ApiRequest, pk: str) -> Response:
        return self._change(services.cancel_appointment, **self.input(CancelAppointmentSerializer))

    @extend_schema(
        summary="Note that a visit took place",
        description="For a visit without a session here; completing a session completes its visit.",
        request=None,
        responses=AppointmentSerializer,
    )
    @action(detail=True, methods=["post"])
    def complete(self, request: ApiRequest, pk: str) -> Response:
        return self._change(services.complete_appointment)

    @extend_schema(
        summary="Note that nobody came",
        description="Once the visit's time is there; before it 409 `too_early`.",
        request=None,
        responses=AppointmentSerializer,
    )
    @action(detail=True, methods=["post"], url_path="no-show")
    def no_show(self, request: ApiRequest, pk: str) -> Response:
        return self._change(services.mark_no_show)

    @extend_schema(
        summary="Move a visit",
        description="Answers with the new visit; the old one is `rescheduled`, and each names the other.",
        request=RescheduleAppointmentSerializer,
        responses={201: AppointmentSerializer},
        examples=[MOVING],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def reschedule(self, request: ApiRequest, pk: str) -> Response:
        row, fields = self.row(), self.input(RescheduleAppointmentSerializer)
        with self.held(row):
            moved = services.reschedule_appointment(row, by=request.user, at=timezone.now(), **fields)
        return self.answer(_as_stored(moved), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Start the consultation of a visit",
        description=(
            "Answers with the session, which takes the visit's type and reason when none are sent. The doctor's own "
            "visits only; while another session of theirs is open it is 409 `session_live`."
        ),
        request=StartAppointmentSerializer,
        responses={201: SessionSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def start(self, request: ApiRequest, pk: str) -> Response:
        row, fields = self.row(), self.input(StartAppointmentSerializer)
        with self.held(row):
            session = workflows.start_consultation(row.patient_id, row.pk, by=request.user, at=timezone.now(), **fields)
        return self.answer_as(SessionSerializer, session, status.HTTP_201_CREATED)

    def _change(self, service: Any, **fields: Any) -> Response:
        row = self.row()
        with self.held(row):
            service(row, by=self.request.user, at=timezone.now(), **fields)
        return self.answer(_as_stored(row))


@extend_schema_view(list=extend_schema(summary="List a patient's visits", description="The latest time first."))
class PatientAppointmentViewSet(OfPatient, AppointmentRows):
    """A patient's visits in the scope of who asks: to a doctor the own ones."""

    def scope(self) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(self.request.user).filter(patient__in=self.patient.records())


def _as_stored(visit: Appointment) -> Appointment:
    """Read a visit again: what follows from a change may have written to it as well."""
    visit.refresh_from_db()
    return visit
