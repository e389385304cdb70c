"""Signing in a browser's requests, what follows it, and who may change nothing."""

import pytest
from django.utils import timezone

from reports.content import all_sentences
from reports.models import Report
from reports.tests.addresses import HTMX, address
from reports.tests.factories import (
    first_sentence,
    make_report,
    reloaded,
    settle,
)
from sessions_app.transcripts import corrections
from synapse.testing.plugin import PASSWORD

pytestmark = pytest.mark.django_db


def test_the_whole_report_is_marked_read(asha, signed_in):
    report = make_report(asha)

    signed_in(asha).post(address("review", report))

    assert reloaded(report).reviewed_by == asha


def test_a_report_is_signed_with_the_password(asha, signed_in):
    report = settle(make_report(asha), by=asha)

    response = signed_in(asha).post(address("sign", report), {"password": PASSWORD, "revision": report.revision})

    assert response.url == address("detail", report)
    assert reloaded(report).is_signed


def test_a_signed_report_asks_for_nothing_any_more(asha, signed_in):
    pages = [
        signed_in(asha).get(address("detail", make_report(asha, status=status))).content.decode()
        for status in ("draft", "signed")
    ]

    assert ["Required before signing" in page for page in pages] == [True, False]


@pytest.mark.parametrize(("password", "words"), [("", "Type your password"), ("wrong", "This password is not right")])
def test_a_wrong_password_signs_nothing(asha, signed_in, password, words):
    report = settle(make_report(asha), by=asha)

    response = signed_in(asha).post(address("sign", report), {"password": password}, headers=HTMX)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not reloaded(report).is_signed


def test_an_unsettled_report_is_not_signed(asha, signed_in):
    report = make_report(asha, with_unsupported=True)

    response = signed_in(asha).post(address("sign", report), {"password": PASSWORD})

    assert response.status_code == 409
    assert "not supported by the recording" in response.content.decode()
    assert not reloaded(report).is_signed


def test_an_amendment_opens_as_the_next_version(asha, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(asha)

    refused = client.post(address("amend", report), {"reason": ""})
    response = client.post(address("amend", report), {"reason": "Dose corrected."})

    amended = Report.objects.get(amends=report)
    assert refused.status_code == 422
    assert response.url == address("detail", amended)
    assert "Dose corrected." in client.get(response.url).content.decode()


def test_an_export_is_a_file_with_an_opaque_name(asha, signed_in):
    report = make_report(asha, status="signed")

    response = signed_in(asha).post(address("export", report, "txt"))

    assert response["Content-Type"].startswith("text/plain")
    assert response["Content-Disposition"] == f'attachment; filename="report-{report.pk.hex[:8]}-v1.txt"'
    assert response["Cache-Control"] == "no-store"
    assert first_sentence(report)["text"] in response.content.decode()


def test_ticked_lines_go_into_the_record(asha, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(asha)
    page = client.get(address("detail", report)).content.decode()
    key = page.split('name="line" value="')[1].split('"')[0]

    client.post(address("take_over", report), {"line": [key]})

    patient = type(report.session.patient).objects.get(pk=report.session.patient_id)
    assert "75 mg" in patient.current_medications
    assert key not in client.get(address("detail", report)).content.decode()


def test_nothing_ticked_changes_nothing(asha, signed_in):
    report = make_report(asha, status="signed")

    response = signed_in(asha).post(address("take_over", report), {"line": ["medication-00000000"]}, follow=True)

    patient = type(report.session.patient).objects.get(pk=report.session.patient_id)
    assert patient.current_medications == ""
    assert "Nothing was changed" in response.content.decode()


def test_the_follow_up_link_holds_ids_and_a_day(asha, signed_in):
    report = make_report(asha, status="signed")

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert f"report={report.pk}" in page
    assert f"patient={report.session.patient_id}" in page


POSTS = [
    ("regenerate", ()),
    ("retry", ()),
    ("review", ()),
    ("check_section", ("plan",)),
    ("settle", ("s1",)),
    ("insert_finding", ("1-0",)),
    ("sign", ()),
    ("amend", ()),
    ("export", ("pdf",)),
    ("take_over", ()),
]


@pytest.mark.parametrize(("name", "args"), POSTS)
def test_what_changes_something_takes_post_only(asha, signed_in, name, args):
    report = make_report(asha, status="pending")

    assert signed_in(asha).get(address(name, report, *args)).status_code == 405


@pytest.mark.parametrize(("name", "args"), [*POSTS, ("edit_section", ("plan",))])
def test_a_stranger_changes_nothing(asha, ben, signed_in, name, args):
    report = make_report(asha, status="pending")

    assert signed_in(ben).post(address(name, report, *args)).status_code == 404


@pytest.mark.parametrize(("name", "args"), [*POSTS, ("edit_section", ("plan",))])
@pytest.mark.parametrize("who", ["rita", "omar"])
def test_no_other_role_changes_anything(asha, request, signed_in, name, args, who):
    report = make_report(asha, status="signed")

    response = signed_in(request.getfixturevalue(who)).post(address(name, report, *args))

    assert response.status_code == 403


def test_a_draft_shows_which_lines_rest_on_corrected_words(asha, signed_in):
    report = make_report(asha)
    line = next(line for line in all_sentences(report.structured_data) if "nausea" in line["text"])
    heard = line["evidence"][-1]
    changed = heard["quote"].replace("nausea", "dizziness")
    corrections.correct_segments(
        report.transcription, [{"id": heard["segment"], "text": changed}], by=asha, at=timezone.now()
    )

    page = signed_in(asha).get(address("detail", report)).content.decode()

    assert "<del>nausea</del> <ins>dizziness</ins>" in page
    assert page.count("data-source-corrected") >= 1


def test_a_signed_report_says_that_its_transcript_was_corrected_later(asha, signed_in):
    report = make_report(asha, status="signed")
    quote = next(iter(all_sentences(report.structured_data)))["evidence"]
    assert "data-corrected-after-signing" not in signed_in(asha).get(address("detail", report)).content.decode()
    segment = report.transcription.segments[0]["id"]
    corrections.correct_segments(
        report.transcription, [{"id": segment, "text": "Other words."}], by=asha, at=timezone.now()
    )

    page = signed_in(asha).get(address("detail", report)).content.decode()

    report.refresh_from_db()
    assert "data-corrected-after-signing" in page
    assert next(iter(all_sentences(report.structured_data)))["evidence"] == quote
