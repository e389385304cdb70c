"""The history of one bill: its audit trail, for the doctor of its patient and for administrators."""

from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from billing.doors import get_bill
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import AuditEvent
from synapse.audit.services import record_read
from synapse.oversight.trail import describe
from synapse.web.http import ClinicRequest, render_page

MOST = 200


@require_GET
@requires(Permission.VIEW_CLINICAL)
def for_bill(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show who read and who changed a bill, its payment links and its claims; the desk sees the ledger only."""
    bill = get_bill(request.user, pk)
    of_bill = Q(target_type="billing.Bill", target_id=str(bill.pk))
    for rows in (bill.payment_links, bill.claims):
        keys = [str(key) for key in rows.values_list("pk", flat=True)]
        of_bill |= Q(target_type=rows.model._meta.label, target_id__in=keys)
    events = list(AuditEvent.objects.filter(of_bill).order_by("-seq")[:MOST])
    record_read(request, target=bill, patient_id=bill.patient_id, detail={"part": "history"})
    context = {"bill": bill, "rows": describe(events), "is_cut": len(events) == MOST, "most": MOST}
    return render_page(request, "dashboard/bill_history.html", context)
