"""What a claim still lacks, in words, with the place where it is filled in. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from billing.claims.boxes import BOXES, REPLACEMENT, ClaimForm, FormLine, numbers_of
from billing.claims.x12 import basic
from billing.claims.x12_837p import LINES_PER_CLAIM
from synapse.common.identifiers import BadNumber, check_npi, check_taxonomy

# Where something is filled in: the claim's own form, or the record the box is filled from.
FORM, PATIENT, PROFILE, CLINIC, SETTINGS, PAYER, BILL = (
    "form",
    "patient",
    "profile",
    "clinic",
    "settings",
    "payer",
    "bill",
)
# Filled in, these say something a file would leave out.
PAPER_ONLY = ("other_insured", "claim_codes", "other_claim_id", "other_date", "referrer_other_id", "outside_lab_charge")
POST_OFFICE_BOX = re.compile(r"^p\.? ?o\.? ?box\b", re.IGNORECASE)


@dataclass(frozen=True)
class Missing:
    """One thing to fill in. `key` is its field on the form page; `for_file` says that only the 837P file needs it."""

    box: str
    words: str
    where: str = FORM
    key: str = ""
    for_file: bool = False


@dataclass(frozen=True)
class FilePartners:
    """What a file needs besides the form: who sends it, who receives it, the insurer's electronic number."""

    submitter_id: str
    receiver_id: str
    payer_id: str
    payer_address_is_complete: bool


def fits(check: Callable[[str], str], number: str) -> bool:
    """Tell whether a number passes its check."""
    try:
        check(number)
    except BadNumber:
        return False
    return True


def npi_is_valid(npi: str) -> bool:
    return fits(check_npi, npi)


def find_missing(form: ClaimForm, partners: FilePartners | None = None) -> list[Missing]:
    """Return what the claim lacks for paper, and with `partners` also what the file lacks, by number of the box."""
    found = [*_patient(form), *_answers(form), *_codes(form), *_lines(form), *_provider(form)]
    if partners is not None:
        found += _for_file(form, partners)
    order = {number: place for place, number in enumerate(dict.fromkeys(box.number for box in BOXES.values()))}
    # The codes and the lines have no box of their own in the table: 21 comes before 22, 24 after 23.
    places = {number: float(place) for number, place in order.items()}
    places |= {"21": places["22"] - 0.5, "24": places["23"] + 0.5}
    return sorted(found, key=lambda each: (each.for_file, places.get(each.box, 99.0)))


def _need(form: ClaimForm, key: str, words: str, where: str = FORM) -> Iterator[Missing]:
    if not form.get(key):
        yield Missing(BOXES[key].number, words, where, key)


def _patient(form: ClaimForm) -> Iterator[Missing]:
    yield from _need(form, "coverage", "Choose the kind of coverage.")
    yield from _need(form, "insured_id", "The policy number is missing.", PATIENT)
    yield from _need(form, "patient_last", "The patient's last name is missing.", PATIENT)
    yield from _need(form, "patient_first", "The patient's first name is missing.", PATIENT)
    yield from _need(form, "patient_birth", "The patient's date of birth is missing.", PATIENT)
    yield from _need(form, "patient_sex", "Say which sex the insurer has on record.")
    yield from _need(form, "relationship", "Say whether the patient is the insured.")
    if form.get("relationship") not in ("", "self"):
        yield from _need(form, "insured_last", "The insured's last name is missing.")
        yield from _need(form, "insured_first", "The insured's first name is missing.")
    yield from _address(form, "patient", "The patient's address", PATIENT)


def _address(form: ClaimForm, who: str, whose: str, where: str) -> Iterator[Missing]:
    number = BOXES[f"{who}_street"].number
    if not form.get(f"{who}_street"):
        yield Missing(number, f"{whose} lacks the street.", where, f"{who}_street")
    if not form.get(f"{who}_city"):
        yield Missing(number, f"{whose} lacks the town.", FORM, f"{who}_city")
    if form.country == "US":
        if not re.fullmatch(r"[A-Za-z]{2}", form.get(f"{who}_state")):
            yield Missing(number, f"{whose} lacks the state in two letters.", FORM, f"{who}_state")
        if not re.fullmatch(r"\d{5}(-?\d{4})?", form.get(f"{who}_zip")):
            yield Missing(number, f"{whose} lacks a ZIP code of five or nine digits.", FORM, f"{who}_zip")


def _answers(form: ClaimForm) -> Iterator[Missing]:
    yield from _need(form, "related_employment", "Say whether the condition comes from employment.")
    yield from _need(form, "related_auto", "Say whether the condition comes from a car accident.")
    if form.get("related_auto") == "yes":
        yield from _need(form, "related_auto_state", "Name the state of the accident.")
    yield from _need(form, "related_other", "Say whether the condition comes from another accident.")
    if "yes" in (form.get("related_auto"), form.get("related_other")):
        yield from _need(form, "onset_on", "Enter the date of the accident.")
    if form.get("patient_signature") != "on_file":
        yield Missing("12", "The patient has to allow the release of information.", FORM, "patient_signature")
    if not form.get("insured_signature"):
        yield Missing("13", "Say whether the insured lets the insurer pay the clinic.", FORM, "insured_signature")
    yield from _need(form, "accept_assignment", "Say whether the clinic accepts the insurer's fees.")
    if form.get("referrer_last") and not npi_is_valid(form.get("referrer_npi")):
        yield Missing("17b", "The other provider's NPI is missing or has a wrong digit.", FORM, "referrer_npi")
    if form.get("frequency") not in ("", "1"):
        words = "replaces" if form.get("frequency") == REPLACEMENT else "voids"
        yield from _need(form, "original_reference", f"Enter the insurer's number of the claim this one {words}.")


