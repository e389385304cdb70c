"""The clinic's letters about overdue bills: their words, when they go out, and what they will look like."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing.models import BillingSettings, ReminderStage
from billing.reminders.forms import GapForm, StageForm, StandardTextForm, stage_forms
from billing.reminders.pages import Letter, sample_letter
from billing.reminders.texts import STANDARD, standard_texts
from billing.services import reminder_stages
from synapse.accounts.decorators import requires
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.common.figures import read_whole_number
from synapse.web.http import ClinicRequest, render_page


@require_http_methods(["GET", "POST"])
@requires(Permission.MANAGE_CLINIC)
def stages(request: ClinicRequest) -> HttpResponse:
    """Show and change the three letters."""
    rows = ReminderStage.load_all()
    sent = request.POST if request.method == "POST" else None
    gap = GapForm(sent, initial={"gap_days": BillingSettings.load().reminder_gap_days})
    if sent is not None and "show" in sent:  # the words are put in or looked at, nothing is kept yet
        return _page(request, _shown(rows, sent), GapForm(initial={"gap_days": sent.get("gap_days", "")}))
    forms = stage_forms(rows, sent)
    is_valid = not any(form.errors for form in [*forms, gap])  # each says what is wrong with it, not the first alone
    if sent is not None and is_valid:
        try:
            wanted = [form.wanted() for form in forms]
            reminder_stages.store_stages(wanted, gap_days=gap.cleaned_data["gap_days"], by=request.user)
        except reminder_stages.BadStages as error:
            forms[0].add_error(None, str(error))
        else:
            messages.success(request, "The letters are saved. Those that went out stay as they were.")
            return redirect("billing:reminder_stages")
    return _page(request, forms, gap, status=422 if sent is not None else None)


@require_POST
@requires(Permission.MANAGE_CLINIC)
def stage_preview(request: ClinicRequest, stage: int) -> HttpResponse:
    """Show one letter with the words as they are being typed."""
    if stage not in (1, 2, 3):
        raise Http404
    return render_page(request, "billing/_reminder_letter.html", {"letter": _letter_of(StageForm(stage, request.POST))})


def _page(request: ClinicRequest, forms: list[StageForm], gap: GapForm, *, status: int | None = None) -> HttpResponse:
    clinic = ClinicSettings.load()
    language = clinic.language.partition("-")[0].lower()
    context: dict[str, Any] = {
        "letters": [(form, _letter_of(form)) for form in forms],
        "forms": forms,
        "gap": gap,
        "standard": StandardTextForm(initial={"standard": language if language in STANDARD else "en"}),
    }
    return render_page(request, "billing/reminder_stages.html", context, status=status)


def _shown(rows: list[ReminderStage], sent: QueryDict) -> list[StageForm]:
    """Return the forms with what was typed; with our texts in the chosen language in place of the words."""
    texts = standard_texts(sent.get("standard", "")) if sent.get("show") == "standard" else None
    forms = []
    for row in rows:
        typed = StageForm(row.stage, sent)
        values = {name: typed[name].value() for name in typed.fields}
        if texts is not None:
            values |= {"title": texts[row.stage - 1].title, "text": texts[row.stage - 1].text}
        forms.append(StageForm(row.stage, initial=values))
    return forms


def _letter_of(form: StageForm) -> Letter:
    days = str(form["days_late"].value() or "")
    return sample_letter(
        str(form["title"].value() or ""),
        str(form["text"].value() or ""),
        days_late=(read_whole_number(days) or 0) if len(days) < 4 else 0,
        today=ClinicSettings.load().date_of(timezone.now()),
    )
