"""The papers of claims: the superbill among the documents of money, and the data sheet of a claim."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from billing.claims.data_sheet import sheet_context
from billing.claims.superbill import superbill_context
from billing.documents.sheets import Sheet, Subject, to_pdf
from billing.models import Bill, Claim
from patients.models import Patient
from synapse.accounts.models import ClinicSettings
from synapse.documents.paper import paper_of


def superbill_sheet(subject: Subject) -> Sheet:
    """Return the superbill of one bill. Raises ValueError when it belongs on none."""
    return _superbill(subject.patient, [subject.the_bill], on=subject.on)


def superbill_pdf(patient: Patient, bills: Sequence[Bill], *, on: date) -> bytes:
    """Return the superbill of these bills. Raises DocumentError, and ValueError when none belongs on one."""
    return to_pdf(_superbill(patient, bills, on=on))


def data_sheet_pdf(claim: Claim) -> bytes:
    """Return the boxes of a claim by number. Raises DocumentError."""
    title = f"Claim {claim.control_number}"
    context = {**sheet_context(claim), **_paper(ClinicSettings.load())}
    return to_pdf(Sheet("cms1500", title, f"{claim.control_number}.pdf", context))


def _superbill(patient: Patient, bills: Sequence[Bill], *, on: date) -> Sheet:
    context = {**superbill_context(patient, bills), **_paper(ClinicSettings.load()), "on": on}
    return Sheet("superbill", "Superbill", "superbill.pdf", context)


def _paper(clinic: ClinicSettings) -> dict[str, Any]:
    return {"paper": paper_of(clinic.region)}
