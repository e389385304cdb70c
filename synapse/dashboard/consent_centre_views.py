"""The page of the consent centre. What it offers is pressed at the patient's own addresses."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from scheduling.forms import current_zone
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.dashboard import consent_centre
from synapse.dashboard.worklist.core import Reader
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25


@require_GET
@requires(Permission.RECORD_CONSENT)
def centre(request: ClinicRequest) -> HttpResponse:
    """Show one view of the centre with the numbers of all."""
    reader = Reader(request.user, timezone.now(), current_zone())
    show = request.GET.get("show", "")
    show = show if show in consent_centre.LABELS else consent_centre.TOMORROW
    counts = consent_centre.count_all(reader)
    page = Paginator(consent_centre.rows_of(reader, show), PAGE_SIZE).get_page(request.GET.get("page"))
    lines = consent_centre.describe(list(page), reader)
    record_read(request, subjects=[line.patient_id for line in lines], detail={"page": "consents", "show": show})
    context = {
        "page": page,
        "lines": lines,
        "show": show,
        "choices": [(value, f"{label} ({counts[value]})") for value, label in consent_centre.LABELS.items()],
        "is_visits": show in (consent_centre.TOMORROW, consent_centre.WEEK, consent_centre.VIDEO),
        "is_video": show == consent_centre.VIDEO,
        "here": request.get_full_path(),
        "moment": {"asked": "Sent", "withdrawn": "Taken back", "old": "Until"}.get(show, "Ends"),
    }
    return render_page(request, "dashboard/consent_centre.html", context)
