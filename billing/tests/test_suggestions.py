"""What is offered for a draft, why, and what never is."""

from decimal import Decimal

import pytest

from billing.codes.times import crisis_units, find_shortfalls, least_minutes
from billing.drafts import evidence
from billing.drafts.suggestions import Diagnosis, Draft, Evidence, find_codes, place_for, suggest
from billing.money import Line
from billing.services import drafting
from billing.tests.factories import make_bill
from reports.tests.factories import make_report, settle, sign
from sessions_app import services as sessions

LEAST = evidence.LEAST_MINUTES


def line(code, **fields):
    return Line("Service", Decimal(1000), cpt_code=code, **fields)


def offered(facts, *lines, **draft):
    return {each.key: each for each in suggest(facts, Draft(lines, **draft))}


def test_a_visit_in_the_office_gets_nothing_offered():
    assert offered(Evidence("followup", 46), line("90834"), place_of_service="11") == {}


def test_a_session_by_video_is_offered_its_modifier_and_place():
    found = offered(Evidence("telemedicine", 46, is_video=True), line("90834"), place_of_service="11")

    assert list(found) == ["modifier-95", "modifier-GT", "place-10", "place-02"]
    assert found["modifier-95"].reason == "The session was by video: 95 says so (real-time video)."


def test_the_clinics_own_modifier_for_video_comes_first():
    found = offered(Evidence("telemedicine", 46, is_video=True, video_modifier="GT"), line("90834"))

    assert list(found)[:2] == ["modifier-GT", "modifier-95"]


def test_a_line_with_a_modifier_for_video_needs_no_other():
    found = offered(
        Evidence("telemedicine", 46, is_video=True), line("90834", modifiers=("GT",)), place_of_service="02"
    )

    assert found == {}


@pytest.mark.parametrize(("minutes", "units"), [(60, 0), (74, 0), (75, 1), (104, 1), (105, 2), (135, 3)])
def test_a_crisis_has_one_more_unit_for_each_half_hour(minutes, units):
    found = offered(Evidence("emergency", minutes), line("90839"))

    assert crisis_units(minutes) == units
    assert [each.units for each in found.values()] == ([units] if units else [])
    assert units == 0 or least_minutes("90840", units, LEAST) <= minutes < least_minutes("90840", units + 1, LEAST)


def test_an_emergency_too_short_for_a_crisis_is_offered_none():
    assert offered(Evidence("emergency", 29), line("99214")) == {}
    assert offered(Evidence("emergency", 30), line("99214"))["instead-of-99214-code-90839"].replaces == "99214"


def test_psychotherapy_beside_a_medical_visit_is_offered_as_its_add_on():
    found = offered(Evidence("followup", 46), line("90834"), line("99213"))

    assert list(found) == ["instead-of-90834-code-90836"]
    assert "99213 is billed too" in found["instead-of-90834-code-90836"].reason


def test_family_codes_are_offered_when_somebody_else_was_heard():
    assert offered(Evidence("followup", 46), line("90834")) == {}
    found = offered(Evidence("followup", 46, other_voices=1), line("90834"))

    assert [each.code for each in found.values()] == ["90847", "90846"]
    assert offered(Evidence("followup", 25, other_voices=1), line("90832")) == {}


def test_interactive_complexity_is_never_offered():
    everything = Evidence("emergency", 120, is_video=True, other_voices=3, diagnoses=(Diagnosis("F32.1", "Plan"),))
    found = offered(everything, line("90834"), line("99213"))

    assert "90785" not in {each.code for each in found.values()}


def test_diagnoses_of_the_report_are_offered_with_their_place_until_they_are_on_the_bill():
    facts = Evidence("followup", 46, diagnoses=(Diagnosis("F32.1", "Assessment, report signed 14 Oct 2025"),))

    assert offered(facts, line("90834"))["diagnosis-F32.1"].reason == (
        "It stands in: Assessment, report signed 14 Oct 2025."
    )
    assert offered(facts, line("90834"), diagnosis_codes=["F32.1"]) == {}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Major depression, moderate (F32.1), and G47.00.", ["F32.1", "G47.00"]),
        ("F41.1; again F41.1", ["F41.1"]),
        ("ICD-10: F43", ["F43"]),
        ("Vitamin B12 was low, T20 burn, 90834, f32.1, PHQ-9 of 14", []),
        ("XF32.1 and F32.1.2", []),
    ],
)
def test_codes_are_read_only_where_they_are_written_as_such(text, codes):
    assert find_codes([text]) == codes


def test_place_of_service_follows_how_the_session_was_held():
    assert (place_for(is_video=True), place_for(is_video=False)) == ("10", "11")


@pytest.mark.parametrize(
    ("code", "units", "minutes", "is_short"),
    [
        ("90834", 1, 37, True),
        ("90834", 1, 38, False),
        ("90837", 1, 52, True),
        ("90834", 2, 46, True),
        ("90840", 2, 104, True),
        ("90840", 2, 105, False),
        ("99215", 1, 5, False),
        ("90837", 1, None, False),
    ],
)
def test_a_code_claims_no_more_time_than_was_recorded(code, units, minutes, is_short):
    assert bool(find_shortfalls([line(code, quantity=units)], minutes, LEAST)) is is_short


def test_diagnoses_are_read_from_the_signed_report_and_only_for_those_who_may_open_it(asha, rita, now):
    report = make_report(asha)
    section = next(section for section in report.structured_data if section["sentences"])
    section["sentences"][0]["text"] += " This is F33.1."
    report.save(update_fields=["structured_data"])
    session = report.session
    if session.status != "completed":
        sessions.complete_session(session, by=asha, at=now)
    bill = drafting.draft_bill_for_session(session, by=asha, at=now)

    assert evidence.evidence_of(bill, reader=asha).diagnoses == ()
    sign(settle(report, by=asha), by=asha)
    [found] = evidence.evidence_of(bill, reader=asha).diagnoses
    assert found.code == "F33.1"
    assert found.place.startswith(f"{section['title']}, report signed")
    assert evidence.evidence_of(bill, reader=rita).diagnoses == ()


def test_a_bill_by_hand_has_no_minutes_to_hold_against_it(asha):
    bill = make_bill(asha)
    bill.session = None

    assert evidence.evidence_of(bill, reader=asha) == Evidence("followup", None)
