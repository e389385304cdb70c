"""The doors of sharing: the clinician's, those behind a link, and reception's."""

import logging
import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from reports import services
from reports.models import ReportShare, ShareOpening
from reports.pages.sharing import share_views
from reports.tests.factories import make_report, reloaded, settle, sign
from reports.tests.test_sharing import share, token_of
from synapse.accounts import throttle
from synapse.audit.models import AuditEvent
from synapse.links import continuation
from synapse.links.tokens import hash_token

pytestmark = pytest.mark.django_db

FORM = {
    "with": "patient",
    "document": "report",
    "email": "kavya@mail.example",
    "expires_in_hours": "24",
    "uses": "1",
    "pin_kind": "",
}


@pytest.fixture
def signed(asha):
    return make_report(asha, status="signed")


def address(report, *parts):
    return reverse("reports:sharing", args=[report.pk])


def test_the_owner_makes_a_link_that_is_shown_once(signed, asha, signed_in):
    client = signed_in(asha)

    page = client.post(address(signed), FORM | {"pin_kind": "made"})

    link = page.context["link"]
    assert page.status_code == 200
    assert hash_token(link.rstrip("/").rpartition("/")[2]) == ReportShare.objects.get().token_hash
    assert len(page.context["pin"]) == 6
    assert page["Cache-Control"] == "no-store"
    later = client.get(address(signed)).content.decode()
    assert "kavya@mail.example" in later
    assert link not in later
    assert page.context["pin"] not in later


def test_the_mail_holds_the_link_and_neither_pin_nor_clinical_word(signed, asha, signed_in):
    page = signed_in(asha).post(address(signed), FORM | {"pin_kind": "own", "pin": "mango-tree", "mail": "on"})

    message = mail.outbox[0]
    text = f"{message.subject}\n{message.body}"
    patient = signed.session.patient
    assert message.to == ["kavya@mail.example"]
    assert page.context["link"] in text
    for word in ("mango-tree", signed.title, patient.first_name, patient.last_name, "report", "psychiatr", "session"):
        assert word.lower() not in text.lower().replace(page.context["link"].lower(), ""), word
    assert ReportShare.objects.get().mailed_at is not None


def test_mailing_the_link_is_recorded_without_the_address(signed, asha, signed_in):
    signed_in(asha).post(address(signed), FORM | {"mail": "on"})

    made = ReportShare.objects.get()
    event = AuditEvent.objects.filter(action="share").latest("seq")
    assert (made.mailed_at is not None, event.detail) == (True, {"verb": "mail", "share": str(made.pk)})


def test_without_mail_nothing_is_sent(signed, asha, signed_in):
    signed_in(asha).post(address(signed), FORM)

    assert mail.outbox == []


def test_a_wrong_field_is_named_on_the_page(signed, asha, signed_in):
    page = signed_in(asha).post(address(signed), FORM | {"with": "provider"})

    assert page.status_code == 422
    assert "Record the consent first" in page.content.decode()


def test_a_link_is_ended_at_its_door(signed, asha, signed_in, now):
    made = share(signed, asha, now)

    answer = signed_in(asha).post(reverse("reports:end_share", args=[signed.pk, made.share.pk]))

    assert answer.status_code == 302
    made.share.refresh_from_db()
    assert made.share.revoked_by == asha


@pytest.mark.parametrize(("who", "status"), [("ben", 404), ("rita", 403), ("omar", 403)])
def test_strangers_and_other_roles_do_not_share(signed, asha, request, signed_in, now, who, status):
    made = share(signed, asha, now)
    client = signed_in(request.getfixturevalue(who))

    assert client.get(address(signed)).status_code == status
    assert client.post(address(signed), FORM).status_code == status
    assert client.post(reverse("reports:end_share", args=[signed.pk, made.share.pk])).status_code == status
    assert ReportShare.objects.count() == 1


def test_wrong_methods_are_refused(signed, asha, signed_in, now):
    made = share(signed, asha, now)
    client = signed_in(asha)

    assert client.put(address(signed)).status_code == 405
    assert client.get(reverse("reports:end_share", args=[signed.pk, made.share.pk])).status_code == 405
    assert client.put(made.path).status_code == 405
    assert client.post(f"{made.path}read/").status_code == 405


def test_the_chart_lists_what_was_shared(signed, asha, ben, signed_in, now):
    share(signed, asha, now)
    panel = reverse("reports:shares_for_patient", args=[signed.session.patient_id])

    assert "kavya@mail.example" in signed_in(asha).get(panel).content.decode()
    assert signed_in(ben).get(panel).status_code == 404
    assert panel in signed_in(asha).get(reverse("patients:sharing", args=[signed.session.patient_id])).content.decode()


def identity_of(report):
    patient = report.session.patient
    return [patient.first_name, patient.last_name, patient.patient_id, report.session.session_id, report.title]


def assert_private(answer):
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]


def test_looking_at_a_link_uses_nothing_and_shows_nobody(signed, asha, client, now):
    made = share(signed, asha, now)

    for _ in range(3):
        page = client.get(made.path)

    assert page.status_code == 200
    assert_private(page)
    assert not any(word in page.content.decode() for word in identity_of(signed))
    assert ReportShare.objects.get().uses_left == 1
    assert not ShareOpening.objects.exists()


