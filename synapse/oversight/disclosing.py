"""The account of a patient's disclosures: noted by hand, seen in the trail, and what other apps registered."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.db.models import Q

from billing.documents import sheets as documents
from patients.models import Patient
from patients.permissions import check_is_in_care
from synapse.accounts.models import ClinicSettings, User
from synapse.accounts.roles import Permission
from synapse.audit.disclosures import Disclosure, collect
from synapse.audit.models import Action, AuditEvent, Outcome
from synapse.audit.services import record, unit_of_work
from synapse.common.errors import DomainError, NotAllowed
from synapse.documents.paper import paper_of
from synapse.outside.models import OutsideCall
from synapse.oversight.models import NotedDisclosure

YEARS = 6  # 45 CFR 164.528(a)
RECIPIENT_UNKNOWN = "Not recorded: a file was made"
# What the trail calls a file that went to the patient: who got it, and how.
HANDED = {
    "hand_over": ("The patient, on paper", "Handed over at the desk"),
    "link_copy": ("The patient, by their link", "A copy of what they answered"),
}
# What the trail calls a file, in words; the others are told by their kind.
FILES = {
    "billing.Claim": "Claim file or data sheet",
    "billing.Bill": "Invoice or superbill",
    "reports.Report": "Report",
    "patients.Patient": "Record",
    "patients.Consent": "Consent",
}


def account_of(patient: Patient, *, at: datetime) -> list[Disclosure]:
    """Return everything that left about a person within six years, the newest first."""
    ids = set(patient.records().values_list("pk", flat=True))
    return collect(ids, since=since(at))


def since(at: datetime) -> datetime:
    """Return from when on an account reaches."""
    day = at.date()
    try:
        return at.replace(year=day.year - YEARS)
    except ValueError:  # 29 February
        return at.replace(year=day.year - YEARS, day=28)


def noted(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield what was noted by hand."""
    zone = ClinicSettings.load().zone
    rows = NotedDisclosure.objects.filter(patient__in=patient_ids, disclosed_on__gte=since.astimezone(zone).date())
    for row in rows.select_related("noted_by"):
        yield Disclosure(
            at=datetime.combine(row.disclosed_on, time(12), zone),
            recipient=row.recipient,
            address=row.address,
            what=row.what,
            purpose=f"{row.get_ground_display()}: {row.purpose}",
            by=row.noted_by.display_name,
        )


def files(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield the files somebody of the clinic took out: who got them is known to that person only."""
    events = AuditEvent.objects.filter(
        Q(action=Action.EXPORT) | Q(action=Action.PRINT),
        patient_id__in=patient_ids,
        at__gte=since,
        outcome=Outcome.ALLOWED,
    ).order_by("-seq")
    people = User.objects.in_bulk({event.actor_id for event in events if event.actor_id})
    for event in events:
        person = people.get(event.actor_id) if event.actor_id else None
        verb = event.detail.get("verb")
        is_to_patient = verb in HANDED
        kind = FILES.get(event.target_type, "Document")
        file_format = str(event.detail.get("format", "")).upper()
        yield Disclosure(
            at=event.at,
            recipient=HANDED[verb][0] if is_to_patient else RECIPIENT_UNKNOWN,
            what=f"{kind} {event.target_label}{f' ({file_format})' if file_format else ''}".replace("  ", " ").strip(),
            purpose=HANDED[verb][1] if is_to_patient else "Taken out of the system",
            by=person.display_name if person else event.actor_label,
            is_to_patient=is_to_patient,
        )


def cloud_calls(patient_ids: set[UUID], since: datetime) -> Iterable[Disclosure]:
    """Yield what went to a company's speech or language model, one entry a call."""
    calls = OutsideCall.objects.filter(patient_id__in=patient_ids, at__gte=since).order_by("-at")
    for call in calls:
        yield Disclosure(
            at=call.at,
            recipient=call.host,
            what=f"{call.engine} {call.model}".strip() + f": {call.bytes_out:,} bytes",
            purpose=f"Treatment: {call.get_purpose_display()}",
        )


def note_disclosure(patient: Patient, values: dict[str, Any], *, by: User, at: datetime) -> NotedDisclosure:
    """Write down a disclosure that no program made. Raises NotAllowed and DomainError."""
    if not by.may(Permission.SHARE_PATIENTS):
        raise NotAllowed("You can’t note disclosures.")
    check_is_in_care(by, patient)
    if values["disclosed_on"] > ClinicSettings.load().date_of(at):
        raise DomainError("A disclosure lies in the past.", code="in_the_future")
    with unit_of_work():
        made = NotedDisclosure.objects.create(patient=patient.kept_record, noted_by=by, **values)
        detail = {"verb": "note_disclosure", "ground": made.ground, "fields": sorted(values)}
        record(Action.SHARE, by=by, target=made, patient_id=patient.kept_id, detail=detail)
    return made


def account_pdf(patient: Patient, account: list[Disclosure], *, at: datetime) -> bytes:
    """Render the account for the patient; their own copies need not stand in it and do not."""
    clinic = ClinicSettings.load()
    context = {
        **letterhead(clinic, at),
        "patient": patient.kept_record,
        "rows": [disclosure for disclosure in account if not disclosure.is_to_patient],
        "since": since(at).astimezone(clinic.zone).date(),
        "zone": clinic.zone,
    }
    sheet = documents.Sheet("disclosures", "Account of disclosures", "disclosures.pdf", context)
    return documents.to_pdf(sheet)


def letterhead(clinic: ClinicSettings, at: datetime) -> dict[str, Any]:
    """Return what every letter of oversight carries."""
    return {
        "header": documents.clinic_header(clinic),
        "clinic": clinic,
        "paper": paper_of(clinic.region),
        "on": clinic.date_of(at),
    }
