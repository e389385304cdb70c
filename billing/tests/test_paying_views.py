"""The doors of money: payments, credit, refunds and other corrections, and what a receptionist may do."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from billing.ledger import owing
from billing.models import Bill, LedgerEntry, Method, Payer, Payment
from billing.services import corrections, payments
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent

Status = Bill.Status
HTMX = {"HX-Request": "true"}


def page(name, *args):
    return reverse(f"billing:{name}", args=args)


def money(**data):
    return {"amount": "400", "method": "upi", "key": str(uuid4()), **data}


def insure(bill, covered):
    """Let an insurer be expected to pay a part of an issued bill."""
    Bill.objects.filter(pk=bill.pk).update(insurance_covered_amount=Decimal(covered), insurance_provider="Star Health")
    bill.refresh_from_db()


def test_the_form_begins_with_what_the_patient_owes_and_the_last_way_it_was_paid(signed_in, rita, asha, now):
    payments.record_payment(make_bill(asha), amount=Decimal(1), method="bank_transfer", by=rita, at=now)
    bill = make_bill(asha, status=Status.SENT)
    insure(bill, 700)

    form = signed_in(rita).get(page("pay", bill.pk)).context["form"]

    assert (form["amount"].value(), form["method"].value()) == (Decimal(300), "bank_transfer")


def test_a_payment_at_the_desk_ends_on_its_receipt_and_counts_once(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client, data = signed_in(rita), money(reference="UPI 1", next="/desk/")

    first, second = client.post(page("pay", bill.pk), data), client.post(page("pay", bill.pk), data)

    bill.refresh_from_db()
    payment = Payment.objects.get()
    assert first["Location"] == second["Location"] == f"{page('payment', payment.pk)}?next=%2Fdesk%2F"
    assert (bill.paid_amount, bill.status, payment.reference) == (Decimal(400), Status.PARTIALLY_PAID, "UPI 1")
    html = client.get(first["Location"]).content.decode()
    assert payment.receipt_number in html
    assert 'href="/desk/"' in html


def test_the_same_form_counts_once_even_when_it_paid_all(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client, data = signed_in(rita), money(amount="1000")

    answers = [client.post(page("pay", bill.pk), data).status_code for _ in range(3)]

    assert answers == [302, 302, 302]
    assert Payment.objects.count() == 1


def test_a_key_that_comes_again_with_another_amount_is_explained_and_the_form_can_be_used(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client, data = signed_in(rita), money()
    client.post(page("pay", bill.pk), data)
    first = Payment.objects.get()

    response = client.post(page("pay", bill.pk), data | {"amount": "300", "reference": "typed again"})

    assert response.status_code == 422
    assert f"already used for the payment {first.receipt_number} of ₹400.00" in response.content.decode()
    form = response.context["form"]
    assert (form["amount"].value(), form["reference"].value()) == ("300", "typed again")
    again = client.post(page("pay", bill.pk), data | {"amount": "300", "key": form["key"].value()})
    assert again.status_code == 302
    assert Payment.objects.count() == 2


def test_more_than_is_open_is_kept_as_credit_only_when_asked_for(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client, data = signed_in(rita), money(amount="1250", reference="slip 9")

    asked = client.post(page("pay", bill.pk), data)

    assert asked.status_code == 422
    assert not Payment.objects.exists()
    form = asked.context["form"]
    assert form.asks_about_rest
    assert "Only ₹1,000.00 is open" in form.errors["amount"][0]
    assert "₹250.00 is kept as the patient" in form.errors["amount"][0]
    assert (form["amount"].value(), form["reference"].value()) == ("1250", "slip 9")
    kept = client.post(page("pay", bill.pk), data | {"keep_rest": "on"})
    assert kept.status_code == 302
    bill.refresh_from_db()
    assert bill.status == Status.PAID
    assert "₹250.00" in client.get(kept["Location"]).content.decode()


@pytest.mark.parametrize(
    "data",
    [{"amount": "x"}, {"amount": ""}, {"amount": "-5"}, {"amount": "499,50"}, {"method": "barter"}, {"key": "k"}],
)
def test_a_payment_form_with_errors_comes_back_with_what_was_typed(signed_in, rita, asha, data):
    bill = make_bill(asha, status=Status.SENT)

    response = signed_in(rita).post(page("pay", bill.pk), money(reference="REF 7", **data))

    assert response.status_code == 422
    assert "REF 7" in response.content.decode()
    assert not Payment.objects.exists()


def test_amounts_are_read_as_people_group_them(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT, total="250000")

    signed_in(rita).post(page("pay", bill.pk), money(amount="1,25,000.50"))

    assert Payment.objects.get().amount == Decimal("125000.50")


@pytest.mark.parametrize("amount", ["1e2", "1E+2", "1_00", "NaN", "499,50", "1.234,50", "-5", "0"])
def test_a_slip_of_the_finger_is_no_amount(signed_in, rita, asha, amount):
    bill = make_bill(asha, status=Status.SENT, total="250000")

    response = signed_in(rita).post(page("pay", bill.pk), money(amount=amount))

    assert response.status_code == 422
    assert not Payment.objects.exists()


def test_the_change_of_cash_is_worked_out_and_too_little_cash_refused(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client = signed_in(rita)

    short = client.post(page("pay", bill.pk), money(method="cash", amount="400", given="350"))
    paid = client.post(page("pay", bill.pk), money(method="cash", amount="400", given="500"))

    assert short.status_code == 422
    assert "₹50.00 less than the amount" in short.content.decode()
    html = client.get(paid["Location"]).content.decode()
    assert "Change to give back" in html
    assert "₹100.00" in html


def test_an_insurers_money_names_it_and_leaves_the_patients_part(signed_in, rita, asha):
    payer = Payer.objects.create(name="Star Health")
    bill = make_bill(asha, status=Status.SENT)
    insure(bill, 700)

    signed_in(rita).post(page("pay", bill.pk), money(amount="700", method="insurance", insurer=payer.pk))

    payment = Payment.objects.get()
    bill.refresh_from_db()
    split = owing.split_one(bill)
    assert (payment.paid_by, payment.insurer) == ("insurer", payer)
    assert (split.insurer_paid, split.insurer_expected, split.patient_owes) == (700, 0, 300)


def test_a_list_pays_in_a_dialog_and_goes_on(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)
    client = signed_in(rita)

    dialog = client.get(page("pay", bill.pk), headers=HTMX)
    refused = client.post(page("pay", bill.pk), money(amount="", next="/bills/", then="back"), headers=HTMX)
    paid = client.post(page("pay", bill.pk), money(next="/bills/", then="back"), headers=HTMX)

    assert "<dialog" in dialog.content.decode()
    assert "<html" not in dialog.content.decode()
    assert (refused.status_code, "<dialog" in refused.content.decode()) == (422, True)
    assert paid["HX-Redirect"] == "/bills/"


def test_a_page_of_somebody_elses_is_no_way_back(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.SENT)

    response = signed_in(rita).post(page("pay", bill.pk), money(next="https://evil.example/", then="back"))

    assert response["Location"] == page("payment", Payment.objects.get().pk)


def test_a_paid_bill_takes_no_payment_and_says_so(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.PAID)

    response = signed_in(rita).post(page("pay", bill.pk), money())

    assert response.status_code == 422
    assert "takes no payment" in response.content.decode()


def test_credit_is_offered_first_and_the_rest_is_left_to_pay(signed_in, rita, asha, now):
    patient = make_patient(doctor=asha)
    first = make_bill(asha, patient=patient, status=Status.SENT)
    payments.record_payment(first, amount=Decimal(1300), method="cash", by=rita, at=now, keep_rest_as_credit=True)
    bill = make_bill(asha, patient=patient, status=Status.SENT)
    client = signed_in(rita)

    offer = client.get(page("pay", bill.pk))
    used = client.post(page("use_credit", bill.pk), {"amount": "300", "key": str(uuid4()), "next": "/desk/"})
    left = client.get(used["Location"])

    assert (offer.context["credit"], offer.context["usable_credit"]) == (300, 300)
    assert "Use ₹300.00" in offer.content.decode()
    assert used["Location"] == f"{page('pay', bill.pk)}?next=%2Fdesk%2F"
    assert left.context["form"]["amount"].value() == 700
    assert left.context["credit"] == 0


def test_credit_that_covers_all_leads_back(signed_in, rita, asha, now):
    patient = make_patient(doctor=asha)
    first = make_bill(asha, patient=patient, status=Status.SENT)
    payments.record_payment(first, amount=Decimal(3000), method="cash", by=rita, at=now, keep_rest_as_credit=True)
    bill = make_bill(asha, patient=patient, status=Status.SENT)
    data = {"amount": "1000", "key": str(uuid4())}
    client = signed_in(rita)

    used = [client.post(page("use_credit", bill.pk), data) for _ in range(2)]

    bill.refresh_from_db()
    assert [each["Location"] for each in used] == [page("detail", bill.pk)] * 2
    assert bill.status == Status.PAID
    assert LedgerEntry.objects.filter(kind="credit_applied").count() == 1


def test_a_mistyped_payment_is_reversed_and_the_right_one_is_filled_in(signed_in, omar, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    wrong = payments.record_payment(bill, amount=Decimal(800), method="upi", reference="52839917", by=omar, at=now)
    client = signed_in(omar)

    done = client.post(page("reverse_payment", wrong.pk), {"reason": "typed 800, was 500", "right_amount": "500"})
    form = client.get(done["Location"]).context["form"]

    assert done["Location"] == page("pay", bill.pk)
    assert (form["amount"].value(), form["method"].value(), form["reference"].value()) == (
        Decimal(500),
        "upi",
        "52839917",
    )
    html = client.get(page("detail", bill.pk)).content.decode()
    assert "Reversal of UPI payment" in html
    assert "typed 800, was 500" in html
    assert "This payment was reversed" in client.get(page("payment", wrong.pk)).content.decode()


def test_a_payment_is_reversed_once_and_for_a_reason(signed_in, omar, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    wrong = payments.record_payment(bill, amount=Decimal(800), method="upi", by=omar, at=now)
    client = signed_in(omar)

    without = client.post(page("reverse_payment", wrong.pk), {"reason": " "})
    client.post(page("reverse_payment", wrong.pk), {"reason": "Wrong patient"})
    again = client.post(page("reverse_payment", wrong.pk), {"reason": "Wrong patient"})

    assert "Say what was wrong" in without.content.decode()
    assert (without.status_code, again.status_code) == (422, 422)
    assert "taken back before" in again.content.decode()
    assert LedgerEntry.objects.filter(kind="reversal").count() == 1


def test_a_write_off_is_taken_back_by_its_own_entry(signed_in, asha, now):
    bill = make_bill(asha, status=Status.SENT)
    entry = corrections.write_off(bill, amount=Decimal(400), reason="Hardship", by=asha, at=now)
    client = signed_in(asha)

    response = client.post(page("reverse_entry", entry.pk), {"reason": "Paid after all"})

    bill.refresh_from_db()
    assert response.status_code == 302
    assert bill.outstanding_amount == 1000


def test_a_refund_goes_back_by_its_method_with_its_reason(signed_in, omar, asha):
    bill = make_bill(asha, status=Status.PAID)
    client = signed_in(omar)

    shown = client.get(page("refund", bill.pk))
    client.post(page("refund", bill.pk), money(amount="250", method="bank_transfer", reason="Shorter visit"))

    bill.refresh_from_db()
    assert "takes its charge back" in shown.content.decode()
    assert shown.context["form"]["method"].value() == "cash"
    assert (bill.status, bill.outstanding_amount) == (Status.PARTIALLY_PAID, Decimal(250))
    entry = bill.ledger_entries.get(kind="refund")
    assert (entry.reason, entry.method) == ("Shorter visit", Method.BANK_TRANSFER)


@pytest.mark.parametrize(("direction", "open_after"), [("less", 900), ("more", 1100)])
def test_a_charge_is_adjusted(signed_in, asha, direction, open_after):
    bill = make_bill(asha, status=Status.SENT)
    data = {"direction": direction, "amount": "100", "reason": "Agreed by phone", "key": str(uuid4())}
    client = signed_in(asha)

    for _ in range(2):
        client.post(page("adjust", bill.pk), data)

    bill.refresh_from_db()
    assert bill.outstanding_amount == open_after


def test_what_is_open_is_written_off(signed_in, asha):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)
    client = signed_in(asha)

    form = client.get(page("write_off", bill.pk)).context["form"]
    client.post(page("write_off", bill.pk), {"amount": "750", "reason": "Hardship", "key": str(uuid4())})

    bill.refresh_from_db()
    assert form["amount"].value() == 750
    assert bill.outstanding_amount == 0
    assert "Written off" in client.get(page("detail", bill.pk)).content.decode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("refund", {"amount": "5000", "method": "cash", "reason": "A long story"}),
        ("adjust", {"amount": "5000", "direction": "less", "reason": "A long story"}),
        ("write_off", {"amount": "5000", "reason": "A long story"}),
        ("cancel", {"reason": "A long story"}),
    ],
)
def test_a_correction_that_cannot_be_keeps_what_was_typed(signed_in, asha, name, data):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)

    response = signed_in(asha).post(page(name, bill.pk), data | {"key": str(uuid4())})

    assert response.status_code == 422
    assert "A long story" in response.content.decode()
    assert not LedgerEntry.objects.exclude(kind__in=["charge", "payment"]).exists()


CORRECTIONS = ["refund", "adjust", "write_off", "cancel"]


@pytest.mark.parametrize("name", CORRECTIONS)
def test_the_desk_corrects_no_bill(signed_in, rita, asha, name):
    bill = make_bill(asha, status=Status.PAID)
    client = signed_in(rita)

    assert client.get(page(name, bill.pk)).status_code == 403
    assert client.post(page(name, bill.pk), money(reason="x", direction="less")).status_code == 403


@pytest.mark.parametrize("name", [*CORRECTIONS, "pay", "use_credit"])
def test_a_bill_of_somebody_elses_patient_is_not_there(signed_in, ben, asha, name):
    bill = make_bill(asha, status=Status.PAID)

    assert signed_in(ben).post(page(name, bill.pk), money(reason="x")).status_code == 404


@pytest.mark.parametrize("name", ["payment", "reverse_payment"])
def test_a_payment_of_somebody_elses_patient_is_not_there(signed_in, ben, asha, name):
    make_bill(asha, status=Status.PAID)

    assert signed_in(ben).get(page(name, Payment.objects.get().pk)).status_code == 404


def test_a_payment_that_is_looked_at_is_recorded_as_read(signed_in, rita, asha):
    make_bill(asha, status=Status.PAID)
    payment = Payment.objects.get()

    signed_in(rita).get(page("payment", payment.pk))

    assert AuditEvent.objects.filter(action="read", target_id=str(payment.pk), actor_id=rita.pk).exists()


def test_the_buttons_follow_role_and_state(signed_in, rita, asha):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)

    desk = signed_in(rita).get(page("detail", bill.pk)).content.decode()
    doctor = signed_in(asha).get(page("detail", bill.pk)).content.decode()

    for name in ("refund", "adjust", "write_off"):
        assert page(name, bill.pk) in doctor
        assert page(name, bill.pk) not in desk
    assert page("pay", bill.pk) in desk
    assert page("cancel", bill.pk) not in doctor


@pytest.mark.parametrize("others", [0, 1])
def test_paying_several_bills_is_offered_where_there_are_several(signed_in, rita, asha, others):
    bill = make_bill(asha, status=Status.SENT)
    for _ in range(others):
        make_bill(asha, patient=bill.patient, status=Status.SENT)

    html = signed_in(rita).get(reverse("billing:pay", args=[bill.pk])).content.decode()

    assert ("Pay several bills at once" in html) == bool(others)


def test_a_refund_of_too_much_says_what_it_is_too_much_of(signed_in, omar, asha):
    bill = make_bill(asha, status=Status.PARTIALLY_PAID)
    data = {"amount": "5000", "method": "cash", "reason": "Less", "key": str(uuid4())}

    html = signed_in(omar).post(reverse("billing:refund", args=[bill.pk]), data).content.decode()

    assert "The amount is more than was paid." in html


@pytest.mark.parametrize("status", [Status.PAID, Status.CANCELLED])
def test_a_bill_that_takes_no_payment_says_so_before_the_form(signed_in, rita, asha, status):
    response = signed_in(rita).get(page("pay", make_bill(asha, status=status).pk))

    assert response.status_code == 409
    assert "It takes no payment." in response.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_form_of_a_bill_paid_meanwhile_leads_to_its_receipt(signed_in, rita, asha, now, headers):
    bill = make_bill(asha, status=Status.SENT)
    first = payments.record_payment(bill, amount=bill.outstanding_amount, method="upi", by=rita, at=now)

    response = signed_in(rita).post(page("pay", bill.pk), money(), headers=headers)

    html = response.content.decode()
    assert response.status_code == 422
    assert f'href="{page("payment", first.pk)}"' in html
    assert "data-pay" not in html


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("-5", "Enter an amount of 0.01 or more"),
        ("5.005", "Enter at most 2 decimal places"),
        ("99999999999", "This amount is too large"),
    ],
)
def test_an_amount_that_cannot_be_is_answered_in_plain_words(signed_in, rita, asha, amount, words):
    response = signed_in(rita).post(page("pay", make_bill(asha, status=Status.SENT).pk), money(amount=amount))

    assert words in response.content.decode()


def test_a_bill_is_cancelled_once(signed_in, omar, asha):
    response = signed_in(omar).post(page("cancel", make_bill(asha, status=Status.CANCELLED).pk), {"reason": "Twice"})

    assert "This bill is cancelled already." in response.content.decode()
