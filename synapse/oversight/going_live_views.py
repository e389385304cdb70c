"""The page of what is left before the first patient."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.common import readiness
from synapse.common.readiness import State
from synapse.oversight import going_live
from synapse.oversight.models import Confirmation
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.VIEW_SYSTEM)
def checklist(request: ClinicRequest) -> HttpResponse:
    """Look at everything anew and show it, what is to be done first."""
    order = [State.OPEN, State.LOOK, State.DONE]
    found = [(check, check.look()) for check in readiness.registered()]
    found.sort(key=lambda pair: order.index(pair[1].state))
    confirmed = Confirmation.objects.select_related("confirmed_by").in_bulk()
    context = {
        "found": found,
        "by_hand": [(line, confirmed.get(line.name)) for line in going_live.BY_HAND],
        "left": sum(standing.state == State.OPEN for _, standing in found)
        + sum(line.name not in confirmed for line in going_live.BY_HAND),
        "may_confirm": request.user.may(Permission.MANAGE_CLINIC),
    }
    return render_page(request, "oversight/going_live.html", context)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def confirm(request: ClinicRequest, name: str) -> HttpResponse:
    """Take a person's word for one line."""
    try:
        going_live.confirm(name, by=request.user, at=timezone.now())
    except KeyError:
        raise Http404 from None
    messages.success(request, "Noted.")
    return redirect("oversight:going_live")
