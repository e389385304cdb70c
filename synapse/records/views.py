"""Importing a file: upload, look at what would become of each row, take in, and what became of it."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.csv_reading import MOST_BYTES, BadFile, read_table
from synapse.common.models import Job
from synapse.records import rows, services
from synapse.records.columns import missing_columns
from synapse.records.forms import ColumnsForm, StartForm, UploadForm
from synapse.records.models import DataImport
from synapse.web.http import ClinicRequest, render_page

PAGE_SIZE = 50
LONGEST_ROW_NAME = 20  # longer numbers than any row has are not read
Status = DataImport.Status


@require_http_methods(["GET", "POST"])
@requires(Permission.IMPORT_RECORDS)
def imports(request: ClinicRequest) -> HttpResponse:
    """Take a file, and list the imports there were."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        try:
            staged = services.stage_import(
                form.cleaned_data["kind"],
                # One byte more than allowed says that it is too large; its name is not kept.
                form.cleaned_data["file"].read(MOST_BYTES + 1),
                doctor=form.cleaned_data["doctor"],
                by=request.user,
                at=timezone.now(),
            )
        except BadFile as refusal:
            form.add_error("file", refusal.message)
        else:
            return redirect("records:detail", pk=staged.pk)
    past = DataImport.objects.visible_to(request.user).select_related("imported_by").defer("content", "rows")
    context = {
        "imports": past.order_by("-created_at")[:20],
        "may_load": request.user.may(Permission.MANAGE_PEOPLE),
    }
    return render_page(request, "records/imports.html", context, form=form)


@require_GET
@requires(Permission.IMPORT_RECORDS)
def sample(request: ClinicRequest, kind: str) -> HttpResponse:
    """Download a file with every column and one invented row."""
    return _csv(services.sample_file(kind), f"sample-{kind}")


@require_GET
@requires(Permission.IMPORT_RECORDS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show every row's fate: before, while and after it is taken in."""
    return _detail(request, _in_scope(request, pk))


@require_POST
@requires(Permission.IMPORT_RECORDS)
def columns(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Read the file by other columns."""
    data_import = _in_scope(request, pk)
    form = _columns_form(request, data_import)
    if not form.is_valid():
        return _detail(request, data_import, form)
    services.choose_columns(
        data_import,
        form.chosen(),
        day_first=form.is_day_first(),
        doctor=form.cleaned_data["doctor"],
        by=request.user,
        at=timezone.now(),
    )
    return redirect("records:detail", pk=pk)


@require_POST
@requires(Permission.IMPORT_RECORDS)
def start(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Have the good rows taken in."""
    data_import = _in_scope(request, pk)
    form = StartForm(request.POST)
    if not form.is_valid():
        return _detail(request, data_import)
    choices = {
        int(name.removeprefix("row_")): str(answer)
        for name, answer in request.POST.items()
        if name.startswith("row_") and name.removeprefix("row_").isdecimal() and len(name) < LONGEST_ROW_NAME and answer
    }
    services.start_import(
        data_import, duplicates=form.cleaned_data["duplicates"], choices=choices, by=request.user, at=timezone.now()
    )
    return redirect("records:detail", pk=pk)


@require_POST
@requires(Permission.IMPORT_RECORDS)
def go_on(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Go on with an import that stopped."""
    services.continue_import(_in_scope(request, pk), by=request.user, at=timezone.now())
    return redirect("records:detail", pk=pk)


@require_POST
@requires(Permission.IMPORT_RECORDS)
def discard(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Give the file up."""
    services.discard_import(_in_scope(request, pk), by=request.user, at=timezone.now())
    return redirect("records:imports")


@require_GET
@requires(Permission.IMPORT_RECORDS)
def errors(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Download the rows that were not taken in, with the reason."""
    data_import = _in_scope(request, pk)
    record_read(request, target=data_import, action=Action.EXPORT)
    return _csv(services.error_file(data_import), "import-problems")


def _detail(request: ClinicRequest, data_import: DataImport, form: ColumnsForm | None = None) -> HttpResponse:
    record_read(request, target=data_import, poll=True)
    is_waiting = data_import.status == Status.PREVIEWED
    show = request.GET.get("show", "")
    listed = [row for row in data_import.rows if not show or row["outcome"] == show]
    outcomes = [row["outcome"] for row in data_import.rows]
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "data_import": data_import,
        "is_waiting": is_waiting,
        "is_running": data_import.status == Status.RUNNING,
        "missing": missing_columns(data_import.kind, data_import.columns.get("fields", {})) if is_waiting else [],
        "counts": [
            (value, label, outcomes.count(value))
            for value, label in OUTCOMES.items()
            if outcomes.count(value) or value in {rows.NEW, rows.DUPLICATE, rows.ERROR}
        ]
        if is_waiting
        else [(value, label, outcomes.count(value)) for value, label in OUTCOMES.items() if outcomes.count(value)],
        "show": show,
        "page": page,
        "has_problems": bool({rows.ERROR, services.SKIPPED} & set(outcomes)),
        "new_count": outcomes.count(rows.NEW),
        "start_form": StartForm(),
        "job": Job.objects.filter(kind=services.RUN, object_id=data_import.pk).order_by("-created_at").first(),
    }
    if is_waiting:
        context["form"] = form or _columns_form(None, data_import)
        reader = rows.Reader(data_import, by=request.user, at=timezone.now())
        context["example"] = rows.first_ambiguous(reader.dates())
        cells = dict(reader.table.rows)
        context["listed"] = [(row, cells[row["number"]][:4]) for row in page]
    else:
        context["listed"] = [(row, row.get("cells", [])[:4]) for row in page]
    status = 422 if form is not None else 200
    return render_page(request, "records/import.html", context, fragment="records/_state.html", status=status)


OUTCOMES = {
    rows.NEW: "New",
    rows.DUPLICATE: "Likely on file",
    rows.ERROR: "With a problem",
    services.WAITING: "Waiting",
    services.DONE: "Taken in",
    services.SKIPPED: "Left out",
}


def _columns_form(request: ClinicRequest | None, data_import: DataImport) -> ColumnsForm:
    stored = data_import.columns
    initial = {f"column_{name}": heading for name, heading in stored["fields"].items()}
    initial["day_first"] = {True: "day", False: "month"}.get(stored["day_first"], "")
    initial["doctor"] = str(data_import.doctor_id or "")
    headings = read_table(data_import.content).headings
    return ColumnsForm(request.POST if request else None, kind=data_import.kind, headings=headings, initial=initial)


def _in_scope(request: ClinicRequest, pk: UUID) -> DataImport:
    visible = DataImport.objects.visible_to(request.user).select_related("imported_by", "doctor")
    return get_object_or_404(visible, pk=pk)


def _csv(text: str, name: str) -> HttpResponse:
    # Spreadsheets take a file without this mark for one in the machine's own letters.
    response = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
