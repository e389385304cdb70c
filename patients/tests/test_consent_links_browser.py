"""A question goes out by SMS from the chart, the patient answers on a phone, and the chart knows."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from patients.consents import sending as consent_sending
from patients.models import ConsentLink
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.testing.browser import PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_question_is_answered_on_a_phone(browse, rita, asha):
    clinic = ClinicSettings.load()
    clinic.name, clinic.phone, clinic.message_channels = "Bodhi Practice", "+91 20 2640 1000", "sms"
    clinic.save()
    kavya = make_patient(asha, preferred_language="French")
    chart = browse(rita, f"/patients/{kavya.pk}/consents/")
    chart.locator('[data-dialog-open="ask-recording"]').click()
    assert_page_is_clean(chart)
    chart.locator("#ask-recording").get_by_role("button", name="Send a link").click()
    chart.get_by_text("Waiting for the patient’s answer, being sent").wait_for()
    assert_page_is_clean(chart)
    consent_sending.send_due(timezone.now())
    small = browse(rita, f"/patients/{kavya.pk}/consents/", viewport=PHONE)
    small.get_by_role("cell", name="Asked by link").wait_for()
    assert_page_is_clean(small)
    text = (Path(django_settings.DATA_DIR) / "sms" / f"{ConsentLink.objects.get().pk}.txt").read_text()
    path = re.search(r"/consent/[\w-]{43}/", text)[0]

    phone = browse(None, path, viewport=PHONE, dark=True, locale="fr-FR", java_script_enabled=False)
    phone.get_by_text("Enregistrer la séance").wait_for()
    assert "Kavya" not in phone.content()
    light = browse(None, path, viewport=PHONE)
    assert_page_is_clean(light)
    night = browse(None, path, viewport=PHONE, dark=True)
    assert_page_is_clean(night)
    phone.get_by_role("button", name="Je suis d’accord", exact=True).click()
    phone.get_by_role("alert").wait_for()
    phone.get_by_label("Votre nom complet").fill("Kavya Iyer")
    phone.get_by_role("button", name="Je suis d’accord", exact=True).click()
    phone.get_by_role("heading", name="Merci. Vous avez dit oui").wait_for()

    night.reload()
    night.get_by_role("heading", name="Ce lien ne fonctionne plus").or_(
        night.get_by_role("heading", name="This link no longer works")
    ).wait_for()
    assert_page_is_clean(night, allowed=("404",))
    chart.reload()
    chart.get_by_text("By the patient's own link").first.wait_for()
    assert kavya.consents.get().status == "live"
