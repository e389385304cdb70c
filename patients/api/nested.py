"""Rows under a patient's address: the patient first, who may be out of scope, then the rows."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property

from patients.models import Patient


class OfPatient:
    """A view below `patients/<uuid:patient_pk>/`. A merged person's rows are found under each of their records."""

    request: Any
    kwargs: dict[str, Any]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Look for the patient before the body is read: whoever may not open the record learns nothing else."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # a mixin of views
        _ = self.patient

    @cached_property
    def patient(self) -> Patient:
        """Return the patient of the address; raise Http404 for one out of scope."""
        patients = Patient.objects.visible_to(self.request.user)
        return get_object_or_404(patients.only("pk", "merged_into", "archived_at", "updated_at"), pk=self.patient_pk)

    @property
    def patient_pk(self) -> UUID:
        pk: UUID = self.kwargs["patient_pk"]
        return pk
