"""Turn the boxes of claims into an 837P file."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from billing.claims.addresses import parse_address
from billing.claims.boxes import ON_FILE, ClaimForm, load_form, numbers_of
from billing.claims.completeness import FilePartners, Missing, find_missing
from billing.claims.x12 import Envelope, X12Error
from billing.claims.x12_837p import (
    Address,
    ClaimData,
    PayerParty,
    Person,
    Provider,
    ServiceLine,
    Submitter,
    write_837p,
)
from billing.models import BillingSettings, Claim, Payer
from synapse.accounts.models import ClinicSettings

# SBR09 by box 1. Source: 005010X222A1, claim filing indicator.
FILING_INDICATORS = {
    "group": "CI",
    "medicare": "MB",
    "medicaid": "MC",
    "tricare": "CH",
    "champva": "VA",
    "feca": "OF",
    "other": "CI",
}
# PAT01 by box 6.
RELATIONSHIPS = {"self": "", "spouse": "01", "child": "19", "other": "G8"}


def missing_of(claim: Claim, *, for_file: bool = True) -> list[Missing]:
    """Return what a claim lacks, for paper, and for the file too unless told otherwise."""
    partners = partners_of(claim.payer, BillingSettings.load()) if for_file else None
    return find_missing(load_form(claim.form), partners)


def partners_of(payer: Payer, settings: BillingSettings) -> FilePartners:
    """Return what a file to an insurer needs besides the claim's boxes."""
    return FilePartners(
        submitter_id=settings.submitter_id,
        receiver_id=settings.clearing_house_id or payer.electronic_id,
        payer_id=payer.electronic_id,
        payer_address_is_complete=not payer.address.strip() or _payer_address(payer, "US") is not None,
    )


def write_file(claims: Sequence[Claim], *, control_number: int, at: datetime) -> str:
    """Return the 837P file of claims that lack nothing. Raises X12Error, which names the element that does not fit.

    Without a clearing house the insurer itself receives the file, and then all claims are to one insurer.
    """
    settings = BillingSettings.load()
    clinic = ClinicSettings.load()
    payer = claims[0].payer
    if not settings.clearing_house_id and any(claim.payer_id != payer.pk for claim in claims):
        raise X12Error("Without a clearing house a file holds the claims to one insurer.")
    receiver_id = settings.clearing_house_id or payer.electronic_id
    submitter = Submitter(
        name=clinic.name,
        sender_id=settings.submitter_id,
        phone=clinic.phone,
        receiver_name=settings.clearing_house_name or payer.name,
        receiver_id=receiver_id,
    )
    envelope = Envelope(
        sender_id=settings.submitter_id,
        receiver_id=receiver_id,
        control_number=control_number,
        at=at.astimezone(clinic.zone),
        is_test=settings.claims_are_tests,
    )
    return write_837p([claim_data(claim) for claim in claims], submitter=submitter, envelope=envelope)


def claim_data(claim: Claim) -> ClaimData:
    """Return one claim as the file states it."""
    form = load_form(claim.form)
    patient = _patient(form)
    is_dependent = form.get("relationship") not in ("", "self")
    places = [line.place for line in form.lines]
    return ClaimData(
        control_number=claim.control_number,
        billing=_billing(form),
        rendering=Provider(
            form.clinician.get("last", ""),
            form.clinician.get("npi", ""),
            first_name=form.clinician.get("first", ""),
            taxonomy=form.clinician.get("taxonomy", ""),
        ),
        payer=PayerParty(claim.payer.name, claim.payer.electronic_id, _payer_address(claim.payer, form.country)),
        insured=_insured(form) if is_dependent else patient,
        insured_id=form.get("insured_id"),
        patient=patient,
        relationship=RELATIONSHIPS.get(form.get("relationship"), "G8"),
        filing_indicator=FILING_INDICATORS.get(form.get("coverage"), "CI"),
        group_number=form.get("group_number"),
        plan_name=form.get("plan_name"),
        currency=form.currency,
        diagnoses=form.diagnoses,
        lines=[
            ServiceLine(
                procedure=line.procedure,
                charge=Decimal(line.charge),
                units=int(line.units),
                on=date.fromisoformat(line.start),
                until=date.fromisoformat(line.end) if line.end else None,
                place=line.place,
                modifiers=tuple(line.modifiers),
                pointers=numbers_of(line.pointers),
                is_emergency=line.emergency == "yes",
            )
            for line in form.lines
        ],
        place=places[0] if places else "",
        patient_paid=Decimal(form.get("amount_paid") or 0),
        frequency=form.get("frequency") or "1",
        original_reference=form.get("original_reference"),
        prior_authorization=form.get("prior_authorization"),
        referring=Person(form.get("referrer_last"), form.get("referrer_first")) if form.get("referrer_last") else None,
        referring_npi=form.get("referrer_npi"),
        referring_kind=form.get("referrer_kind") or "DN",
        facility=_facility(form),
        accident=_accident(form),
        accident_state=form.get("related_auto_state").upper() if form.get("related_auto") == "yes" else "",
        onset_on=_date(form, "onset_on"),
        unable_to_work=_period(form, "unable_from", "unable_to"),
        in_hospital=(admitted, _date(form, "hospital_to")) if (admitted := _date(form, "hospital_from")) else None,
        accepts_assignment=form.get("accept_assignment") == "yes",
        provider_signed=bool(form.get("clinician_signature")),
        benefits_assigned=form.get("insured_signature") == ON_FILE,
        release_signed=form.get("patient_signature") == ON_FILE,
        note=form.get("additional"),
    )


