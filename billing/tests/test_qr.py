"""Codes to pay with: what a banking app reads from them, and what none may hold."""

from base64 import b64decode
from decimal import Decimal
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
import zxingcpp
from django.template.loader import render_to_string
from PIL import Image
from pypdf import PdfReader
from segno import helpers

from billing.documents import sheets as documents
from billing.documents.qr import UnusableCode, epc_payload, is_iban, payment_code, spaced_iban, upi_payload
from billing.models import BillingSettings
from billing.services import payments
from billing.tests.factories import make_bill
from billing.tests.papers import AT, IBAN, THERAPY, draft, issue, set_up
from synapse.accounts.models import ClinicSettings

NUMBER = "INV-202603-000001"


def test_a_upi_link_names_payee_amount_and_bill_and_nothing_else():
    payload = upi_payload("banyan.clinic@okbank", "Banyan Mind & Care", Decimal("250.5"), note=NUMBER)

    link = urlsplit(payload)
    assert (link.scheme, link.netloc) == ("upi", "pay")
    assert parse_qs(link.query, strict_parsing=True) == {
        "pa": ["banyan.clinic@okbank"],
        "pn": ["Banyan Mind & Care"],
        "am": ["250.50"],
        "cu": ["INR"],
        "tn": [NUMBER],
    }
    assert not set("+ ") & set(payload)


@pytest.mark.parametrize("upi_id", ["", "banyan", "@bank", "banyan@", "a@b c", "banyan@bank&am=1", "बैंक@bank"])
def test_a_mistyped_upi_id_makes_no_code(upi_id):
    with pytest.raises(UnusableCode):
        upi_payload(upi_id, "Banyan", Decimal(1), note=NUMBER)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001"])
def test_an_amount_nobody_can_pay_makes_no_code(amount):
    with pytest.raises(UnusableCode):
        upi_payload("banyan@bank", "Banyan", Decimal(amount), note=NUMBER)
    with pytest.raises(UnusableCode):
        epc_payload("Banyan", IBAN, Decimal(amount), text=NUMBER)


def test_a_payee_of_many_lines_and_letters_is_cut_to_one_short_line():
    payload = upi_payload("banyan@bank", "Banyan\r\nMind\x00Care " + "x" * 200, Decimal(1), note=NUMBER)

    [name] = parse_qs(urlsplit(payload).query)["pn"]
    assert name.startswith("Banyan Mind Care xxx")
    assert len(name) == 99


def test_an_epc_code_has_the_lines_of_its_standard():
    payload = epc_payload(
        "Praxis am Markt", "DE02 1203 0000 0000 2020 51", Decimal(404), text=NUMBER, bic="BYLADEM1001"
    )

    assert payload.split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "BYLADEM1001",
        "Praxis am Markt",
        IBAN,
        "EUR404.00",
        "",
        "",
        NUMBER,
    ]


def test_an_epc_code_says_what_another_maker_of_them_writes():
    theirs = helpers.make_epc_qr(
        name="Praxis am Markt", iban=IBAN, amount=Decimal("404.25"), text=NUMBER, bic="BYLADEM1001", encoding="utf-8"
    )
    ours = segno.make_qr(
        epc_payload("Praxis am Markt", IBAN, Decimal("404.25"), text=NUMBER, bic="BYLADEM1001"),
        error="m",
        boost_error=False,
        encoding="utf-8",
    )

    assert read(ours.png_data_uri(scale=4, border=4)) == read(theirs.png_data_uri(scale=4, border=4))


@pytest.mark.parametrize(
    "change",
    [
        {"iban": "DE03120300000000202051"},
        {"iban": "DE0212030000000020205"},
        {"iban": "12"},
        {"bic": "BYLADEM10"},
        {"amount": Decimal("1000000000.00")},
        {"payee": "ß" * 70, "text": "ü" * 140},
    ],
)
def test_what_a_bank_would_refuse_makes_no_epc_code(change):
    values = {"payee": "Praxis", "iban": IBAN, "amount": Decimal(1), "text": NUMBER, **change}

    with pytest.raises(UnusableCode):
        epc_payload(values.pop("payee"), values.pop("iban"), values.pop("amount"), **values)


