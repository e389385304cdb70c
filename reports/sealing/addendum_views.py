"""Doors of addenda: begin one, save it as it is typed, sign it, throw the draft away."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from reports import services
from reports.models import Addendum
from reports.sealing.forms import AddendumForm, AddendumSignForm
from reports.sealing.views import is_password_right
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_POST
@requires(Permission.WRITE_REPORTS)
def begin(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Open this person's draft of an addendum to a signed report."""
    draft = services.open_addendum(get_report(request, pk), by=request.user, at=timezone.now())
    return redirect("reports:addendum", pk=draft.pk)


@require_GET
@requires(Permission.WRITE_REPORTS)
def addendum(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show the draft of an addendum; a signed one is read with its report."""
    draft = _get_addendum(request, pk)
    record_read(request, target=draft, patient_id=draft.report.session.patient_id)
    if draft.is_signed:
        return redirect("reports:detail", pk=draft.report_id)
    form = AddendumSignForm(signer=request.user, initial={"text": draft.text, "revision": draft.revision})
    return _page(request, draft, form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def save(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Store what was typed so far."""
    draft = _get_addendum(request, pk)
    form = AddendumForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    draft = services.save_addendum(
        draft,
        form.cleaned_data["text"],
        by=request.user,
        at=timezone.now(),
        revision=form.cleaned_data["revision"],
    )
    if not request.htmx:
        return redirect("reports:addendum", pk=pk)
    return render_page(request, "reports/_addendum_saved.html", {"addendum": draft})


@sensitive_post_parameters("password")
@require_POST
@requires(Permission.WRITE_REPORTS)
def sign(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Sign the addendum as it stands on the page, with the password typed again."""
    draft = _get_addendum(request, pk)
    form = AddendumSignForm(request.POST, signer=request.user)
    if form.is_valid() and is_password_right(request, form):
        services.sign_addendum(
            draft,
            form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
            password_checked=True,
            revision=form.cleaned_data["revision"],
        )
        messages.success(request, "Signed. The addendum stands after the report.")
        return redirect("reports:detail", pk=draft.report_id)
    return _page(request, draft, form)


@require_POST
@requires(Permission.WRITE_REPORTS)
def discard(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Throw the draft away."""
    draft = _get_addendum(request, pk)
    services.discard_addendum(draft, by=request.user, at=timezone.now())
    messages.success(request, "The draft of the addendum is gone.")
    return redirect("reports:detail", pk=draft.report_id)


def _get_addendum(request: ClinicRequest, pk: UUID) -> Addendum:
    """Return an addendum in the person's scope, or answer 404."""
    addenda = Addendum.objects.visible_to(request.user).select_related("report__session__patient", "author")
    return get_object_or_404(addenda, pk=pk)


def _page(request: ClinicRequest, draft: Addendum, form: AddendumSignForm) -> HttpResponse:
    context = {"addendum": draft, "report": draft.report}
    return render_page(request, "reports/addendum.html", context, form=form)
