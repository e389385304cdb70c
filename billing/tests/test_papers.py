"""What stands on each paper, read back from the PDF. `billing/tests/papers.py` tells how to look at them."""

import os
import shutil
import subprocess
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from django.db import transaction
from pypdf import PdfReader

from billing.documents import invoice
from billing.documents import sheets as documents
from billing.models import Bill
from billing.money import ZERO, Line
from billing.reminders.letter import fill
from billing.tests.factories import make_bill
from billing.tests.papers import AT, PAPERS, draft, issue, set_up

EXPECTED = {
    "invoice_rupees": (
        "GSTIN 27AAKCB1234F1Z5",
        "Reg. MCI-48211",
        "PHQ-9 and GAD-7, scored 96127 2 ₹100.00 ₹200.00",
        "Subtotal ₹3,000.00",
        "GST 0 % ₹0.00",
        "Paid 2 March, UPI −₹500.00",
        "Star Health, claimed −₹2,250.00",
        "To pay ₹250.00",
        "UPI Banyan Mind Care banyanclinic@okbank",
        "This copy shows no diagnosis.",
    ),
    "invoice_for_the_insurer": (
        "Copy for the insurer",
        "Diagnosis (ICD-10) F32.1, F41.1",
        "Policy P/171130/01/2025/004412",
        "Claim CLM-8841-20",
        "Place of service 11",
        "Born 2 May 1991",
        "Open ₹2,500.00",
        "of which Star Health ₹2,250.00",
    ),
    "invoice_euros_two_rates": (
        "Müller-Weiß",
        "Discount 10 % −€39.98",
        "VAT 0 % on €99.00 €0.00",
        "VAT 7 % on €44.82 €3.14",
        "VAT 19 % on €216.00 €41.04",
        "To pay €404.00",
        "DE02 1203 0000 0000",
    ),
    "invoice_dollars_letter_paper": (
        "90834-95",
        "99213-25-95",
        "$1,445.50",
        "Reduced 2 March −$45.50",
        "Written off 2 March −$100.00",
        "Paid 2 March, Card −$300.00",
        "To pay $1,000.00",
    ),
    "invoice_pounds_many_lines": ("Includes VAT 20 % on £2,816.67 £563.33", "To pay £3,380.00", "Page 2 of 2"),
    "invoice_cancelled": ("CANCELLED", "Cancelled 3 March −₹2,800.00", "To pay ₹0.00", "This invoice is cancelled."),
    "invoice_refunded": ("Refunded 4 March, Cash ₹2,000.00", "To pay ₹0.00", "This invoice was refunded."),
    "invoice_in_other_scripts": ("₹2,62,500.00 ₹7,87,500.00", "To pay ₹9,37,500.00"),
    "receipt_over_three_bills": (
        "Reference UTR 5283 9917",
        "INV-202603-000002 2 March 2026 ₹500.00 ₹700.00",
        "Kept as credit ₹649.50",
        "Received ₹3,500.00",
    ),
    "receipt_reversed": ("REVERSED", "This payment was taken back on 2 March 2026"),
    "statement_with_ages": (
        "INV-202601-000001 26 Jan 2026 9 Feb 2026 ₹800.00 ₹300.00 ₹500.00 96",
        "Not due 1 to 30 days 31 to 60 61 to 90 Over 90 ₹450.50 ₹0.00 ₹200.00 ₹1,25,000.00 ₹2,100.00",
        "Open ₹1,27,750.50",
        "Your credit −₹90.00",
        "To pay ₹1,27,660.50",
        "₹2,250.00 more is claimed from your insurer.",
        "RCP-202605-000001 14 May 2026 Card ₹750.00",
    ),
    "statement_in_german": (
        "INV-202601-000001 26.01.2026 09.02.2026 €800.00 €300.00 €500.00 96",
        "Nicht fällig 1 bis 30 Tage 31 bis 60 61 bis 90 Über 90",
        "Zu zahlen €127,660.50",
        "Weitere €2,250.00 sind bei Ihrer Versicherung beantragt.",
        "RCP-202605-000001 14.05.2026 Karte €750.00",
        "Bitte geben Sie die Rechnungsnummern an.",
        "Seite 1 von 1",
    ),
    "statement_in_hindi": ("INV-202601-000001 26/01/2026 09/02/2026 ₹800.00 ₹300.00 ₹500.00 96", "₹1,27,660.50"),
    "invoice_in_spanish": (
        "Descuento 10 % −€300.00",
        "VAT 21 %",
        "Star Health, reclamado −€2,250.00",
        "Pagado el 2 de marzo, Transferencia −€90.00",
        "Devuelto el 2 de marzo, Efectivo €10.00",
        "Rebajado el 2 de marzo −€5.00",
        "Esta copia no muestra ningún diagnóstico.",
    ),
    "invoice_in_hindi": ("₹660.00",),
    "receipt_in_french": (
        "Référence UTR 5283 9917",
        "INV-202603-000002 2 mars 2026 €500.00 €700.00",
        "Gardé en avoir €649.50",
        "Reçu €3,500.00",
        "Ce reçu ne montre ni diagnostic ni prestation.",
    ),
    "reminder_third": (
        "Date 11 May 2026",
        "16 Mar 2026 56 ₹2,500.00",
        "Reminded before 11 April 2026 26 April 2026",
        "Last reminder",
        "invoice INV-202603-000001 before. It was due on 16 March 2026, and ₹2,500.00 is still open.",
        "call Banyan Clinic:",
    ),
}
# Apache PDFBox Preflight and what it needs, where Debian's libpdfbox2-java puts them.
PREFLIGHT = [
    f"/usr/share/java/{name}.jar"
    for name in ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "jaxb-api", "javax.activation")
]
CLINICAL = ("Psychotherapy", "90834", "F32.1", "Medication", "PHQ-9")
FORBIDDEN = {
    "invoice_rupees": ("F32.1", "F41.1", "P/171130", "1991"),
    "invoice_for_the_insurer": ("How to pay", "This copy shows no diagnosis"),
    "invoice_euros_two_rates": ("Code",),
    "invoice_cancelled": ("How to pay",),
    "invoice_refunded": ("How to pay",),
    "receipt_over_three_bills": CLINICAL,
    "receipt_reversed": CLINICAL,
    "statement_with_ages": CLINICAL,
    "statement_in_german": CLINICAL,
    "statement_in_hindi": CLINICAL,
    "receipt_in_french": CLINICAL,
    "reminder_third": CLINICAL,
}
PAGES = {"invoice_pounds_many_lines": 2}


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(PAPERS))
def test_a_paper_says_what_it_must_and_no_more(asha, name):
    pdf = PAPERS[name](asha)

    if folder := os.environ.get("PAPERS_TO"):
        Path(folder, f"{name}.pdf").write_bytes(pdf)
    reader, text = PdfReader(BytesIO(pdf)), text_of(pdf)
    for words in EXPECTED[name]:
        assert words in text
    for words in FORBIDDEN.get(name, ()):
        assert words not in text
    assert len(reader.pages) == PAGES.get(name, 1)
    width, height = (float(side) for side in reader.pages[0].mediabox[2:])
    is_letter = name == "invoice_dollars_letter_paper"
    assert (round(width), round(height)) == ((612, 792) if is_letter else (595, 842))
    about = " ".join(str(value) for value in (reader.metadata or {}).values())
    assert not any(secret in about for secret in ("Kavya", "Iyer", "Müller", *CLINICAL))


