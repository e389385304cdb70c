"""The boxes of the CMS-1500 by number on plain paper: what is typed into the insurer's form or portal.

The red form itself is copyrighted and has to be bought; this is a layout of our own.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.claims.boxes import BOXES, LETTERS, LINES_PER_PAGE, ClaimForm, FormLine, load_form
from billing.models import Claim

CELLS_IN_ROW = 3
# Boxes whose parts are printed as one value, by number: the parts' keys in their order and what stands between them.
JOINED = {
    "2": (("patient_last", "patient_first", "patient_middle"), ", "),
    "3": (("patient_birth", "patient_sex"), ", "),
    "4": (("insured_last", "insured_first"), ", "),
    "5": (("patient_street", "patient_city", "patient_state", "patient_zip", "patient_phone"), ", "),
    "7": (("insured_street", "insured_city", "insured_state", "insured_zip", "insured_phone"), ", "),
    "10b": (("related_auto", "related_auto_state"), ", "),
    "11a": (("insured_birth", "insured_sex"), ", "),
    "12": (("patient_signature", "patient_signed_on"), ", "),
    "14": (("onset_on", "onset_kind"), ", "),
    "16": (("unable_from", "unable_to"), " to "),
    "17": (("referrer_kind", "referrer_last", "referrer_first"), " "),
    "18": (("hospital_from", "hospital_to"), " to "),
    "20": (("outside_lab", "outside_lab_charge"), ", "),
    "22": (("frequency", "original_reference"), ", "),
    "25": (("tax_id", "tax_id_kind"), ", "),
    "31": (("clinician_signature", "clinician_signed_on"), ", "),
    "32": (("facility_name", "facility_street", "facility_city", "facility_state", "facility_zip"), ", "),
    "33": (
        (
            "billing_name",
            "billing_first",
            "billing_street",
            "billing_city",
            "billing_state",
            "billing_zip",
            "billing_phone",
        ),
        ", ",
    ),
}
# A state and its ZIP stand together.
STATE_AND_ZIP = re.compile(r"\b([A-Z]{2}), (\d{5})")
LABELS = {
    "2": "Patient's name",
    "3": "Patient's birth date, sex",
    "4": "Insured's name",
    "5": "Patient's address, telephone",
    "7": "Insured's address, telephone",
    "10b": "Car accident, state",
    "11a": "Insured's birth date, sex",
    "12": "Patient's signature",
    "13": "Insured's signature",
    "14": "Date of the condition",
    "16": "Unable to work",
    "17": "Referring or other provider",
    "18": "In hospital",
    "20": "Outside laboratory, charges",
    "22": "Resubmission code, original reference",
    "25": "Federal tax ID",
    "31": "Signature of the clinician",
    "32": "Place of service",
    "33": "Billing provider, telephone",
}


@dataclass(frozen=True)
class Cell:
    """One box as the sheet prints it."""

    number: str
    label: str
    value: str


@dataclass(frozen=True)
class SheetLine:
    """Box 24, one row, with its dates as the form writes them."""

    number: int
    line: FormLine

    @property
    def start(self) -> str:
        return _day(self.line.start)

    @property
    def end(self) -> str:
        return _day(self.line.end or self.line.start)

    @property
    def modifiers(self) -> str:
        return " ".join(self.line.modifiers)


def sheet_context(claim: Claim) -> dict[str, Any]:
    """Return what the data sheet of a claim shows: one form for each six lines, each with every box."""
    form = load_form(claim.form)
    cells = cells_of(form)
    before = [cell for cell in cells if _place(cell.number) < 21]
    lines = [SheetLine(place, line) for place, line in enumerate(form.lines, start=1)]
    pages = [lines[start : start + LINES_PER_PAGE] for start in range(0, len(lines), LINES_PER_PAGE)] or [[]]
    after = [cell for cell in cells if _place(cell.number) > 24]
    codes = [cell for cell in cells if 21 < _place(cell.number) < 24]
    last = len(pages)
    return {
        "claim": claim,
        "form": form,
        "diagnoses": list(zip(LETTERS, form.diagnoses, strict=False)),
        "before": _rows(before),
        "codes": _rows(codes),
        "pages": [
            {
                "number": number,
                "of": last,
                "lines": page,
                # The charges of a claim over several forms are added up on the last one.
                "after": _rows(after if number == last else _continued(after)),
            }
            for number, page in enumerate(pages, start=1)
        ],
    }


def cells_of(form: ClaimForm) -> list[Cell]:
    """Return every box but 21 and 24, in the order of their numbers, empty ones too."""
    cells: dict[str, Cell] = {}
    for box in BOXES.values():
        if box.number in cells:
            continue
        keys, between = JOINED.get(box.number, ((box.key,), ""))
        parts = [BOXES[key].shown(form.get(key)) for key in keys]
        label = LABELS.get(box.number, box.label)
        value = between.join(part for part in parts if part)
        cells[box.number] = Cell(box.number, label, STATE_AND_ZIP.sub(r"\1 \2", value))
    return sorted(cells.values(), key=lambda cell: (_place(cell.number), cell.number))


def _place(number: str) -> int:
    return int("".join(sign for sign in number if sign.isdigit()))


def _rows(cells: list[Cell]) -> list[list[Cell]]:
    rows = [cells[start : start + CELLS_IN_ROW] for start in range(0, len(cells), CELLS_IN_ROW)]
    if rows and len(rows[-1]) < CELLS_IN_ROW:
        rows[-1] = rows[-1] + [Cell("", "", "")] * (CELLS_IN_ROW - len(rows[-1]))
    return rows


def _continued(cells: list[Cell]) -> list[Cell]:
    return [Cell(cell.number, cell.label, "Continued") if cell.number in ("28", "29") else cell for cell in cells]


def _day(written: str) -> str:
    return f"{date.fromisoformat(written):%m/%d/%Y}" if written else ""
