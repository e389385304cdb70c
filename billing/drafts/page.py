"""The page a draft is changed on: its forms, the steps that change them without saving, and what they add up to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.http import QueryDict

from billing import permissions, queries
from billing.bills.lines import diagnoses_of, lines_of
from billing.codes import lookup as codes
from billing.codes.times import Shortfall, find_shortfalls
from billing.drafts import evidence, pricing
from billing.drafts.forms import AMOUNT, PERCENT, BaseLineFormSet, BillForm, LineFormSet, noted
from billing.drafts.suggestions import VIDEO_MODIFIERS, Draft, Suggestion, suggest
from billing.models import Bill, Code
from billing.money import ZERO, Line, Split, Totals, add_up, format_plain, split_total
from billing.services import editing
from synapse.accounts.models import ClinicSettings, User
from synapse.common.figures import read_whole_number

LINES = "lines"
TOTAL = f"{LINES}-TOTAL_FORMS"
ROW_FIELDS = (
    "description",
    "cpt_code",
    "quantity",
    "unit_price",
    "modifiers",
    "diagnosis_pointers",
    "tax_rate",
    "reason",
    "price_missing",
    "note",
    "noted",
    "DELETE",
)
CHECKED = frozenset({"DELETE", "prices_include_tax"})
PriceOf = Callable[[str], Line | None]


@dataclass(frozen=True)
class Preview:
    """What the forms add up to; `problem` says in words why they do not."""

    totals: Totals | None = None
    split: Split | None = None
    discount_percent: str = ""
    problem: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass
class Page:
    """The forms as they are shown, and what goes with them."""

    bill: Bill
    lines: BaseLineFormSet
    form: BillForm
    preview: Preview
    suggestions: list[Suggestion]
    can_confirm: bool

    def context(self) -> dict[str, Any]:
        names = ("bill", "lines", "form", "preview", "suggestions", "can_confirm")
        return {name: getattr(self, name) for name in names}


def open_page(bill: Bill, user: User) -> Page:
    """Return the page of a draft as it is stored."""
    price_of = prices_for(bill)
    lines = LineFormSet(initial=stored_rows(bill), prefix=LINES, form_kwargs={"price_of": price_of})
    terms = {
        "discount": bill.discount_amount,
        "tax_rate": bill.tax_rate,
        "prices_include_tax": bill.prices_include_tax,
        "insurance_covered": bill.insurance_covered_amount,
        "copay": bill.copay_amount,
        "deductible": bill.deductible_amount,
    }
    if bill.discount_percent is not None:
        terms["discount_percent"] = bill.discount_percent
    stored = lines_of(bill)
    draft = Draft(stored, bill.place_of_service, diagnoses_of(bill))
    preview = _add_up(bill, stored, terms, [])
    return _page(bill, user, lines, BillForm(initial=bill_initial(bill)), preview, draft)


def read_page(bill: Bill, data: QueryDict, user: User) -> Page:
    """Return the page with what was sent, checked."""
    lines, form = _bound(bill, data, prices_for(bill))
    return _page(bill, user, lines, form, preview_of(bill, lines, form), _draft_of(lines, form))


def take_step(bill: Bill, data: QueryDict, step: str, user: User) -> Page:
    """Return the page with what was sent and one step taken; nothing is saved and nothing that was typed is lost.

    A step is `add`, `suggest:` with the key of a suggestion, or anything else to have it added up.
    """
    price_of, data, focus_row = prices_for(bill), data.copy(), None
    if step == "add":
        focus_row = _add_row(data, {"quantity": 1})
    elif step.startswith("suggest:"):
        draft = _draft_of(*_bound(bill, data, price_of))
        offered = suggest(evidence.evidence_of(bill, reader=user), draft)
        wanted = next((each for each in offered if each.key == step.removeprefix("suggest:")), None)
        if wanted is not None:
            _apply(wanted, data, price_of)
    lines, form = _bound(bill, data, price_of)
    page = _page(bill, user, lines, form, preview_of(bill, lines, form), _draft_of(lines, form))
    # Shown unbound: a row that was just added is not yet wrong.
    page.lines = LineFormSet(initial=_raw_rows(data), prefix=LINES, form_kwargs={"price_of": price_of})
    page.form = BillForm(initial=_raw(data, BillForm.base_fields))
    if focus_row is not None:
        page.lines.forms[focus_row].fields["cpt_code"].widget.attrs["autofocus"] = True
    return page


def preview_of(bill: Bill, lines: BaseLineFormSet, form: BillForm) -> Preview:
    """Return what sent forms add up to."""
    if not (form.is_valid() and lines.is_valid()):
        return Preview(problem=_first_problem(lines, form))
    found, details = lines.lines(), form.details()
    count = len(codes_in(details))
    bad = editing.find_bad_lines(bill, found, diagnosis_count=count)
    return _add_up(bill, found, form.terms(), [f"Line {place + 1}: {words}" for place, words in bad])


def prices_for(bill: Bill) -> PriceOf:
    """Return a function that gives a code's line by the fee schedule of the bill's day; None for an unknown code."""
    moment = bill.session.started_at if bill.session else bill.created_at
    visit = pricing.Visit(
        bill.bill_type,
        evidence.minutes_of(bill),
        ClinicSettings.load().date_of(moment),
        bill.currency,
        doctor_id=bill.doctor_id,
    )

    @cache
    def schedule() -> list[Any]:
        return queries.fee_schedule(bill.currency)

    def price_of(code: str) -> Line | None:
        item = pricing.price_code(code, visit, schedule())
        if item is not None:
            return Line(item.description, item.unit_price, cpt_code=code, tax_rate=item.tax_rate)
        words = codes.words_of(Code.System.CPT, [code]).get(code)
        return Line(words, ZERO, cpt_code=code, price_missing=True) if words else None

    return price_of


def stored_rows(bill: Bill) -> list[dict[str, Any]]:
    """Return the lines of a draft as the rows of its form."""
    lines = lines_of(bill)
    short = {each.place for each in _shortfalls(bill, lines)}
    return [
        {
            "description": line.description,
            "cpt_code": line.cpt_code,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "modifiers": list(line.modifiers),
            "diagnosis_pointers": line.diagnosis_pointers,
            "tax_rate": line.tax_rate,
            # What stands beside a code the minutes do not reach is the reason somebody typed.
            "reason": line.note if place in short else "",
            "price_missing": line.price_missing,
            "note": "" if place in short else line.note,
            "noted": noted(line.cpt_code, line.unit_price),
        }
        for place, line in enumerate(lines)
    ]


def bill_initial(bill: Bill) -> dict[str, Any]:
    """Return the rest of a draft as its form shows it."""
    is_percent = bill.discount_percent is not None
    is_insured = bill.insurance_covered_amount is not None
    return {
        "version": editing.version_of(bill),
        "discount_kind": PERCENT if is_percent else AMOUNT,
        "discount": bill.discount_percent if is_percent else bill.discount_amount,
        "tax_rate": bill.tax_rate,
        "prices_include_tax": bill.prices_include_tax,
        "insurance_covered": bill.insurance_covered_amount,
        "patient_responsibility": bill.patient_responsibility if is_insured else None,
        "copay": bill.copay_amount,
        "deductible": bill.deductible_amount,
        "primary_diagnosis_code": bill.primary_diagnosis_code,
        "other_diagnosis_codes": bill.other_diagnosis_codes,
        "place_of_service": bill.place_of_service,
        "notes": bill.notes,
        "internal_notes": bill.internal_notes,
    }


def _page(bill: Bill, user: User, lines: BaseLineFormSet, form: BillForm, preview: Preview, draft: Draft) -> Page:
    offered: list[Suggestion] = []
    if bill.purpose == Bill.Purpose.VISIT:
        offered = suggest(evidence.evidence_of(bill, reader=user), draft)
    can_confirm = bill.purpose == Bill.Purpose.VISIT and permissions.can_confirm_codes(user, bill)
    return Page(bill, lines, form, preview, offered, can_confirm)


def _bound(bill: Bill, data: QueryDict, price_of: PriceOf) -> tuple[BaseLineFormSet, BillForm]:
    lines = LineFormSet(data, initial=stored_rows(bill), prefix=LINES, form_kwargs={"price_of": price_of})
    return lines, BillForm(data, initial=bill_initial(bill))


def _add_up(bill: Bill, lines: list[Line], terms: Mapping[str, Any], warnings: list[str]) -> Preview:
    percent = terms.get("discount_percent")
    try:
        totals = add_up(
            lines,
            discount=terms["discount"],
            discount_percent=percent,
            tax_rate=terms["tax_rate"],
            currency=bill.currency,
            prices_include_tax=terms["prices_include_tax"],
        )
        split = split_total(
            totals.total,
            currency=bill.currency,
            covered=terms["insurance_covered"],
            responsibility=terms.get("patient_responsibility"),
            copay=terms["copay"],
            deductible=terms["deductible"],
        )
    except ValueError as error:
        return Preview(problem=str(error), warnings=warnings)
    shown = f"{format_plain(percent)} %" if percent is not None else ""
    overruled = [f"{short.words} The reason is kept with the line." for short in _shortfalls(bill, lines)]
    return Preview(totals, split, shown, warnings=warnings or overruled)


def _shortfalls(bill: Bill, lines: list[Line]) -> list[Shortfall]:
    return find_shortfalls(lines, evidence.minutes_of(bill), evidence.least_minutes())


def _first_problem(lines: BaseLineFormSet, form: BillForm) -> str:
    for place, row in enumerate(lines.forms, start=1):
        for errors in row.errors.values():
            return f"Line {place}: {errors[0]}"
    for error in lines.non_form_errors():
        return str(error)
    return next((str(errors[0]) for errors in form.errors.values()), "")


def _draft_of(lines: BaseLineFormSet, form: BillForm) -> Draft:
    """Return what of sent forms is understood so far."""
    lines.is_valid()
    form.is_valid()
    found = [row.line() for row in lines.forms if row.is_valid() and row in lines.line_forms()]
    data = getattr(form, "cleaned_data", {})
    return Draft(found, data.get("place_of_service", ""), codes_in(data))


def codes_in(data: Mapping[str, Any]) -> list[str]:
    """Return the diagnosis codes of a form, the primary one first."""
    return [code for code in (data.get("primary_diagnosis_code", ""), *data.get("other_diagnosis_codes", ())) if code]


def _apply(wanted: Suggestion, data: QueryDict, price_of: PriceOf) -> None:
    """Put a suggestion into what was sent."""
    if wanted.place:
        data["place_of_service"] = wanted.place
    if wanted.diagnosis:
        others = data.get("other_diagnosis_codes", "")
        if data.get("primary_diagnosis_code", ""):
            data["other_diagnosis_codes"] = _with(others, wanted.diagnosis)
        else:
            data["primary_diagnosis_code"] = wanted.diagnosis
    if wanted.modifier:
        for row, values in enumerate(_raw_rows(data)):
            if values["cpt_code"] and not set(VIDEO_MODIFIERS) & set(str(values["modifiers"]).upper().split(", ")):
                data[f"{LINES}-{row}-modifiers"] = _with(values["modifiers"], wanted.modifier)
    if wanted.code:
        line = price_of(wanted.code)
        values = {
            "cpt_code": wanted.code,
            "quantity": wanted.units,
            "description": line.description if line else "",
            # A price that is not known is asked for, never that of the code it takes the place of.
            "unit_price": "" if line is None or line.price_missing else format_plain(line.unit_price),
            "note": "",
            "price_missing": "",
        }
        rows = [row for row, each in enumerate(_raw_rows(data)) if each["cpt_code"] == wanted.replaces]
        if wanted.replaces and rows:
            for name, value in values.items():
                data[f"{LINES}-{rows[0]}-{name}"] = str(value)
        else:
            _add_row(data, values)


def _with(text: str, more: str) -> str:
    return f"{text.strip().rstrip(',')}, {more}" if text.strip() else more


def _add_row(data: QueryDict, values: Mapping[str, Any]) -> int:
    """Put a row behind the others and return its place; none beyond what a bill holds."""
    count = _row_count(data)
    if count >= editing.MAXIMUM_LINES:
        return count - 1
    for name, value in values.items():
        data[f"{LINES}-{count}-{name}"] = str(value)
    data[TOTAL] = str(count + 1)
    return count


def _raw_rows(data: QueryDict) -> list[dict[str, Any]]:
    return [_raw(data, ROW_FIELDS, f"{LINES}-{row}-") for row in range(_row_count(data))]


def _row_count(data: QueryDict) -> int:
    return min(read_whole_number(data.get(TOTAL, "0")) or 0, editing.MAXIMUM_LINES)


def _raw(data: QueryDict, names: Any, prefix: str = "") -> dict[str, Any]:
    """Return what was typed, as it was typed; a box that is not ticked is not sent."""
    return {name: f"{prefix}{name}" in data if name in CHECKED else data.get(f"{prefix}{name}", "") for name in names}
