"""The doors of reminders: the clinic's letters, one by hand, disputes, collection, and the log of a patient."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from billing.models import BillingSettings, BillMessage, ReminderStage
from billing.services import collecting, reminders
from billing.tests.factories import pay
from billing.tests.test_reminders import kavya, late_bill
from patients.tests.factories import make_patient

LETTERS = "/bills/reminders/letters/"


def typed(**changed):
    """Return what the page of letters sends when nothing was changed."""
    data = {"gap_days": "7", "standard": "en"}
    for row in ReminderStage.load_all():
        values = {"is_active": "on", "days_late": str(row.days_late), "title": row.title, "text": row.text}
        data |= {f"stage{row.stage}-{name}": value for name, value in values.items()}
    return data | changed


def address(name, bill):
    return reverse(f"billing:{name}", args=[bill.pk])


@pytest.fixture
def bill(asha):
    return late_bill(asha, 3, at=timezone.now())


def test_the_administrator_changes_a_letter_and_the_gap(signed_in, omar):
    client = signed_in(omar)

    response = client.post(LETTERS, typed(**{"stage2-text": "Second: {number}, {amount}", "gap_days": "9"}))

    assert response.status_code == 302
    assert ReminderStage.objects.get(stage=2).text == "Second: {number}, {amount}"
    assert BillingSettings.load().reminder_gap_days == 9


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stage1-text": "Dear {name}"}, "{name} cannot be filled in"),
        ({"stage3-title": "Last {"}, "{ cannot be filled in"),
        ({"stage2-days_late": "2"}, "Letter 2 has to go out later than letter 1"),
        ({"gap_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_typed_is_lost(signed_in, omar, changed, said):
    response = signed_in(omar).post(LETTERS, typed(**{"stage2-title": "Mine alone", **changed}))

    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    assert "Mine alone" in html
    assert not ReminderStage.objects.filter(title="Mine alone").exists()


def test_our_texts_are_put_in_and_kept_only_by_saving(signed_in, omar):
    response = signed_in(omar).post(LETTERS, typed(standard="de", show="standard", **{"stage1-days_late": "5"}))

    html = response.content.decode()
    assert response.status_code == 200
    assert "Letzte Mahnung" in html
    assert 'value="5"' in html
    assert ReminderStage.objects.get(stage=3).title == "Last reminder"


def test_a_preview_fills_in_the_words_as_they_are_typed(signed_in, omar):
    response = signed_in(omar).post(f"{LETTERS}1/preview/", typed(**{"stage1-text": "Pay {amount} <b>now</b>"}))

    html = response.content.decode()
    assert "Pay ₹250.00 &lt;b&gt;now&lt;/b&gt;" in html
    assert signed_in(omar).post(f"{LETTERS}4/preview/").status_code == 404
    assert signed_in(omar).post(f"{LETTERS}1/preview/", typed(**{"stage1-days_late": "²"})).status_code == 200


@pytest.mark.parametrize("person", ["rita", "asha"])
def test_only_the_administrator_reads_and_changes_the_letters(signed_in, request, person):
    client = signed_in(request.getfixturevalue(person))

    assert client.get(LETTERS).status_code == 403
    assert client.post(LETTERS, typed()).status_code == 403
    assert client.post(f"{LETTERS}1/preview/").status_code == 403


def test_the_desk_sees_the_letter_and_sends_it(signed_in, rita, bill):
    client = signed_in(rita)

    page = client.get(address("remind", bill)).content.decode()
    assert "A friendly reminder" in page
    assert bill.bill_number in page
    response = client.post(address("remind", bill), {"stage": "1", "channel": "email"})

    assert response.url == address("detail", bill)
    assert BillMessage.objects.get(bill=bill, document="reminder").status == "due"
    page = client.get(address("remind", bill)).content.decode()
    assert "A reminder of this bill is on its way" in page
    assert "Send the reminder" not in page


def test_a_printed_reminder_leads_to_its_paper(signed_in, rita, bill):
    response = signed_in(rita).post(address("remind", bill), {"stage": "1", "channel": "print"})

    message = BillMessage.objects.get(bill=bill, document="reminder")
    assert response.url == reverse("billing:letter", args=[message.pk])
    assert signed_in(rita).get(response.url).content.startswith(b"%PDF")


def test_within_the_gap_the_form_asks_why(signed_in, asha, rita):
    now = timezone.now()
    bill = late_bill(asha, 5, at=now)
    reminders.remind(bill, by=rita, at=now - timedelta(days=2), channel="print")
    client = signed_in(rita)
    sent = {"stage": "2", "channel": "email"}

    refused = client.post(address("remind", bill), sent)
    assert refused.status_code == 422
    assert "say why if it has to be sooner" in refused.content.decode()
    client.post(address("remind", bill), {**sent, "early_reason": "Asked for it"})

    assert BillMessage.objects.get(number=2).early_reason == "Asked for it"


def test_a_letter_that_is_none_is_refused(signed_in, rita, bill):
    for stage in ("²", "9" * 5000):
        response = signed_in(rita).post(address("remind", bill), {"stage": stage, "channel": "email"})
        assert response.status_code == 422


def test_the_preview_follows_the_chosen_letter(signed_in, rita, bill):
    response = signed_in(rita).get(address("remind_preview", bill), {"stage": "3"})

    assert "Last reminder" in response.content.decode()
    for stage in ("x", "²", "9" * 5000):
        assert signed_in(rita).get(address("remind_preview", bill), {"stage": stage}).status_code == 200


def test_strangers_find_no_bill_to_remind_of(signed_in, ben, bill):
    client = signed_in(ben)

    for name in ("remind", "remind_preview", "dispute", "hand_to_collection"):
        assert client.get(address(name, bill)).status_code == 404
    for name in ("settle_dispute", "take_back"):
        assert client.post(address(name, bill)).status_code == 404
        assert client.get(address(name, bill)).status_code == 405


def test_a_dispute_is_noted_shown_and_settled(signed_in, rita, bill):
    client = signed_in(rita)

    assert client.post(address("dispute", bill), {"reason": " "}).status_code == 422
    client.post(address("dispute", bill), {"reason": "Was not there"})
    page = client.get(address("detail", bill)).content.decode()
    assert "Was not there" in page
    assert "Dispute settled" in page
    assert "Send reminder" not in page
    client.post(address("settle_dispute", bill))

    bill.refresh_from_db()
    assert bill.collection_status == "none"


def test_collection_is_not_the_desks_to_decide(signed_in, rita, asha, bill):
    assert signed_in(rita).get(address("hand_to_collection", bill)).status_code == 403
    assert "Hand to collection" not in signed_in(rita).get(address("detail", bill)).content.decode()
    client = signed_in(asha)
    client.post(address("hand_to_collection", bill), {"reason": "Given to Sahay & Co"})
    bill.refresh_from_db()
    assert bill.collection_status == "in_collection"
    client.post(address("take_back", bill))
    bill.refresh_from_db()
    assert bill.collection_status == "none"


def test_the_page_says_what_comes_next_and_what_was_sent(signed_in, asha, rita, bill):
    client = signed_in(rita)
    assert "Number 1, with the next run" in client.get(address("detail", bill)).content.decode()
    message = reminders.remind(bill, by=rita, at=timezone.now(), channel="print")

    page = client.get(address("detail", bill)).content.decode()
    assert "Reminder 1" in page
    assert reverse("billing:letter", args=[message.pk]) in page
    assert "Number 2, on" in page


def test_a_paid_bill_offers_no_reminder(signed_in, rita, bill):
    pay(bill, "1000", by=rita, at=timezone.now())

    page = signed_in(rita).get(address("detail", bill)).content.decode()
    assert "Send reminder" not in page
    assert "Next letter" not in page


def test_a_patients_messages_show_what_was_sent_about_money(signed_in, asha, rita, ben, bill):
    reminders.remind(bill, by=rita, at=timezone.now(), channel="print")
    log = reverse("billing:messages_for_patient", args=[bill.patient_id])

    assert bill.bill_number in signed_in(rita).get(log).content.decode()
    assert signed_in(ben).get(log).status_code == 404
    panel = signed_in(rita).get(reverse("scheduling:messages_for_patient", args=[bill.patient_id]))
    assert log in panel.content.decode()
    assert (
        "No messages about bills"
        in signed_in(asha)
        .get(reverse("billing:messages_for_patient", args=[make_patient(doctor=asha).pk]))
        .content.decode()
    )


def test_the_letter_of_several_bills_says_all_of_them(signed_in, asha, rita):

    now = timezone.now()
    patient = kavya(asha)
    first, second = late_bill(asha, 12, patient=patient, at=now), late_bill(asha, 5, patient=patient, at=now)
    collecting.mark_overdue(now)
    report = reminders.remind_many([first, second], by=rita, at=now, channel="print")

    for row in report.queued:
        pdf = signed_in(rita).get(reverse("billing:letter", args=[row.pk])).content
        words = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
        assert first.bill_number in words
        assert second.bill_number in words
        assert "2,000.00" in words
