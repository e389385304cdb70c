"""One bill: its lines, who pays, its ledger, and what can be done with it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing.bills import line_pages
from billing.bills import pages as bill_pages
from billing.claims import pages as claim_pages
from billing.documents import invoice
from billing.documents import pages as document_pages
from billing.documents.sheets import INSURER, PATIENT
from billing.doors import get_bill
from billing.models import Bill
from billing.payment_links import pages as payment_link_pages
from billing.reminders import pages as reminder_pages
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page

COPIES = [(PATIENT, "Patient"), (INSURER, "Insurer")]
# What each card of the page shows, by the module that knows it. A card adds its own names to the page's context.
CARDS: tuple[Callable[[Bill, User], dict[str, Any]], ...] = (
    bill_pages.money_context,
    bill_pages.action_context,
    line_pages.lines_context,
    payment_link_pages.payment_link_context,
    document_pages.document_context,
    claim_pages.claim_context,
    reminder_pages.reminder_context,
)


@require_GET
@requires(Permission.VIEW_BILLS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one bill with its lines, who pays, its ledger and the invoice as it will print."""
    bill = get_bill(request.user, pk)
    record_read(request, target=bill, patient_id=bill.patient_id)
    copy = INSURER if request.GET.get("copy") == INSURER else PATIENT
    context: dict[str, Any] = {
        **invoice.invoice_context(bill, copy=copy),
        "copies": COPIES,
        "copy": copy,
        "sees_history": request.user.may(Permission.VIEW_CLINICAL),
        "today": ClinicSettings.load().date_of(timezone.now()),
    }
    for card in CARDS:
        context |= card(bill, request.user)
    return render_page(request, "billing/detail.html", context)
