"""The brief of one visit: read before it, and begin the session from it."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from patients.models import Patient
from scheduling.models import Appointment
from scheduling.services import appointments
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.dashboard.brief import read_brief
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def brief(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what to know before a visit of one's own; as a fragment: in a dialog over the day."""
    visits = Appointment.objects.visible_to(request.user).filter(
        doctor=request.user, patient__in=Patient.objects.visible_to(request.user)
    )
    visit = get_object_or_404(visits.select_related("patient", "session", "doctor"), pk=pk)
    now = timezone.now()
    record_read(request, target=visit, patient_id=visit.patient_id, detail={"part": "brief"})
    context = {
        "brief": read_brief(visit, by=request.user, at=now),
        "visit": visit,
        "can_start": appointments.can_start(visit),
        "now": now,
    }
    return render_page(request, "dashboard/brief.html", context, fragment="dashboard/_brief_dialog.html")
