"""`/api/v1/patients/<id>/shares/`: who may open a record, and why."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view

from patients import services
from patients.api.nested import OfPatient
from patients.models import Patient, PatientAccess
from synapse.accounts import step_up
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer
from synapse.api.viewsets import Creates, Deletes, ScopedViewSet


class ShareSerializer(ResourceSerializer[PatientAccess]):
    """A doctor who may open the record; `source` says why. Only what was shared is ended by hand."""

    patient = KeyField(read_only=True)
    doctor = KeyField(read_only=True)
    granted_by = KeyField(read_only=True)

    class Meta:
        model = PatientAccess
        fields = (
            *("id", "patient", "doctor", "source", "granted_at", "granted_by", "expires_at", "ended_at"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields


class NewShareSerializer(StrictSerializer):
    doctor = KeyField(queryset=User.objects.filter(is_active=True), help_text="Whom to open the record to.")


@extend_schema_view(
    list=extend_schema(summary="List a patient's shares"),
    create=extend_schema(summary="Share a patient with another doctor", request=NewShareSerializer),
    retrieve=extend_schema(summary="Read one share of a patient"),
    destroy=extend_schema(summary="End a share of a patient"),
)
class ShareViewSet(OfPatient, Creates, Deletes, ScopedViewSet[PatientAccess]):
    """Who may open a patient's record now."""

    model = PatientAccess
    serializer_class = ShareSerializer
    input_class = NewShareSerializer
    needs = {"*": Permission.SHARE_PATIENTS}
    orderings = {"granted_at": ("granted_at",)}
    cursor_ordering = ("-granted_at", "-pk")

    def scope(self) -> QuerySet[PatientAccess]:
        return PatientAccess.objects.treating().filter(patient=self.patient)

    def list_scope(self, rows: QuerySet[PatientAccess]) -> QuerySet[PatientAccess]:
        return rows.order_by("-granted_at", "-pk")

    def create_object(self, fields: dict[str, Any]) -> PatientAccess:
        step_up.check(self.request)
        patient = Patient.objects.get(pk=self.patient.pk)
        return services.share_patient(patient, doctor=fields["doctor"], by=self.request.user, at=timezone.now())

    def delete_object(self, row: PatientAccess) -> None:
        services.end_share(row, by=self.request.user, at=timezone.now())
