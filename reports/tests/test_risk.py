"""The risk panel of a report: stored, decided before signing, carried through corrections, shown and printed."""

import pytest
from django.urls import reverse
from django.utils import timezone

from reports import services
from reports.content import all_sentences
from reports.models import Report, ReportTemplate
from reports.printing import printed
from reports.sealing import signing
from reports.services.risk import UnknownDisposition, UnusableState
from reports.services.store import NotInReport, StaleRevision
from reports.tests.factories import (
    clinic_template,
    decide_all,
    make_report,
    make_words,
    reloaded,
    settle,
    sign,
)
from sessions_app.tests.factories import make_session
from sessions_app.transcripts import corrections
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db

TALK = [
    ("doctor", "Have you had any thoughts of suicide?"),
    ("patient", "No, I have not had any thoughts of suicide."),
    ("patient", "My brother said he wanted to die."),
    ("patient", "I drink a bottle of wine every night."),
    ("doctor", "We will increase your sertraline to 75 mg every morning."),
]
CHECKLIST = {
    "sections": [
        {
            "id": "risk",
            "title": "Risk",
            "required": True,
            "type": "checklist",
            "items": [
                {"id": "suicidal_ideation", "title": "Suicidal ideation"},
                {"id": "violence", "title": "Violence"},
            ],
        }
    ]
}


@pytest.fixture
def report(asha):
    session = make_session(asha, status="completed")
    make_words(session, TALK)
    return make_report(asha, session=session, template=clinic_template("dap"))


def checklist_report(doctor) -> Report:
    template = ReportTemplate.objects.create(name="Checklist", slug="checklist", doctor=doctor, structure=CHECKLIST)
    session = make_session(doctor, status="completed")
    make_words(session, TALK)
    return make_report(doctor, session=session, template=template)


def test_every_risk_statement_is_stored_with_its_quotes_whatever_the_template(report):
    kinds = [(one["kind"], one["polarity"], one["subject"]) for one in report.risk_statements]

    assert kinds == [
        ("suicide", "denied", "patient"),
        ("suicide", "stated", "other"),
        ("substance", "stated", "patient"),
    ]
    assert [place["segment"] for place in report.risk_statements[0]["evidence"]] == [1, 2]


def test_a_report_is_not_signed_before_each_statement_is_decided(report, asha):
    report = services.decide_risk(report, ["r1"], "denied", by=asha, at=timezone.now())

    blockers = [one for one in services.blockers_of(report) if one.code == "risk_undispositioned"]

    assert [one.target for one in blockers] == ["r2", "r3"]
    with pytest.raises(services.NotReady):
        sign(report, by=asha)
    assert sign(settle(report, by=asha), by=asha).is_signed


def test_one_action_decides_several_and_is_audited_with_ids_only(report, asha):
    report = services.decide_risk(report, ["r1", "r2"], "not_relevant", by=asha, at=timezone.now())

    event = AuditEvent.objects.order_by("-seq").first()
    assert event.detail == {"verb": "risk_disposition", "statements": ["r1", "r2"], "disposition": "not_relevant"}
    assert [one["by"] for one in reloaded(report).risk_statements] == [str(asha.pk), str(asha.pk), ""]


def test_a_decision_can_be_taken_back(report, asha):
    report = services.decide_risk(report, ["r1"], "denied", by=asha, at=timezone.now())

    report = services.decide_risk(report, ["r1"], "", by=asha, at=timezone.now())

    assert (report.risk_statements[0]["disposition"], report.risk_statements[0]["at"]) == ("", "")


def test_a_decision_nobody_knows_or_about_nothing_is_refused(report, asha, ben):
    now = timezone.now()
    with pytest.raises(UnknownDisposition):
        services.decide_risk(report, ["r1"], "harmless", by=asha, at=now)
    with pytest.raises(NotInReport):
        services.decide_risk(report, ["r9"], "past", by=asha, at=now)
    with pytest.raises(NotInReport):
        services.decide_risk(report, [], "past", by=asha, at=now)
    with pytest.raises(StaleRevision):
        services.decide_risk(report, ["r1"], "past", by=asha, at=now, revision=report.revision + 1)


def test_decisions_are_sealed(report, asha):
    signed = sign(settle(report, by=asha), by=asha)
    with pytest.raises(Conflict):
        services.decide_risk(signed, ["r1"], "past", by=asha, at=timezone.now())

    signed.risk_statements = [{**one, "disposition": "not_relevant"} for one in signed.risk_statements]

    assert signing.verify(signed) is signing.Seal.BROKEN


