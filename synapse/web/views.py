"""Addresses that browsers and pages ask for on their own."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from synapse.web import counts as counting
from synapse.web import nav
from synapse.web.http import ClinicRequest


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon; a PDF or a file opened in a tab has no page that could name it."""
    return redirect(static("img/favicon.svg"))


@require_GET
def counts(request: ClinicRequest) -> HttpResponse:
    """Return how much waits behind the links of the rail, by their routes: numbers only, nothing of a patient."""
    user = request.user
    counted = counting.count(user, nav.counters_for(user), at=timezone.now())
    return JsonResponse({"counts": counted.numbers})
