"""Doors of the public bench: the figures of the engine that writes here, each session to read, a run to start."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from reports import services
from reports.pages.bench import bench_page, session_page
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.VIEW_REPORTS)
def bench(request: ClinicRequest) -> HttpResponse:
    """Show the last figures of the engine that writes reports here."""
    context = {"page": bench_page(), "may_run": request.user.may(Permission.VIEW_SYSTEM)}
    return render_page(request, "reports/bench.html", context)


@require_GET
@requires(Permission.VIEW_REPORTS)
def progress(request: ClinicRequest) -> HttpResponse:
    """Say how far a run is; the page loads again when it has ended."""
    page = bench_page()
    if page.running is None:
        return HttpResponseClientRefresh() if request.htmx else redirect("reports:bench")
    return render_page(request, "reports/bench.html", {"page": page}, fragment="reports/_bench_progress.html")


@require_GET
@requires(Permission.VIEW_REPORTS)
def session(request: ClinicRequest, session_id: str) -> HttpResponse:
    """Show one synthetic session: its words, what the engine made of them, and what of that is wrong."""
    view = session_page(session_id)
    if view is None:
        raise Http404
    return render_page(request, "reports/bench_session.html", {"view": view})


@require_POST
@requires(Permission.VIEW_SYSTEM)
def run(request: ClinicRequest) -> HttpResponse:
    """Have the bench run on the engine that writes reports here."""
    services.request_bench(by=request.user, at=timezone.now())
    messages.success(request, "The bench is running. Its figures appear here.")
    return redirect("reports:bench")
