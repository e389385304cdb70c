from datetime import date, timedelta

import pytest
from django.urls import reverse

from synapse.audit.models import AuditEvent
from synapse.common.errors import NotAllowed
from synapse.oversight import associates
from synapse.oversight.models import Associate

TODAY = date(2026, 3, 4)
VALUES = {"name": "Mail Ltd", "service": "email", "sees": "Addresses", "contact": "", "signed_on": date(2025, 1, 1)}


@pytest.fixture
def outside(settings):
    """Settings that send data to a mail server, an SMS gateway, a bucket and a model server elsewhere."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "smtp.mail.example"
    settings.SMS_BACKEND, settings.SMS_HTTP_URL = "http", "https://sms.example/send"
    settings.AUDIO_BUCKET = "recordings"
    settings.REPORT_BACKEND, settings.OPENAI_BASE_URL = "openai", "https://models.example/v1"
    settings.OPENAI_MODEL = "m"


def test_nothing_is_listed_while_nothing_leaves(db, settings):
    settings.DATABASES["default"].setdefault("HOST", "")

    assert associates.used_services() == []


def test_what_the_settings_use_is_shown_with_its_agreement_or_without(db, outside, omar):
    associates.save_associate(None, {**VALUES, "ends_on": TODAY + timedelta(days=30)}, by=omar)
    associates.save_associate(
        None, {**VALUES, "name": "Texts", "service": "sms", "signed_on": None, "ends_on": None}, by=omar
    )

    shown = {used.service: used for used in associates.overview(today=TODAY)}

    assert set(shown) == {"email", "sms", "bucket", "language_model"}
    assert (shown["email"].is_covered, shown["email"].ends_soon) == (True, True)
    assert not shown["sms"].is_covered
    assert shown["bucket"].associate is None
    assert shown["language_model"].where == "models.example"


def test_the_list_is_the_administrators(signed_in, asha, omar, outside):
    address = reverse("oversight:associates")
    assert [signed_in(person).get(address).status_code for person in (asha, omar)] == [403, 200]
    with pytest.raises(NotAllowed):
        associates.save_associate(None, {**VALUES, "ends_on": None}, by=asha)
    admin = signed_in(omar)
    assert "No agreement on record" in admin.get(address).content.decode()

    new = reverse("oversight:associate_new")
    assert admin.get(new + "?service=email").status_code == 200
    assert admin.post(new, {**VALUES, "ends_on": "2024-01-01"}).status_code == 422
    assert admin.post(new, {**VALUES, "ends_on": ""}).status_code == 302
    saved = Associate.objects.get()
    edit = reverse("oversight:associate", args=[saved.pk])
    assert admin.post(edit, {**VALUES, "sees": "Addresses and texts", "ends_on": ""}).status_code == 302
    assert admin.post(reverse("oversight:associate_end", args=[saved.pk])).status_code == 302
    saved.refresh_from_db()
    assert (saved.sees, saved.ended_at is not None) == ("Addresses and texts", True)
    rows = AuditEvent.objects.filter(target_type="oversight.Associate").order_by("seq")
    assert [row.action for row in rows] == ["create", "update", "archive"]