def test_one_press_opens_it_for_reading_and_saving(signed, asha, client, now):
    made = share(signed, asha, now)

    answer = client.post(made.path, headers={"user-agent": "Mozilla/5.0 (iPhone) Safari/604"})

    assert answer.status_code == 302
    assert_private(answer)
    page = client.get(answer.url)
    assert signed.session.patient.full_name in page.content.decode()
    assert_private(page)
    saved = client.get(f"{made.path}download/")
    assert saved.content.startswith(b"%PDF")
    assert_private(saved)
    assert signed.session.patient.last_name not in saved["Content-Disposition"]
    assert ShareOpening.objects.get().device == "Safari on iPhone"
    verbs = (
        AuditEvent.objects.filter(action="share", actor_id=None).order_by("seq").values_list("detail__verb", flat=True)
    )
    assert list(verbs) == ["open", "read", "download"]


def test_another_browser_and_later_see_nothing(signed, asha, client, monkeypatch, now):
    made = share(signed, asha, now)
    client.post(made.path)

    assert Client().get(f"{made.path}read/").status_code == 404
    time = continuation.signing.time.time()
    monkeypatch.setattr(continuation.signing.time, "time", lambda: time + continuation.LIFETIME_SECONDS + 1)
    assert client.get(f"{made.path}read/").status_code == 404
    assert client.get(f"{made.path}download/").status_code == 404


def test_dead_links_show_the_same_page(signed, asha, client, now):
    used, ended = share(signed, asha, now), share(signed, asha, now)
    client.post(used.path)
    services.revoke_share(ended.share, by=asha, at=now)
    expired = share(signed, asha, now - timedelta(hours=25))

    pages = [client.get(path) for path in (used.path, ended.path, expired.path, "/shared/made-up/")]

    assert {page.status_code for page in pages} == {404}
    assert len({re.sub(r"[A-Za-z0-9]{64}", "", page.content.decode()) for page in pages}) == 1  # but for the CSRF token
    assert "ask" in pages[0].content.decode()
    assert_private(pages[0])


def test_a_link_with_a_pin_asks_for_it(signed, asha, client, now):
    made = share(signed, asha, now, pin="246810")

    assert "PIN" in client.get(made.path).content.decode()
    assert client.post(made.path).status_code == 422  # an empty one is no try
    wrong = client.post(made.path, {"pin": "000000"})
    assert wrong.status_code == 422
    assert "4 tries are left" in wrong.content.decode()
    assert client.post(made.path, {"pin": "246810"}).status_code == 302


def test_guessing_links_is_slowed_down(client, monkeypatch, db):
    monkeypatch.setattr(throttle, "MAXIMUM_FAILURES_PER_ADDRESS", 5)

    statuses = [client.get(f"/shared/guess-{number}/").status_code for number in range(6)]

    assert statuses == [404] * 5 + [429]


def test_the_link_is_in_no_log(signed, asha, client, caplog, capsys, settings, now):
    from logging.config import dictConfig

    made = share(signed, asha, now)
    services.revoke_share(made.share, by=asha, at=now)
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        dictConfig(settings.LOGGING)
        client.get(made.path)
        shown = capsys.readouterr()
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level

    assert "Not Found: /shared/***/" in shown.err
    assert token_of(made) not in shown.err + shown.out


def test_an_old_version_says_that_there_is_a_newer_one(signed, asha, client, now):
    made = share(signed, asha, now, uses=2)
    amended = services.amend_report(signed, reason="The dose was wrong.", by=asha, at=now)
    client.post(made.path)
    assert "newer version" not in client.get(f"{made.path}read/").content.decode()

    sign(settle(reloaded(amended), by=asha), by=asha)
    client.post(made.path)

    text = client.get(f"{made.path}read/").content.decode()
    assert "newer version" in text
    assert "The dose was wrong." not in text
    saved = client.get(f"{made.path}download/").content
    assert "The dose was wrong." not in "".join(page.extract_text() for page in PdfReader(BytesIO(saved)).pages)
    assert share_views(ReportShare.objects.all(), at=now)[0].is_superseded


def test_reception_prints_what_was_shared_and_reads_nothing_else(signed, asha, ben, rita, signed_in, now):
    made = share(signed, asha, now)
    ReportShare.objects.update(shared_by=ben)
    client = signed_in(rita)

    panel = client.get(reverse("reports:for_reception", args=[signed.session.patient_id])).content.decode()
    printed = client.post(reverse("reports:hand_over", args=[made.share.pk]))

    assert "Signed" in panel
    assert signed.session.session_id in panel
    assert f"Shared by {ben.display_name}" in panel
    assert signed.title not in panel
    assert printed.content.startswith(b"%PDF")
    event = AuditEvent.objects.filter(action="print").get()
    assert (event.actor_label, event.detail["verb"]) == ("rita", "hand_over")
    assert client.get(reverse("reports:detail", args=[signed.pk])).status_code == 403


@pytest.mark.parametrize("terms", [{"audience": "provider", "reason": "Transfer"}, {}])
def test_reception_prints_neither_a_providers_copy_nor_an_ended_share(signed, asha, rita, signed_in, now, terms):
    made = share(signed, asha, now, **terms)
    if not terms:
        services.revoke_share(made.share, by=asha, at=now)

    answer = signed_in(rita).post(reverse("reports:hand_over", args=[made.share.pk]))

    assert answer.status_code == 409
    assert not AuditEvent.objects.filter(action="print").exists()


@pytest.mark.parametrize("who", ["asha", "omar"])
def test_only_reception_hands_over(signed, asha, request, signed_in, now, who):
    made = share(signed, asha, now)
    client = signed_in(request.getfixturevalue(who))

    assert client.post(reverse("reports:hand_over", args=[made.share.pk])).status_code == 403
    assert client.get(reverse("reports:for_reception", args=[signed.session.patient_id])).status_code == 403
