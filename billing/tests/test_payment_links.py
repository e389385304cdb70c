"""Payment links: what the provider is told, what it reports, and that money counts once wherever it ends up."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.checks import Error
from django.urls import reverse
from django.utils import timezone

from billing import checks
from billing.ledger.checking import find_faults
from billing.models import Bill, LedgerEntry, PatientAccount, Payment, PaymentLink
from billing.payment_links.providers import http, signature
from billing.services import corrections, payment_links, payments
from billing.services.payment_link_review import TASK
from billing.tests import provider
from billing.tests.factories import make_bill
from synapse.audit.models import AuditEvent
from synapse.common.models import Job

Status = Bill.Status
LinkStatus = PaymentLink.Status


@pytest.fixture
def stand_in(settings):
    with provider.running() as running:
        settings.PAYMENT_LINK_BACKEND = "http"
        settings.PAYMENT_LINK_URL = running.url
        settings.PAYMENT_LINK_TOKEN = "token"
        settings.PAYMENT_LINK_SECRET = provider.SECRET
        yield running


@pytest.fixture
def bill(asha):
    return make_bill(asha, status=Status.SENT)


def make_link(bill, by):
    return payment_links.create_link(bill, by=by, at=timezone.now())


def report(client, data, *, secret=provider.SECRET, minutes=0, **headers):
    body = json.dumps(data).encode()
    at = timezone.now() + timedelta(minutes=minutes)
    headers = {signature.HEADER: signature.sign(secret, body, at=at), **headers}
    return client.post(reverse("payment_events:event", args=["http"]), body, "application/json", headers=headers)


def reload(*rows):
    for row in rows:
        row.refresh_from_db()


def test_the_provider_is_told_number_and_amount_and_nothing_of_the_patient(stand_in, bill, rita):
    Bill.objects.filter(pk=bill.pk).update(insurance_covered_amount=Decimal(700))
    bill.refresh_from_db()

    link = make_link(bill, rita)

    [(method, path, told)] = stand_in.asked
    assert (method, path) == ("POST", "/v1/links")
    assert set(told) == {"key", "bill_number", "amount", "currency", "expires_at"}
    assert (told["bill_number"], told["amount"], told["currency"]) == (bill.bill_number, "300.00", "INR")
    assert (link.provider_reference, link.url) == ("lnk_1", f"{stand_in.url}/pay/lnk_1")
    assert link.status == LinkStatus.OPEN


def test_a_bill_has_one_open_link_and_a_changed_amount_gets_a_new_one(stand_in, bill, rita, now):
    first = make_link(bill, rita)
    assert make_link(bill, rita) == first
    payments.record_payment(bill, amount=Decimal(400), method="cash", by=rita, at=now)

    second = make_link(bill, rita)

    first.refresh_from_db()
    assert first.status == LinkStatus.CANCELLED
    assert stand_in.links["lnk_1"]["status"] == "cancelled"
    assert (second.amount, second.status) == (600, LinkStatus.OPEN)


@pytest.mark.parametrize("status", [Status.PAID, Status.CANCELLED])
def test_nothing_owed_is_no_link(stand_in, asha, rita, status):
    with pytest.raises(payment_links.Locked):
        make_link(make_bill(asha, status=status), rita)
    assert stand_in.asked == []


@pytest.mark.parametrize("failure", [500, 503, "hang"])
def test_a_provider_that_is_away_leaves_one_row_that_is_completed_later(stand_in, bill, rita, failure, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    stand_in.fail = failure

    with pytest.raises(payment_links.ProviderTrouble, match="does not answer"):
        make_link(bill, rita)
    stand_in.fail = None
    link = make_link(bill, rita)

    assert PaymentLink.objects.get() == link
    assert (link.url, link.status) == (f"{stand_in.url}/pay/lnk_1", LinkStatus.OPEN)
    assert len({told["key"] for _, _, told in stand_in.asked}) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"id": "../admin", "url": "http://x/"}',
        b'{"id": "a", "url": "javascript:alert(1)"}',
    ],
)
def test_an_answer_that_is_no_link_is_refused(stand_in, bill, rita, answer):
    stand_in.answer = answer

    with pytest.raises(payment_links.ProviderTrouble, match="refused"):
        make_link(bill, rita)

    assert PaymentLink.objects.get().status == LinkStatus.CANCELLED


def test_a_redirect_leads_nowhere(stand_in, bill, rita):
    stand_in.redirect = "http://169.254.169.254/latest/"

    with pytest.raises(payment_links.ProviderTrouble):
        make_link(bill, rita)

    assert len(stand_in.asked) == 1


def test_a_payment_on_the_page_is_a_payment_of_the_bill_once(client, stand_in, bill, rita):
    link = make_link(bill, rita)
    event = stand_in.pay("lnk_1")

    answers = [report(client, event).status_code for _ in range(3)]

    payment = Payment.objects.get()
    reload(link, bill)
    assert answers == [204, 204, 204]
    assert (payment.amount, payment.method, payment.by, payment.reference) == (1000, "upi", None, "pay_1")
    assert (bill.status, link.status, link.payment, link.problem) == (Status.PAID, LinkStatus.PAID, payment, "")
    assert list(find_faults(timezone.now())) == []


def test_the_door_is_shut_without_a_provider(client, bill):
    assert report(client, {"id": "lnk_1"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"secret": "another secret here"}, 401),
        ({"minutes": -6}, 401),
        ({"minutes": 6}, 401),
        ({signature.HEADER: "t=1,v1=zz"}, 401),
        ({signature.HEADER: ""}, 401),
    ],
)
def test_a_report_without_the_right_signature_is_refused(client, stand_in, bill, rita, changes, status):
    make_link(bill, rita)

    assert report(client, stand_in.pay("lnk_1"), **changes).status_code == status
    assert not Payment.objects.exists()


def test_a_changed_body_is_not_what_was_signed(client, stand_in, bill, rita):
    make_link(bill, rita)
    event = stand_in.pay("lnk_1")
    signed = signature.sign(provider.SECRET, json.dumps(event).encode(), at=timezone.now())
    event["payment"]["amount"] = "1.00"

    assert report(client, event, **{signature.HEADER: signed}).status_code == 401


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"id": "lnk_1"},
        {"id": "lnk_1", "status": "paid"},
        {"id": "lnk_1", "status": "paid", "payment": {"id": "p", "amount": "NaN", "currency": "INR"}},
        {"id": "lnk_1", "status": "paid", "payment": {"id": "p", "amount": "-5", "currency": "INR"}},
        {"id": "lnk_1", "status": "paid", "payment": {"id": "p", "amount": "5.001", "currency": "INR"}},
        {"id": "lnk_1", "status": "paid", "payment": {"id": "p", "amount": "5", "currency": "rupees"}},
        {"id": ["lnk_1"], "status": "open"},
    ],
)
def test_a_report_that_cannot_be_read_is_a_bad_request(client, stand_in, bill, rita, event):
    make_link(bill, rita)

    assert report(client, event).status_code == 400
    assert not Payment.objects.exists()


def test_a_report_nested_without_end_is_a_bad_request(client, stand_in, db):
    body = b"[" * 9000
    signed = signature.sign(provider.SECRET, body, at=timezone.now())
    address = reverse("payment_events:event", args=["http"])

    assert client.post(address, body, "application/json", headers={signature.HEADER: signed}).status_code == 400


def test_a_report_of_an_unknown_link_is_asked_for_again(client, stand_in, db):
    assert report(client, {"id": "lnk_9", "status": "open"}).status_code == 404


def test_a_body_without_end_is_not_read(client, stand_in, db):
    body = b"x" * 70_000
    address = reverse("payment_events:event", args=["http"])

    assert client.post(address, body, "application/json").status_code == 413


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"amount": "999.00"}, "other_amount"),
        ({"amount": "100000.00"}, "other_amount"),
        ({"currency": "USD"}, "other_currency"),
    ],
)
def test_other_money_than_was_asked_for_is_shown_and_not_booked(client, stand_in, bill, rita, changes, problem):
    link = make_link(bill, rita)

    for _ in range(2):
        assert report(client, stand_in.pay("lnk_1", **changes)).status_code == 204

    reload(link, bill)
    assert not Payment.objects.exists()
    assert (link.status, link.problem, link.reported["reference"]) == (LinkStatus.PAID, problem, "pay_1")
    assert bill.outstanding_amount == 1000
    payment_links.settle_problem(link, by=rita, at=timezone.now())
    report(client, stand_in.pay("lnk_1", **changes))
    link.refresh_from_db()
    assert link.problem == ""


@pytest.mark.parametrize("end", ["cancel", "pay"])
def test_money_that_comes_too_late_is_kept_as_credit_and_shown(client, stand_in, bill, rita, asha, now, end):
    link = make_link(bill, rita)
    if end == "cancel":
        corrections.cancel_bill(bill, reason="Made twice", by=asha, at=now)
    else:
        payments.record_payment(bill, amount=Decimal(1000), method="cash", by=rita, at=now)

    report(client, stand_in.pay("lnk_1"))
    report(client, stand_in.pay("lnk_1"))

    link.refresh_from_db()
    assert PatientAccount.objects.get().credit == 1000
    assert (link.status, link.problem) == (LinkStatus.PAID, "as_credit")
    assert LedgerEntry.objects.filter(kind="overpayment").count() == 1
    assert list(find_faults(timezone.now())) == []


def test_a_page_that_was_paid_twice_makes_credit_of_the_second(client, stand_in, bill, rita):
    link = make_link(bill, rita)

    report(client, stand_in.pay("lnk_1", payment="pay_1"))
    report(client, stand_in.pay("lnk_1", payment="pay_2"))

    link.refresh_from_db()
    assert (Payment.objects.count(), link.payment.reference, link.problem) == (2, "pay_1", "as_credit")
    assert PatientAccount.objects.get().credit == 1000


def test_a_link_that_was_withdrawn_and_paid_all_the_same_pays_the_bill(client, stand_in, bill, rita):
    link = make_link(bill, rita)
    payment_links.withdraw_link(link, by=rita, at=timezone.now())

    report(client, stand_in.pay("lnk_1"))

    reload(link, bill)
    assert (link.status, bill.status) == (LinkStatus.PAID, Status.PAID)


def test_a_link_that_expired_is_over(client, stand_in, bill, rita):
    link = make_link(bill, rita)

    report(client, {"id": "lnk_1", "status": "expired"})

    link.refresh_from_db()
    assert link.status == LinkStatus.EXPIRED


@pytest.mark.parametrize("change", ["pay", "part", "cancel", "adjust"])
def test_a_bill_that_changes_has_its_link_withdrawn(stand_in, bill, rita, asha, now, change):
    link = make_link(bill, rita)
    if change == "cancel":
        corrections.cancel_bill(bill, reason="Made twice", by=asha, at=now)
    elif change == "adjust":
        corrections.adjust_bill(bill, amount=Decimal(100), reason="Agreed", by=asha, at=now)
    else:
        payments.record_payment(bill, amount=Decimal(1000 if change == "pay" else 1), method="cash", by=rita, at=now)

    assert Job.objects.filter(kind=TASK, object_id=bill.pk).exists()
    payment_links.review_bill(bill.pk, at=now)

    link.refresh_from_db()
    assert (link.status, stand_in.links["lnk_1"]["status"]) == (LinkStatus.CANCELLED, "cancelled")


def test_a_bill_without_a_link_queues_nothing(stand_in, bill, rita, now):
    payments.record_payment(bill, amount=Decimal(1), method="cash", by=rita, at=now)

    assert not Job.objects.filter(kind=TASK).exists()


def test_a_link_that_is_paid_while_it_is_withdrawn_is_paid(stand_in, bill, rita):
    link = make_link(bill, rita)
    stand_in.pay("lnk_1")

    after = payment_links.withdraw_link(link, by=rita, at=timezone.now())

    bill.refresh_from_db()
    assert (after.status, bill.status) == (LinkStatus.PAID, Status.PAID)


def test_a_link_whose_report_never_came_is_asked_after(stand_in, bill, asha, rita):
    link, other = make_link(bill, rita), make_link(make_bill(asha, status=Status.SENT), rita)
    stand_in.pay("lnk_1")
    at = timezone.now()

    asked = payment_links.follow_links(at)
    again = payment_links.follow_links(at)

    reload(link, other, bill)
    assert (asked, again) == (2, 0)
    assert (link.status, other.status, bill.status) == (LinkStatus.PAID, LinkStatus.OPEN, Status.PAID)


def test_a_sweep_goes_on_after_a_link_that_fails_and_asks_a_bounded_number(stand_in, asha, rita, monkeypatch):
    monkeypatch.setattr(payment_links, "AT_ONCE", 2)
    links = [make_link(make_bill(asha, status=Status.SENT), rita) for _ in range(3)]
    del stand_in.links["lnk_1"]
    stand_in.pay("lnk_2", payment="pay_2")
    at = timezone.now()
    PaymentLink.objects.filter(pk=links[2].pk).update(checked_at=at - timedelta(hours=1))

    assert payment_links.follow_links(at) == 2
    assert payment_links.follow_links(at) == 1

    reload(*links)
    assert [link.status for link in links] == [LinkStatus.OPEN, LinkStatus.PAID, LinkStatus.OPEN]


def test_the_sweep_completes_what_was_interrupted_and_withdraws_what_is_over(stand_in, bill, asha, rita, now):
    stand_in.fail = 503
    with pytest.raises(payment_links.ProviderTrouble):
        make_link(bill, rita)
    stand_in.fail = None
    over = make_link(make_bill(asha, status=Status.SENT), rita)
    PaymentLink.objects.filter(pk=over.pk).update(expires_at=now - timedelta(days=1))
    later = timezone.now() + timedelta(minutes=20)

    payment_links.follow_links(later)

    over.refresh_from_db()
    assert PaymentLink.objects.get(bill=bill).url
    assert over.status == LinkStatus.CANCELLED


def test_the_desk_makes_copies_and_withdraws_a_link(signed_in, stand_in, bill, rita):
    client, detail = signed_in(rita), reverse("billing:detail", args=[bill.pk])
    assert "Make a payment link" in client.get(detail).content.decode()

    client.post(reverse("billing:make_payment_link", args=[bill.pk]))
    shown = client.get(detail).content.decode()
    client.post(reverse("billing:withdraw_payment_link", args=[bill.pk]))

    assert f'value="{stand_in.url}/pay/lnk_1"' in shown
    assert PaymentLink.objects.get().status == LinkStatus.CANCELLED
    assert AuditEvent.objects.filter(target_type="billing.PaymentLink", actor_id=rita.pk).count() == 2


def test_a_provider_in_trouble_is_a_message_and_not_an_error(signed_in, stand_in, bill, rita):
    stand_in.fail = 500

    response = signed_in(rita).post(reverse("billing:make_payment_link", args=[bill.pk]), follow=True)

    assert response.status_code == 200
    assert "does not answer" in response.content.decode()


@pytest.mark.parametrize("name", ["make_payment_link", "withdraw_payment_link"])
def test_a_stranger_makes_no_link(signed_in, stand_in, bill, ben, name):
    assert signed_in(ben).post(reverse(f"billing:{name}", args=[bill.pk])).status_code == 404
    assert signed_in(ben).get(reverse(f"billing:{name}", args=[bill.pk])).status_code == 405


def test_a_link_in_a_file_is_paid_by_editing_it(settings, tmp_path, bill, rita):
    settings.PAYMENT_LINK_BACKEND, settings.DATA_DIR = "file", tmp_path
    link = make_link(bill, rita)
    path = tmp_path / "payment_links" / f"{link.provider_reference}.json"
    data = json.loads(path.read_text())
    data |= {"status": "paid", "payment": {"id": "try-1", "amount": "1000.00", "currency": "INR", "method": "card"}}
    path.write_text(json.dumps(data))

    payment_links.follow_links(timezone.now())

    bill.refresh_from_db()
    assert (bill.status, bill.payment_method) == (Status.PAID, "card")


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({"PAYMENT_LINK_BACKEND": ""}, []),
        ({"PAYMENT_LINK_BACKEND": "http"}, ["billing.E001"]),
        ({"PAYMENT_LINK_BACKEND": "http", "URL": "https://pay.example", "SECRET": "short"}, ["billing.E002"]),
        ({"PAYMENT_LINK_BACKEND": "http", "URL": "ftp://pay.example", "SECRET": "x" * 32}, ["billing.E003"]),
        ({"PAYMENT_LINK_BACKEND": "file", "IS_PRODUCTION": True}, ["billing.E004"]),
        (
            {"PAYMENT_LINK_BACKEND": "http", "URL": "http://pay.example", "SECRET": "x" * 32, "IS_PRODUCTION": True},
            ["billing.E004"],
        ),
        (
            {"PAYMENT_LINK_BACKEND": "http", "URL": "https://pay.example", "SECRET": "x" * 32, "IS_PRODUCTION": True},
            [],
        ),
    ],
)
def test_half_set_providers_are_refused_at_start(settings, values, ids):
    settings.IS_PRODUCTION = values.get("IS_PRODUCTION", False)
    settings.PAYMENT_LINK_BACKEND = values["PAYMENT_LINK_BACKEND"]
    settings.PAYMENT_LINK_URL = values.get("URL", "")
    settings.PAYMENT_LINK_SECRET = values.get("SECRET", "")
    settings.PAYMENT_LINK_TOKEN = "token" if values.get("URL") else ""

    found = checks.check_payment_links(None)

    assert [each.id for each in found] == ids
    assert all(isinstance(each, Error) for each in found)
