"""Doors of the work on many bills: start it, and read what became of each."""

from uuid import UUID, uuid4

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.desk import listing as desk_listing
from billing.desk.filters import read_filter
from billing.exports import views as export_views
from billing.models import Bill, BillBatch
from billing.services import batches
from patients.models import Patient
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.models import Job
from synapse.web.http import ClinicRequest, render_page

RUNNING = (Job.State.QUEUED, Job.State.RUNNING)
ACTIONS = {
    "send": BillBatch.Action.SEND,
    "remind": BillBatch.Action.REMIND,
    "mail_statements": BillBatch.Action.MAIL_STATEMENTS,
    "statements": BillBatch.Action.PRINT_STATEMENTS,
}


@require_POST
@requires(Permission.VIEW_BILLS)
def start(request: ClinicRequest) -> HttpResponseBase:
    """Do with the chosen bills what the pressed button says."""
    chosen = _chosen(request)
    wish = request.POST.get("do", "")
    if wish == "export":
        return export_views.bills_of(request, chosen)
    if wish not in ACTIONS:
        raise Http404
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = uuid4()
    batch = batches.start_batch(ACTIONS[wish], chosen, by=request.user, at=timezone.now(), key=key)
    return redirect("billing:batch_report", batch.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def report(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show how far a batch is and what was left out; POST goes on with one that was cut short."""
    batch = get_object_or_404(BillBatch.objects.filter(requested_by=request.user), pk=pk)
    job = batches.job_of(batch)
    is_running = job is not None and job.state in RUNNING
    if request.method == "POST" and not is_running:
        batches.continue_batch(batch, by=request.user, at=timezone.now())
        return redirect("billing:batch_report", batch.pk)
    outcomes = batches.outcomes_of(batch)
    bills = Bill.objects.visible_to(request.user).filter(pk__in=[one.bill_id for one in outcomes])
    named = {
        bill.pk: bill
        for bill in bills.select_related("patient").only("bill_number", "patient__first_name", "patient__last_name")
    }
    record_read(request, target=batch, subjects={bill.patient_id for bill in named.values()}, poll=True)
    rows = [(one, named[one.bill_id]) for one in outcomes if one.bill_id in named]
    context = {
        "batch": batch,
        "done": [row for row in rows if row[0].is_done],
        "left_out": [row for row in rows if not row[0].is_done],
        "parts": _parts(batch) if not is_running else range(0),
        "count": len(outcomes),
        "total": len(batch.bill_ids),
        "is_running": is_running,
        "is_cut_short": not is_running and len(outcomes) < len(batch.bill_ids),
    }
    return render_page(request, "billing/batch_report.html", context, fragment="billing/_batch_report.html")


@require_GET
@requires(Permission.RECORD_PAYMENTS)
def statements(request: ClinicRequest, pk: UUID, part: int) -> HttpResponse:
    """Return one part of a batch's printed statements as a file."""
    printed = BillBatch.objects.filter(requested_by=request.user, action=BillBatch.Action.PRINT_STATEMENTS)
    batch = get_object_or_404(printed, pk=pk)
    parts = batches.parts_of(batch)
    if not 1 <= part <= len(parts):
        raise Http404
    visible = Patient.objects.in_care_of(request.user).filter(pk__in=[letter.patient_id for letter in parts[part - 1]])
    if visible.count() != len(parts[part - 1]):
        raise Http404
    content = batches.print_statements(batch, part)
    subjects = [letter.patient_id for letter in parts[part - 1]]
    record_read(request, target=batch, action=Action.EXPORT, subjects=subjects, detail={"part": part})
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="statements-{batch.created_at:%Y%m%d}-{part}.pdf"'
    return response


def _parts(batch: BillBatch) -> range:
    """Return the numbers of the files of printed statements."""
    is_printed = batch.action == BillBatch.Action.PRINT_STATEMENTS
    return range(1, len(batches.parts_of(batch)) + 1) if is_printed else range(0)


def _chosen(request: ClinicRequest) -> list[UUID]:
    """Return the bills that were ticked, or every one of the list when that box was ticked."""
    if "everything" in request.POST:
        wanted = read_filter(QueryDict(request.POST.get("filter", "").removeprefix("?")))
        today = ClinicSettings.load().date_of(timezone.now())
        return desk_listing.chosen_keys(request.user, wanted, today=today)
    keys = []
    for text in request.POST.getlist("bill"):
        try:
            keys.append(UUID(text))
        except ValueError:
            raise Http404 from None
    return keys
