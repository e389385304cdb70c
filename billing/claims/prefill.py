"""Fill the boxes of a claim from what the clinic already knows. What nobody wrote down stays empty."""

from datetime import date, datetime
from decimal import Decimal

from billing.bills.lines import diagnoses_of, lines_of, totals_of
from billing.claims.addresses import parse_address
from billing.claims.boxes import LETTERS, ORIGINAL, ClaimForm, FormLine, letters_of, load_form
from billing.codes.lookup import is_procedure
from billing.ledger import owing
from billing.models import Bill, BillingSettings, Claim, Payer
from billing.money import ZERO, load_line, spread
from synapse.accounts.models import ClinicSettings, User, UserProfile

# What a person answered on the patient's last claim and what does not change from visit to visit.
CARRIED_OVER = (
    "relationship",
    "insured_last",
    "insured_first",
    "insured_street",
    "insured_city",
    "insured_state",
    "insured_zip",
    "insured_phone",
    "insured_birth",
    "insured_sex",
    "other_insured",
    "other_policy",
    "other_plan",
    "related_employment",
    "related_auto",
    "related_auto_state",
    "related_other",
    "plan_name",
    "another_plan",
    "patient_signature",
    "patient_signed_on",
    "insured_signature",
    "accept_assignment",
    "patient_middle",
    "referrer_kind",
    "referrer_last",
    "referrer_first",
    "referrer_npi",
)
ADDRESS_PARTS = ("street", "city", "state", "zip")
SEX_OF_GENDER = {"female": "F", "male": "M"}


def fill_form(bill: Bill, payer: Payer, *, control_number: str) -> ClaimForm:
    """Return the boxes of a bill's claim to an insurer as far as the records tell."""
    clinic = ClinicSettings.load()
    settings = BillingSettings.load()
    profile = UserProfile.objects.filter(user=bill.doctor).first() or UserProfile(user=bill.doctor)
    form = ClaimForm(country=clinic.region, currency=bill.currency)
    form.clinician = {
        "last": bill.doctor.last_name or bill.doctor.username,
        "first": bill.doctor.first_name,
        "npi": profile.npi,
        "taxonomy": profile.taxonomy_code,
    }
    form.diagnoses = list(dict.fromkeys(diagnoses_of(bill)))[: len(LETTERS)]
    form.lines = _lines(bill, profile, form.diagnoses, clinic)
    _fill_patient(form, bill, payer)
    _fill_provider(form, bill.doctor, profile, settings, clinic)
    form.boxes |= {
        "frequency": ORIGINAL,
        "account_number": control_number,
        "total_charge": str(form.total),
        "amount_paid": f"{max(ZERO, owing.split_one(bill).patient_paid):.2f}",
    }
    if bill.codes_confirmed_by is not None and bill.codes_confirmed_at is not None:
        form.boxes["clinician_signature"] = bill.codes_confirmed_by.display_name
        form.boxes["clinician_signed_on"] = clinic.date_of(bill.codes_confirmed_at).isoformat()
    _carry_over(form, bill, control_number)
    return form


def fill_empty_boxes(form: ClaimForm, fresh: ClaimForm) -> None:
    """Put what the records tell by now into boxes that are empty; lines and codes follow the bill."""
    for key, value in fresh.boxes.items():
        if value and not form.get(key):
            form.boxes[key] = value
    follow_bill(form, fresh)


def follow_bill(form: ClaimForm, fresh: ClaimForm) -> None:
    """Take the clinician, and what the patient has paid since, from the records."""
    form.clinician = fresh.clinician
    form.country = fresh.country
    form.boxes["amount_paid"] = fresh.get("amount_paid")
    npi = fresh.clinician.get("npi", "")
    for line in form.lines:
        line.npi = line.npi or npi


def service_date(bill: Bill, clinic: ClinicSettings) -> date | None:
    """Return the day of the visit by the clinic's calendar; None for a bill without one."""
    at: datetime | None = None
    if bill.session is not None:
        at = bill.session.started_at
    elif bill.appointment is not None:
        at = bill.appointment.scheduled_at
    return clinic.date_of(at) if at else None


def left_off(bill: Bill) -> int:
    """Return how many lines of a bill stay off its claim because they hold no procedure code."""
    return sum(1 for stored in bill.line_items if not is_procedure(stored.get("cpt_code", "")))


