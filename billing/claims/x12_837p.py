"""The professional claim 837P, 005010X222A1. Pure: claims as data in, the file's text out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.claims.x12 import Envelope, X12Error, amount, basic, day, interchange, segment, text

GUIDE = "005010X222A1"
LINES_PER_CLAIM = 50
DIAGNOSES_PER_CLAIM = 12
POINTERS_PER_LINE = 4
ADDRESS_LINE = 55
UNITED_STATES = "US"


@dataclass(frozen=True)
class Address:
    """Where somebody is. State and ZIP are left out outside the United States where there are none."""

    street: str
    city: str
    state: str = ""
    zip_code: str = ""
    country: str = UNITED_STATES


@dataclass(frozen=True)
class Person:
    """A person as a claim names one. `sex` is F, M or U."""

    last_name: str
    first_name: str
    middle_name: str = ""
    born_on: date | None = None
    sex: str = "U"
    address: Address | None = None


@dataclass(frozen=True)
class Provider:
    """Who asks for the money or did the work: an organisation, or a person with a first name."""

    name: str
    npi: str
    first_name: str = ""
    taxonomy: str = ""
    address: Address | None = None
    tax_id: str = ""
    tax_id_is_ssn: bool = False
    phone: str = ""


@dataclass(frozen=True)
class PayerParty:
    """The insurer."""

    name: str
    electronic_id: str
    address: Address | None = None


@dataclass(frozen=True)
class ServiceLine:
    """One service. `pointers` count the claim's diagnoses from 1."""

    procedure: str
    charge: Decimal
    units: int
    on: date
    until: date | None = None
    place: str = ""
    modifiers: tuple[str, ...] = ()
    pointers: tuple[int, ...] = (1,)
    is_emergency: bool = False


@dataclass(frozen=True)
class ClaimData:
    """One claim. `relationship` is the patient's to the insured, as PAT01 codes it; empty: the patient is insured."""

    control_number: str
    billing: Provider
    rendering: Provider
    payer: PayerParty
    insured: Person
    insured_id: str
    patient: Person
    lines: Sequence[ServiceLine]
    diagnoses: Sequence[str]
    place: str
    relationship: str = ""
    filing_indicator: str = "CI"
    group_number: str = ""
    plan_name: str = ""
    currency: str = "USD"
    patient_paid: Decimal = Decimal(0)
    frequency: str = "1"
    original_reference: str = ""
    prior_authorization: str = ""
    referring: Person | None = None
    referring_npi: str = ""
    referring_kind: str = "DN"
    facility: Provider | None = None
    accident: str = ""
    accident_state: str = ""
    onset_on: date | None = None
    unable_to_work: tuple[date, date] | None = None
    in_hospital: tuple[date, date | None] | None = None
    accepts_assignment: bool = True
    provider_signed: bool = True
    benefits_assigned: bool = True
    release_signed: bool = True
    note: str = ""


@dataclass(frozen=True)
class Submitter:
    """Who sends the file, and to whom: a clearing house, or the insurer itself."""

    name: str
    sender_id: str
    phone: str
    receiver_name: str
    receiver_id: str
    contact: str = ""


@dataclass
class _Body:
    """The segments of one transaction, with the number of its last hierarchical level."""

    lines: list[str] = field(default_factory=list)
    level: int = 0

    def add(self, *elements: str | Sequence[str]) -> None:
        self.lines.append(segment(*elements))

    def add_level(self, parent: int | None, code: str, *, has_children: bool) -> int:
        self.level += 1
        self.add("HL", str(self.level), str(parent or ""), code, "1" if has_children else "0")
        return self.level


def write_837p(claims: Sequence[ClaimData], *, submitter: Submitter, envelope: Envelope) -> str:
    """Return a file with these claims. Raises X12Error, which names the element that cannot be written."""
    if not claims:
        raise X12Error("A file holds at least one claim.")
    if len({each.control_number for each in claims}) != len(claims):
        raise X12Error("A claim stands in a file once.")
    body = _Body()
    reference = f"{envelope.control_number:09d}"
    body.add("BHT", "0019", "00", reference, day(envelope.at.date()), f"{envelope.at:%H%M}", "CH")
    _add_submitter(body, submitter)
    parent: Provider | None = None
    level, currency = 0, ""
    for claim in claims:
        # Claims of one provider in a row share its level.
        if claim.billing != parent or claim.currency != currency:
            level = _add_billing_provider(body, claim.billing, claim.currency)
            parent, currency = claim.billing, claim.currency
        _add_subscriber(body, claim, level)
    return interchange(envelope, [body.lines], kind="837", functional="HC", guide=GUIDE)


def _add_submitter(body: _Body, submitter: Submitter) -> None:
    name = text(submitter.name, "The submitter's name", most=60, cut=True)
    body.add(
        "NM1", "41", "2", name, "", "", "", "", "46", text(submitter.sender_id, "The submitter id", least=2, most=80)
    )
    contact = text(submitter.contact, "The contact", most=60, cut=True) if submitter.contact else ""
    body.add("PER", "IC", contact, "TE", _phone(submitter.phone))
    receiver = text(submitter.receiver_name, "The receiver's name", most=60, cut=True)
    body.add(
        "NM1",
        "40",
        "2",
        receiver,
        "",
        "",
        "",
        "",
        "46",
        text(submitter.receiver_id, "The receiver id", least=2, most=80),
    )


