"""Who opens which report, the list of them, and asking for one."""

import uuid

import pytest
from django.urls import reverse

from reports import services
from reports.models import Report
from reports.tests.addresses import HTMX, address
from reports.tests.factories import (
    first_sentence,
    make_report,
    make_written_session,
    reloaded,
)
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "Waiting to be written"),
        ("failed", "Use the built-in writer"),
        ("completed", "Sign report"),
        ("signed", "Signed by Dr Asha Rao"),
    ],
)
def test_a_report_opens_in_every_state(asha, signed_in, status, words):
    report = make_report(asha, status=status)

    response = signed_in(asha).get(address("detail", report))

    assert response.status_code == 200
    assert words in response.content.decode()
    assert AuditEvent.objects.filter(action="read", target_id=str(report.pk)).count() == 1


def test_a_draft_shows_its_lines_their_places_and_the_transcript(asha, signed_in):
    report = make_report(asha, with_unsupported=True)

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert "Lithium is not in the cited words" in page
    assert "Keep, I confirm it" in page
    assert 'aria-label="Play evidence at 0:' in page
    assert "How has your sleep been since we last met?" in page
    assert "Settle 1 line" in page


def test_a_stranger_finds_nothing(asha, ben, signed_in):
    report = make_report(asha)

    for name in ("detail", "progress"):
        response = signed_in(ben).get(address(name, report))
        assert response.status_code == 404
        assert report.session.patient.last_name not in response.content.decode()


def test_an_administrator_reads_signed_reports_only(asha, omar, signed_in):
    signed = make_report(asha, status="signed")
    draft = make_report(asha, session=make_written_session(asha))
    client = signed_in(omar)

    response = client.get(address("detail", signed))

    assert response.status_code == 200
    page = response.content.decode()
    assert "Amend" not in page
    assert "Export" not in page
    assert "How has your sleep been since we last met?" not in page
    assert client.get(address("detail", draft)).status_code == 404


def test_a_receptionist_is_refused_everywhere(asha, rita, signed_in):
    report = make_report(asha)
    client = signed_in(rita)

    pages = [reverse("reports:list"), address("detail", report)]
    pages += [reverse("reports:for_patient", args=[report.session.patient_id])]
    pages += [reverse("reports:for_session", args=[report.session_id]), reverse("report_templates:list")]

    for page in pages:
        assert client.get(page).status_code == 403
    assert AuditEvent.objects.filter(outcome="denied").count() == len(pages)


def test_nobody_reads_without_signing_in(asha, client):
    report = make_report(asha)

    for page in (reverse("reports:list"), address("detail", report), reverse("report_templates:list")):
        response = client.get(page)
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:sign_in"))


def test_a_report_that_does_not_exist_is_not_found(asha, signed_in):
    assert signed_in(asha).get(reverse("reports:detail", args=[uuid.uuid4()])).status_code == 404


def test_a_broken_seal_shows_no_content(asha, signed_in, monkeypatch):
    report = make_report(asha, status="signed")
    monkeypatch.setattr("reports.sealing.signing.digest_of", lambda document, place: "0" * 64)

    response = signed_in(asha).get(address("detail", report))

    page = response.content.decode()
    assert response.status_code == 409
    assert "The seal of this report is broken" in page
    assert first_sentence(report)["text"] not in page
    assert AuditEvent.objects.get(action="deny").detail == {"reason": "seal_broken"}


def test_the_list_shows_unsigned_reports_first(asha, signed_in):
    signed = make_report(asha, status="signed")
    draft = make_report(asha, session=make_written_session(asha))

    page = signed_in(asha).get(reverse("reports:list")).content.decode()

    assert page.index(str(draft.pk)) < page.index(str(signed.pk))
    event = AuditEvent.objects.get(action="read")
    assert event.detail == {"part": "reports"}


@pytest.mark.parametrize(("show", "shown", "hidden"), [("open", "draft", "signed"), ("signed", "signed", "draft")])
def test_the_list_is_narrowed(asha, signed_in, show, shown, hidden):
    reports = {"signed": make_report(asha, status="signed"), "draft": None}
    reports["draft"] = make_report(asha, session=make_written_session(asha))

    page = signed_in(asha).get(reverse("reports:list"), {"show": show}).content.decode()

    assert str(reports[shown].pk) in page
    assert str(reports[hidden].pk) not in page


