"""Claims for tests: a clinic that bills insurers, an insured patient, and a bill whose codes are confirmed."""

from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from billing.claims.boxes import ClaimForm, load_form
from billing.models import Bill, BillingSettings, Claim, Payer
from billing.money import ZERO, Line
from billing.services import claims, editing, issuing
from billing.tests.factories import make_bill
from patients.models import Patient
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings, User, UserProfile

# Numbers with a right check digit that belong to nobody we know of.
CLINIC_NPI, DOCTOR_NPI = "1234567893", "1245319599"


def set_up_clinic(doctor: User, *, with_numbers: bool = True) -> None:
    """Let the clinic be one in the United States that sends claims."""
    clinic = ClinicSettings.load()
    clinic.name, clinic.address, clinic.phone = (
        "Hudson Clinic",
        "12 Main Street\nAlbany, NY 12207-1234",
        "+1 518 555 0140",
    )
    clinic.region, clinic.currency, clinic.timezone = "US", "USD", "America/New_York"
    clinic.save()
    profile, _ = UserProfile.objects.get_or_create(user=doctor)
    settings = BillingSettings.load()
    if with_numbers:
        settings.organization_npi, settings.organization_tax_id = CLINIC_NPI, "12-3456789"
        settings.organization_taxonomy, settings.submitter_id = "261QM0801X", "SUB001"
        settings.clearing_house_name, settings.clearing_house_id = "Clear House", "CLEAR1"
        profile.npi, profile.taxonomy_code = DOCTOR_NPI, "2084P0800X"
    settings.save()
    profile.save()


def make_payer(name: str = "Star Health", **fields: object) -> Payer:
    values = {"electronic_id": "STAR1", "address": "PO Box 900\nTroy, NY 12180", "coverage": "group", **fields}
    return Payer.objects.create(name=name, **values)


def make_insured(doctor: User, **fields: object) -> Patient:
    values = {
        "first_name": "Kavya",
        "last_name": "Iyer",
        "gender": "female",
        "phone_primary": "+15185550177",
        "address": "14 Elm Street, Apt 2\nTroy, NY 12180",
        "insurance_provider": "star  health",
        "insurance_policy_number": "W123456789",
        "insurance_group_number": "G-77",
        **fields,
    }
    return make_patient(doctor=doctor, **values)


def make_claimable(
    doctor: User,
    *,
    patient: Patient | None = None,
    lines: list[Line] | None = None,
    at: datetime | None = None,
    covered: str | None = None,
    diagnoses: tuple[str, ...] = ("F32.1",),
    place: str = "11",
    **fields: object,
) -> Bill:
    """Issue a bill whose codes its clinician confirmed."""
    at = at or timezone.now()
    bill = make_bill(doctor, patient=patient or make_insured(doctor), at=at)
    editing.edit_lines(
        bill,
        lines=lines or [Line("Psychotherapy", Decimal(200), cpt_code="90834")],
        discount=ZERO,
        tax_rate=ZERO,
        insurance_covered=Decimal(covered) if covered else None,
        by=doctor,
        at=at,
        primary_diagnosis_code=diagnoses[0],
        other_diagnosis_codes=list(diagnoses[1:]),
        place_of_service=place,
    )
    editing.confirm_codes(bill, by=doctor, at=at)
    issuing.issue_bill(bill, by=doctor, at=at)
    if fields:
        Bill.objects.filter(pk=bill.pk).update(**fields)
        bill.refresh_from_db()
    return bill


ANSWERS = {
    "relationship": "self",
    "related_employment": "no",
    "related_auto": "no",
    "related_other": "no",
    "patient_signature": "on_file",
    "insured_signature": "on_file",
    "accept_assignment": "yes",
}


def answer(claim: Claim, by: User, **boxes: str) -> ClaimForm:
    """Fill in what only people know, and more boxes."""
    form = load_form(claim.form)
    form.boxes |= {**ANSWERS, **boxes}
    for line in form.lines:
        line.pointers = line.pointers or "A"
    claims.edit_claim(claim, form, by=by, at=timezone.now())
    return form


def make_claim(
    doctor: User, *, status: str = Claim.Status.PREPARED, bill: Bill | None = None, **fields: object
) -> Claim:
    """Prepare a complete claim and walk it to its state."""
    at = timezone.now()
    if not Payer.objects.exists():
        make_payer()
    claim = claims.prepare_claim(bill or make_claimable(doctor, **fields), by=doctor, at=at)
    answer(claim, doctor)
    if status != Claim.Status.PREPARED:
        claims.mark_sent(claim, via="file", by=doctor, at=at)
    if status == Claim.Status.ACCEPTED:
        claims.mark_accepted(claim, claim_number="ICN-900", by=doctor, at=at)
    if status == Claim.Status.DENIED:
        claims.mark_denied(claim, reason="Modifier missing", claim_number="ICN-900", by=doctor, at=at)
    return claim