def test_ibans_are_checked_and_written_in_fours():
    assert is_iban("GB82WEST12345698765432")
    assert not is_iban("GB82WEST12345698765433")
    assert spaced_iban("de02120300000000202051") == "DE02 1203 0000 0000 2020 51"


def test_the_longest_epc_code_stays_in_the_version_apps_must_read():
    payload = epc_payload("ß" * 50, IBAN, Decimal("999999999.99"), text="X" * 140, bic="BYLADEM1001")

    assert len(payload.encode()) <= 331
    code = segno.make_qr(payload, error="m", boost_error=False, encoding="utf-8")
    assert int(code.version) <= 13


def read(source):
    """Return what the one code of a picture says, or of a PNG in a data: address."""
    if isinstance(source, str):
        source = Image.open(BytesIO(b64decode(source.partition(",")[2])))
    [found] = zxingcpp.read_barcodes(source.convert("RGB"))
    return found.text


@pytest.mark.django_db
def test_the_code_on_an_invoice_asks_for_what_the_patient_owes_and_is_read_from_the_paper(asha):
    set_up(asha)
    bill = draft(asha, [THERAPY], insurance_covered=Decimal(1500))
    issue(bill)
    payments.record_payment(bill, amount=Decimal(120), method="cash", by=asha, at=AT)

    pdf = documents.render("invoice", bill=bill, at=AT)

    pictures = [image.image for image in PdfReader(BytesIO(pdf)).pages[0].images]
    texts = [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture.convert("RGB"))]
    assert texts == [f"upi://pay?pa=banyanclinic@okbank&pn=Banyan%20Mind%20Care&am=380.00&cu=INR&tn={bill.bill_number}"]


@pytest.mark.django_db
def test_the_code_on_a_statement_asks_for_all_that_is_to_pay(asha):
    set_up(asha)
    bills = [issue(draft(asha, [THERAPY]))]
    bills += [issue(draft(asha, [THERAPY], patient=bills[0].patient)) for _ in range(3)]
    payments.take_payment(
        bills[0].patient, amount=Decimal(80), shares=[], method="cash", by=asha, at=AT, keep_rest_as_credit=True
    )

    pdf = documents.render("statement", patient=bills[0].patient, at=AT)

    pictures = [image.image for image in PdfReader(BytesIO(pdf)).pages[0].images]
    [text] = [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture.convert("RGB"))]
    asked = parse_qs(urlsplit(text).query)
    assert asked["am"] == [f"{sum(bill.outstanding_amount for bill in bills) - 80:.2f}"]
    # As many whole numbers as the note has room for.
    assert asked["tn"] == [" ".join(bill.bill_number for bill in bills[:2])]


@pytest.mark.django_db
def test_a_statement_that_credit_pays_has_no_code(asha):
    set_up(asha)
    bill = issue(draft(asha, [THERAPY]))
    payments.take_payment(
        bill.patient, amount=Decimal(9000), shares=[], method="cash", by=asha, at=AT, keep_rest_as_credit=True
    )

    sheet = documents.sheet_of("statement", patient=bill.patient, at=AT)

    assert [account.code for account in sheet.context["accounts"]] == [None]
    assert "How to pay" not in render_to_string("documents/statement.html", sheet.context)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("currency", "settings", "kind"),
    [
        ("INR", {"upi_id": "banyan@bank"}, "UPI"),
        ("INR", {"iban": IBAN}, None),
        ("EUR", {"iban": IBAN}, "Bank transfer"),
        ("EUR", {"upi_id": "banyan@bank"}, None),
        ("EUR", {"iban": "DE00"}, None),
        ("USD", {"iban": IBAN, "upi_id": "banyan@bank"}, None),
    ],
)
def test_a_code_is_there_where_the_clinic_has_an_account_for_the_currency(currency, settings, kind):
    code = payment_code(
        Decimal(5), currency, number=NUMBER, billing=BillingSettings(**settings), clinic=ClinicSettings(name="Banyan")
    )

    assert (code.kind if code else None) == kind


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "paid", "cancelled", "refunded"])
def test_nothing_to_pay_is_no_code(asha, status):
    set_up(asha)

    assert documents.sheet_of("invoice", bill=make_bill(asha, status=status), at=AT).context["code"] is None
