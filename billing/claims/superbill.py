"""The superbill: what a patient hands to an insurer for reimbursement. Only codes a clinician confirmed stand on it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from string import ascii_uppercase
from typing import Any

from billing.bills.lines import diagnoses_of
from billing.claims.prefill import service_date
from billing.codes.lookup import is_procedure, words_of
from billing.ledger import owing
from billing.models import Bill, BillingSettings, Code
from billing.money import ZERO, load_line
from patients.models import Patient
from reports.printing.rendering import Header, header_of
from synapse.accounts.models import ClinicSettings, User, UserProfile

Status = Bill.Status


@dataclass(frozen=True)
class LeftOut:
    """A bill that is not on a superbill, and why."""

    bill: Bill
    why: str


@dataclass(frozen=True)
class Service:
    """One line of a superbill. `paid` is the visit's, on its first line."""

    on: date | None
    place: str
    code: str
    words: str
    modifiers: str
    pointers: str
    units: int
    charge: Decimal
    paid: Decimal | None


@dataclass
class Part:
    """What one clinician did, under that clinician's header."""

    doctor: User
    header: Header
    npi: str
    taxonomy: str
    currency: str
    diagnoses: list[tuple[str, str, str]] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    charged: Decimal = ZERO
    paid: Decimal = ZERO


def why_left_out(bill: Bill) -> str:
    """Return why a bill stands on no superbill; nothing when it does."""
    if bill.purpose != Bill.Purpose.VISIT:
        return "a fee for a visit that did not take place"
    if bill.is_closed:
        return bill.get_status_display().lower()
    if not bill.bill_number:
        return "not issued yet"
    if bill.codes_confirmed_at is None:
        return "codes not confirmed by the clinician"
    if not any(is_procedure(line.get("cpt_code", "")) for line in bill.line_items):
        return "no procedure code"
    return ""


def choose_bills(bills: Iterable[Bill]) -> tuple[list[Bill], list[LeftOut]]:
    """Return the bills a superbill holds, the earliest visit first, and those it leaves out with the reason."""
    taken, left_out = [], []
    for bill in bills:
        why = why_left_out(bill)
        if why:
            left_out.append(LeftOut(bill, why))
        else:
            taken.append(bill)
    clinic = ClinicSettings.load()
    taken.sort(key=lambda bill: (service_date(bill, clinic) or bill.bill_date or date.min, bill.created_at))
    return taken, left_out


def superbill_context(patient: Patient, bills: Sequence[Bill]) -> dict[str, Any]:
    """Return what a superbill of these bills shows. Raises ValueError when none of them belongs on one."""
    taken, _ = choose_bills(bills)
    if not taken:
        raise ValueError("None of these bills belongs on a superbill.")
    settings = BillingSettings.load()
    return {
        "patient": patient.kept_record,
        "insurer": taken[-1].insurance_provider or patient.kept_record.insurance_provider,
        "policy": taken[-1].insurance_policy_number or patient.kept_record.insurance_policy_number,
        "group": taken[-1].insurance_group_number or patient.kept_record.insurance_group_number,
        "parts": _parts(taken, ClinicSettings.load()),
        "organization_npi": settings.organization_npi,
        "tax_id": settings.organization_tax_id,
        "clinic": ClinicSettings.load(),
    }


def _parts(bills: Sequence[Bill], clinic: ClinicSettings) -> list[Part]:
    """Return a part for each clinician and currency: a superbill carries one header and one sum."""
    grouped: dict[tuple[Any, str], list[Bill]] = defaultdict(list)
    for bill in bills:
        grouped[bill.doctor_id, bill.currency].append(bill)
    return [_part(own, clinic) for own in grouped.values()]


def _part(bills: list[Bill], clinic: ClinicSettings) -> Part:
    doctor = bills[0].doctor
    profile = UserProfile.objects.filter(user=doctor).first() or UserProfile(user=doctor)
    part = Part(doctor, header_of(doctor), profile.npi, profile.taxonomy_code, bills[0].currency, bills=bills)
    codes = list(dict.fromkeys(code for bill in bills for code in diagnoses_of(bill)))
    letters = {code: _letter(place) for place, code in enumerate(codes)}
    words = words_of(Code.System.ICD10, codes)
    part.diagnoses = [(letters[code], code, words.get(code, "")) for code in codes]
    for bill in bills:
        _add_bill(part, bill, letters, clinic)
    return part


def _add_bill(part: Part, bill: Bill, letters: dict[str, str], clinic: ClinicSettings) -> None:
    diagnoses = diagnoses_of(bill)
    paid = max(ZERO, owing.split_one(bill).patient_paid)
    is_first = True
    for stored in bill.line_items:
        line = load_line(stored)
        if not is_procedure(line.cpt_code):
            continue
        pointers = [each for each in line.diagnosis_pointers if 1 <= each <= len(diagnoses)]
        if not pointers and len(diagnoses) == 1:
            pointers = [1]
        charge = line.amount(bill.currency)
        part.services.append(
            Service(
                on=service_date(bill, clinic) or bill.bill_date,
                place=bill.place_of_service,
                code=line.cpt_code,
                words=line.description,
                modifiers=" ".join(line.modifiers),
                pointers="".join(letters[diagnoses[each - 1]] for each in pointers),
                units=line.quantity,
                charge=charge,
                paid=paid if is_first else None,
            )
        )
        part.charged += charge
        is_first = False
    part.paid += paid


def _letter(place: int) -> str:
    """Return A to Z, then AA and so on: a year of visits may hold more diagnoses than a form."""
    return ascii_uppercase[place] if place < 26 else ascii_uppercase[place // 26 - 1] + ascii_uppercase[place % 26]
