"""Which engine writes for a patient, and why it is the built-in one although another is set up."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone

from patients.models import Consent
from patients.queries import has_live_consent
from reports.generation import get_generator, named_generator
from reports.generation.asking import NOT_AGREED as NO_CONSENT
from reports.generation.base import ReportGenerator
from reports.models import Report
from synapse.outside import calls

# Why the built-in engine writes although a cloud engine is set up; other codes, as NO_CONSENT, are the engines' own.
CHOSEN = "chosen"


def choose_writer(report: Report, *, at: datetime) -> tuple[ReportGenerator, str]:
    """Return the engine that writes this report now, with the reason when the built-in one stands in for another.

    Words leave the clinic's machines only while the patient's consent to it is live. Live words always stay with the
    built-in engine: they are written again in a minute.
    """
    built_in = named_generator("embedded")
    chosen = get_generator(allow_cloud=True)
    if chosen.name == built_in.name or not report.transcription.is_completed:
        return built_in, ""
    if report.fallback_code == CHOSEN:
        return built_in, CHOSEN
    if chosen.is_cloud and not has_live_consent(report.session.patient_id, Consent.Kind.AI_NOTE, at=at):
        return built_in, NO_CONSENT
    return chosen, ""


@contextmanager
def words_leave(report: Report, purpose: calls.Purpose) -> Iterator[None]:
    """Let a cloud engine have a report's words inside the block, for as long as the patient's consent is live."""
    patient_id = report.session.patient_id

    def may_leave() -> bool:
        return has_live_consent(patient_id, Consent.Kind.AI_NOTE, at=timezone.now())

    with calls.errand(purpose, may_leave=may_leave, patient_id=patient_id, target_id=report.pk):
        yield
