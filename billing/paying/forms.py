"""Forms of money that comes in, goes back or is taken off. Each holds a key, so that one sent twice counts once."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, cast
from uuid import uuid4

from django import forms
from django.http import QueryDict

from billing.forms import AmountField
from billing.models import Bill, Method, Payer
from billing.money import ZERO, format_money
from synapse.web.forms import PlainMessages

LEAST = Decimal("0.01")
LONGEST_REASON = 500
LONGEST_REFERENCE = 80


class MethodField(forms.ChoiceField):
    """How money comes or goes, all choices in sight."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Method.choices, widget=forms.RadioSelect, **kwargs)


class ReasonField(forms.CharField):
    """Why, in a sentence that stays in the ledger."""

    def __init__(self, *, missing: str, **kwargs: Any) -> None:
        super().__init__(
            max_length=LONGEST_REASON,
            widget=forms.Textarea({"rows": 2}),
            error_messages={"required": missing},
            **kwargs,
        )


class KeyedForm(PlainMessages, forms.Form):
    """A form whose hidden key makes it count once, however often it is sent."""

    key = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), "Open the page again")
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, initial={"key": uuid4(), **(initial or {})}, **kwargs)

    def renew_key(self) -> None:
        """Give the form that was sent a fresh key: its own belongs to something that was recorded before."""
        data = cast("QueryDict", self.data).copy()
        data[self.add_prefix("key")] = str(uuid4())
        self.data = data


class PaymentForm(KeyedForm):
    """Money that came in. What is more than is open is kept as credit only when that is ticked."""

    question: ClassVar[str] = (
        "Only {open} is open. Correct the amount, or tick that {over} is kept as the patient's credit."
    )

    amount = AmountField(min_value=LEAST, label="Amount")
    method = MethodField(label="How it was paid")
    insurer = forms.ModelChoiceField(Payer.objects.none(), required=False, label="Insurer", empty_label="Not named")
    reference = forms.CharField(
        max_length=LONGEST_REFERENCE, required=False, label="Reference", help_text="Number of the slip or the transfer"
    )
    given = AmountField(min_value=LEAST, required=False, label="Cash given", help_text="To work out the change")
    keep_rest = forms.BooleanField(required=False, label="Keep what is over as the patient's credit")

    def __init__(self, data: Any = None, *, open_amount: Decimal, currency: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.open_amount = open_amount
        self.currency = currency
        self.asks_about_rest = bool(self.is_bound and self.data.get(self.add_prefix("keep_rest")))
        payers = Payer.objects.filter(is_active=True)
        if payers:
            self.fields["insurer"].queryset = payers  # type: ignore[attr-defined]  # a ModelChoiceField
        else:
            del self.fields["insurer"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("method") != Method.CASH:
            data["given"] = None
        if data.get("method") != Method.INSURANCE:
            data["insurer"] = None
        given, amount = data.get("given"), data.get("amount")
        if given is not None and amount is not None and given < amount:
            short = format_money(amount - given, self.currency)
            self.add_error("given", f"This is {short} less than the amount. Lower the amount or ask for the rest.")
        return data

    @property
    def change(self) -> Decimal:
        """Return what is handed back of the cash given."""
        given: Decimal | None = self.cleaned_data.get("given")
        amount: Decimal = self.cleaned_data["amount"]
        return given - amount if given is not None else ZERO

    def ask_about_rest(self) -> None:
        """Say that more was entered than is open, and ask what is to become of it."""
        self.asks_about_rest = True
        over = format_money(self.cleaned_data["amount"] - self.takes, self.currency)
        self.add_error("amount", self.question.format(over=over, open=format_money(self.takes, self.currency)))

    @property
    def takes(self) -> Decimal:
        """Return how much of the payment bills can take."""
        amount: Decimal = self.cleaned_data["amount"]
        return min(amount, self.open_amount)

    def facts(self) -> dict[str, Any]:
        """Return what the service takes."""
        data = self.cleaned_data
        return {
            "amount": data["amount"],
            "method": data["method"],
            "reference": data["reference"],
            "key": data["key"],
            "insurer": data.get("insurer"),
            "keep_rest_as_credit": data["keep_rest"],
        }


class AccountPaymentForm(PaymentForm):
    """One payment for several bills: how much of it goes to which."""

    question: ClassVar[str] = (
        "{over} of it is for no bill. Correct the amounts, or tick that it is kept as the patient's credit."
    )

    def __init__(self, data: Any = None, *, bills: Sequence[Bill], owed: dict[Any, Decimal], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.bills = bills
        for bill in bills:
            name = f"share-{bill.pk}"
            self.fields[name] = AmountField(
                min_value=ZERO, required=False, label=f"For {bill.bill_number}", initial=owed[bill.pk]
            )
            self.fields[name].widget.attrs |= {"data-share": str(owed[bill.pk])}

    @property
    def takes(self) -> Decimal:
        return sum((min(amount, bill.outstanding_amount) for bill, amount in self.shares), ZERO)

    @property
    def shares(self) -> list[tuple[Bill, Decimal]]:
        """Return the bills that get something of the payment."""
        given = [(bill, self.cleaned_data.get(f"share-{bill.pk}") or ZERO) for bill in self.bills]
        return [(bill, amount) for bill, amount in given if amount]

    def rows(self) -> list[tuple[Bill, forms.BoundField]]:
        return [(bill, self[f"share-{bill.pk}"]) for bill in self.bills]


class CreditForm(KeyedForm):
    """How much of a patient's credit pays a bill."""

    amount = AmountField(min_value=LEAST)


class RefundForm(KeyedForm):
    """How much goes back, how, and why."""

    amount = AmountField(min_value=LEAST, label="Amount to give back")
    method = MethodField(label="How it goes back")
    reason = ReasonField(missing="Say why money goes back")


class PayOutForm(RefundForm):
    """Credit that is given back."""

    reason = ReasonField(missing="Say why the credit is paid out")


class AdjustForm(KeyedForm):
    """Charge less or more on an issued bill."""

    direction = forms.ChoiceField(
        label="The patient is charged",
        choices=[("less", "Less"), ("more", "More")],
        widget=forms.RadioSelect,
        initial="less",
    )
    amount = AmountField(min_value=LEAST, label="By how much")
    reason = ReasonField(missing="Say why the charge changes")


class WriteOffForm(KeyedForm):
    """Give up what is open, or part of it."""

    amount = AmountField(min_value=LEAST, label="Amount to write off")
    reason = ReasonField(missing="Say why it is written off")


class CancelForm(PlainMessages, forms.Form):
    """Why a bill is cancelled."""

    reason = ReasonField(missing="Say why the bill is cancelled")


class ReversalForm(PlainMessages, forms.Form):
    """Why an entry was wrong."""

    reason = ReasonField(missing="Say what was wrong, like “typed 800, was 500”")


class PaymentReversalForm(ReversalForm):
    """Why a payment was wrong, and what it should have been: the next form is filled in with that."""

    right_amount = AmountField(
        min_value=LEAST, required=False, label="The right amount", help_text="Empty when no money came at all"
    )
