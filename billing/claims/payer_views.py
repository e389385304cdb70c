"""The insurers claims go to."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from billing.claims.forms import PayerForm
from billing.doors import get_bill
from billing.models import Claim, Payer
from billing.services import claim_rules, claims, payers
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.RECORD_PAYMENTS)
def payer_list(request: ClinicRequest) -> HttpResponse:
    """Show the insurers, and how many claims each has not answered."""
    waiting = Count("claims", filter=Q(claims__status__in=Claim.WAITING))
    rows = Payer.objects.annotate(waiting=waiting)
    return render_page(request, "billing/payers.html", {"payers": rows})


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def new(request: ClinicRequest) -> HttpResponse:
    """Add an insurer."""
    form = PayerForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _save(request, form, None):
        messages.success(request, "Insurer added.")
        return redirect("billing:payers")
    return render_page(request, "billing/payer_edit.html", {"payer": None}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change an insurer."""
    payer = get_object_or_404(Payer, pk=pk)
    initial = {name: getattr(payer, name) for name in payers.FIELDS}
    form = PayerForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _save(request, form, payer):
        messages.success(request, "Insurer saved.")
        return redirect("billing:payers")
    return render_page(request, "billing/payer_edit.html", {"payer": payer}, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.RECORD_PAYMENTS)
def of_bill(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Add the insurer a bill names, then go on with its claim; the name comes from the bill, not from the address."""
    bill = get_bill(request.user, pk)
    form = PayerForm(request.POST or None, initial={"name": claim_rules.insurer_of(bill), "is_active": True})
    if request.method == "POST" and form.is_valid():
        payer = _save(request, form, None)
        if payer is not None:
            messages.success(request, "Insurer added.")
            if claim_rules.why_not_claimed(bill):
                return redirect("billing:detail", bill.pk)
            prepared = claims.prepare_claim(bill, payer=payer, by=request.user, at=timezone.now())
            return redirect("billing:claim", prepared.pk)
    return render_page(request, "billing/payer_edit.html", {"payer": None, "bill": bill}, form=form)


def _save(request: ClinicRequest, form: PayerForm, payer: Payer | None) -> Payer | None:
    """Return the insurer as it was stored; None when the name is taken, which the form then says."""
    try:
        return payers.save_payer(payer, form.cleaned_data, by=request.user)
    except payers.PayerExists as error:
        form.add_error("name", str(error))
    return None
