"""The administrator's page for archives: what is whole of one, and taking it in."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.accounts.step_up import fresh_proof_required
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError
from synapse.records.archives.checking import Verdict, check
from synapse.records.archives.forms import ArchiveForm
from synapse.records.archives.loading import load
from synapse.records.exports.models import ArchiveImport
from synapse.web.http import ClinicRequest, render_page


# Taking a record in makes accounts for those it names: who manages people may do that.
@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_PEOPLE)
@fresh_proof_required
def archives(request: ClinicRequest) -> HttpResponse:
    """Check an archive, take it in when a doctor is named, and list those that were."""
    form = ArchiveForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {}
    if form.is_valid():
        try:
            context = _look(request, form)
        except DomainError as refusal:
            form.add_error("file", refusal.message)
    context["past"] = ArchiveImport.objects.select_related("patient", "imported_by").order_by("-created_at")[:20]
    return render_page(request, "records/archives.html", context, form=form)


def _look(request: ClinicRequest, form: ArchiveForm) -> dict[str, Any]:
    file, doctor = form.cleaned_data["file"], form.cleaned_data["doctor"]
    verdict: Verdict = check(file)
    with unit_of_work():
        detail = {"verb": "check_archive", "manifest": verdict.manifest_sha256, "whole": verdict.is_whole}
        record(Action.READ, by=request.user, detail=detail)
    imported = load(file, doctor=doctor, by=request.user, at=timezone.now()) if doctor else None
    return {"verdict": verdict, "imported": imported}
