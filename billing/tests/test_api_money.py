"""Bills over the API: money moves once, what is sent, and the ledger."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.models import Bill, LedgerEntry, Payment
from billing.services import corrections, payments
from billing.tests.calls import BILLS, at, said
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

pytestmark = pytest.mark.django_db
Status = Bill.Status


def test_a_payment_gives_the_number_and_the_answer_is_what_is_read_after(api, asha):
    bill = make_bill(asha)
    client = api(asha)
    response = client.post(at(bill, "payment"), {"amount": "400.00", "method": "upi", "reference": "5283"})
    row = response.json()
    assert (response.status_code, row["status"], row["paid_amount"], row["outstanding_amount"]) == (
        200,
        "partially_paid",
        "400.00",
        "600.00",
    )
    assert row["bill_number"]
    assert row["payment_history"][0]["reference"] == "5283"
    again = client.get(at(bill))
    assert (again.json(), again["ETag"]) == (row, response["ETag"])
    row = client.post(at(bill, "payment"), {"amount": 600, "method": "cash"}).json()
    assert (row["status"], row["outstanding_amount"], row["payment_method"]) == ("paid", "0.00", "cash")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"amount": "1000.01", "method": "cash"}, (409, "amount_too_high", ["amount"])),
        ({"amount": "0", "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": "-5", "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": "1e2", "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": "Infinity", "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": "1" * 20, "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": None, "method": "cash"}, (400, "invalid", ["amount"])),
        ({"amount": "5", "method": "shells"}, (400, "invalid", ["method"])),
        ({"amount": "5", "method": "cash", "reference": "x" * 81}, (400, "invalid", ["reference"])),
        ({"amount": "5", "method": "cash", "paid_by": "me"}, (400, "invalid", ["paid_by"])),
        ({}, (400, "invalid", ["amount", "method"])),
    ],
)
def test_a_payment_that_cannot_be_is_refused(api, asha, body, answer):
    bill = make_bill(asha, status=Status.SENT)
    assert said(api(asha).post(at(bill, "payment"), body)) == answer
    assert not Payment.objects.exists()


@pytest.mark.parametrize("status", [Status.PAID, Status.CANCELLED, Status.REFUNDED])
def test_a_closed_bill_takes_no_payment(api, asha, status):
    bill = make_bill(asha, status=status)
    assert said(api(asha).post(at(bill, "payment"), {"amount": "1", "method": "cash"}))[:2] == (409, "bill_locked")


def test_a_missing_price_keeps_a_bill_from_going_out(api, asha):
    client = api(asha)
    made = client.post(BILLS, {"patient": str(make_patient(asha).pk), "bill_type": "emergency"}).json()
    address = f"{BILLS}{made['id']}/"
    assert made["line_items"][0]["price_missing"] is True
    answers = [client.post(f"{address}send/", {}), client.get(f"{address}pdf/")]
    answers.append(client.post(f"{address}payment/", {"amount": "1", "method": "cash"}))
    assert [said(answer)[:2] for answer in answers] == [(409, "not_issuable")] * 3
    line = {**made["line_items"][0], "unit_price": "900.00"}
    del line["amount"]
    assert client.patch(address, {"line_items": [line]}).json()["line_items"][0]["price_missing"] is False
    assert client.post(f"{address}send/", {}).json()["status"] == "sent"


def test_one_key_pays_once_and_says_the_same_again(api, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    client, headers = api(asha), {"Idempotency-Key": "till 4, slip 17"}
    body = {"amount": "400.00", "method": "cash"}
    first = client.post(at(bill, "payment"), body, headers=headers)
    again = client.post(at(bill, "payment"), body, headers=headers)
    assert (again.status_code, again.json(), again["ETag"]) == (200, first.json(), first["ETag"])
    other = client.post(at(bill, "payment"), {**body, "amount": "1.00"}, headers=headers)
    assert said(other)[:2] == (422, "key_reused")
    assert Payment.objects.count() == 1


def test_a_key_pays_once_also_after_its_answer_is_forgotten(api, asha):
    from synapse.api.models import IdempotencyKey

    bill = make_bill(asha, status=Status.SENT)
    client, headers = api(asha), {"Idempotency-Key": "till 4, slip 17"}
    body = {"amount": "400.00", "method": "cash"}
    first = client.post(at(bill, "payment"), body, headers=headers)
    IdempotencyKey.objects.all().delete()
    again = client.post(at(bill, "payment"), body, headers=headers)
    assert again.json() == first.json()
    IdempotencyKey.objects.all().delete()
    other = client.post(at(bill, "payment"), {**body, "amount": "1.00"}, headers=headers)
    assert said(other)[:2] == (422, "idempotency_key_reused")
    assert Payment.objects.count() == 1


def test_a_refund_goes_back_the_way_it_came(api, asha, now):
    bill = make_bill(asha, status=Status.PAID)
    client, body = api(asha), {"amount": "300.00", "reason": "Agreed"}
    row = client.post(at(bill, "refund"), body, headers={"Idempotency-Key": "1"}).json()
    assert client.post(at(bill, "refund"), body, headers={"Idempotency-Key": "1"}).json() == row
    assert (row["status"], row["paid_amount"], row["outstanding_amount"]) == ("partially_paid", "700.00", "300.00")
    assert [entry["kind"] for entry in row["payment_history"]] == ["payment", "refund"]
    assert said(client.post(at(bill, "refund"), {"amount": "700.01", "reason": "x"})) == (
        409,
        "amount_too_high",
        ["amount"],
    )
    assert said(client.post(at(bill, "refund"), {"amount": "1"}))[::2] == (400, ["reason"])
    assert said(client.post(at(bill, "refund"), {"amount": "1", "reason": " "}))[::2] == (400, ["reason"])
    assert client.post(at(bill, "refund"), {"amount": "700", "reason": "All"}).json()["status"] == "refunded"
    assert said(client.post(at(bill, "refund"), {"amount": "1", "reason": "x"}))[:2] == (409, "bill_locked")


def test_a_bill_is_called_off_while_nothing_is_paid(api, asha):
    open_bill, paid = make_bill(asha, status=Status.SENT), make_bill(asha, status=Status.PAID)
    client = api(asha)
    assert said(client.post(at(paid, "cancel"), {"reason": "x"}))[:2] == (409, "bill_locked")
    assert said(client.post(at(open_bill, "cancel"), {}))[::2] == (400, ["reason"])
    row = client.post(at(open_bill, "cancel"), {"reason": "Wrong price"}).json()
    assert (row["status"], row["outstanding_amount"], bool(row["bill_number"])) == ("cancelled", "0.00", True)
    assert said(client.post(at(open_bill, "send"), {}))[0] == 409


def test_sending_gives_the_number_and_mails_where_there_is_an_address(api, asha):
    from billing.models import BillMessage

    with_mail = make_bill(asha, patient=make_patient(asha, email="kavya@example.com"))
    without = make_bill(asha, patient=make_patient(asha, email=""))
    client = api(asha)
    rows = [client.post(at(bill, "send"), {}).json() for bill in (with_mail, without)]
    assert [(row["status"], bool(row["bill_number"])) for row in rows] == [("sent", True)] * 2
    assert BillMessage.objects.get(bill=with_mail).channel == "email"
    assert BillMessage.objects.get(bill=without).channel == "print"
    assert said(client.post(at(without, "send"), {"how": "mail"}))[:2] == (409, "cannot_send")
    assert said(client.post(at(without, "send"), {"how": "owl"}))[::2] == (400, ["how"])


def test_reminding(api, asha, now):
    bill, early = make_bill(asha, status=Status.OVERDUE), make_bill(asha, status=Status.SENT)
    client = api(asha)
    assert said(client.post(at(early, "send-reminder"), {}))[:2] == (409, "cannot_remind")
    response = client.post(at(bill, "send-reminder"), {"channel": "print"})
    row = response.json()
    assert (row["reminder_sent_count"], row["collection_status"]) == (1, "reminded")
    assert row["last_reminder_sent_at"]
    read = client.get(at(bill))
    assert (read.json(), read["ETag"]) == (row, response["ETag"])
    assert said(client.post(at(bill, "send-reminder"), {"stage": 4}))[::2] == (400, ["stage"])
    assert said(client.post(at(bill, "send-reminder"), {}))[:2] == (409, "cannot_remind")


def test_the_pdf_issues_a_draft_and_is_on_record(api, bearer, asha):
    bill = make_bill(asha)
    refused = bearer(asha, scopes=["read", "billing"]).get(at(bill, "pdf"))
    assert said(refused)[:2] == (403, "scope_missing")
    response = api(asha).get(at(bill, "pdf"))
    bill.refresh_from_db()
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert response.content.startswith(b"%PDF")
    assert bill.bill_number in response["Content-Disposition"]
    assert (bill.status, bill.exported_formats) == (Status.SENT, ["pdf"])
    assert AuditEvent.objects.filter(action="export", target_id=str(bill.pk), actor_id=asha.pk).exists()
    assert bearer(asha, scopes=["read", "billing"]).get(at(bill, "pdf")).status_code == 200
    assert said(api(asha).get(f"{at(bill, 'pdf')}?copy=mine"))[::2] == (400, ["copy"])


def test_every_change_makes_a_new_version(api, asha):
    bill = make_bill(asha)
    client = api(asha)
    tags = [client.get(at(bill))["ETag"]]
    for verb, body in [
        ("send", {"how": "desk"}),
        ("payment", {"amount": "100", "method": "cash"}),
        ("payment", {"amount": "100", "method": "cash"}),
        ("refund", {"amount": "50", "reason": "Agreed"}),
    ]:
        stale = client.post(at(bill, verb), body, headers={"If-Match": '"0"'})
        assert said(stale)[:2] == (412, "changed_meanwhile")
        tags.append(client.post(at(bill, verb), body, headers={"If-Match": tags[-1]})["ETag"])
    assert len(set(tags)) == len(tags)
    assert client.post(at(bill, "cancel"), {"reason": "x"}, headers={"If-Match": tags[0]}).status_code == 412


def test_the_ledger_sums_to_what_is_open(api, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    payment = pay(bill, "400", by=asha, at=now)
    payments.reverse_payment(payment, reason="Mistyped", by=asha, at=now)
    pay(bill, "300", by=asha, at=now)
    corrections.write_off(bill, amount=Decimal(100), reason="Agreed", by=asha, at=now)
    client = api(asha)
    body = client.get(at(bill, "ledger")).json()
    assert [row["kind"] for row in body["results"]] == ["charge", "payment", "reversal", "payment", "write_off"]
    assert [row["is_reversed"] for row in body["results"]] == [False, True, False, False, False]
    open_amount = sum(Decimal(row["on_bill"]) for row in body["results"])
    row = client.get(at(bill)).json()
    assert f"{open_amount:.2f}" == row["outstanding_amount"] == "600.00"
    standing = [entry for entry in row["payment_history"] if not entry["is_reversed"]]
    assert sum(Decimal(entry["amount"]) for entry in standing) == Decimal(row["paid_amount"]) == 300


def test_the_ledger_is_narrowed_and_read_in_scope(api, asha, ben, rita, now):
    mine, other = make_bill(asha, status=Status.PAID), make_bill(ben, status=Status.SENT)
    today = ClinicSettings.load().date_of(now)
    client = api(rita)

    def count(query, client=client):
        return client.get(f"/api/v1/ledger/?{query}").json()["count"]

    assert (count(""), count("", api(asha)), count("", api(ben))) == (3, 2, 1)
    assert count(f"patient={mine.patient_id}") == 2
    assert count(f"bill={other.pk}") == 1
    assert (count("kind=charge"), count("kind=charge&kind=payment")) == (2, 3)
    assert count(f"date_from={today}&date_to={today}") == 3
    assert count(f"date_to={today - timedelta(days=1)}") == 0
    assert (count("date_from=0001-01-01&date_to=9999-12-31"), count("currency=USD")) == (3, 0)
    entry = client.get("/api/v1/ledger/").json()["results"][0]
    assert client.get(f"/api/v1/ledger/{entry['id']}/").json() == entry
    assert api(asha).get(f"/api/v1/ledger/{LedgerEntry.objects.get(bill=other).pk}/").status_code == 404
    assert client.post("/api/v1/ledger/", {}).status_code == 405


def test_a_walk_by_cursor_through_the_ledger(api, asha):
    for _ in range(3):
        make_bill(asha, status=Status.PAID)
    client, address, met = api(asha), "/api/v1/ledger/?cursor=&page_size=4", []
    while address:
        body = client.get(address).json()
        met += [row["id"] for row in body["results"]]
        address = body["next"]
    assert (len(met), len(set(met))) == (6, 6)