def _add_billing_provider(body: _Body, billing: Provider, currency: str) -> int:
    if billing.address is None:
        raise X12Error("The billing provider needs an address.")
    level = body.add_level(None, "20", has_children=True)
    if billing.taxonomy:
        body.add("PRV", "BI", "PXC", text(billing.taxonomy, "The billing provider's taxonomy", least=10, most=10))
    if currency != "USD":
        body.add("CUR", "85", text(currency, "The currency", least=3, most=3))
    _add_name(body, "85", billing)
    _add_address(body, billing.address, "The billing provider")
    body.add("REF", "SY" if billing.tax_id_is_ssn else "EI", _digits(billing.tax_id, "The tax number", 9))
    return level


def _add_subscriber(body: _Body, claim: ClaimData, parent: int) -> None:
    is_dependent = bool(claim.relationship)
    level = body.add_level(parent, "22", has_children=is_dependent)
    group = text(claim.group_number, "The group number", most=50) if claim.group_number else ""
    # A plan's name stands only where there is no group number.
    plan = text(claim.plan_name, "The plan", most=60, cut=True) if claim.plan_name and not group else ""
    body.add("SBR", "P", "" if is_dependent else "18", group, plan, "", "", "", "", claim.filing_indicator)
    insured_id = text(claim.insured_id, "The insured's id", least=2, most=80)
    _add_person(
        body, "IL", claim.insured, insured_id, with_details=not is_dependent or claim.insured.address is not None
    )
    payer = claim.payer
    name = text(payer.name, "The insurer's name", most=60, cut=True)
    body.add("NM1", "PR", "2", name, "", "", "", "", "PI", text(payer.electronic_id, "The payer id", least=2, most=80))
    if payer.address is not None:
        _add_address(body, payer.address, "The insurer")
    if is_dependent:
        body.add_level(level, "23", has_children=False)
        body.add("PAT", claim.relationship)
        _add_person(body, "QC", claim.patient, "", with_details=True)
    _add_claim(body, claim)


def _add_claim(body: _Body, claim: ClaimData) -> None:
    if not 1 <= len(claim.lines) <= LINES_PER_CLAIM:
        raise X12Error(f"A claim holds 1 to {LINES_PER_CLAIM} lines.")
    if not 1 <= len(claim.diagnoses) <= DIAGNOSES_PER_CLAIM:
        raise X12Error(f"A claim holds 1 to {DIAGNOSES_PER_CLAIM} diagnoses.")
    if claim.frequency in ("7", "8") and not claim.original_reference:
        raise X12Error("A replacement needs the insurer's number of the claim it replaces.")
    total = sum((line.charge for line in claim.lines), Decimal(0))
    body.add(
        "CLM",
        text(claim.control_number, "The claim's number", most=20),
        amount(total, "The total charge"),
        "",
        "",
        (claim.place, "B", claim.frequency),
        "Y" if claim.provider_signed else "N",
        "A" if claim.accepts_assignment else "C",
        "Y" if claim.benefits_assigned else "N",
        "Y" if claim.release_signed else "I",
        "",
        (claim.accident, "", "", claim.accident_state) if claim.accident else "",
    )
    if claim.onset_on is not None:
        body.add("DTP", "439" if claim.accident else "431", "D8", day(claim.onset_on))
    if claim.unable_to_work is not None:
        first, last = claim.unable_to_work
        body.add("DTP", "314", "RD8", f"{day(first)}-{day(last)}")
    if claim.in_hospital is not None:
        admitted, discharged = claim.in_hospital
        body.add("DTP", "435", "D8", day(admitted))
        if discharged is not None:
            body.add("DTP", "096", "D8", day(discharged))
    if claim.patient_paid:
        body.add("AMT", "F5", amount(claim.patient_paid, "What the patient paid"))
    if claim.prior_authorization:
        body.add("REF", "G1", text(claim.prior_authorization, "The prior authorization", most=50))
    if claim.original_reference:
        body.add("REF", "F8", text(claim.original_reference, "The original reference", most=50))
    if claim.note:
        body.add("NTE", "ADD", text(claim.note, "The note", most=80, cut=True))
    codes = [code.replace(".", "").upper() for code in claim.diagnoses]
    body.add("HI", *(("ABF" if index else "ABK", code) for index, code in enumerate(codes)))
    if claim.referring_kind == "DN":
        _add_other_provider(body, claim)
    if claim.rendering.npi != claim.billing.npi:
        _add_name(body, "82", claim.rendering)
        if claim.rendering.taxonomy:
            body.add("PRV", "PE", "PXC", text(claim.rendering.taxonomy, "The clinician's taxonomy", least=10, most=10))
    if claim.facility is not None and claim.facility.address is not None:
        _add_name(body, "77", claim.facility)
        _add_address(body, claim.facility.address, "The place of service")
    if claim.referring_kind == "DQ":
        _add_other_provider(body, claim)
    for number, line in enumerate(claim.lines, start=1):
        _add_line(body, claim, line, number)


