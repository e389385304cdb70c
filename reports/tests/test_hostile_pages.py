"""Hostile words on the pages and in the files of a report: shown as they were said, and nothing more."""

import html
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from reports import services
from reports.models import ReportTemplate
from reports.printing import exports
from reports.tests.factories import first_sentence, make_report, make_words, reloaded
from sessions_app.tests.factories import make_session

pytestmark = pytest.mark.django_db

HOSTILE = json.loads((Path(__file__).parent / "generation" / "data" / "hostile.json").read_text(encoding="utf-8"))
REPORT_LINES = [
    ("doctor", "How have you been sleeping?"),
    ("patient", "I sleep badly and I cry most days."),
    ("patient", "I take sertraline 50 mg every morning."),
    ("doctor", "I would like to see you again in 3 weeks."),
]


@pytest.fixture
def hostile_report(asha, now):
    """A draft from a transcript full of orders, one of them typed into a line by hand as well."""
    session = make_session(asha, status="completed")
    words = [(attack["speaker"], attack["words"]) for attack in HOSTILE]
    make_words(session, [*REPORT_LINES, *words])
    report = make_report(asha, session=session)
    line = first_sentence(report)
    typed = "<script>alert(1)</script> {{ settings.SECRET_KEY }} {% now 'Y' %} \x00\x1b \u202eoffsick"
    return services.edit_sentence(report, line["id"], typed, by=asha, at=now)


def test_the_review_page_shows_hostile_words_as_words(client, asha, hostile_report):
    templates = list(ReportTemplate.objects.values("pk", "is_public", "structure"))
    client.force_login(asha)

    page = client.get(reverse("reports:detail", args=[hostile_report.pk])).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not re.search(r"<\w[^>]*\sonerror=", page)
    assert html.escape("<script>alert(1)</script>") in page
    assert settings.SECRET_KEY not in page
    assert "{{ settings.SECRET_KEY }}" in html.unescape(page)
    assert list(ReportTemplate.objects.values("pk", "is_public", "structure")) == templates


def test_no_order_of_the_transcript_stands_in_the_draft_without_a_mark(asha, hostile_report):
    forbidden = re.compile("|".join(attack["forbidden"] for attack in HOSTILE), re.IGNORECASE)
    report = reloaded(hostile_report)

    lines = [line for section in report.structured_data for line in _lines(section)]

    assert [line["text"] for line in lines if forbidden.search(line["text"]) and line["support"] == "supported"] == []
    assert (report.session.patient.full_name, report.status) == (hostile_report.session.patient.full_name, "completed")


@pytest.mark.parametrize("file_type", ["pdf", "docx", "txt", "md", "json"])
def test_every_file_of_it_can_be_made(asha, now, hostile_report, file_type):
    document = exports.render(reloaded(hostile_report), file_type=file_type, at=now)

    assert document.content
    assert settings.SECRET_KEY.encode() not in document.content


def _lines(section):
    yield from section["sentences"]
    for part in section["subsections"]:
        yield from _lines(part)
