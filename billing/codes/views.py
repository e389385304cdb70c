"""What a code field asks while somebody types, and the code tables' own pages."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing.codes import lookup as codes
from billing.models import Code, CodeImport
from billing.services import codes as services
from billing.settings.forms import CodeFileForm, CodeLookUpForm
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.common.csv_reading import BadFile
from synapse.common.models import Job
from synapse.web.http import ClinicRequest, render_page

MOST_ANSWERS = 20
MOST_NAMED = 40
SHOWN_ROWS = 30
SHOWN_IMPORTS = 10


@require_POST
@requires(Permission.VIEW_BILLS)
def code_search(request: ClinicRequest) -> HttpResponse:
    """Answer what fits the text `q`, or the words of `codes` between commas. Posted: a diagnosis is in no address."""
    system = request.POST.get("system", "")
    if system not in Code.System.values:
        return JsonResponse({"detail": "There is no such code table."}, status=400)
    if "codes" in request.POST:
        named = [codes.normalise(system, text) for text in request.POST["codes"].split(",")[:MOST_NAMED]]
        found = list(Code.objects.filter(system=system, code__in=named))
    else:
        found = codes.search(system, request.POST.get("q", ""), MOST_ANSWERS)
    return JsonResponse({"codes": [{"code": row.code, "words": row.words, "retired": row.is_retired} for row in found]})


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def code_tables(request: ClinicRequest) -> HttpResponse:
    """Show the tables, look a code up, and take a file."""
    form = CodeFileForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        data = form.cleaned_data["file"].read(services.MOST_BYTES + 1)
        try:
            staged = services.stage(form.cleaned_data["system"], data, by=request.user, at=timezone.now())
        except BadFile as refusal:
            form.add_error("file", refusal.message)
        else:
            return redirect("billing:code_import", staged.pk)
    look = CodeLookUpForm(request.GET if "words" in request.GET else None)
    found: list[Code] = []
    if look.is_valid() and look.cleaned_data["words"]:
        system = look.cleaned_data["system"] or Code.System.ICD10
        found = codes.search(system, look.cleaned_data["words"], SHOWN_ROWS)
    context = {
        "tables": _tables(),
        "look": look,
        "found": found,
        "has_looked": look.is_bound and bool(look.data.get("words")),
        "imports": CodeImport.objects.exclude(applied_at=None)
        .select_related("imported_by")
        .defer("content")
        .order_by("-applied_at")[:SHOWN_IMPORTS],
    }
    return render_page(request, "billing/settings_codes.html", context, form=form)


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def code_import(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what a file would do to its table, and take it in on a press."""
    staged = get_object_or_404(CodeImport.objects.filter(imported_by=request.user), pk=pk)
    if request.method == "POST":
        services.start(staged, by=request.user, at=timezone.now())
        return redirect("billing:code_import", pk)
    context: dict[str, Any] = {"staged": staged}
    if staged.started_at is None:
        found = services.parse(staged.system, staged.content)
        context |= {
            "comparison": services.compare(staged.system, found.rows),
            "rows": found.rows[:SHOWN_ROWS],
            "more_rows": max(0, len(found.rows) - SHOWN_ROWS),
            "problems": found.problems[:SHOWN_ROWS],
            "more_problems": max(0, len(found.problems) - SHOWN_ROWS),
            "headings": found.headings,
        }
    elif staged.applied_at is None:
        job = Job.objects.filter(kind=services.TAKE_IN, object_id=staged.pk).first()
        context["has_stopped"] = job is None or job.state in (Job.State.FAILED, Job.State.DEAD)
    return render_page(
        request, "billing/settings_code_import.html", context, fragment="billing/_code_import_state.html"
    )


@require_POST
@requires(Permission.MANAGE_CLINIC)
def discard_import(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give a file up that was looked at."""
    staged = get_object_or_404(CodeImport.objects.filter(imported_by=request.user), pk=pk)
    services.discard(staged, by=request.user)
    return redirect("billing:codes")


def _tables() -> list[dict[str, Any]]:
    counts = {
        row["system"]: row
        for row in Code.objects.values("system").annotate(
            all=Count("pk"), retired=Count("pk", filter=Q(is_retired=True)), own=Count("pk", filter=Q(is_imported=True))
        )
    }
    return [
        {"label": label, **counts.get(value, {"all": 0, "retired": 0, "own": 0})}
        for value, label in Code.System.choices
    ]
