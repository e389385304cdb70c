"""Corrections patients ask for: noted, decided in time on lawful grounds, and the disagreement goes with the report."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from reports import services as report_services
from reports.models import Report
from reports.printing import exports
from reports.printing.loading import attach_seals, for_printing
from reports.tests.factories import make_report
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed
from synapse.records import amendments
from synapse.records.models import AmendmentRequest

AT = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
AFTER_MIDNIGHT = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)  # in the clinic it is the 5th


@pytest.fixture
def report(asha):
    return make_report(asha, status="signed")


def asked_for(report, by, **fields):
    terms = {"statement": "Sleeps well.", "wanted": "I said I sleep badly.", "received_on": date(2026, 3, 2), **fields}
    return amendments.note_amendment(report.session.patient, report=report, **terms, by=by, at=AT)


def addendum_to(report, by):
    draft = report_services.open_addendum(report, by=by, at=AT)
    return report_services.sign_addendum(draft, "Sleeps badly.", by=by, at=AT, password_checked=True)


def test_a_request_is_decided_by_the_doctor_of_the_session_or_an_administrator_within_sixty_days(
    report, asha, ben, rita, omar
):
    asked = asked_for(report, rita)
    assert asked.due_on == date(2026, 5, 1)
    assert list(AmendmentRequest.objects.visible_to(rita)) == []
    assert list(AmendmentRequest.objects.visible_to(asha).to_decide_by(asha)) == [asked]
    assert amendments.can_decide(omar, asked)
    for stranger in (ben, rita):
        with pytest.raises(NotAllowed):
            amendments.deny_amendment(asked, reason="accurate", note="It is right.", by=stranger, at=AT)

    asked = amendments.extend_amendment(asked, reason="The doctor is on leave.", by=asha, at=AFTER_MIDNIGHT)
    assert (asked.extended_on, asked.due_on) == (date(2026, 3, 5), date(2026, 5, 31))
    with pytest.raises(Conflict):
        amendments.extend_amendment(asked, reason="Still.", by=asha, at=AT)

    # Accepting needs the signed text that does it, and of this report.
    with pytest.raises(DomainError):
        amendments.accept_amendment(asked, by=asha, at=AT)
    with pytest.raises(DomainError):
        other = addendum_to(make_report(asha, status="signed"), asha)
        amendments.accept_amendment(asked, addendum=other, by=asha, at=AT)
    asked = amendments.accept_amendment(asked, addendum=addendum_to(report, asha), by=asha, at=AT)
    assert asked.is_accepted
    assert amendments.letter_of(asked, at=AT).startswith(b"%PDF")
    with pytest.raises(InvalidTransition):
        amendments.deny_amendment(asked, reason="accurate", note="No.", by=asha, at=AT)
    verbs = AuditEvent.objects.filter(target_id=str(asked.pk)).order_by("seq").values_list("detail__verb", flat=True)
    assert list(verbs) == ["ask_for_amendment", "extend_amendment", "accept_amendment"]


def test_a_disagreement_is_printed_with_the_report_in_every_format_and_leaves_its_seal_whole(report, asha):
    asked = asked_for(report, asha)
    with pytest.raises(DomainError):
        amendments.deny_amendment(asked, reason="because", note="No.", by=asha, at=AT)
    asked = amendments.deny_amendment(asked, reason="accurate", note="The recording says so.", by=asha, at=AT)
    assert "disagrees" not in exports.render(report, file_type="txt", at=AT).content.decode()

    amendments.note_disagreement(asked, "I was not heard.", by=asha, at=AT + timedelta(days=1))

    report = for_printing(Report.objects.filter(pk=report.pk)).get()
    attach_seals([report])
    for file_type in ("txt", "md", "json", "fhir"):
        content = exports.render(report, file_type=file_type, at=AT).content.decode()
        assert "I was not heard." in content, file_type
        assert "The recording says so." in content, file_type
    report_services.require_whole(report, by=asha)


def test_a_draft_and_another_patients_report_are_not_amended(report, asha):
    stranger = make_report(asha, status="signed").session.patient
    with pytest.raises(DomainError):
        amendments.note_amendment(stranger, report=report, wanted="Change it.", received_on=AT.date(), by=asha, at=AT)
    with pytest.raises(Conflict):
        asked_for(make_report(asha), asha)


def test_the_doors_open_to_who_may_and_reception_notes_without_reading(report, asha, ben, rita, omar, signed_in):
    patient = report.session.patient
    address = reverse("amendments:for_patient", args=[patient.pk])
    sent = {"wanted": "Please correct the date.", "received_on": "2026-03-02"}

    assert signed_in(rita).post(address, sent).status_code == 302
    asked = AmendmentRequest.objects.get()
    page = reverse("amendments:detail", args=[asked.pk])

    assert "correct the date" not in signed_in(rita).get(address).content.decode()
    assert [signed_in(user).get(page).status_code for user in (asha, omar, ben, rita)] == [200, 200, 404, 403]
    assert signed_in(ben).get(address).status_code == 404
    assert signed_in(asha).post(reverse("amendments:accept", args=[asked.pk]), {"note": ""}).status_code == 422
    assert signed_in(asha).post(reverse("amendments:deny", args=[asked.pk]), {}).status_code == 422
    denied = signed_in(asha).post(reverse("amendments:deny", args=[asked.pk]), {"reason": "accurate", "note": "It is."})
    assert denied.status_code == 302
    assert signed_in(asha).post(reverse("amendments:disagree", args=[asked.pk]), {"text": "No."}).status_code == 302
    letter = signed_in(asha).get(reverse("amendments:letter", args=[asked.pk]))
    assert letter.content.startswith(b"%PDF")
    line = signed_in(asha).get(reverse("amendments:for_report", args=[report.pk]))
    assert "Note the request" in line.content.decode()
