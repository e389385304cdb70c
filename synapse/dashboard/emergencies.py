"""Emergency accesses: who opened which record and why, what was looked at, and whether it was justified."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from patients.emergency import services as emergency
from patients.models import EmergencyAccess
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.models import AuditEvent
from synapse.audit.queries import about_patients
from synapse.audit.services import record_read
from synapse.oversight import trail
from synapse.web.http import ClinicRequest, render_page

PAGE = 50
MOST_EVENTS = 200


class ReviewForm(forms.Form):
    """What a reviewer finds."""

    verdict = forms.ChoiceField(
        label="Was it justified?",
        choices=EmergencyAccess.Verdict.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether it was justified"},
    )
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=1000,
        help_text="What you found, and what follows from it.",
        widget=forms.Textarea({"rows": 3}),
    )


@require_GET
@requires(Permission.REVIEW_EMERGENCIES)
def index(request: ClinicRequest) -> HttpResponse:
    """List what waits for a review, the oldest first, then what was reviewed last."""
    known = EmergencyAccess.objects.visible_to(request.user).select_related("doctor", "patient", "reviewed_by")
    waiting = list(known.to_review()[:PAGE])
    reviewed = list(known.filter(reviewed_at__isnull=False).order_by("-reviewed_at")[:PAGE])
    subjects = {row.patient_id for row in (*waiting, *reviewed)}
    record_read(request, target=("patients.EmergencyAccess", ""), subjects=subjects)
    context = {"waiting": waiting, "reviewed": reviewed, "now": timezone.now()}
    return render_page(request, "dashboard/emergencies.html", context)


@require_http_methods(["GET", "POST"])
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show one emergency and what was opened meanwhile; take the review of who may give it."""
    known = EmergencyAccess.objects.visible_to(request.user).select_related("doctor", "patient", "reviewed_by")
    opened = get_object_or_404(known, pk=pk)
    now = timezone.now()
    form = ReviewForm(request.POST or None)
    if form.is_valid():
        try:
            emergency.review(opened, **form.cleaned_data, by=request.user, at=now)
        except emergency.BadEmergency as error:
            form.add_error(error.field, error.message)
        else:
            messages.success(request, "Your review is kept.")
            return redirect("dashboard:emergencies")
    record_read(request, target=opened, patient_id=opened.patient_id, detail={"part": "emergency"})
    is_live = opened.over_at > now
    may_review = request.user.may(Permission.REVIEW_EMERGENCIES) and opened.doctor_id != request.user.pk
    context = {
        "emergency": opened,
        "is_live": is_live,
        "minutes_left": opened.minutes_left(now),
        "may_end": is_live and (may_review or opened.doctor_id == request.user.pk),
        "may_review": may_review and not is_live and opened.reviewed_at is None,
        "reviews": may_review,
        "rows": trail.describe(events_during(opened)[:MOST_EVENTS]) if may_review else [],
    }
    return render_page(request, "dashboard/emergency.html", context, form=form)


def events_during(opened: EmergencyAccess) -> QuerySet[AuditEvent]:
    """Return what the doctor did with the patient's record while it was open, the first thing first."""
    records = list(opened.patient.records().values_list("pk", flat=True))
    within = AuditEvent.objects.filter(actor_id=opened.doctor_id, at__gte=opened.started_at, at__lte=opened.over_at)
    return within.filter(about_patients(records)).order_by("seq")
