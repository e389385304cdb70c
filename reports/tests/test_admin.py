"""Django admin shows states and dates of reports, and changes nothing."""

import pytest
from django.urls import reverse

from reports import services
from reports.tests.factories import clinic_template, first_sentence, make_report

pytestmark = pytest.mark.django_db


def test_an_administrator_sees_states_and_no_words(asha, omar, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(omar)

    listed = client.get(reverse("admin:reports_report_changelist"))
    opened = client.get(reverse("admin:reports_report_change", args=[report.pk]))

    for response in (listed, opened):
        page = response.content.decode()
        assert response.status_code == 200
        assert report.session.session_id in page
        assert first_sentence(report)["text"] not in page
        assert report.session.patient.last_name not in page


def test_nothing_is_changed_or_deleted_there(asha, omar, signed_in):
    report = make_report(asha, status="signed")
    client = signed_in(omar)

    for view in ("change", "delete"):
        assert client.post(reverse(f"admin:reports_report_{view}", args=[report.pk])).status_code == 403
    assert client.get(reverse("admin:reports_report_add")).status_code == 403


def test_doctors_private_templates_are_not_shown(asha, omar, signed_in, now):
    mine = services.copy_template(clinic_template(), by=asha, at=now)

    page = signed_in(omar).get(reverse("admin:reports_reporttemplate_changelist")).content.decode()

    assert "General consultation" in page
    assert str(mine.pk) not in page
