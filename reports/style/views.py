"""Doors of learned style: a doctor's rules, looking for new ones, switching them, undoing them in one report."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reports import services
from reports.forms import RuleForm
from reports.models import StyleRule
from reports.pages.style import rules_page
from reports.views import get_report
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.web.http import ClinicRequest, render_page


@require_GET
@requires(Permission.WRITE_REPORTS)
def rules(request: ClinicRequest) -> HttpResponse:
    """Show the doctor's rules with the edits they come from."""
    page = rules_page(request.user)
    record_read(request, subjects=page.patients, detail={"part": "style_rules"})
    return render_page(request, "reports/style.html", {"rules": page.rules})


@require_POST
@requires(Permission.WRITE_REPORTS)
def learn(request: ClinicRequest) -> HttpResponse:
    """Look through the doctor's edits now."""
    found = services.learn_rules(request.user, at=timezone.now())
    count = len(found)
    words = f"{count} new {'proposal' if count == 1 else 'proposals'}." if count else "Nothing new in your edits yet."
    messages.success(request, words)
    return redirect("reports:style")


@require_POST
@requires(Permission.WRITE_REPORTS)
def change(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Switch a rule on or off, remove it, or restore it."""
    rule = get_object_or_404(StyleRule.objects.visible_to(request.user), pk=pk)
    form = RuleForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    verb, by, at = form.cleaned_data["verb"], request.user, timezone.now()
    if verb == "remove":
        services.remove_rule(rule, by=by, at=at)
    elif verb == "restore":
        services.restore_rule(rule, by=by, at=at)
    else:
        services.switch_rule(rule, is_on=verb == "on", by=by, at=at)
    return redirect("reports:style")


@require_POST
@requires(Permission.WRITE_REPORTS)
def take_back(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Undo in one report what the rules did to it."""
    services.take_rules_back(get_report(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "The lines stand as they were first written.")
    return redirect("reports:detail", pk=pk)
