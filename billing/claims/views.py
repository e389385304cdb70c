"""The pages of claims: the list, one claim with its boxes, and the files of it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.claims import pages as claim_pages
from billing.claims import papers
from billing.claims import queries as claim_queries
from billing.claims.forms import BoxesForm
from billing.doors import get_bill
from billing.models import Claim, Payer
from billing.money import ZERO
from billing.services import claim_files, claims, insurance
from synapse.accounts.decorators import requires
from synapse.accounts.models import User
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record, record_read, unit_of_work
from synapse.common.errors import DomainError
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 25
TABS = (
    ("unclaimed", "Not claimed"),
    ("to_send", "To send"),
    ("with_insurer", "With the insurer"),
    ("denied", "Denied"),
    ("paid", "Paid"),
    ("to_patient", "Left to patients"),
    ("withdrawn", "Withdrawn"),
    ("all", "All"),
)


@require_GET
@requires(Permission.VIEW_BILLS)
def claim_list(request: ClinicRequest) -> HttpResponse:
    """Show claims by where they stand, with what they ask for, and bills that wait to be claimed."""
    at = timezone.now()
    show, age, payer = _filters(request)
    unclaimed = claim_queries.unclaimed_bills(request.user)
    context: dict[str, Any] = {
        "tabs": TABS,
        "show": show,
        "age": age,
        "payer": payer,
        "payers": Payer.objects.all(),
        "counts": {**claim_queries.count_by_tab(request.user), "unclaimed": len(unclaimed)},
        "ages": claim_queries.ages_of(request.user, at=at),
        "now": at,
    }
    if show == "unclaimed":
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for bill in unclaimed:
            sums[bill.currency] += bill.outstanding_amount
        bills = Paginator(unclaimed, PAGE_SIZE).get_page(request.GET.get("page"))
        context |= {"page": bills, "sums": dict(sums)}
        subjects = [bill.patient_id for bill in bills]
    else:
        chosen = claim_queries.list_claims(request.user)
        chosen = claim_queries.filter_claims(chosen, show=show, age=age, payer=payer.pk if payer else None, at=at)
        page = Paginator(chosen, PAGE_SIZE).get_page(request.GET.get("page"))
        shown = list(page)
        context |= {
            "page": page,
            "sums": claim_queries.sum_claims(chosen),
            "replaced": claim_queries.replaced(shown),
            "can_choose": request.user.may(Permission.RECORD_PAYMENTS) and show in ("to_send", "with_insurer"),
        }
        subjects = [each.bill.patient_id for each in shown]
    record_read(request, target=("claims", show), subjects=subjects)
    return render_page(request, "billing/claims.html", context)


@require_GET
@requires(Permission.VIEW_BILLS)
def claim(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one claim: where it stands, what it lacks, and its boxes by number."""
    shown = get_claim(request.user, pk)
    record_read(request, target=shown, patient_id=shown.bill.patient_id)
    return render_page(request, "billing/claim.html", claim_pages.page_context(shown, request.user))


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def prepare(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Prepare the claim of a bill; an insurer nobody has entered yet is asked for first."""
    bill = get_bill(request.user, pk)
    try:
        prepared = claims.prepare_claim(bill, by=request.user, at=timezone.now())
    except DomainError as error:
        if error.code != "no_payer":
            raise
        messages.info(request, str(error))
        return redirect("billing:payer_of_bill", bill.pk)
    return redirect("billing:claim", prepared.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def verify_insurance(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Note that the patient's policy was checked."""
    bill = get_bill(request.user, pk)
    insurance.verify_insurance(bill, by=request.user, at=timezone.now())
    messages.success(request, "Noted that the insurance is verified.")
    return redirect("billing:detail", bill.pk)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Fill in the boxes of a claim that has not gone out."""
    edited = get_claim(request.user, pk)
    claims.check_editable(edited)
    may_change = claims.can_change_diagnoses(request.user, edited)
    form = BoxesForm(request.POST or None, claim=edited, may_change_diagnoses=may_change)
    if request.method == "POST" and form.is_valid():
        seen_at = datetime.fromisoformat(form.cleaned_data["seen"])
        try:
            claims.edit_claim(edited, form.claim_form(), by=request.user, at=timezone.now(), seen_at=seen_at)
        except DomainError as error:
            # What was typed stays on the page.
            form.add_error(None, str(error))
        else:
            messages.success(request, "Boxes saved.")
            return redirect("billing:claim", edited.pk)
    if request.method == "GET":
        record_read(request, target=edited, patient_id=edited.bill.patient_id, detail={"part": "boxes"})
    return render_page(request, "billing/claim_edit.html", {"claim": edited, "bill": edited.bill}, form=form)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def fill(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Fill empty boxes from the records, or all of them anew."""
    filled = get_claim(request.user, pk)
    replace_all = request.POST.get("how") == "all"
    claims.fill_again(filled, by=request.user, at=timezone.now(), replace_all=replace_all)
    messages.success(request, "All boxes filled anew." if replace_all else "Empty boxes filled from the records.")
    return redirect("billing:claim", filled.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def resubmit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Prepare the claim that replaces a denied one."""
    denied = get_claim(request.user, pk)
    replacement = claims.resubmit_claim(denied, by=request.user, at=timezone.now())
    messages.success(request, "A claim that replaces the denied one is prepared. Correct its boxes, then send it.")
    return redirect("billing:claim", replacement.pk)


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def withdraw(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take a claim back."""
    taken_back = get_claim(request.user, pk)
    claims.withdraw_claim(taken_back, by=request.user, at=timezone.now())
    messages.success(request, "Claim withdrawn.")
    return redirect("billing:claim", taken_back.pk)


@require_GET
@requires(Permission.VIEW_BILLS)
def data_sheet(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Return the boxes of a claim by number as a PDF."""
    printed = get_claim(request.user, pk)
    content = papers.data_sheet_pdf(printed)
    with unit_of_work():
        record(
            Action.EXPORT,
            by=request.user,
            target=printed,
            patient_id=printed.bill.patient_id,
            detail={"verb": "data_sheet", "format": "pdf"},
        )
    return as_file(content, f"{printed.control_number}.pdf", "application/pdf")


@require_POST
@requires(Permission.RECORD_PAYMENTS)
def batch(request: ClinicRequest) -> HttpResponse:
    """Write the chosen claims into one file, or note that they were sent with one."""
    chosen = _chosen(request.user, request.POST.getlist("claim"))
    if request.POST.get("act") == "sent":
        return _mark_sent(request, chosen)
    made = claim_files.make_claim_file(chosen, by=request.user, at=timezone.now())
    return as_file(made.content, made.name, "application/edi-x12")


def get_claim(user: User, pk: UUID) -> Claim:
    """Return a claim this person may see. Raises Http404."""
    found: Claim = get_object_or_404(claim_queries.list_claims(user), pk=pk)
    return found


def as_file(content: bytes, name: str, kind: str) -> HttpResponse:
    """Answer with a file whose name tells nothing about anybody."""
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _mark_sent(request: ClinicRequest, chosen: Iterable[Claim]) -> HttpResponse:
    sent, refused = 0, []
    for each in chosen:
        try:
            claims.mark_sent(each, via=Claim.Via.FILE, by=request.user, at=timezone.now())
            sent += 1
        except DomainError as error:
            refused.append(str(error))
    if sent:
        messages.success(request, f"{sent} claim{'' if sent == 1 else 's'} marked as sent.")
    for words in refused:
        messages.warning(request, words)
    return redirect("billing:claims")


def _chosen(user: User, ids: list[str]) -> list[Claim]:
    try:
        wanted = [UUID(each) for each in ids]
    except ValueError:
        wanted = []
    found = list(claim_queries.list_claims(user).filter(pk__in=wanted))
    if not found:
        raise DomainError("Choose at least one claim.", code="bad_choice")
    return found


def _filters(request: ClinicRequest) -> tuple[str, str, Payer | None]:
    """Return tab, age and insurer of the address; what makes no sense there is left out."""
    asked = request.GET
    show = asked.get("show", "with_insurer")
    age = asked.get("age", "")
    try:
        payer = Payer.objects.filter(pk=UUID(asked.get("payer", ""))).first()
    except ValueError:
        payer = None
    known = {name for name, _ in TABS}
    return (show if show in known else "with_insurer", age if age in claim_queries.AGES else "", payer)