def _codes(form: ClaimForm) -> Iterator[Missing]:
    if not form.diagnoses:
        yield Missing("21", "There is no diagnosis.", BILL)
    if not form.lines:
        yield Missing("24", "No line has a procedure code.", BILL)
    if len(form.lines) > LINES_PER_CLAIM:
        yield Missing("24", f"A claim holds {LINES_PER_CLAIM} lines at most.", BILL)


def _lines(form: ClaimForm) -> Iterator[Missing]:
    for number, line in enumerate(form.lines, start=1):
        yield from _line(form, line, number)


def _line(form: ClaimForm, line: FormLine, number: int) -> Iterator[Missing]:
    def say(words: str, key: str) -> Missing:
        return Missing("24", f"Line {number}: {words}", FORM, f"lines-{number - 1}-{key}")

    if not line.start:
        yield say("the date of the visit is missing.", "start")
    elif line.end and date.fromisoformat(line.end) < date.fromisoformat(line.start):
        yield say("it ends before it begins.", "end")
    if not re.fullmatch(r"[0-9]{2}", line.place):
        yield say("the place of service is missing.", "place")
    pointers = numbers_of(line.pointers)
    if not pointers and form.diagnoses:
        yield say("choose which diagnosis it was for.", "pointers")
    elif len(pointers) > 4:
        yield say("it points to four diagnoses at most.", "pointers")
    elif any(pointer > len(form.diagnoses) for pointer in pointers):
        yield say("it points to a diagnosis that is not there.", "pointers")


def _provider(form: ClaimForm) -> Iterator[Missing]:
    if not npi_is_valid(form.clinician.get("npi", "")):
        yield Missing("24", "The clinician's NPI is missing or has a wrong digit.", PROFILE)
    if len(re.sub(r"\D", "", form.get("tax_id"))) != 9:
        yield Missing("25", "The tax ID has nine digits.", SETTINGS, "tax_id")
    yield from _need(form, "tax_id_kind", "Say whether the tax ID is an EIN or an SSN.")
    yield from _need(form, "clinician_signature", "The clinician has not confirmed the codes.", BILL)
    yield from _need(form, "billing_name", "The billing provider has no name.", CLINIC)
    yield from _address(form, "billing", "The billing provider's address", CLINIC)
    yield from _need(form, "billing_phone", "The clinic's telephone number is missing.", CLINIC)
    if not npi_is_valid(form.get("billing_npi")):
        yield Missing("33a", "The billing provider's NPI is missing or has a wrong digit.", SETTINGS, "billing_npi")
    if form.get("facility_name"):
        yield from _address(form, "facility", "The place of service", FORM)
    if form.get("facility_npi") and not npi_is_valid(form.get("facility_npi")):
        yield Missing("32a", "The NPI of the place of service has a wrong digit.", FORM, "facility_npi")


def _for_file(form: ClaimForm, partners: FilePartners) -> Iterator[Missing]:
    def say(box: str, words: str, where: str = FORM, key: str = "") -> Missing:
        return Missing(box, words, where, key, for_file=True)

    if len(partners.submitter_id) < 2:
        yield say("837", "The submitter id the clearing house gave is missing.", SETTINGS)
    if len(partners.receiver_id) < 2:
        yield say("837", "Neither a clearing house nor the insurer has an electronic id.", SETTINGS)
    if len(partners.payer_id) < 2:
        yield say("837", "The insurer has no electronic payer id.", PAYER)
    if not partners.payer_address_is_complete:
        yield say(
            "837", "The insurer's address lacks street, town, state or ZIP. Complete it or leave it empty.", PAYER
        )
    if not fits(check_taxonomy, form.get("billing_taxonomy")):
        where = SETTINGS if not form.get("billing_first") else PROFILE
        yield say(
            "33b",
            "The billing provider's taxonomy code is missing or has not its ten letters and digits.",
            where,
            "billing_taxonomy",
        )
    if form.clinician.get("taxonomy") and not fits(check_taxonomy, form.clinician["taxonomy"]):
        yield say("24", "The clinician's taxonomy code is missing or has not its ten letters and digits.", PROFILE)
    if form.country == "US" and len(re.sub(r"\D", "", form.get("billing_zip"))) != 9:
        yield say("33", "A file needs the nine digit ZIP of the billing provider.", FORM, "billing_zip")
    if POST_OFFICE_BOX.match(form.get("billing_street")):
        yield say("33", "A file needs the billing provider's street, not a post office box.", FORM, "billing_street")
    if len(re.sub(r"\D", "", form.get("billing_phone"))) < 5:
        yield say("33", "The clinic's telephone number has too few digits.", CLINIC, "billing_phone")
    for key in PAPER_ONLY:
        if form.get(key):
            words = "the file has no place for this box. Send the claim on paper or over the portal, or empty it."
            yield say(BOXES[key].number, f"{BOXES[key].label}: {words}", FORM, key)
    for key in ("patient_last", "patient_first", "patient_street", "patient_city", "billing_name", "insured_id"):
        if form.get(key) and len(basic(form.get(key))) < (2 if key in ("patient_city", "insured_id") else 1):
            yield say(BOXES[key].number, f"{BOXES[key].label}: write it in Latin letters.", FORM, key)