def test_a_corrected_transcript_keeps_the_decisions_whose_words_still_read_so(report, asha):
    decide_all(report, by=asha)
    transcription = reloaded(report).transcription

    corrections.correct_segments(
        transcription,
        [{"id": 3, "text": "My brother said he wanted to fly."}],
        by=asha,
        at=timezone.now(),
        revision=transcription.revision,
    )
    report = services.rebind_evidence(report, at=timezone.now())

    assert [(one["kind"], one["disposition"]) for one in report.risk_statements] == [
        ("suicide", "current"),
        ("substance", "current"),
    ]


def test_an_amendment_starts_with_the_decisions(report, asha):
    signed = sign(settle(report, by=asha), by=asha)

    amended = services.amend_report(signed, reason="A correction.", by=asha, at=timezone.now())

    assert amended.risk_statements == signed.risk_statements


def test_the_printed_report_quotes_each_statement_with_the_decision(report, asha):
    report = services.decide_risk(report, ["r2"], "not_relevant", by=asha, at=timezone.now())

    block = next(
        block
        for block in printed.printed_report(reloaded(report), timezone.now()).blocks
        if "risk" in block.title.lower()
    )

    lines = [paragraph.sentences[0].text for paragraph in block.paragraphs]
    assert "“My brother said he wanted to die.”" in lines[1]
    assert "not clinically relevant" in lines[1]
    assert "0:08" in lines[1]
    assert "not decided" in lines[0]


def test_an_item_is_set_by_hand_on_the_doctors_word_and_can_be_undone(asha):
    report = checklist_report(asha)
    line = next(one for one in all_sentences(report.structured_data) if one["item"] == "violence")
    assert (line["state"], line["origin"]) == ("not_assessed", "template")

    report = services.set_item_state(
        report, line["id"], "present", words="Shouted in the waiting room.", by=asha, at=timezone.now()
    )

    after = next(one for one in all_sentences(report.structured_data) if one["item"] == "violence")
    assert after["text"] == "Violence: Shouted in the waiting room."
    assert (after["state"], after["origin"], after["support"]) == ("present", "doctor", "confirmed")
    assert report.manual_corrections[-1]["before"]["state"] == "not_assessed"
    report = services.set_item_state(report, line["id"], "denied", by=asha, at=timezone.now())
    assert (
        next(one for one in all_sentences(report.structured_data) if one["item"] == "violence")["text"]
        == "Violence: Denied."
    )


def test_a_state_nobody_knows_words_left_out_or_another_line_are_refused(asha, report):
    checklist = checklist_report(asha)
    line = next(one for one in all_sentences(checklist.structured_data))
    now = timezone.now()
    with pytest.raises(UnusableState):
        services.set_item_state(checklist, line["id"], "normal", by=asha, at=now)
    with pytest.raises(services.UnusableSentence):
        services.set_item_state(checklist, line["id"], "present", words=" ", by=asha, at=now)
    prose = next(one for one in all_sentences(report.structured_data))
    with pytest.raises(UnusableState):
        services.set_item_state(report, prose["id"], "denied", by=asha, at=now)


def test_the_page_shows_the_panel_with_readings_and_decides_by_a_press(client, asha, report):
    client.force_login(asha)

    page = client.get(reverse("reports:detail", args=[report.pk])).content.decode()
    answer = client.post(
        reverse("reports:decide_risk", args=[report.pk]),
        {"statement": ["r1", "r3"], "disposition": "denied"},
        headers={"HX-Request": "true"},
    )

    assert "Said about risk" in page
    assert "of somebody else or in general" in page
    assert "3 to decide" in page
    assert answer.status_code == 200
    assert "1 to decide" in answer.content.decode()
    assert [one["disposition"] for one in reloaded(report).risk_statements] == ["denied", "", "denied"]


def test_the_page_of_a_checklist_sets_an_item(client, asha):
    report = checklist_report(asha)
    line = next(one for one in all_sentences(report.structured_data) if one["item"] == "violence")
    client.force_login(asha)

    answer = client.post(reverse("reports:set_item", args=[report.pk, line["id"]]), {"state": "denied", "words": ""})

    assert answer.status_code == 302
    assert (
        next(one for one in all_sentences(reloaded(report).structured_data) if one["item"] == "violence")["state"]
        == "denied"
    )


@pytest.mark.parametrize("door", ["decide_risk", "set_item"])
def test_strangers_find_nothing_and_others_may_not(client, report, ben, rita, asha, door):
    arguments = [report.pk] if door == "decide_risk" else [report.pk, "s1"]
    address = reverse(f"reports:{door}", args=arguments)
    data = {"statement": "r1", "disposition": "past", "state": "denied"}

    client.force_login(ben)
    assert client.post(address, data).status_code == 404
    client.force_login(rita)
    assert client.post(address, data).status_code == 403
    client.force_login(asha)
    assert client.get(address).status_code == 405


def test_another_doctor_may_not_decide(report, rita):
    with pytest.raises(NotAllowed):
        services.decide_risk(report, ["r1"], "past", by=rita, at=timezone.now())