def _lines(bill: Bill, profile: UserProfile, diagnoses: list[str], clinic: ClinicSettings) -> list[FormLine]:
    day = service_date(bill, clinic)
    lines = []
    for stored, charge in zip(bill.line_items, net_charges(bill), strict=True):
        line = load_line(stored)
        if not is_procedure(line.cpt_code):
            continue
        pointers = letters_of(tuple(int(each) for each in stored.get("diagnosis_pointers") or ()))
        # With one diagnosis there is nothing to choose.
        if not pointers and len(diagnoses) == 1:
            pointers = "A"
        lines.append(
            FormLine(
                procedure=line.cpt_code,
                charge=str(charge),
                units=str(line.quantity),
                start=day.isoformat() if day else "",
                end=day.isoformat() if day else "",
                place=bill.place_of_service,
                modifiers=[str(each) for each in stored.get("modifiers") or ()][:4],
                pointers=pointers,
                npi=profile.npi,
                words=line.description,
            )
        )
    return lines


def net_charges(bill: Bill) -> list[Decimal]:
    """Return what each line charges after its part of the discount and without tax: an insurer is asked for no more."""
    lines, totals = lines_of(bill), totals_of(bill)
    charges = [line.amount(bill.currency) - less for line, less in zip(lines, totals.discounts, strict=True)]
    if not bill.prices_include_tax:
        return charges
    net = list(charges)
    for part in totals.taxes:
        places = [
            place
            for place, line in enumerate(lines)
            if part.rate == (bill.tax_rate if line.tax_rate is None else line.tax_rate)
        ]
        taxes = spread(part.tax, [charges[place] for place in places], bill.currency)
        for place, tax in zip(places, taxes, strict=True):
            net[place] -= tax
    return net


def _fill_patient(form: ClaimForm, bill: Bill, payer: Payer) -> None:
    patient = bill.patient.kept_record
    form.boxes |= {
        "coverage": payer.coverage,
        "insured_id": bill.insurance_policy_number or patient.insurance_policy_number,
        "group_number": bill.insurance_group_number or patient.insurance_group_number,
        "patient_last": patient.last_name,
        "patient_first": patient.first_name,
        "patient_birth": patient.date_of_birth.isoformat(),
        "patient_sex": SEX_OF_GENDER.get(patient.gender, "U" if patient.gender else ""),
        "patient_phone": patient.phone_primary,
    }
    _fill_address(form, "patient", patient.address)


def _fill_provider(
    form: ClaimForm, doctor: User, profile: UserProfile, settings: BillingSettings, clinic: ClinicSettings
) -> None:
    form.boxes |= {
        "tax_id": settings.organization_tax_id,
        "tax_id_kind": "ein" if settings.organization_tax_id else "",
        "billing_phone": clinic.phone,
        "facility_name": clinic.name,
        "facility_npi": settings.organization_npi,
    }
    if settings.organization_npi:
        form.boxes |= {
            "billing_name": clinic.name,
            "billing_npi": settings.organization_npi,
            "billing_taxonomy": settings.organization_taxonomy,
        }
    else:
        # Without a number of the clinic's own its clinician asks for the money.
        form.boxes |= {
            "billing_name": doctor.last_name,
            "billing_first": doctor.first_name,
            "billing_npi": profile.npi,
            "billing_taxonomy": profile.taxonomy_code,
        }
    _fill_address(form, "facility", clinic.address)
    _fill_address(form, "billing", clinic.address)


def _fill_address(form: ClaimForm, who: str, written: str) -> None:
    parsed = parse_address(written)
    form.sources[who] = written
    for part, value in zip(ADDRESS_PARTS, (parsed.street, parsed.city, parsed.state, parsed.zip_code), strict=True):
        form.boxes[f"{who}_{part}"] = value


def _carry_over(form: ClaimForm, bill: Bill, control_number: str) -> None:
    """Take what was answered on the patient's last claim, and addresses that were put right and have not changed."""
    claims = Claim.objects.exclude(control_number=control_number).order_by("-created_at")
    last = claims.filter(bill__patient__in=bill.patient.records()).first()
    of_doctor = claims.filter(bill__doctor=bill.doctor).first()
    if last is not None:
        before = load_form(last.form)
        for key in CARRIED_OVER:
            if before.get(key):
                form.boxes[key] = before.get(key)
        _carry_address(form, before, "patient")
    if of_doctor is not None:
        before = load_form(of_doctor.form)
        _carry_address(form, before, "facility")
        _carry_address(form, before, "billing")


def _carry_address(form: ClaimForm, before: ClaimForm, who: str) -> None:
    if not form.sources.get(who) or before.sources.get(who) != form.sources[who]:
        return
    for part in ADDRESS_PARTS:
        key = f"{who}_{part}"
        if before.get(key):
            form.boxes[key] = before.get(key)
