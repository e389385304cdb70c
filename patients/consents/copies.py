"""Answers of a patient as a PDF to take home: the words, how and when they were answered, and the signature."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from patients.consents import signatures
from patients.consents.wording import words_of
from patients.models import Consent, Patient
from synapse.accounts.models import ClinicSettings, User
from synapse.audit.models import Action
from synapse.audit.services import record, unit_of_work
from synapse.documents.archive import for_keeping
from synapse.documents.paper import paper_of
from synapse.documents.pdf import html_to_pdf
from synapse.documents.text import printable

TITLE = "Consents"


@dataclass(frozen=True)
class Copy:
    """A PDF; its name holds no name of a patient."""

    content: bytes
    file_name: str


def export_copy(patient: Patient, one: Consent | None, *, by: User | None, at: datetime) -> Copy:
    """Return one answer, or all a person gave, as PDF; recorded as an export. Raises DocumentError."""
    patient = patient.kept_record
    with unit_of_work():
        detail: dict[str, Any] = {"document": "consents", "format": "pdf"}
        if one is not None:
            detail |= {"consent": str(one.pk), "kind": one.kind}
        record(Action.EXPORT, by=by, target=one or patient, patient_id=patient.pk, detail=detail)
    answers = Consent.objects.filter(patient__in=patient.records()).answered()
    chosen = answers.filter(pk=one.pk) if one is not None else answers
    rows = chosen.select_related("recorded_by", "heard_by", "withdrawn_by", "signature").order_by("-created_at", "-pk")
    content = render_copy(patient, rows, at=at)
    number = patient.patient_id
    return Copy(
        content, f"consents-{number}.pdf" if one is None else f"consent-{number}-{one.kind.replace('_', '-')}.pdf"
    )


def copy_by_link(answered: Consent, *, at: datetime) -> Copy:
    """Return what was answered behind a link as PDF, for whoever answered; recorded as given to them.

    It names nobody but who signed: a link may have reached somebody else. Raises DocumentError.
    """
    patient = answered.patient.kept_record
    with unit_of_work():
        detail = {"document": "consents", "format": "pdf", "verb": "link_copy", "kind": answered.kind}
        record(Action.EXPORT, by=None, target=answered, patient_id=patient.pk, detail=detail)
    content = render_copy(patient, [answered], at=at, names_patient=False)
    return Copy(content, f"consent-{answered.kind.replace('_', '-')}.pdf")


def render_copy(patient: Patient, answers: Iterable[Consent], *, at: datetime, names_patient: bool = True) -> bytes:
    """Return the document as PDF/A-1b, its times by the clinic's clock. Raises DocumentError."""
    clinic = ClinicSettings.load()
    contact = " · ".join(filter(None, (clinic.phone, clinic.email)))
    context = {
        "title": TITLE,
        "header": {"clinic": clinic.name, "address": clinic.address, "contact": contact},
        "paper": paper_of(clinic.region),
        "patient": patient,
        "names_patient": names_patient,
        "printed_at": at.astimezone(clinic.zone),
        "answers": [_shown(answer, clinic) for answer in answers],
    }
    html = printable(render_to_string("documents/consents.html", context))
    return for_keeping(html_to_pdf(html, title=TITLE), title=TITLE, at=at)


def _shown(consent: Consent, clinic: ClinicSettings) -> dict[str, Any]:
    signature = consent.signature if consent.is_signed else None
    picture = ""
    if signature is not None and signature.strokes:
        picture = "data:image/png;base64," + b64encode(signatures.png(signature.strokes)).decode()
    times = ("given_at", "declined_at", "expires_at", "withdrawn_at")
    return {
        "consent": consent,
        "words": words_of(consent),
        "signature": signature,
        "picture": picture,
        "is_whole": signature is None or signatures.is_whole(consent),
        **{name: at.astimezone(clinic.zone) for name in times if (at := getattr(consent, name)) is not None},
    }
