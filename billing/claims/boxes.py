"""The boxes of the CMS-1500 (02/12) by number and name, and the form as a claim stores it. Pure.

Source: NUCC 1500 claim form reference instruction manual, form version 02/12 (numbers and what belongs in a box; the
labels are our own words).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

LETTERS = "ABCDEFGHIJKL"
LINES_PER_PAGE = 6
ON_FILE = "on_file"
ORIGINAL, REPLACEMENT, VOID = "1", "7", "8"

YES_NO = (("yes", "Yes"), ("no", "No"))
SEXES = (("F", "Female"), ("M", "Male"), ("U", "Not stated"))
COVERAGES = (
    ("medicare", "Medicare"),
    ("medicaid", "Medicaid"),
    ("tricare", "TRICARE"),
    ("champva", "CHAMPVA"),
    ("group", "Group health plan"),
    ("feca", "FECA, black lung"),
    ("other", "Other"),
)
RELATIONSHIPS = (("self", "Self"), ("spouse", "Spouse"), ("child", "Child"), ("other", "Other"))
SIGNATURES = ((ON_FILE, "Signature on file"), ("none", "Not signed"))
TAX_ID_KINDS = (("ein", "EIN"), ("ssn", "SSN"))
FREQUENCIES = ((ORIGINAL, "1, original"), (REPLACEMENT, "7, replaces one"), (VOID, "8, voids one"))
REFERRERS = (("DN", "Referring"), ("DK", "Ordering"), ("DQ", "Supervising"))
ONSETS = (("431", "Onset"), ("484", "Last period"))


@dataclass(frozen=True)
class Box:
    """One box, or a part of one. `kind` is text, date, choice or amount; `most` is what the form can hold."""

    number: str
    key: str
    label: str
    kind: str = "text"
    most: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""

    def shown(self, value: str) -> str:
        """Return a stored value as people read it."""
        if self.choices:
            return dict(self.choices).get(value, value)
        if self.kind == "date" and value:
            return f"{date.fromisoformat(value):%m/%d/%Y}"
        return value


@dataclass(frozen=True)
class Group:
    """Boxes that belong together on the page."""

    title: str
    boxes: tuple[Box, ...]


def _address(number: str, who: str, whose: str) -> tuple[Box, ...]:
    return (
        Box(number, f"{who}_street", f"{whose} street", most=110),
        Box(number, f"{who}_city", f"{whose} city", most=30),
        Box(number, f"{who}_state", f"{whose} state", most=2, hint="Two letters"),
        Box(number, f"{who}_zip", f"{whose} ZIP", most=15),
    )


GROUPS = (
    Group(
        "Patient and insured",
        (
            Box("1", "coverage", "Coverage", "choice", choices=COVERAGES),
            Box("1a", "insured_id", "Insured's ID number", most=80),
            Box("2", "patient_last", "Patient's last name", most=60),
            Box("2", "patient_first", "Patient's first name", most=35),
            Box("2", "patient_middle", "Patient's middle name", most=25),
            Box("3", "patient_birth", "Patient's birth date", "date"),
            Box("3", "patient_sex", "Patient's sex", "choice", choices=SEXES),
            Box("6", "relationship", "Patient's relationship to the insured", "choice", choices=RELATIONSHIPS),
            Box("4", "insured_last", "Insured's last name", most=60),
            Box("4", "insured_first", "Insured's first name", most=35),
            *_address("5", "patient", "Patient's"),
            Box("5", "patient_phone", "Patient's telephone", most=20),
            *_address("7", "insured", "Insured's"),
            Box("7", "insured_phone", "Insured's telephone", most=20),
            Box("8", "reserved_8", "Reserved", most=28),
            Box("9", "other_insured", "Other insured's name", most=60, hint="Last name, first name"),
            Box("9a", "other_policy", "Other insured's policy or group", most=50),
            Box("9b", "reserved_9b", "Reserved", most=28),
            Box("9c", "reserved_9c", "Reserved", most=28),
            Box("9d", "other_plan", "Other insured's plan", most=60),
        ),
    ),
    Group(
        "Condition and policy",
        (
            Box("10a", "related_employment", "Condition comes from employment", "choice", choices=YES_NO),
            Box("10b", "related_auto", "Condition comes from a car accident", "choice", choices=YES_NO),
            Box("10b", "related_auto_state", "State of the accident", most=2),
            Box("10c", "related_other", "Condition comes from another accident", "choice", choices=YES_NO),
            Box("10d", "claim_codes", "Claim codes", most=19),
            Box("11", "group_number", "Policy group or FECA number", most=50),
            Box("11a", "insured_birth", "Insured's birth date", "date"),
            Box("11a", "insured_sex", "Insured's sex", "choice", choices=SEXES),
            Box("11b", "other_claim_id", "Other claim ID", most=28),
            Box("11c", "plan_name", "Insurance plan", most=60),
            Box("11d", "another_plan", "There is another health plan", "choice", choices=YES_NO),
            Box("12", "patient_signature", "Patient lets the clinic release information", "choice", choices=SIGNATURES),
            Box("12", "patient_signed_on", "Signed on", "date"),
            Box("13", "insured_signature", "Insured lets the insurer pay the clinic", "choice", choices=SIGNATURES),
            Box("14", "onset_on", "Date of the condition", "date"),
            Box("14", "onset_kind", "What that date is", "choice", choices=ONSETS),
            Box("15", "other_date", "Other date", "date"),
            Box("16", "unable_from", "Unable to work from", "date"),
            Box("16", "unable_to", "Unable to work until", "date"),
            Box("17", "referrer_kind", "The other provider is", "choice", choices=REFERRERS),
            Box("17", "referrer_last", "Other provider's last name", most=60),
            Box("17", "referrer_first", "Other provider's first name", most=35),
            Box("17a", "referrer_other_id", "Other provider's other ID", most=17),
            Box("17b", "referrer_npi", "Other provider's NPI", most=10),
            Box("18", "hospital_from", "In hospital from", "date"),
            Box("18", "hospital_to", "In hospital until", "date"),
            Box("19", "additional", "Additional information", most=71),
            Box("20", "outside_lab", "Outside laboratory", "choice", choices=YES_NO),
            Box("20", "outside_lab_charge", "Its charges", "amount"),
        ),
    ),
    Group(
        "Claim",
        (
            Box("22", "frequency", "Resubmission code", "choice", choices=FREQUENCIES),
            Box("22", "original_reference", "Original reference number", most=50, hint="The insurer's claim number"),
            Box("23", "prior_authorization", "Prior authorization number", most=50),
        ),
    ),
    Group(
        "Provider and money",
        (
            Box("25", "tax_id", "Federal tax ID", most=11),
            Box("25", "tax_id_kind", "Kind of tax ID", "choice", choices=TAX_ID_KINDS),
            Box("26", "account_number", "Patient's account number", most=20),
            Box("27", "accept_assignment", "Accept assignment", "choice", choices=YES_NO),
            Box("28", "total_charge", "Total charge", "amount"),
            Box("29", "amount_paid", "Amount paid", "amount", hint="What the patient has paid"),
            Box("30", "reserved_30", "Reserved", most=28),
            Box("31", "clinician_signature", "Signature of the clinician", most=80),
            Box("31", "clinician_signed_on", "Signed on", "date"),
            Box("32", "facility_name", "Place of service", most=60),
            *_address("32", "facility", "Its"),
            Box("32a", "facility_npi", "Its NPI", most=10),
            Box("32b", "facility_other_id", "Its other ID", most=14),
            Box("33", "billing_name", "Billing provider", most=60, hint="Of a person the last name"),
            Box("33", "billing_first", "First name, of a person", most=35),
            *_address("33", "billing", "Billing provider's"),
            Box("33", "billing_phone", "Billing provider's telephone", most=20),
            Box("33a", "billing_npi", "Billing provider's NPI", most=10),
            Box("33b", "billing_taxonomy", "Billing provider's taxonomy code", most=10),
        ),
    ),
)
BOXES: dict[str, Box] = {box.key: box for group in GROUPS for box in group.boxes}
# These follow from the bill and from our own numbers, or are reserved: nobody types them.
FROM_THE_BILL = frozenset({"account_number", "total_charge", "amount_paid", "frequency"})
NOT_TYPED = FROM_THE_BILL | {"reserved_8", "reserved_9b", "reserved_9c", "reserved_30"}


@dataclass
class FormLine:
    """Box 24, one row. Text as printed; `pointers` are letters such as AB, dates are ISO."""

    procedure: str
    charge: str
    units: str = "1"
    start: str = ""
    end: str = ""
    place: str = ""
    emergency: str = ""
    modifiers: list[str] = field(default_factory=list)
    pointers: str = ""
    epsdt: str = ""
    qualifier: str = ""
    npi: str = ""
    words: str = ""


@dataclass
class ClaimForm:
    """All boxes of one claim. `sources` keep the addresses as they were written, to notice when one changes."""

    boxes: dict[str, str] = field(default_factory=dict)
    diagnoses: list[str] = field(default_factory=list)
    lines: list[FormLine] = field(default_factory=list)
    clinician: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    country: str = "US"
    currency: str = "USD"

    def get(self, key: str) -> str:
        return self.boxes.get(key, "")

    @property
    def total(self) -> Decimal:
        return sum((Decimal(line.charge) for line in self.lines), Decimal(0))

    def dump(self) -> dict[str, Any]:
        """Return the form as a claim stores it; empty boxes are left out."""
        return {
            "boxes": {key: value for key, value in self.boxes.items() if value},
            "diagnoses": self.diagnoses,
            "lines": [vars(line) for line in self.lines],
            "clinician": self.clinician,
            "sources": self.sources,
            "country": self.country,
            "currency": self.currency,
        }


def load_form(stored: Mapping[str, Any]) -> ClaimForm:
    """Return the form a claim stores."""
    known = {each.name for each in fields(FormLine)}
    lines = [{key: value for key, value in line.items() if key in known} for line in stored.get("lines", [])]
    return ClaimForm(
        boxes=dict(stored.get("boxes", {})),
        diagnoses=list(stored.get("diagnoses", [])),
        lines=[FormLine(**line) for line in lines],
        clinician=dict(stored.get("clinician", {})),
        sources=dict(stored.get("sources", {})),
        country=stored.get("country", "US"),
        currency=stored.get("currency", "USD"),
    )


def letters_of(pointers: list[int] | tuple[int, ...]) -> str:
    """Return pointers that count from 1 as the letters of box 24E."""
    return "".join(LETTERS[pointer - 1] for pointer in pointers if 1 <= pointer <= len(LETTERS))


def numbers_of(letters: str) -> tuple[int, ...]:
    """Return the letters of box 24E as places in box 21, counted from 1."""
    return tuple(LETTERS.index(letter) + 1 for letter in letters.upper() if letter in LETTERS)
