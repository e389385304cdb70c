"""The outbox of bills: what is queued, what is asked again, and nothing twice."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.core import mail
from django.db import connections

from billing.models import Bill, BillingSettings, BillLink, BillMessage
from billing.services import corrections, messages, payments, sending
from billing.services.messages import CannotSend
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.audit.services import OutsideUnitOfWork, unit_of_work
from synapse.common.errors import Conflict, NotAllowed
from synapse.notifications import outbox, sms
from synapse.notifications.outgoing import NotSent, PerhapsSent

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SOON = AT + timedelta(seconds=30)
CLINICAL = ("Kavya", "Iyer", "Psychotherapy", "90834", "F32")


@pytest.fixture
def bill(asha):
    patient = make_patient(doctor=asha, email="kavya@example.org")
    return make_bill(asha, patient=patient, status=Bill.Status.SENT, at=AT)


def queue(bill, document="invoice", **fields):
    with unit_of_work():
        return messages.queue_message(
            document, **{"patient": bill.patient, "bill": bill, "by": bill.doctor, "at": AT, **fields}
        )


def overdue(asha, **patient):
    patient = make_patient(doctor=asha, **{"email": "kavya@example.org", **patient})
    return make_bill(asha, patient=patient, status=Bill.Status.OVERDUE, at=AT)


def reminder(bill, **fields):
    return queue(bill, "reminder", **{"number": 1, "stage": 1, "by": None, **fields})


class Post:
    """What stands in for the outside: fails as told, and keeps what it was given."""

    def __init__(self, *outcomes):
        self.outcomes, self.given = list(outcomes), []

    def __call__(self, channel, message):
        self.given.append(message)
        outcome = self.outcomes.pop(0) if self.outcomes else "ref-1"
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def test_a_message_is_a_row_of_the_callers_transaction(bill):
    with pytest.raises(RuntimeError), unit_of_work():
        messages.queue_message("invoice", patient=bill.patient, bill=bill, by=bill.doctor, at=AT)
        raise RuntimeError

    assert not BillMessage.objects.exists()
    with pytest.raises(OutsideUnitOfWork):
        messages.queue_message("invoice", patient=bill.patient, bill=bill, by=bill.doctor, at=AT)


def test_the_same_message_twice_is_one_until_it_went_out(bill):
    first = queue(bill)

    assert queue(bill).pk == first.pk
    sending.send_due(SOON)
    assert queue(bill).pk != first.pk


def test_what_is_printed_is_sent_at_once_and_needs_no_address(asha):
    message = queue(make_bill(asha, status=Bill.Status.SENT), channel="print")

    assert (message.status, message.sent_at, message.letter_date) == ("sent", AT, AT.date())


@pytest.mark.parametrize(
    ("document", "state", "reason"),
    [
        ("invoice", {"email": ""}, "no_address"),
        ("invoice", {"messages_stopped_at": AT}, "opted_out"),
    ],
)
def test_a_patient_who_cannot_be_reached_is_not_written_to(bill, document, state, reason):
    for name, value in state.items():
        setattr(bill.patient, name, value)
    bill.patient.save()

    with pytest.raises(CannotSend) as error:
        queue(bill, document)

    assert error.value.reason == reason


def test_nobody_is_reminded_of_what_is_paid_disputed_or_cancelled(asha):
    paid, disputed, cancelled = overdue(asha), overdue(asha), overdue(asha)
    payments.record_payment(paid, amount=paid.total_amount, method="cash", by=asha, at=AT)
    disputed.collection_status = Bill.Collection.DISPUTED
    disputed.save()
    corrections.cancel_bill(cancelled, reason="Slip", by=asha, at=AT)

    reasons = []
    for each in (paid, disputed, cancelled):
        with pytest.raises(CannotSend) as error:
            reminder(each)
        reasons.append(error.value.reason)

    assert reasons == ["paid", "disputed", "cancelled"]


def test_nobody_is_reminded_of_what_only_the_insurer_owes(asha):
    bill = overdue(asha)
    bill.insurance_covered_amount = bill.total_amount
    bill.save()

    with pytest.raises(CannotSend) as error:
        reminder(bill)

    assert error.value.reason == "paid"


def test_a_statement_of_nothing_is_not_sent(asha):
    patient = make_patient(doctor=asha, email="kavya@example.org")
    make_bill(asha, patient=patient, status=Bill.Status.PAID, at=AT)

    with pytest.raises(CannotSend) as error:
        messages.send_statement(patient, by=asha, at=AT)

    assert error.value.reason == "paid"


def test_sending_needs_the_right_to_work_with_bills(bill, omar):
    omar.role = "nobody"

    with pytest.raises(NotAllowed):
        messages.send_invoice(bill, how="mail", by=omar, at=AT)


def test_a_cancelled_bill_is_not_sent(asha):
    with pytest.raises(Conflict):
        messages.send_invoice(make_bill(asha, status=Bill.Status.CANCELLED), how="desk", by=asha, at=AT)


def test_sending_issues_a_draft_once(asha):
    bill = make_bill(asha, patient=make_patient(doctor=asha, email="kavya@example.org"), at=AT)

    for _ in range(2):
        messages.send_invoice(bill, how="mail", by=asha, at=AT)

    assert bill.bill_number
    assert (bill.ledger_entries.count(), bill.messages.count()) == (1, 1)


def test_a_mail_has_a_link_no_file_and_no_clinical_word(bill):
    ClinicSettings.objects.update(name="Banyan Clinic", phone="+91 20 5550 4410", email="desk@banyan.example")
    Bill.objects.filter(pk=bill.pk).update(payment_instructions="UPI banyan@bank")
    queue(bill)

    assert sending.send_due(SOON) == 1

    [sent] = mail.outbox
    assert (sent.to, sent.attachments, sent.reply_to) == (["kavya@example.org"], [], ["desk@banyan.example"])
    assert sent.subject == f"Invoice {bill.bill_number} from Banyan Clinic"
    for words in ("₹1,000.00", "16 March 2026", "UPI banyan@bank", "/document/", "works until 1 May 2026"):
        assert words in sent.body
    assert not [word for word in CLINICAL if word in sent.body + sent.subject]
    message = bill.messages.get()
    assert (message.status, message.attempts, message.sent_at) == ("sent", 1, SOON)
    assert message.link.token_hash not in sent.body


def test_the_file_goes_along_only_where_it_was_chosen(bill):
    queue(bill, with_attachment=True)

    sending.send_due(SOON)

    [(name, content, kind)] = mail.outbox[0].attachments
    assert (name, content[:5], kind) == (f"{bill.bill_number}.pdf", b"%PDF-", "application/pdf")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("Deutsch", "fällig am 16. März 2026"),
        ("Hindi", "अंतिम तारीख 16 मार्च 2026"),
        ("español", "vence el 16 de marzo de 2026"),
        ("fr", "échéance le 16 mars 2026"),
        ("Tamil", "due 16 March 2026"),
    ],
)
def test_a_patient_is_written_to_in_their_language(bill, language, words):
    bill.patient.preferred_language = language
    bill.patient.save()
    queue(bill)

    sending.send_due(SOON)

    assert words in mail.outbox[0].body


def test_each_document_has_its_mail(asha, bill):
    payment = payments.record_payment(bill, amount=Decimal(400), method="upi", by=asha, at=AT)
    messages.send_receipt(payment, by=asha, at=AT)
    messages.send_statement(bill.patient, by=asha, at=AT)
    reminder(overdue(asha))

    sending.send_due(SOON)

    subjects = " | ".join(sorted(sent.subject for sent in mail.outbox))
    assert payment.receipt_number in subjects
    assert "Your statement from" in subjects
    assert "Reminder: invoice INV-" in subjects
    bodies = " ".join(sent.body for sent in mail.outbox)
    assert "₹400.00" in bodies
    assert "₹600.00 is open" in bodies
    assert not [word for word in CLINICAL if word in bodies + subjects]


def test_a_reminder_goes_by_sms_with_a_link_and_neutral_words(asha, settings, tmp_path):
    settings.SMS_BACKEND, settings.DATA_DIR = "file", tmp_path
    bill = overdue(asha, phone_primary="+919820012345")
    message = reminder(bill, channel="sms")

    sending.send_due(SOON)

    to, _, text = (tmp_path / "sms" / f"{message.pk}.txt").read_text().partition("\n\n")
    assert to == "+919820012345"
    assert bill.bill_number in text
    assert "/document/" in text
    assert not [word for word in CLINICAL if word in text]


def test_sms_is_refused_where_no_provider_is_set_up(asha, settings):
    settings.SMS_BACKEND = ""

    assert not sms.is_offered()
    with pytest.raises(CannotSend):
        reminder(overdue(asha), channel="sms")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda bill, at: payments.record_payment(
                bill, amount=bill.total_amount, method="cash", by=bill.doctor, at=at
            ),
            "paid",
        ),
        (lambda bill, at: Bill.objects.filter(pk=bill.pk).update(collection_status="disputed"), "disputed"),
        (lambda bill, at: corrections.cancel_bill(bill, reason="Slip", by=bill.doctor, at=at), "cancelled"),
        (
            lambda bill, at: type(bill.patient).objects.filter(pk=bill.patient_id).update(messages_stopped_at=at),
            "opted_out",
        ),
    ],
)
def test_what_changed_since_it_was_queued_keeps_it_back(asha, change, reason):
    bill = overdue(asha)
    message = reminder(bill)
    change(bill, AT)

    assert sending.send_due(SOON) == 0

    message.refresh_from_db()
    assert (message.status, message.skip_reason, mail.outbox) == ("skipped", reason, [])
    assert not BillLink.objects.exists()


def test_a_message_waits_for_its_time(bill):
    queue(bill, due_at=AT + timedelta(hours=2))

    assert sending.send_due(SOON) == 0
    assert sending.send_due(AT + timedelta(hours=2)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_message_once(bill, monkeypatch):
    together, at_the_door = Barrier(2), Barrier(2)
    post = Post()
    real_claim = sending.claim

    def claim_together(pk, *, at):
        at_the_door.wait(timeout=20)
        return real_claim(pk, at=at)

    pk, sent, errors = queue(bill).pk, [], []
    monkeypatch.setattr(sending, "claim", claim_together)
    monkeypatch.setattr(outbox, "send", post)

    def work():
        try:
            together.wait(timeout=20)
            sent.append(sending.send_one(pk, at=SOON))
        except Exception as error:  # noqa: BLE001 -- shown by the assertion
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    assert sorted(sent) == [False, True]
    assert len(post.given) == 1
    assert BillLink.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_between_sending_and_writing_it_down_is_not_repeated(bill, monkeypatch):
    class Killed(BaseException):
        """SIGKILL, as far as this process can play it."""

    def die(*_arguments, **_fields):
        raise Killed

    message = queue(bill)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", die)
        with pytest.raises(Killed):
            sending.send_due(SOON)

    for later in (timedelta(minutes=1), outbox.LEASE + timedelta(minutes=1), timedelta(days=1)):
        sending.send_due(SOON + later)

    message.refresh_from_db()
    assert (message.status, message.error_code, len(mail.outbox)) == ("unknown", "interrupted", 1)


def test_what_is_proven_not_sent_is_tried_again_with_a_new_token_and_the_same_key(bill, monkeypatch):
    post = Post(NotSent("http_503", may_retry=True))
    monkeypatch.setattr(outbox, "send", post)
    message = queue(bill)

    sending.send_due(SOON)
    message.refresh_from_db()
    assert (message.status, message.due_at) == ("due", SOON + timedelta(minutes=1))
    sending.send_due(message.due_at)

    message.refresh_from_db()
    assert (message.status, message.attempts, message.provider_reference) == ("sent", 2, "ref-1")
    assert len({given.key for given in post.given}) == 1
    assert len({given.text for given in post.given}) == 2
    assert BillLink.objects.count() == 1


def test_after_five_tries_it_failed_and_what_may_have_gone_out_is_left(bill, monkeypatch):
    monkeypatch.setattr(outbox, "send", Post(*[NotSent("connect_timeout", may_retry=True)] * 9))
    message, at = queue(bill), SOON
    for _ in range(7):
        sending.send_due(at)
        at += timedelta(minutes=20)
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("failed", outbox.MOST_ATTEMPTS)

    again = messages.send_again(message, by=bill.doctor, at=at)
    monkeypatch.setattr(outbox, "send", Post(PerhapsSent("TimeoutError")))
    sending.send_due(at)
    sending.send_due(at + timedelta(days=1))
    again.refresh_from_db()
    assert (again.status, again.attempts) == ("unknown", 1)


def test_one_message_that_cannot_be_written_holds_up_no_other(asha, bill, monkeypatch):
    other = make_bill(asha, patient=make_patient(doctor=asha, email="t@example.org"), status=Bill.Status.SENT, at=AT)
    broken, good = queue(bill), queue(other)
    real = sending.compose

    def compose(message, **fields):
        if message.pk == broken.pk:
            raise ValueError
        return real(message, **fields)

    monkeypatch.setattr(sending, "compose", compose)
    sending.send_due(SOON)

    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.status, broken.error_code, good.status) == ("failed", "not_written", "sent")


def test_a_reminder_sent_again_is_the_same_letter_and_counts_once(asha):
    bill = overdue(asha)
    first = reminder(bill, letter_date=AT.date())
    sending.send_due(SOON)
    first.refresh_from_db()

    again = messages.send_again(first, by=asha, at=AT + timedelta(days=3))

    assert (again.stage, again.number, again.letter_date) == (1, None, AT.date())


def test_the_trail_names_the_message_and_neither_address_nor_text(bill):
    queue(bill)
    sending.send_due(SOON)

    events = AuditEvent.objects.filter(target_type="billing.BillMessage").order_by("seq")
    assert [event.detail["verb"] for event in events] == ["queue", "send"]
    assert {event.patient_id for event in events} == {bill.patient_id}
    assert "kavya" not in str([event.detail for event in events]).casefold()


def test_a_link_lives_as_long_as_the_clinic_says(bill):
    BillingSettings.load()
    BillingSettings.objects.update(link_valid_days=3)
    queue(bill)
    sending.send_due(SOON)

    assert BillLink.objects.get().expires_at == SOON + timedelta(days=3)
