"""A second reckoning of bills and credit, by the rules of the specification and not by the product's code."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


class Refused(Exception):
    """The rules forbid the step."""


def allow(condition: bool) -> None:
    if not condition:
        raise Refused


@dataclass
class Account:
    """One bill as a bookkeeper would write it on paper."""

    total: Decimal
    charged: Decimal = ZERO
    written_off: Decimal = ZERO
    paid: Decimal = ZERO
    issued_on: date | None = None
    due_on: date | None = None
    closed: str = ""

    @property
    def open(self) -> Decimal:
        return self.charged - self.written_off - self.paid

    def status(self, today: date) -> str:
        if self.closed or self.issued_on is None:
            return self.closed or "pending"
        if not self.open:
            return "paid"
        if self.due_on is not None and self.due_on < today:
            return "overdue"
        return "partially_paid" if self.paid else "sent"

    @property
    def is_given_up(self) -> bool:
        return self.issued_on is not None and not self.open and self.written_off > 0

    def issue(self, on: date, due: date) -> None:
        if self.issued_on is None:
            allow(not self.closed and self.total > 0)
            self.issued_on, self.due_on, self.charged = on, due, self.total

    def check_takes_payment(self) -> None:
        is_settled = self.issued_on is not None and not self.open
        allow(not self.closed and not is_settled)

    def close(self, how: str) -> None:
        self.closed, self.charged, self.written_off, self.paid = how, ZERO, ZERO, ZERO


@dataclass
class Receipt:
    """One payment: bill to what it took, and what went to the credit."""

    shares: dict[int, Decimal]
    kept: Decimal
    is_reversed: bool = False


@dataclass
class Book:
    """Bills by their place and the person's credit on either record: [kept record, record merged into it]."""

    bills: list[Account]
    credit: list[Decimal] = field(default_factory=lambda: [ZERO, ZERO])
    receipts: list[Receipt] = field(default_factory=list)

    def issue(self, place: int, on: date, due: date) -> None:
        self.bills[place].issue(on, due)

    def pay(self, wanted: dict[int, Decimal], amount: Decimal, *, keeps_rest: bool, on: date, due: date) -> None:
        allow(amount > 0 and sum(wanted.values()) <= amount and all(share > 0 for share in wanted.values()))
        for place in wanted:
            self.bills[place].check_takes_payment()
            self.bills[place].issue(on, due)
        shares = {place: min(share, self.bills[place].open) for place, share in wanted.items()}
        rest = amount - sum(shares.values())
        allow(keeps_rest or not rest)
        for place, share in shares.items():
            self.bills[place].paid += share
        self.credit[0] += rest
        self.receipts.append(Receipt(shares, rest))

    def reverse_receipt(self, place: int) -> None:
        receipt = self.receipts[place]
        allow(not receipt.is_reversed and self.credit[0] >= receipt.kept)
        for bill, share in receipt.shares.items():
            allow(not self.bills[bill].closed and self.bills[bill].paid >= share)
            self.bills[bill].paid -= share
        self.credit[0] -= receipt.kept
        receipt.is_reversed = True

    def use_credit(self, place: int, amount: Decimal, on: date, due: date) -> None:
        bill = self.bills[place]
        bill.check_takes_payment()
        bill.issue(on, due)
        allow(0 < amount <= min(bill.open, sum(self.credit)))
        bill.paid += amount
        self._draw(amount)

    def pay_out(self, amount: Decimal) -> None:
        allow(0 < amount <= sum(self.credit))
        self._draw(amount)

    def refund(self, place: int, amount: Decimal) -> None:
        bill = self.bills[place]
        allow(bool(bill.paid) and not bill.closed and 0 < amount <= bill.paid)
        bill.paid -= amount
        if not bill.paid:
            bill.close("refunded")

    def adjust(self, place: int, amount: Decimal, *, is_more: bool) -> None:
        bill = self.bills[place]
        allow(bill.issued_on is not None and not bill.closed and amount > 0)
        allow(is_more or amount <= bill.open)
        bill.charged += amount if is_more else -amount

    def write_off(self, place: int, amount: Decimal) -> None:
        bill = self.bills[place]
        allow(bill.issued_on is not None and not bill.closed and 0 < amount <= bill.open)
        bill.written_off += amount

    def cancel(self, place: int) -> None:
        bill = self.bills[place]
        allow(not bill.closed and not bill.paid)
        bill.close("cancelled")

    def take_back(self, kind: str, amount: Decimal, *, bill: int | None, record: int) -> None:
        """Reverse one entry that is no payment and no charge."""
        if kind == "credit_refund":
            self.credit[record] += amount
            return
        assert bill is not None
        account = self.bills[bill]
        allow(not account.closed)
        if kind == "credit_applied":
            allow(account.paid >= amount)
            account.paid -= amount
            self.credit[record] += amount
        elif kind == "refund":
            allow(account.open >= amount)
            account.paid += amount
        elif kind == "write_off":
            account.written_off -= amount
        elif kind == "debit_adjustment":
            allow(account.open >= amount)
            account.charged -= amount
        else:
            account.charged += amount

    def _draw(self, amount: Decimal) -> None:
        from_kept = min(amount, self.credit[0])
        self.credit[0] -= from_kept
        self.credit[1] -= amount - from_kept