def _add_line(body: _Body, claim: ClaimData, line: ServiceLine, number: int) -> None:
    if not 1 <= len(line.pointers) <= POINTERS_PER_LINE:
        raise X12Error(f"A line points to 1 to {POINTERS_PER_LINE} diagnoses.")
    if any(not 1 <= pointer <= len(claim.diagnoses) for pointer in line.pointers):
        raise X12Error("A line points to a diagnosis the claim does not hold.")
    if len(line.modifiers) > 4:
        raise X12Error("A line holds up to four modifiers.")
    if not 1 <= line.units <= 9999:
        raise X12Error("A line holds 1 to 9999 units.")
    procedure = text(line.procedure, "The procedure code", most=48)
    modifiers = [text(each, "A modifier", least=2, most=2) for each in line.modifiers]
    body.add("LX", str(number))
    body.add(
        "SV1",
        ("HC", procedure, *modifiers),
        amount(line.charge, "A line's charge"),
        "UN",
        str(line.units),
        line.place if line.place and line.place != claim.place else "",
        "",
        [str(pointer) for pointer in line.pointers],
        "",
        "Y" if line.is_emergency else "",
    )
    if line.until is not None and line.until != line.on:
        body.add("DTP", "472", "RD8", f"{day(line.on)}-{day(line.until)}")
    else:
        body.add("DTP", "472", "D8", day(line.on))
    # Who ordered a service is said at each line, who referred or supervised at the claim.
    if claim.referring_kind == "DK":
        _add_other_provider(body, claim)


def _add_other_provider(body: _Body, claim: ClaimData) -> None:
    if claim.referring is not None:
        other = Provider(claim.referring.last_name, claim.referring_npi, first_name=claim.referring.first_name)
        _add_name(body, claim.referring_kind, other)


def _add_name(body: _Body, code: str, provider: Provider) -> None:
    name = text(provider.name, "A provider's name", most=60, cut=True)
    first = text(provider.first_name, "A provider's first name", most=35, cut=True) if provider.first_name else ""
    is_person = bool(provider.first_name) or code in ("DN", "DK", "DQ")
    qualifier, npi = ("XX", _digits(provider.npi, "The NPI", 10)) if provider.npi else ("", "")
    body.add("NM1", code, "1" if is_person else "2", name, first, "", "", "", qualifier, npi)


def _add_person(body: _Body, code: str, person: Person, member_id: str, *, with_details: bool) -> None:
    last = text(person.last_name, "A last name", most=60, cut=True)
    first = text(person.first_name, "A first name", most=35, cut=True)
    middle = basic(person.middle_name)[:25].rstrip()
    body.add("NM1", code, "1", last, first, middle, "", "", "MI" if member_id else "", member_id)
    if not with_details:
        return
    if person.address is None:
        raise X12Error("The patient or the insured needs an address.")
    _add_address(body, person.address, "The patient or the insured")
    if person.born_on is None:
        raise X12Error("The patient or the insured needs a date of birth.")
    body.add("DMG", "D8", day(person.born_on), person.sex)


def _add_address(body: _Body, address: Address, whose: str) -> None:
    street = text(address.street, f"{whose}: the street", most=2 * ADDRESS_LINE, cut=True)
    first, second = _in_two(street)
    body.add("N3", first, second)
    is_american = address.country == UNITED_STATES
    state = text(address.state, f"{whose}: the state", least=2, most=2) if is_american else ""
    zip_code = "".join(basic(address.zip_code).replace("-", "").split())
    if is_american and (len(zip_code) not in (5, 9) or not zip_code.isdigit()):
        raise X12Error(f"{whose}: the ZIP code has five or nine digits.")
    country = "" if is_american else text(address.country, f"{whose}: the country", least=2, most=2)
    body.add("N4", text(address.city, f"{whose}: the city", least=2, most=30, cut=True), state, zip_code, country)


def _in_two(street: str) -> tuple[str, str]:
    """Return a street in two lines that an address segment can hold, broken between words where it can be."""
    if len(street) <= ADDRESS_LINE:
        return street, ""
    head = street[:ADDRESS_LINE].rsplit(" ", 1)[0] if " " in street[:ADDRESS_LINE] else street[:ADDRESS_LINE]
    return head, street[len(head) :].strip()[:ADDRESS_LINE]


def _digits(value: str, name: str, count: int) -> str:
    digits = "".join(sign for sign in value if sign.isdigit())
    if len(digits) != count:
        raise X12Error(f"{name} has {count} digits.")
    return digits


def _phone(value: str) -> str:
    digits = "".join(sign for sign in value if sign.isdigit())
    # A number of the United States stands without its country code.
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    return text(digits, "The telephone number", least=5, most=20)
