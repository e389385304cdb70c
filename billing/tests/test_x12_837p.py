"""837P files: what the public validator says of them, and what is refused before it sees them."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.claims.x12 import Envelope, X12Error, basic, segment
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
from billing.tests.x12_validator import complaints

CLINIC = Provider(
    "Hudson Clinic",
    "1234567893",
    taxonomy="261QM0801X",
    address=Address("12 Main Street", "Albany", "NY", "12207-1234"),
    tax_id="12-3456789",
)
DOCTOR = Provider("Rao", "1245319599", first_name="Asha", taxonomy="2084P0800X")
PAYER = PayerParty("Star Health", "STAR1", Address("PO Box 900", "Troy", "NY", "12180"))
PATIENT = Person("Iyer", "Kavya", "M", date(1990, 2, 3), "F", Address("14 Elm Street, Apt 2", "Troy", "NY", "12180"))
SUBMITTER = Submitter("Hudson Clinic", "SUB001", "+1 518 555 0140", "Clear House", "CLEAR1", contact="Billing desk")
ENVELOPE = Envelope("SUB001", "CLEAR1", 42, datetime(2026, 11, 5, 9, 30, tzinfo=UTC))
LINE = ServiceLine("90834", Decimal("150.50"), 1, date(2026, 11, 2))
CLAIM = ClaimData(
    control_number="CLM-000001",
    billing=CLINIC,
    rendering=DOCTOR,
    payer=PAYER,
    insured=PATIENT,
    insured_id="W123456789",
    patient=PATIENT,
    lines=[LINE],
    diagnoses=["F32.1"],
    place="11",
)
INSURED = Person("Iyer", "Ravi", "", date(1960, 7, 8), "M", Address("1 Oak Avenue", "Troy", "NY", "12180"))


def write(*claims, envelope=ENVELOPE, submitter=SUBMITTER):
    return write_837p(claims, submitter=submitter, envelope=envelope)


def segments(content, name):
    return [line for line in content.replace("\n", "").split("~") if line.split("*")[0] == name]


VARIED = {
    "one line": CLAIM,
    "six lines": replace(
        CLAIM,
        lines=[replace(LINE, procedure=code, pointers=(1, 2)) for code in ("99213", "90833", "96127", "90785")]
        + [replace(LINE, procedure="96130", units=3), replace(LINE, procedure="H0031")],
        diagnoses=["F32.1", "F41.1", "Z63.0"],
    ),
    "fifty lines": replace(CLAIM, lines=[LINE] * 50),
    "modifiers": replace(CLAIM, lines=[replace(LINE, modifiers=("95", "GT", "HO", "U1"))]),
    "telehealth at home": replace(CLAIM, place="10", lines=[replace(LINE, place="10", modifiers=("95",))]),
    "lines in two places": replace(CLAIM, lines=[LINE, replace(LINE, place="02")]),
    "replacement": replace(CLAIM, frequency="7", original_reference="ICN-900/2"),
    "void": replace(CLAIM, frequency="8", original_reference="ICN-900/2"),
    "group number": replace(CLAIM, group_number="G-77/A"),
    "plan without a group": replace(CLAIM, plan_name="Gold plan"),
    "twelve diagnoses": replace(CLAIM, diagnoses=[f"F{number}.1" for number in range(30, 42)]),
    "long names": replace(
        CLAIM,
        patient=replace(PATIENT, last_name="Wolfeschlegelsteinhausen " * 4, first_name="Maximiliana " * 6),
        insured=replace(PATIENT, last_name="Wolfeschlegelsteinhausen " * 4, first_name="Maximiliana " * 6),
        payer=replace(PAYER, name="Mutual insurance of the united counties " * 3),
    ),
    "accents": replace(CLAIM, patient=replace(PATIENT, last_name="Müller-Ødegård", first_name="Zoë François")),
    "long address": replace(
        CLAIM,
        billing=replace(CLINIC, address=Address("Suite 400 of the Old Post Office " * 3, "Albany", "NY", "122071234")),
    ),
    "patient paid": replace(CLAIM, patient_paid=Decimal("25.00"), prior_authorization="AUTH-1"),
    "spouse of the insured": replace(CLAIM, relationship="01", insured=INSURED),
    "child of an insured known by name": replace(
        CLAIM, relationship="19", insured=replace(INSURED, address=None, born_on=None)
    ),
    "a clinician of one's own": replace(
        CLAIM,
        billing=replace(DOCTOR, address=CLINIC.address, tax_id="123-45-6789", tax_id_is_ssn=True),
    ),
    "referred": replace(CLAIM, referring=Person("Lin", "Mei"), referring_npi="1234567893"),
    "supervised": replace(CLAIM, referring=Person("Lin", "Mei"), referring_npi="1234567893", referring_kind="DQ"),
    "ordered": replace(CLAIM, referring=Person("Lin", "Mei"), referring_npi="1234567893", referring_kind="DK"),
    "another place": replace(
        CLAIM, facility=Provider("North House", "1234567893", address=Address("2 Hill Rd", "Troy", "NY", "12180"))
    ),
    "accident": replace(CLAIM, accident="AA", accident_state="NY", onset_on=date(2026, 10, 1)),
    "employment and absence": replace(
        CLAIM,
        accident="EM",
        unable_to_work=(date(2026, 10, 1), date(2026, 10, 20)),
        in_hospital=(date(2026, 10, 1), date(2026, 10, 4)),
        onset_on=date(2026, 9, 30),
    ),
    "rupees": replace(CLAIM, currency="INR"),
    "outside the United States": replace(
        CLAIM,
        patient=replace(PATIENT, address=Address("14 Prabhat Road", "Pune", "", "411004", "IN")),
        insured=replace(PATIENT, address=Address("14 Prabhat Road", "Pune", "", "411004", "IN")),
    ),
    "no assignment, unsigned": replace(
        CLAIM, accepts_assignment=False, provider_signed=False, benefits_assigned=False, release_signed=False
    ),
    "over several days": replace(CLAIM, lines=[replace(LINE, until=date(2026, 11, 3), is_emergency=True)]),
    "note": replace(CLAIM, note="Corrected place of service; see the letter of 3 November, and more " * 3),
    "insurer without an address": replace(CLAIM, payer=replace(PAYER, address=None)),
}


@pytest.mark.parametrize("claim", VARIED.values(), ids=VARIED.keys())
def test_the_validator_finds_nothing_wrong(claim):
    assert complaints(write(claim)) == []


def test_the_validator_accepts_all_of_them_in_one_file():
    claims = [replace(claim, control_number=f"CLM-{place:06d}") for place, claim in enumerate(VARIED.values())]

    content = write(*claims, envelope=replace(ENVELOPE, is_test=True))

    assert complaints(content) == []
    assert len(segments(content, "CLM")) == len(VARIED)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("DMG*D8*19900203*F", "DMG*D8*19901303*F", "invalid date"),
        ("DMG*D8*19900203*F", "DMG*D8*19900203*X", "not a valid code"),
        ("NM1*PR*2*STAR HEALTH*****PI*STAR1~\n", "", "Payer Name"),
        ("~\nSE*", "~\nSE*9", "SE count"),
        ("IEA*1*000000042", "IEA*1*000000043", "IEA"),
        ("SBR*P*18*******CI~\n", "", "SBR"),
        ("SV1*HC:90834*150.5*UN*1***1", "SV1*HC:90834*150.5*XX*1***1", "not a valid code"),
        ("CLM*CLM-000001*150.5", "CLM*CLM-000001*much", "CLM02"),
    ],
)
def test_the_validator_reports_a_broken_file(right, wrong, words):
    content = write(CLAIM)
    assert right in content

    found = complaints(content.replace(right, wrong))

    assert found
    assert words in " ".join(found)


def test_counts_and_control_numbers_agree():
    content = write(CLAIM, replace(CLAIM, control_number="CLM-000002"))
    lines = content.replace("\n", "").split("~")[:-1]
    start, end = (next(place for place, line in enumerate(lines) if line.startswith(name)) for name in ("ST*", "SE*"))

    assert lines[end].split("*")[1] == str(end - start + 1)
    assert lines[0].split("*")[13] == lines[-1].split("*")[2] == "000000042"
    assert lines[1].split("*")[6] == lines[-2].split("*")[2] == "42"
    assert len(lines[0]) == 105


def test_the_levels_count_up_and_point_to_their_parent():
    content = write(CLAIM, replace(CLAIM, control_number="CLM-000002", relationship="19", insured=INSURED))

    assert segments(content, "HL") == ["HL*1**20*1", "HL*2*1*22*0", "HL*3*1*22*1", "HL*4*3*23*0"]


def test_a_claim_says_what_it_is_about():
    content = write(replace(VARIED["replacement"], patient_paid=Decimal("20.00"), group_number="G1"))

    assert "CLM*CLM-000001*150.5***11:B:7*Y*A*Y*Y" in content
    assert "REF*F8*ICN-900/2" in content
    assert "AMT*F5*20~" in content
    assert "SBR*P*18*G1******CI" in content
    assert "HI*ABK:F321~" in content
    assert "DTP*472*D8*20261102" in content


def test_letters_outside_the_basic_set_are_written_with_those_in_it():
    assert basic("Zoë Müller-Ødegård, Straße №5 “x” François") == 'ZOE MULLER-ODEGARD, STRASSE NO5 "X" FRANCOIS'
    assert basic("a*b:c~d^e") == "A B C D E"
    content = write(VARIED["accents"])
    assert re.fullmatch(r"[A-Z0-9 !\"&'(),\-./;?=+*:~^\n]+", content)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (replace(CLAIM, insured=replace(PATIENT, last_name="अय्यर"), patient=PATIENT), "last name"),
        (replace(CLAIM, insured_id="W"), "insured's id"),
        (replace(CLAIM, lines=[]), "1 to 50 lines"),
        (replace(CLAIM, lines=[LINE] * 51), "1 to 50 lines"),
        (replace(CLAIM, diagnoses=[]), "diagnoses"),
        (replace(CLAIM, lines=[replace(LINE, pointers=(2,))]), "does not hold"),
        (replace(CLAIM, lines=[replace(LINE, pointers=(1, 1, 1, 1, 1))]), "1 to 4"),
        (replace(CLAIM, lines=[replace(LINE, charge=Decimal(-1))]), "charge"),
        (replace(CLAIM, lines=[replace(LINE, units=0)]), "units"),
        (replace(CLAIM, frequency="7"), "replacement"),
        (replace(CLAIM, billing=replace(CLINIC, npi="123")), "NPI has 10 digits"),
        (replace(CLAIM, billing=replace(CLINIC, tax_id="1")), "tax number has 9 digits"),
        (replace(CLAIM, billing=replace(CLINIC, address=None)), "needs an address"),
        (replace(CLAIM, insured=replace(PATIENT, address=Address("x", "Troy", "NY", "123"))), "ZIP"),
        (replace(CLAIM, insured=replace(PATIENT, born_on=None)), "date of birth"),
    ],
)
def test_what_does_not_fit_is_refused_without_quoting_it(claim, words):
    with pytest.raises(X12Error, match=words) as refused:
        write(claim)

    assert "Iyer" not in str(refused.value)
    assert "अय्यर" not in str(refused.value)


def test_a_file_holds_a_claim_once():
    with pytest.raises(X12Error, match="once"):
        write(CLAIM, CLAIM)
    with pytest.raises(X12Error, match="at least one"):
        write()


def test_a_segment_refuses_a_delimiter_in_an_element():
    with pytest.raises(X12Error, match="delimiter"):
        segment("REF", "F8", "A*B")
