"""Bills over the API: who reads what, lists, and drafts."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from billing.models import Bill, FeeScheduleItem, LedgerEntry, Payment
from billing.services import corrections
from billing.tests.calls import BILLS, at, said
from billing.tests.factories import make_bill, make_fee
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings

pytestmark = pytest.mark.django_db
Status = Bill.Status
LINES = [
    {"description": "Psychotherapy", "quantity": 1, "unit_price": "2500.00", "cpt_code": "90834"},
    {"description": "Letter", "quantity": 2, "unit_price": "300", "amount": "600.00"},
]


def test_a_bill_has_every_field_of_the_contract(api, asha, now):
    bill = make_bill(asha, total=None, status=Status.PARTIALLY_PAID)
    row = api(asha).get(at(bill)).json()
    names = (
        "bill_number patient session appointment bill_type status currency line_items subtotal discount_amount tax_rate "
        "tax_amount total_amount paid_amount outstanding_amount bill_date due_date payment_terms primary_diagnosis_code "
        "procedure_codes insurance_claim_number insurance_provider insurance_covered_amount patient_responsibility "
        "copay_amount deductible_amount payment_history payment_method last_payment_date notes internal_notes "
        "payment_instructions reminder_sent_count last_reminder_sent_at collection_status pdf_url exported_formats "
        "generated_by processed_by"
    )
    assert set(names.split()) <= row.keys()
    assert {"description", "quantity", "unit_price", "amount", "cpt_code"} <= row["line_items"][0].keys()
    assert row["bill_number"].startswith("INV-")
    assert row["pdf_url"].endswith(at(bill, "pdf"))
    [paid] = row["payment_history"]
    assert (paid["amount"], paid["method"], paid["receipt_number"]) == (
        row["paid_amount"],
        "upi",
        Payment.objects.get().receipt_number,
    )


def test_a_draft_has_no_number_yet(api, asha):
    row = api(asha).get(at(make_bill(asha))).json()
    assert (row["bill_number"], row["status"], row["bill_date"]) == (None, "pending", None)
    assert (row["total_amount"], row["paid_amount"], row["outstanding_amount"]) == ("1000.00", "0.00", "1000.00")


def test_bills_of_others_are_not_there(api, asha, ben):
    bill = make_bill(ben, status=Status.SENT)
    Bill.objects.filter(pk=bill.pk).update(payment_terms="CANARY")
    client = api(asha)
    reads = [client.get(at(bill, verb)) for verb in ("", "pdf", "ledger")]
    writes = [
        client.post(at(bill, verb), {"amount": "1", "method": "cash", "reason": "x"})
        for verb in ("payment", "refund", "cancel", "send", "send-reminder")
    ]
    writes.append(client.patch(at(bill), {"notes": "mine"}))
    writes.append(client.get(f"/api/v1/patients/{bill.patient_id}/bills/"))
    for response in reads + writes:
        assert response.status_code == 404
        assert b"CANARY" not in response.content
    for address in (BILLS, "/api/v1/ledger/", f"{BILLS}?patient={bill.patient_id}"):
        body = client.get(address)
        assert body.json()["count"] == 0
        assert b"CANARY" not in body.content


def test_the_desk_sees_every_bill_and_gives_nothing_back(api, asha, rita):
    bill = make_bill(asha, status=Status.PAID)
    client = api(rita)
    assert client.get(at(bill)).status_code == 200
    assert client.get(BILLS).json()["count"] == 1
    refused = [client.post(at(bill, verb), {"amount": "1", "reason": "x"}) for verb in ("refund", "cancel")]
    assert [said(response)[:2] for response in refused] == [(403, "not_allowed")] * 2
    assert LedgerEntry.objects.filter(kind="refund").count() == 0


def test_a_doctor_who_shares_the_patient_gives_nothing_back_on_anothers_visit(api, asha, ben, now):
    from patients.services import share_patient

    bill = make_bill(asha, status=Status.PAID)
    share_patient(bill.patient, doctor=ben, by=asha, at=now)
    client = api(ben)
    assert client.get(at(bill)).status_code == 200
    assert client.post(at(bill, "refund"), {"amount": "1", "reason": "x"}).status_code == 403


def test_a_token_needs_the_scope_of_bills(bearer, asha):
    bill = make_bill(asha)
    without = bearer(asha, scopes=["read", "write", "clinical"])
    for address in (BILLS, at(bill), at(bill, "pdf"), "/api/v1/ledger/", f"/api/v1/patients/{bill.patient_id}/bills/"):
        assert said(without.get(address))[:2] == (403, "scope_missing")
    assert said(without.post(BILLS, {"patient": str(bill.patient_id)}))[:2] == (403, "scope_missing")
    assert bearer(asha, scopes=["read", "billing"]).get(at(bill)).status_code == 200


def test_a_bill_is_not_deleted(api, asha):
    assert api(asha).delete(at(make_bill(asha))).status_code == 405


def test_overdue_is_what_is_late_by_the_clinics_date(api, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    today = ClinicSettings.load().date_of(now)
    Bill.objects.filter(pk=bill.pk).update(due_date=today - timedelta(days=1))
    client = api(asha)
    assert client.get(at(bill)).json()["status"] == "overdue"
    assert client.get(f"{BILLS}?status=overdue").json()["count"] == 1
    assert client.get(f"{BILLS}?status=sent").json()["count"] == 0
    assert client.get(f"{BILLS}?status=sent&status=overdue").json()["count"] == 1


def test_lists_are_narrowed(api, asha, rita, ben, now):
    mine, other = make_bill(asha, status=Status.SENT), make_bill(ben)
    client = api(rita)
    day = mine.bill_date.isoformat()
    for query, found in {
        f"patient={mine.patient_id}": [mine],
        f"session={other.session_id}": [other],
        f"doctor={ben.pk}": [other],
        "status=pending": [other],
        "bill_type=followup": [mine, other],
        f"bill_date_from={day}&bill_date_to={day}": [mine],
        f"due_before={mine.due_date + timedelta(days=1)}": [mine],
        "currency=INR&ordering=created_at": [mine, other],
        "collection_status=disputed": [],
        f"bill_number={mine.bill_number}": [mine],
        "appointment=0198c2f4-6d1e-7a40-9c55-0d6f6f0b1a01": [],
    }.items():
        body = client.get(f"{BILLS}?{query}").json()
        assert {row["id"] for row in body["results"]} == {str(bill.pk) for bill in found}, query
    assert client.get(f"{BILLS}?ordering=bill_number").status_code == 200
    assert client.get(f"{BILLS}?ordering=total_amount").status_code == 400
    nested = client.get(f"/api/v1/patients/{mine.patient_id}/bills/").json()
    assert [row["id"] for row in nested["results"]] == [str(mine.pk)]


def test_queries_do_not_grow_with_the_page(api, asha, now, count_queries):
    client = api(asha)
    make_bill(asha, status=Status.PARTIALLY_PAID)
    addresses = [BILLS, f"{BILLS}?fields=status", "/api/v1/ledger/"]
    few = [count_queries(lambda address=address: client.get(address)) for address in addresses]
    for _ in range(4):
        make_bill(asha, status=Status.PARTIALLY_PAID)
    assert [count_queries(lambda address=address: client.get(address)) for address in addresses] == few


def test_a_list_decrypts_what_it_shows(api, asha, monkeypatch):
    from synapse.encryption import crypto

    make_bill(asha, status=Status.PARTIALLY_PAID)
    decrypted = set()
    decrypt = crypto.decrypt
    monkeypatch.setattr(crypto, "decrypt", lambda value, *, label: decrypted.add(label) or decrypt(value, label=label))
    client = api(asha)
    client.get(f"{BILLS}?fields=status,total_amount")
    client.get("/api/v1/ledger/?fields=on_bill,receipt_number,reverses")
    assert {label for label in decrypted if label.startswith(("billing.", "patients."))} == {
        "billing.Bill.total_amount",
        "billing.LedgerEntry.amount",
    }


def test_a_draft_is_written_whole_and_adds_up(api, asha):
    patient = make_patient(asha)
    body = {
        "patient": str(patient.pk),
        "bill_type": "followup",
        "currency": "INR",
        "line_items": LINES,
        "discount_amount": "100",
        "tax_rate": "18",
        "due_date": "2099-01-31",
        "notes": "Thank you",
        "primary_diagnosis_code": "f321",
    }
    response = api(asha).post(BILLS, body)
    row = response.json()
    assert response.status_code == 201, row
    assert [line["amount"] for line in row["line_items"]] == ["2500.00", "600.00"]
    assert (row["subtotal"], row["discount_amount"], row["tax_amount"], row["total_amount"]) == (
        "3100.00",
        "100.00",
        "540.00",
        "3540.00",
    )
    assert (row["primary_diagnosis_code"], row["procedure_codes"], row["due_date"]) == (
        "F32.1",
        ["90834"],
        "2099-01-31",
    )
    assert (row["doctor"], row["generated_by"]) == (str(asha.pk), str(asha.pk))
    assert api(asha).get(f"{BILLS}{row['id']}/").json() == row
    issued = api(asha).post(f"{BILLS}{row['id']}/send/", {"how": "desk"}).json()
    assert issued["due_date"] == "2099-01-31"


def test_reception_drafts_from_the_fee_schedule_and_names_the_clinician(api, asha, rita):
    FeeScheduleItem.objects.update(is_active=False)
    make_fee("consultation", unit_price="2200")
    patient = make_patient(asha)
    body = {"patient": str(patient.pk), "bill_type": "consultation"}
    assert said(api(rita).post(BILLS, body)) == (400, "bad_detail", ["doctor"])
    row = api(rita).post(BILLS, {**body, "doctor": str(asha.pk)}).json()
    assert (row["total_amount"], row["doctor"]) == ("2200.00", str(asha.pk))


def test_a_session_is_billed_once_also_by_reception(api, asha, rita, now):
    bill = make_bill(asha)
    body = {"patient": str(bill.patient_id), "session": str(bill.session_id)}
    assert said(api(rita).post(BILLS, body))[:2] == (409, "billed_already")
    corrections.cancel_bill(bill, reason="Wrong", by=asha, at=now)
    row = api(rita).post(BILLS, {**body, "line_items": LINES[1:]}).json()
    assert (row["session"], row["total_amount"]) == (str(bill.session_id), "600.00")


def test_a_draft_is_changed_in_part(api, asha):
    bill = make_bill(asha)
    client = api(asha)
    row = client.patch(at(bill), {"line_items": LINES, "discount_percent": "10"}).json()
    assert (row["subtotal"], row["discount_amount"], row["total_amount"]) == ("3100.00", "310.00", "2790.00")
    row = client.put(at(bill), {**row, "line_items": row["line_items"][1:]}).json()
    assert (row["discount_percent"], row["discount_amount"], row["total_amount"]) == ("10.00", "60.00", "540.00")
    row = client.patch(at(bill), {"discount_amount": "40.00", "insurance_covered_amount": "500"}).json()
    assert (row["discount_percent"], row["total_amount"], row["patient_responsibility"]) == (None, "560.00", "60.00")
    row = client.patch(at(bill), {"internal_notes": "Ask for the policy"}).json()
    assert (row["internal_notes"], row["total_amount"], row["insurance_covered_amount"]) == (
        "Ask for the policy",
        "560.00",
        "500.00",
    )


def test_an_issued_bill_is_fixed(api, asha):
    bill = make_bill(asha, status=Status.SENT)
    client = api(asha)
    row = client.get(at(bill)).json()
    assert client.put(at(bill), row).status_code == 200
    for change in ({"line_items": LINES}, {"discount_amount": "1"}, {"tax_rate": "5"}, {"notes": "x"}):
        assert said(client.patch(at(bill), change))[:2] == (409, "bill_locked")
    assert client.get(at(bill)).json() == row


def test_no_field_of_the_ledger_is_written(api, asha):
    bill = make_bill(asha)
    change = {
        "status": "paid",
        "paid_amount": "1000.00",
        "outstanding_amount": "0.00",
        "total_amount": "1.00",
        "bill_number": "INV-202501-000001",
        "patient": str(uuid4()),
        "payment_history": [],
        "collection_status": "written_off",
    }
    code, _, fields = said(api(asha).patch(at(bill), change))
    # An empty history is what the draft has.
    assert (code, fields) == (400, sorted(change.keys() - {"payment_history"}))


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"line_items": [{**LINES[0], "quantity": 0}]}, ["line_items.0.quantity"]),
        ({"line_items": [LINES[0], {**LINES[1], "quantity": 100}]}, ["line_items.1.quantity"]),
        ({"line_items": [{**LINES[0], "unit_price": "-1"}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": "1e5"}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": "NaN"}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": "1_0"}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": True}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": "1.005"}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "unit_price": "9" * 11}]}, ["line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "amount": "1.00"}]}, ["line_items.0.amount"]),
        ({"line_items": [{**LINES[0], "cpt_code": "X"}]}, ["line_items.0.cpt_code"]),
        ({"line_items": [{**LINES[0], "colour": "red"}]}, ["line_items.0.colour"]),
        ({"line_items": [{"quantity": 1}]}, ["line_items.0.description", "line_items.0.unit_price"]),
        ({"line_items": [{**LINES[0], "diagnosis_pointers": [2]}]}, ["line_items.0"]),
        ({"line_items": []}, ["line_items"]),
        ({"line_items": [LINES[0]] * 41}, ["line_items"]),
        ({"line_items": [{"description": "Gold", "unit_price": "9999999999", "quantity": 99}]}, ["line_items"]),
        ({"line_items": "none"}, ["line_items"]),
        ({"discount_amount": "1000.01"}, ["discount_amount"]),
        ({"discount_amount": "1", "discount_percent": "1"}, ["discount_percent"]),
        ({"tax_rate": "100.01"}, ["tax_rate"]),
        ({"insurance_covered_amount": "1000.01"}, ["insurance_covered_amount"]),
        ({"insurance_covered_amount": "500", "patient_responsibility": "1"}, ["patient_responsibility"]),
        ({"copay_amount": "1000.01"}, ["copay_amount"]),
        ({"due_date": "2020-01-01"}, ["due_date"]),
        ({"due_date": "tomorrow"}, ["due_date"]),
        ({"other_diagnosis_codes": ["F41.1"]}, ["primary_diagnosis_code"]),
        ({"primary_diagnosis_code": "nonsense"}, ["primary_diagnosis_code"]),
        ({"notes": "x" * 1001}, ["notes"]),
    ],
)
def test_what_cannot_be_is_told_at_its_field(api, asha, change, fields):
    bill = make_bill(asha)
    response = api(asha).patch(at(bill), change)
    assert said(response)[::2] == (400, fields)
    bill.refresh_from_db()
    assert bill.total_amount == Decimal(1000)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"currency": "KWD"}, ["currency"]),
        ({"currency": "XXX"}, ["currency"]),
        ({"currency": "inr"}, ["currency"]),
        ({"currency": "JPY", "line_items": [{**LINES[0], "unit_price": "10.50"}]}, ["line_items.0"]),
        ({"bill_type": "gift"}, ["bill_type"]),
        ({"patient": str(uuid4())}, ["patient"]),
        ({"session": str(uuid4())}, ["session"]),
        ({"status": "paid", "total_amount": "1"}, ["status", "total_amount"]),
    ],
)
def test_a_draft_that_cannot_be_is_not_made(api, asha, change, fields):
    body = {"patient": str(make_patient(asha).pk), "line_items": LINES, **change}
    assert said(api(asha).post(BILLS, body))[::2] == (400, fields)
    assert not Bill.objects.exists()


def test_anothers_patient_and_session_are_not_found(api, asha, ben):
    bill = make_bill(ben)
    body = {"patient": str(bill.patient_id), "session": str(bill.session_id)}
    assert said(api(asha).post(BILLS, body))[::2] == (400, ["patient", "session"])
