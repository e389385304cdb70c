"""The list of companies that handle patient data, in the clinic's settings."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.oversight import associates
from synapse.oversight.forms import AssociateForm
from synapse.oversight.models import Associate
from synapse.oversight.models.associates import Service
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.MANAGE_CLINIC)
def associate_list(request: ClinicRequest) -> HttpResponse:
    """Show which services are used and which agreements there are."""
    today = ClinicSettings.load().date_of(timezone.now())
    listed = Associate.objects.visible_to(request.user).listed().order_by("name")
    context = {
        "used": associates.overview(today=today),
        "rows": [(each, each.holds_on(today), each.ends_soon(today)) for each in listed],
    }
    return render_page(request, "oversight/associates.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def new(request: ClinicRequest) -> HttpResponse:
    """Add an agreement."""
    service = request.GET.get("service", "")
    return _edit(request, None, initial={"service": service if service in Service.values else ""})


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def edit(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Change an agreement."""
    listed = Associate.objects.visible_to(request.user).listed()
    return _edit(request, get_object_or_404(listed, pk=pk), initial={})


@require_POST
@requires(Permission.MANAGE_CLINIC)
def end(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take an agreement off the list."""
    associate = get_object_or_404(Associate.objects.visible_to(request.user), pk=pk)
    associates.end_associate(associate, by=request.user, at=timezone.now())
    messages.success(request, "Taken off the list.")
    return redirect("oversight:associates")


def _edit(request: ClinicRequest, associate: Associate | None, *, initial: dict[str, str]) -> HttpResponse:
    stored = {name: getattr(associate, name) for name in AssociateForm.Meta.fields} if associate else initial
    form = AssociateForm(request.POST or None, initial=stored)
    if form.is_valid():
        associates.save_associate(associate, form.cleaned_data, by=request.user)
        messages.success(request, "Saved.")
        return redirect("oversight:associates")
    return render_page(request, "oversight/associate.html", {"associate": associate}, form=form)
