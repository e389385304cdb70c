"""`/api/v1/patients/<id>/audit/`: who did what with a patient's data."""

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from patients.api.nested import OfPatient
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.api.serializers import ResourceSerializer
from synapse.api.viewsets import ScopedViewSet
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.audit.queries import about_patients


class AuditEventSerializer(ResourceSerializer[AuditEvent]):
    """One thing that was done or refused. `ip` is for administrators."""

    class Meta:
        model = AuditEvent
        fields = (
            *("id", "seq", "at", "action", "outcome", "actor_id", "actor_label", "target_type", "target_id"),
            *("target_label", "detail", "request_id", "ip"),
        )
        read_only_fields = fields

    @classmethod
    def readable(cls, user: User) -> frozenset[str] | None:
        return None if user.may(Permission.VIEW_AUDIT) else frozenset(cls.Meta.fields) - {"ip"}


class AuditFilters(django_filters.FilterSet):
    action = django_filters.ChoiceFilter(choices=Action.choices)
    outcome = django_filters.ChoiceFilter(choices=Outcome.choices)
    actor = django_filters.UUIDFilter(field_name="actor_id")
    at_after = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    at_before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")


@extend_schema_view(
    list=extend_schema(
        summary="List a patient's audit trail",
        description="The newest first: what was done with the record, and lists and searches that showed the patient.",
    )
)
class AuditTrailViewSet(OfPatient, ScopedViewSet[AuditEvent]):
    """The trail of one patient's data."""

    model = AuditEvent
    serializer_class = AuditEventSerializer
    filterset_class = AuditFilters
    needs = {"*": Permission.VIEW_CLINICAL}
    orderings = {"seq": ("seq",)}
    cursor_ordering = ("-seq",)
    always_loaded = ()

    def scope(self) -> QuerySet[AuditEvent]:
        records = self.patient.records().values_list("pk", flat=True)
        return AuditEvent.objects.filter(about_patients(records))

    def list_scope(self, rows: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return rows.order_by("-seq")

    def patient_of(self, row: AuditEvent) -> UUID:
        return self.patient.pk