@pytest.mark.skipif(
    shutil.which("java") is None or not all(Path(jar).exists() for jar in PREFLIGHT),
    reason="java or one of Debian's libpdfbox2-java, libjaxb-api-java and libactivation-java is missing",
)
def test_a_validator_takes_each_paper_for_pdf_a(asha, tmp_path):
    for name in sorted(PAPERS):
        with transaction.atomic():
            (tmp_path / f"{name}.pdf").write_bytes(PAPERS[name](asha))
            transaction.set_rollback(True)

    for path in tmp_path.glob("*.pdf"):
        command = ["java", "-cp", ":".join(PREFLIGHT), "org.apache.pdfbox.preflight.Validator_A1b", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert f"{path.name} is a valid PDF/A-1b file" in done.stdout


def test_each_page_of_a_long_invoice_begins_with_the_heads_of_its_columns(asha):
    pages = PdfReader(BytesIO(PAPERS["invoice_pounds_many_lines"](asha))).pages

    assert all("Service" in page.extract_text() for page in pages)


@pytest.mark.parametrize("status", Bill.Status.values)
def test_total_and_movements_of_an_invoice_add_up_to_what_is_open(asha, status):
    bill = make_bill(asha, status=status)

    context = invoice.invoice_context(bill)

    moved = sum((movement.amount for movement in context["movements"]), ZERO)
    if status == Bill.Status.CANCELLED:  # called off as a draft: it never was charged
        return
    assert bill.total_amount + moved - context["insurer_expected"] == context["to_pay"]


def test_a_statement_with_nothing_open_says_so(asha):
    set_up(asha)
    bill = make_bill(asha, status=Bill.Status.PAID, at=AT)

    text = text_of(documents.render("statement", patient=bill.patient, at=AT))

    assert "Nothing is open. There is nothing to pay." in text
    assert "How to pay" not in text


def test_a_statement_has_a_page_for_each_currency(asha):
    set_up(asha)
    bill = issue(draft(asha, [line_of("100")]))
    Bill.objects.filter(pk=issue(draft(asha, [line_of("70")], patient=bill.patient)).pk).update(currency="USD")

    pages = PdfReader(BytesIO(documents.render("statement", patient=bill.patient, at=AT))).pages

    assert ["₹100.00" in page.extract_text() for page in pages] == [True, False]
    assert ["$70.00" in page.extract_text() for page in pages] == [False, True]


def line_of(price):
    return Line("Visit", Decimal(price))


def test_what_a_clinic_types_into_braces_is_not_run():
    facts = {"number": "INV-1", "amount": "₹1", "due": "today", "clinic": "{number}"}

    assert fill("{number} {amount.__class__} {nothing} {due}", facts) == "INV-1 {amount.__class__} {nothing} today"


def test_file_names_and_titles_name_no_patient(asha):
    bill = make_bill(asha, status=Bill.Status.PAID, at=AT)
    payment = bill.ledger_entries.get(kind="payment").payment

    sheets = [
        documents.sheet_of("invoice", bill=bill, at=AT),
        documents.sheet_of("invoice", bill=bill, copy="insurer", at=AT),
        documents.sheet_of("receipt", payment=payment, at=AT),
        documents.sheet_of("statement", patient=bill.patient, at=AT),
        documents.sheet_of("reminder", bill=bill, at=AT),
    ]

    for sheet in sheets:
        assert "kavya" not in f"{sheet.file_name} {sheet.title}".casefold()
    assert sheets[1].file_name == f"{bill.bill_number}-insurer.pdf"