def test_an_older_version_stands_in_the_history_and_not_in_the_list(asha, signed_in, now):
    signed = make_report(asha, status="signed")
    amended = services.amend_report(signed, reason="Dose.", by=asha, at=now)
    client = signed_in(asha)

    listed = client.get(reverse("reports:list")).content.decode()
    page = client.get(address("detail", amended)).content.decode()

    assert str(signed.pk) not in listed
    assert address("detail", signed) in page


def test_the_list_costs_the_same_queries_for_more_rows(asha, signed_in, django_assert_max_num_queries):
    client = signed_in(asha)
    make_report(asha)
    client.get(reverse("reports:list"))
    with django_assert_max_num_queries(60) as few:
        client.get(reverse("reports:list"))
    for _ in range(4):
        make_report(asha, session=make_written_session(asha))

    with django_assert_max_num_queries(60) as many:
        client.get(reverse("reports:list"))

    assert len(many) - len(few) <= 1  # one insert of the shown patients either way


def test_a_patients_reports_come_as_a_page_and_as_a_panel(asha, ben, signed_in):
    report = make_report(asha)
    path = reverse("reports:for_patient", args=[report.session.patient_id])

    page = signed_in(asha).get(path).content.decode()
    panel = signed_in(asha).get(path, headers=HTMX).content.decode()

    assert "<html" in page
    assert "<html" not in panel
    assert str(report.pk) in panel
    assert signed_in(ben).get(path).status_code == 404


def test_a_session_leads_to_its_newest_report(asha, ben, signed_in, now):
    report = make_report(asha)
    amended = services.regenerate(report, by=asha, at=now)
    path = reverse("reports:for_session", args=[report.session_id])

    page = signed_in(asha).get(path)
    panel = signed_in(asha).get(path, headers=HTMX).content.decode()

    assert page.url == address("detail", amended)
    assert "<html" not in panel
    assert str(report.pk) in panel
    assert signed_in(ben).get(path).status_code == 404


def test_a_session_without_a_report_waits_for_it_and_offers_to_write_one(asha, signed_in):
    session = make_written_session(asha)
    path = reverse("reports:for_session", args=[session.pk])
    client = signed_in(asha)

    page = client.get(path).content.decode()
    before = client.get(f"{path}?wait", headers=HTMX)
    report = make_report(asha, session=session)
    after = client.get(f"{path}?wait", headers=HTMX)

    assert "Write the report" in page
    assert before.status_code == 204
    assert after["HX-Redirect"] == address("detail", report)


def test_a_report_is_asked_for_from_its_session(asha, signed_in):
    session = make_written_session(asha)

    response = signed_in(asha).post(reverse("reports:request", args=[session.pk]), {"template": ""})

    report = Report.objects.get(session=session)
    assert response.status_code == 302
    assert response.url == address("detail", report)


def test_an_unusable_choice_of_template_comes_back_with_the_form(asha, signed_in):
    session = make_written_session(asha)

    response = signed_in(asha).post(reverse("reports:request", args=[session.pk]), {"template": uuid.uuid4()})

    assert response.status_code == 422
    assert not Report.objects.exists()


def test_progress_polls_and_then_loads_the_page(asha, signed_in):
    report = make_report(asha, status="pending")
    client = signed_in(asha)

    waiting = client.get(address("progress", report), headers=HTMX)
    services.fail_generation(report.pk, code="timeout", at=report.created_at)
    ended = client.get(address("progress", report), headers=HTMX)

    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert ended["HX-Refresh"] == "true"


def test_polling_adds_no_second_audit_row(asha, signed_in):
    report = make_report(asha, status="pending")
    client = signed_in(asha)

    client.get(address("detail", report))
    for _ in range(3):
        client.get(address("progress", report), headers=HTMX)

    assert AuditEvent.objects.filter(action="read", target_id=str(report.pk)).count() == 1


def test_a_failed_report_is_sent_to_the_built_in_writer(asha, signed_in):
    report = make_report(asha, status="failed")

    response = signed_in(asha).post(address("retry", report), {"built_in": "1"})

    assert response.status_code == 302
    assert (reloaded(report).status, reloaded(report).fallback_code) == ("pending", "chosen")


def test_a_report_is_written_again_with_another_template(asha, signed_in):
    report = make_report(asha)
    soap = type(report.template).objects.get(doctor=None, slug="soap")

    signed_in(asha).post(address("regenerate", report), {"template": soap.pk})

    assert Report.objects.get(session=report.session, version=2).template == soap
