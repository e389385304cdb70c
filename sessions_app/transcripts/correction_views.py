"""Doors of correcting a transcript: each stores one edit and answers with the lines that changed, as JSON."""

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.forms import Form
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.views.decorators.http import require_GET, require_POST

from sessions_app import forms, queries
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.scope import session_to_read
from sessions_app.transcripts import corrections, edit_history
from sessions_app.transcripts import lines as transcript_lines
from sessions_app.transcripts import page as transcript_page
from sessions_app.transcripts.segments import Segment
from synapse.accounts.decorators import requires
from synapse.accounts.roles import Permission
from synapse.audit.services import record_denial, record_read
from synapse.common.errors import Conflict, DomainError, NotAllowed
from synapse.web.http import ClinicRequest

CHANGE_VIEWS = (("", "By line"), ("full", "In full"), ("original", "As first heard"), ("history", "History"))
Work = Callable[[Transcription, dict[str, Any]], Transcription]


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def text(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Store what was typed into a line, whole or while it is still being typed."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.correct_segments(
            row,
            [{"id": segment, "text": data["text"]}],
            by=request.user,
            at=timezone.now(),
            revision=data["revision"],
            continues=data["continues"],
        )

    return _answer(request, pk, forms.LineTextForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def speaker(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Say who spoke a line, perhaps every later line of the same voice too."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        who: dict[str, Any] = {"by": request.user, "at": timezone.now(), "revision": data["revision"]}
        if data["and_below"]:
            return corrections.relabel_from(row, segment, data["speaker"], **who)
        return corrections.correct_segments(row, [{"id": segment, "speaker": data["speaker"]}], **who)

    return _answer(request, pk, forms.SpeakerForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def restore(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Put a corrected line back to what was first heard."""
    return _answer(request, pk, forms.RevisionForm, _on_line(request, corrections.restore_segment, segment))


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def merge(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Join a line to the one before it."""
    return _answer(request, pk, forms.RevisionForm, _on_line(request, corrections.merge_with_previous, segment))


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def split(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Cut a line in two before one of its words."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.split_segment(
            row, segment, data["place"], by=request.user, at=timezone.now(), revision=data["revision"]
        )

    return _answer(request, pk, forms.SplitForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def confirm(request: ClinicRequest, pk: UUID, segment: int) -> HttpResponse:
    """Note that a word, or a whole line, was listened to; or put a word back to what the engine heard."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        who: dict[str, Any] = {"by": request.user, "at": timezone.now(), "revision": data["revision"]}
        if data["take_back"]:
            return corrections.take_heard_back(row, segment, data["place"] or 0, **who)
        return corrections.confirm_words(row, segment, place=data["place"], **who)

    return _answer(request, pk, forms.HeardForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def replace(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Put other words for a text, everywhere or at one place."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        is_one = data["line"] is not None and data["occurrence"] is not None
        return corrections.replace_text(
            row,
            data["wanted"],
            data["replacement"],
            whole_words=data["whole_words"],
            match_case=data["match_case"],
            only=(data["line"], data["occurrence"]) if is_one else None,
            by=request.user,
            at=timezone.now(),
            revision=data["revision"],
        )

    return _answer(request, pk, forms.ReplaceForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def reading(request: ClinicRequest, pk: UUID, reading: int) -> HttpResponse:
    """Choose between two readings of a place, or write a third."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.choose_reading(
            row,
            reading,
            data["which"],
            text=data["text"],
            by=request.user,
            at=timezone.now(),
            revision=data["revision"],
        )

    return _answer(request, pk, forms.ReadingForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def swap(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Exchange doctor and patient everywhere."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.swap_speakers(row, by=request.user, at=timezone.now(), revision=data["revision"])

    return _answer(request, pk, forms.RevisionForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def undo(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Take the latest edit back."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.undo(row, by=request.user, at=timezone.now(), revision=data["revision"])

    return _answer(request, pk, forms.RevisionForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def redo(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Do again what was last taken back."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.redo(row, by=request.user, at=timezone.now(), revision=data["revision"])

    return _answer(request, pk, forms.RevisionForm, work)


@require_POST
@requires(Permission.CONDUCT_SESSIONS)
def notes(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Keep what the doctor says about the corrections."""

    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return corrections.save_notes(row, data["text"], seen=data["seen"], by=request.user, at=timezone.now())

    return _answer(request, pk, forms.CorrectionNotesForm, work)


@require_GET
@requires(Permission.CONDUCT_SESSIONS)
def changes(request: ClinicRequest, pk: UUID) -> HttpResponse:
    """Show what was first heard beside what stands now, and who changed what when."""
    session = session_to_read(request, pk)
    transcription = queries.current_transcription(session)
    if transcription is None or not transcription.is_completed:
        raise Http404
    record_read(request, target=session, patient_id=session.patient_id, detail={"part": "changes"})
    context = transcript_page.changes_context(session, transcription)
    view = request.GET.get("view", "")
    return render(request, "sessions_app/changes.html", {**context, "view": view, "view_choices": CHANGE_VIEWS})


def _on_line(request: ClinicRequest, verb: Callable[..., Transcription], segment: int) -> Work:
    def work(row: Transcription, data: dict[str, Any]) -> Transcription:
        return verb(row, segment, by=request.user, at=timezone.now(), revision=data["revision"])

    return work


def _answer(request: ClinicRequest, pk: UUID, form_class: type[Form], work: Work) -> HttpResponse:
    """Do the work on the transcript the page shows; answer what changed since its revision, or why nothing did."""
    session = session_to_read(request, pk)
    form = form_class(request.POST)
    if not form.is_valid():
        message = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return JsonResponse({"message": message}, status=422)
    row = queries.words_to_correct(session)
    if row is None:
        raise Http404
    try:
        if row.pk != form.cleaned_data["transcription"]:
            raise Conflict("The words were written again meanwhile. Reload the page to see the new transcript.")
        stored = work(row, form.cleaned_data)
    except edit_history.LineChanged as error:
        lines = _lines(session, row, {line["id"] for line in error.lines})
        return JsonResponse({"message": str(error), "revision": row.revision, "lines": lines}, status=409)
    except DomainError as error:
        if isinstance(error, NotAllowed):
            record_denial(request, reason=error.code)
        return JsonResponse({"message": str(error), "code": error.code}, status=error.status)
    return JsonResponse(_changed(session, stored, form.cleaned_data["revision"] or 0, at=timezone.now()))


def _changed(session: ConsultationSession, row: Transcription, revision: int, *, at: datetime) -> dict[str, Any]:
    """Return the lines that changed since a revision, those that went, and what stands beside the lines."""
    changed, removed = queries.changed_since(row, revision)
    segments = transcript_lines.ordered(row)
    # A gap is written above the line that follows it, and which line that is may have changed.
    following = {after["id"] for line, after in itertools.pairwise(segments) if line["id"] in changed}
    context = transcript_page.words_context(session, row, only=changed | following)
    return {
        "revision": row.revision,
        "lines": _rendered(context, segments),
        "removed": sorted(removed),
        "beside": render_to_string("sessions_app/_beside.html", context),
        "checks": context["check_count"],
        "can_undo": context["can_undo"],
        "can_redo": context["can_redo"],
        "saved_at": formats.time_format(timezone.localtime(at), "G:i"),
    }


def _lines(session: ConsultationSession, row: Transcription, only: set[int]) -> list[dict[str, Any]]:
    context = transcript_page.words_context(session, row, only=only)
    return _rendered(context, transcript_lines.ordered(row))


def _rendered(context: dict[str, Any], segments: list[Segment]) -> list[dict[str, Any]]:
    """Return each line of the context as markup, its plain text, and the id of the line before it."""
    before = {line["id"]: previous["id"] for previous, line in itertools.pairwise(segments)}
    texts = {segment["id"]: segment["text"] for segment in segments}
    shared = {name: context[name] for name in ("session", "has_audio")}
    return [
        {
            "id": turn.id,
            "after": before.get(turn.id),
            "text": texts[turn.id],
            "html": render_to_string("sessions_app/_turn.html", {"turn": turn, **shared}),
        }
        for turn in context["turns"]
    ]
