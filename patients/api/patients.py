"""`/api/v1/patients/`."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from patients import services
from patients.api.serializers import NewPatientSerializer, PatientQuerySerializer, PatientSerializer
from patients.finding.search import SHORTEST_QUERY, search_patients
from patients.models import Patient, PatientAccess
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.api.errors import BadInput
from synapse.api.viewsets import ApiRequest, Creates, Deletes, ScopedViewSet, Updates
from synapse.audit.models import Action
from synapse.audit.services import record_read

EXAMPLE = OpenApiExample(
    "A new patient",
    value={
        "first_name": "Kavya",
        "last_name": "Iyer",
        "date_of_birth": "1991-05-02",
        "gender": "female",
        "phone_primary": "+91 98200 12345",
        "email": "kavya.iyer@example.com",
    },
    request_only=True,
)


class PatientFilters(django_filters.FilterSet):
    archived = django_filters.BooleanFilter(
        field_name="archived_at", lookup_expr="isnull", exclude=True, label="Archived ones instead of those in use."
    )
    doctor = django_filters.UUIDFilter(method="opened_by", label="Patients this doctor may open.")
    last_seen_after = django_filters.IsoDateTimeFilter(field_name="last_seen_at", lookup_expr="gt")
    last_seen_before = django_filters.IsoDateTimeFilter(field_name="last_seen_at", lookup_expr="lt")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")

    def opened_by(self, patients: QuerySet[Patient], name: str, doctor_id: UUID) -> QuerySet[Patient]:
        return patients.filter(pk__in=PatientAccess.objects.open().filter(doctor_id=doctor_id).values("patient_id"))


@extend_schema_view(
    list=extend_schema(
        summary="List patients",
        description="Those in scope that are in use, the last seen first. `search` orders by how well it fits.",
        parameters=[
            OpenApiParameter(
                "search",
                str,
                description="As `/patients/search/`, for scripts: access logs drop query strings. At most 50 are found.",
            )
        ],
    ),
    create=extend_schema(summary="Register a patient", examples=[EXAMPLE]),
    retrieve=extend_schema(summary="Read a patient", description="An archived one as well, with `archived_at`."),
    update=extend_schema(summary="Change a patient"),
    partial_update=extend_schema(summary="Change a patient"),
    destroy=extend_schema(summary="Archive a patient", description="Hidden from lists; still read by id."),
)
class PatientViewSet(Creates, Updates, Deletes, ScopedViewSet[Patient]):
    """Patients in the scope of who asks."""

    model = Patient
    serializer_class = PatientSerializer
    input_class = NewPatientSerializer
    filterset_class = PatientFilters
    needs = {
        "*": Permission.VIEW_PATIENTS,
        "create": Permission.EDIT_PATIENTS,
        "update": Permission.EDIT_PATIENTS,
        "destroy": Permission.SHARE_PATIENTS,
    }
    questions = ("search",)
    own_parameters = ("search",)
    orderings = {
        "patient_id": ("patient_id",),
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
        "last_seen_at": ("last_seen_at",),
    }

    def list_scope(self, rows: QuerySet[Patient]) -> QuerySet[Patient]:
        if "archived" not in self.request.query_params:
            rows = rows.filter(archived_at=None)
        return rows if "cursor" in self.request.query_params else rows.latest_first()  # type: ignore[attr-defined]

    def patient_of(self, row: Patient) -> UUID:
        return row.pk

    def list(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
        text = request.query_params.get("search")
        if text is None:
            return super().list(request, *args, **kwargs)
        if len(text.strip()) < SHORTEST_QUERY:
            raise BadInput({"search": f"Send {SHORTEST_QUERY} characters or more."})
        return self._found(text)

    @extend_schema(
        summary="Search patients",
        description="The query comes in the body, so it is in no address and no log. At most 50 are found.",
        request=PatientQuerySerializer,
        responses={200: PatientSerializer(many=True)},
        filters=False,
    )
    @action(detail=False, methods=["post"])
    def search(self, request: ApiRequest) -> Response:
        return self._found(self.input(PatientQuerySerializer)["query"])

    def create_object(self, fields: dict[str, Any]) -> Patient:
        doctor: User | None = fields.pop("doctor", None)
        return services.register_patient(fields, doctor=doctor, by=self.request.user, at=timezone.now())

    def update_object(self, row: Patient, fields: dict[str, Any]) -> Patient:
        return services.update_patient(row, fields, by=self.request.user, at=timezone.now())

    def delete_object(self, row: Patient) -> None:
        services.archive_patient(row, by=self.request.user, at=timezone.now())

    def _found(self, text: str) -> Response:
        """Answer with what a query finds, the best fit first; the trail holds whom, not the query."""
        clinic = ClinicSettings.load()
        hits = search_patients(text, by=self.request.user, region=clinic.region, today=clinic.date_of(timezone.now()))
        keys = [hit.patient.pk for hit in hits]
        serializer = self.answer_serializer()
        columns = serializer.needed_columns() | {"pk"}
        rows = Patient.objects.only(*columns).in_bulk(keys)
        record_read(self.request, action=Action.SEARCH, subjects=keys, detail={"hits": len(keys)})
        page = self.paginate_queryset([rows[key] for key in keys if key in rows])
        return self.get_paginated_response(self.answer_serializer(page, many=True).data)
