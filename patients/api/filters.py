"""What lists of any app are narrowed by when it is about a patient."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet

from patients.models import Patient


class PatientFilter(django_filters.UUIDFilter):
    """The rows of one person, whichever of their records they stand on; `field_name` is the path to the patient."""

    def __init__(self, field_name: str = "patient", **kwargs: Any) -> None:
        super().__init__(field_name=field_name, **{"label": "Also of records merged into this one.", **kwargs})

    def filter(self, qs: QuerySet[Any], value: UUID | None) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__in": Patient.objects.records_of(value)}) if value else qs
