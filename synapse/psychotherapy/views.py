"""The author's own notes: lists without a word of them, the page one is written on, its earlier versions."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from patients.models import Patient
from patients.views import patient_in_scope
from sessions_app.models import ConsultationSession
from sessions_app.scope import session_in_scope
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_read
from synapse.psychotherapy import services
from synapse.psychotherapy.forms import NoteForm
from synapse.psychotherapy.models import ProcessNote, ProcessNoteQuerySet
from synapse.web.http import ClinicRequest, render_page

PAGE = "psychotherapy/list.html"
PANEL = "psychotherapy/_panel.html"


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def mine(request: ClinicRequest) -> HttpResponse:
    """List all notes the reader wrote, by the patient's number: also those about patients who left their care."""
    notes = list(ProcessNote.objects.visible_to(request.user).order_by("-saved_at"))
    in_sessions = ConsultationSession.objects.filter(pk__in=[note.session_id for note in notes if note.session_id])
    moved = dict(in_sessions.values_list("pk", "patient_id"))
    owners = [(note.session_id and moved.get(note.session_id)) or note.patient_id for note in notes]
    numbers = dict(Patient.objects.filter(pk__in=set(owners)).values_list("pk", "patient_id"))
    record_read(request, subjects=list(numbers))
    rows = [(note, numbers.get(owner, "")) for note, owner in zip(notes, owners, strict=True)]
    return render_page(request, "psychotherapy/mine.html", {"rows": rows})


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """List the reader's notes about a patient: a panel of the chart, or a page."""
    patient = patient_in_scope(request, patient_pk)
    notes = ProcessNote.objects.visible_to(request.user).about(patient)
    return _list(request, notes, {"patient": patient})


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def for_session(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """List the reader's notes on a session: a panel of its page, or a page."""
    session = session_in_scope(request, session_pk)
    notes = ProcessNote.objects.visible_to(request.user).filter(session_id=session.pk)
    return _list(request, notes, {"patient": session.patient, "session": session})


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def write_for_patient(request: ClinicRequest, patient_pk: UUID) -> HttpResponse:
    """Begin a note about a patient."""
    patient = patient_in_scope(request, patient_pk)
    note = services.begin_note(patient.kept_record, by=request.user, at=timezone.now())
    return redirect("private_notes:detail", pk=note.pk)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def write_for_session(request: ClinicRequest, session_pk: UUID) -> HttpResponse:
    """Begin a note on a session."""
    session = session_in_scope(request, session_pk)
    note = services.begin_note(session.patient, session=session, by=request.user, at=timezone.now())
    return redirect("private_notes:detail", pk=note.pk)


@require_http_methods(["GET", "POST"])
@requires(Permission.CONDUCT_SESSIONS)
def detail(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show a note to write in, and store what was written."""
    note = _own(request, pk)
    return _save(request, note) if request.method == "POST" else _page(request, note)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def earlier(request: ClinicRequest, pk: UUID, revision: int) -> HttpResponse:
    """Show a note as it stood at the end of an earlier sitting."""
    note = _own(request, pk)
    version = get_object_or_404(note.earlier.select_related("note"), revision=revision)
    _record_opening(request, note, {"revision": revision})
    context = {"note": note, "version": version, "text": services.read_earlier(version, by=request.user)}
    return render_page(request, "psychotherapy/earlier.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.CONDUCT_SESSIONS)
def delete(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Ask, then destroy a note."""
    note = _own(request, pk)
    if request.method == "GET":
        return render_page(request, "psychotherapy/delete.html", {"note": note})
    services.delete_note(note, by=request.user, at=timezone.now())
    messages.success(request, "The private note is destroyed.")
    return redirect("private_notes:mine")


def _own(request: ClinicRequest, pk: UUID) -> ProcessNote:
    return get_object_or_404(ProcessNote.objects.visible_to(request.user), pk=pk)


def _list(request: ClinicRequest, notes: ProcessNoteQuerySet, context: dict[str, Any]) -> HttpResponse:
    # No word of a note is shown, but that there are some is the author's too.
    record_read(
        request, target=context["patient"], patient_id=context["patient"].pk, detail={"part": "own notes"}, poll=True
    )
    return render_page(request, PAGE, {**context, "notes": notes.order_by("-saved_at")}, fragment=PANEL)


def _page(
    request: ClinicRequest,
    note: ProcessNote,
    *,
    conflict: services.NoteConflict | None = None,
    form: NoteForm | None = None,
) -> HttpResponse:
    _record_opening(request, note, {})
    visible = Patient.objects.visible_to(request.user)
    session = None
    if note.session_id is not None:
        session = ConsultationSession.objects.visible_to(request.user).filter(pk=note.session_id).first()
    context = {
        "note": note,
        "text": form.data.get("text", "") if form is not None else services.read_text(note, by=request.user),
        "saved_at": (conflict.saved_at if conflict else note.saved_at).isoformat(),
        "conflict": conflict,
        "patient": session.patient if session else visible.filter(pk=note.patient_id).first(),
        "session": session,
        "versions": note.earlier.order_by("-revision"),
        "longest": services.LONGEST,
    }
    status = 409 if conflict else None
    return render_page(request, "psychotherapy/detail.html", context, form=form, status=status)


def _save(request: ClinicRequest, note: ProcessNote) -> HttpResponse:
    """Store the text: a script is answered in JSON, a form with the page."""
    is_script = not request.accepts("text/html")
    form = NoteForm(request.POST)
    if not form.is_valid():
        if is_script:
            return JsonResponse({"message": form.errors["text"][0]}, status=422)
        return _page(request, note, form=form)
    try:
        saved_at = services.save_note(note, **form.cleaned_data, by=request.user, at=timezone.now())
    except services.NoteConflict as error:
        if is_script:
            answer = {"message": error.message, "text": error.text, "saved_at": error.saved_at.isoformat()}
            return JsonResponse(answer, status=409)
        return _page(request, note, conflict=error, form=form)
    return (
        JsonResponse({"saved_at": saved_at.isoformat()}) if is_script else redirect("private_notes:detail", pk=note.pk)
    )


def _record_opening(request: ClinicRequest, note: ProcessNote, detail: dict[str, Any]) -> None:
    target = ("psychotherapy.ProcessNote", str(note.pk))
    record_read(request, target=target, patient_id=note.patient_id, detail=detail)
