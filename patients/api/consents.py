"""`/api/v1/patients/<id>/consents/`: what a patient was asked and said."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from patients.api.nested import OfPatient
from patients.consents import services as consents
from patients.consents.given import Given
from patients.contact import languages
from patients.models import Consent, Patient
from synapse import workflows
from synapse.accounts.roles import Permission
from synapse.api.idempotency import idempotent
from synapse.api.serializers import KeyField, ResourceSerializer, StrictSerializer
from synapse.api.viewsets import ApiRequest, Creates, ScopedViewSet

EXAMPLES = [
    OpenApiExample("Said in the room", value={"kind": "recording", "method": "verbal"}, request_only=True),
    OpenApiExample("Ask by link", value={"kind": "treatment", "method": "link"}, request_only=True),
]


class ConsentSerializer(ResourceSerializer[Consent]):
    """One answer of a patient; an answer never changes, a new one takes its place."""

    patient = KeyField(read_only=True)
    recorded_by = KeyField(read_only=True)
    is_signed = serializers.BooleanField(read_only=True, help_text="Signed here: drawn on the tablet, or a typed name.")

    columns = {"is_signed": ("signature_hash",)}

    class Meta:
        model = Consent
        fields = (
            *("id", "patient", "kind", "method", "status", "text_version", "text_hash", "given_at"),
            *("recorded_by", "expires_at", "withdrawn_at", "text_language", "is_signed", "created_at", "updated_at"),
        )
        read_only_fields = fields


class NewConsentSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=Consent.Kind.choices)
    method = serializers.ChoiceField(
        choices=Consent.Method.choices, help_text="`link`: the patient is sent a link and answers there."
    )
    declined = serializers.BooleanField(
        default=False, help_text="The patient was asked and said no; not with `link`, where the patient answers."
    )

    language = serializers.ChoiceField(
        choices=languages.CHOICES,
        required=False,
        help_text="Of the text; left out: the one the patient reads.",
    )
    signer_name = serializers.CharField(
        max_length=120, required=False, help_text="Who agreed for a patient who cannot alone, such as a child."
    )
    signer_relation = serializers.ChoiceField(choices=Consent.Relation.choices, required=False)
    interpreter = serializers.CharField(max_length=120, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["declined"] and attrs["method"] == Consent.Method.LINK:
            raise serializers.ValidationError({"declined": "By link the patient answers. Leave this out."})
        return attrs


class ConsentFilters(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Consent.Kind.choices)
    status = django_filters.ChoiceFilter(choices=Consent.Status.choices)


@extend_schema_view(
    list=extend_schema(summary="List a patient's answers", description="The newest first, with what is over."),
    create=extend_schema(
        summary="Record a patient's answer, or ask by link",
        description=(
            "A link goes to the patient by SMS or e-mail and works for seven days; its consent is `pending` until they "
            "answer. Asked again, or answered in the room, the earlier link is dead. Without a way to write to the "
            "patient nothing is stored: `cannot_send`."
        ),
        request=NewConsentSerializer,
        examples=EXAMPLES,
    ),
    retrieve=extend_schema(summary="Read one answer"),
)
class ConsentViewSet(OfPatient, Creates, ScopedViewSet[Consent]):
    """What a patient agreed to, declined or took back."""

    model = Consent
    serializer_class = ConsentSerializer
    input_class = NewConsentSerializer
    filterset_class = ConsentFilters
    needs = {"*": Permission.VIEW_PATIENTS, "create": Permission.RECORD_CONSENT, "withdraw": Permission.RECORD_CONSENT}
    orderings = {"created_at": ("created_at",), "status": ("status",)}

    def scope(self) -> QuerySet[Consent]:
        return Consent.objects.filter(patient__in=self.patient.records())

    def list_scope(self, rows: QuerySet[Consent]) -> QuerySet[Consent]:
        return rows.order_by("-created_at", "-pk")

    def create_object(self, fields: dict[str, Any]) -> Consent:
        patient = Patient.objects.get(pk=self.patient.pk)
        if fields["method"] == Consent.Method.LINK:
            return consents.ask_by_link(patient, fields["kind"], by=self.request.user, at=timezone.now())
        record = consents.decline_consent if fields["declined"] else consents.record_consent
        beside = ("language", "signer_name", "signer_relation", "interpreter")
        given = Given(**{name: fields[name] for name in beside if name in fields})
        return record(
            patient, fields["kind"], method=fields["method"], by=self.request.user, at=timezone.now(), given=given
        )

    @extend_schema(
        summary="Take a consent back",
        description="At once: a recording that rests on it stops. A `pending` one ends as `expired`, its link is dead.",
        request=None,
        responses={200: ConsentSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def withdraw(self, request: ApiRequest, patient_pk: UUID, pk: UUID) -> Response:
        row = self.row()
        with self.held(row):
            row = workflows.withdraw_consent(row, by=request.user, at=timezone.now())
        return self.answer(row)
