"""What a signed report proposes for the patient's record."""

import pytest

from patients import services as patients
from reports import services, takeover
from reports.content import all_sentences
from reports.takeover import Change, Kind
from reports.tests.factories import make_report, make_written_session, reloaded, settle, sign

pytestmark = pytest.mark.django_db


def signed_with(asha, now, **lines):
    """Sign a report whose sections have these lines added."""
    report = make_report(asha)
    changes = [{"id": line["id"], "removed": True} for line in all_sentences(report.structured_data)]
    changes += [{"section": section_id, "text": text} for section_id, texts in lines.items() for text in texts]
    report = services.apply_changes(report, changes, by=asha, at=now)
    return reloaded(sign(settle(report, by=asha), by=asha))


def lines_of(report, kind):
    return [(proposal.text, proposal.change) for proposal in takeover.propose(report) if proposal.kind is kind]


@pytest.mark.parametrize(
    ("text", "line", "change"),
    [
        ("Increase sertraline to 75 mg each morning.", "Sertraline 75 mg each morning", Change.CHANGE),
        ("Sertraline was raised from 50 mg to 75 mg at night.", "Sertraline 75 mg at night", Change.CONTINUE),
        ("Start quetiapine 25 mg at bedtime.", "Quetiapine 25 mg at bedtime", Change.START),
        ("Continue lithium 400 mg twice a day; check levels.", "Lithium 400 mg twice a day", Change.CONTINUE),
        ("Add melatonin 2 mg at night because sleep is poor.", "Melatonin 2 mg at night", Change.START),
    ],
)
def test_a_medication_is_proposed_with_its_dose(asha, now, text, line, change):
    report = signed_with(asha, now, plan=[text])

    assert lines_of(report, Kind.MEDICATION) == [(line, change)]


def test_a_stopped_medication_is_proposed_with_the_day(asha, now):
    report = signed_with(asha, now, plan=["Stop lorazepam."])

    ((line, change),) = lines_of(report, Kind.MEDICATION)
    assert line.startswith("Lorazepam: stopped 20")
    assert change is Change.STOP


def test_two_medications_of_one_sentence_are_two_proposals(asha, now):
    report = signed_with(asha, now, plan=["Start sertraline 50 mg each morning and stop diazepam."])

    assert [line.split()[0] for line, _ in lines_of(report, Kind.MEDICATION)] == ["Sertraline", "Diazepam:"]


@pytest.mark.parametrize(
    "text",
    [
        "She does not take lithium.",
        "Denies taking diazepam 5 mg.",
        "Her mother takes lithium 400 mg.",
        "Please avoid ibuprofen.",
        "Sleep is better.",
    ],
)
def test_what_is_denied_or_another_persons_is_not_proposed(asha, now, text):
    report = signed_with(asha, now, medication_response=[text], plan=["Come back."])

    assert lines_of(report, Kind.MEDICATION) == []


def test_what_the_record_has_is_not_proposed_again(asha, now):
    session = make_written_session(asha)
    patients.update_patient(session.patient, {"current_medications": "sertraline 75 mg every morning"}, by=asha, at=now)

    report = make_report(asha, session=session, status="signed")

    assert "75 mg" in report.generated_content
    assert not any("75 mg" in line for line, _ in lines_of(reloaded(report), Kind.MEDICATION))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("She is allergic to penicillin, which gave her a rash.", "Penicillin"),
        ("Reports a nut allergy.", "Nut"),
    ],
)
def test_an_allergy_is_proposed(asha, now, text, line):
    report = signed_with(asha, now, interval_history=[text])

    assert lines_of(report, Kind.ALLERGY) == [(line, Change.NEW)]


@pytest.mark.parametrize(
    "text", ["No known drug allergies.", "Denies any allergy to penicillin.", "His son is allergic to nuts."]
)
def test_no_allergy_is_made_of_a_denial_or_a_relative(asha, now, text):
    report = signed_with(asha, now, interval_history=[text])

    assert lines_of(report, Kind.ALLERGY) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("This is moderate depression, and it is improving.", "Moderate depression"),
        ("Generalised anxiety disorder.", "Generalised anxiety disorder"),
        ("The patient has bipolar disorder; currently stable.", "Bipolar disorder"),
    ],
)
def test_a_diagnosis_is_proposed_without_the_words_around_it(asha, now, text, line):
    report = signed_with(asha, now, assessment=[text])

    assert lines_of(report, Kind.DIAGNOSIS) == [(line, Change.NEW)]


@pytest.mark.parametrize("text", ["No evidence of psychosis.", "Her father had dementia.", "She is well."])
def test_a_diagnosis_that_is_excluded_or_anothers_is_not_proposed(asha, now, text):
    report = signed_with(asha, now, assessment=[text])

    assert lines_of(report, Kind.DIAGNOSIS) == []


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Follow-up in 3 weeks.", 21),
        ("I will see her again in two months.", 60),
        ("Return in a fortnight.", 14),
        ("Come back in 10 days.", 10),
        ("See you next week.", 7),
    ],
)
def test_the_follow_up_is_read_from_the_plan(asha, now, text, days):
    report = signed_with(asha, now, follow_up=[text])

    follow_up = takeover.follow_up_of(report)

    assert follow_up is not None
    assert (follow_up.days, follow_up.sentence["text"]) == (days, text)


@pytest.mark.parametrize("text", ["Take it for 10 days.", "No follow-up is needed.", "See her again in 900 weeks."])
def test_other_intervals_are_no_follow_up(asha, now, text):
    assert takeover.follow_up_of(signed_with(asha, now, plan=[text])) is None


def test_a_draft_proposes_nothing(asha):
    assert takeover.propose(make_report(asha)) == []


def test_ticked_proposals_go_where_they_belong(asha, now):
    report = signed_with(
        asha,
        now,
        plan=["Increase sertraline to 75 mg each morning."],
        assessment=["Moderate depression."],
        interval_history=["Allergic to penicillin."],
    )
    proposals = takeover.propose(report)
    ticked = [proposal.key for proposal in proposals if proposal.kind is not Kind.DIAGNOSIS]

    facts = takeover.facts_of(proposals, ticked)

    assert facts.medications == ["Sertraline 75 mg each morning"]
    assert facts.allergies == ["Penicillin"]
    assert facts.diagnoses == []