def _patient(form: ClaimForm) -> Person:
    return Person(
        last_name=form.get("patient_last"),
        first_name=form.get("patient_first"),
        middle_name=form.get("patient_middle"),
        born_on=_date(form, "patient_birth"),
        sex=form.get("patient_sex") or "U",
        address=_address(form, "patient"),
    )


def _insured(form: ClaimForm) -> Person:
    # The file wants address and birth date of an insured who is not the patient together, or neither.
    is_known = all(form.get(key) for key in ("insured_street", "insured_city", "insured_zip", "insured_birth"))
    return Person(
        last_name=form.get("insured_last"),
        first_name=form.get("insured_first"),
        born_on=_date(form, "insured_birth"),
        sex=form.get("insured_sex") or "U",
        address=_address(form, "insured") if is_known else None,
    )


def _billing(form: ClaimForm) -> Provider:
    return Provider(
        name=form.get("billing_name"),
        first_name=form.get("billing_first"),
        npi=form.get("billing_npi"),
        taxonomy=form.get("billing_taxonomy"),
        address=_address(form, "billing"),
        tax_id=form.get("tax_id"),
        tax_id_is_ssn=form.get("tax_id_kind") == "ssn",
    )


def _facility(form: ClaimForm) -> Provider | None:
    """Return the place of service where it is not the billing provider's: the file names it only then."""
    address = _address(form, "facility")
    # 02 and 10 are telehealth: the patient was somewhere else.
    is_telehealth = all(line.place in ("02", "10") for line in form.lines)
    if not form.get("facility_name") or is_telehealth or address == _address(form, "billing"):
        return None
    npi = form.get("facility_npi")
    return Provider(form.get("facility_name"), "" if npi == form.get("billing_npi") else npi, address=address)


def _accident(form: ClaimForm) -> str:
    if form.get("related_employment") == "yes":
        return "EM"
    if form.get("related_auto") == "yes":
        return "AA"
    return "OA" if form.get("related_other") == "yes" else ""


def _address(form: ClaimForm, who: str) -> Address:
    return Address(
        street=form.get(f"{who}_street"),
        city=form.get(f"{who}_city"),
        state=form.get(f"{who}_state"),
        zip_code=form.get(f"{who}_zip"),
        country=form.country,
    )


def _payer_address(payer: Payer, country: str) -> Address | None:
    """Return the insurer's address; None where it is not complete: the file can do without."""
    parsed = parse_address(payer.address)
    if not (parsed.street and parsed.city and parsed.zip_code) or (country == "US" and not parsed.state):
        return None
    return Address(parsed.street, parsed.city, parsed.state, parsed.zip_code, country)


def _period(form: ClaimForm, first: str, last: str) -> tuple[date, date] | None:
    start, end = _date(form, first), _date(form, last)
    return (start, end) if start and end else None


def _date(form: ClaimForm, key: str) -> date | None:
    return date.fromisoformat(form.get(key)) if form.get(key) else None
