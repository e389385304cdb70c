"""Amounts in templates: {{ bill.total_amount|money:bill.currency }}."""

from datetime import date
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from billing.looks import is_at_insurer, look_of_bill
from billing.models import Bill, LedgerEntry, Payment
from billing.money import format_money
from billing.phrases import Words
from synapse.web.templatetags.ui import chip

register = template.Library()


@register.filter
def money(amount: Decimal | str | None, currency: str) -> str:
    """Write an amount with its currency; nothing for nothing."""
    return "" if amount is None else format_money(Decimal(amount), currency)


@register.filter
def whole_money(amount: Decimal | str | None, currency: str) -> str:
    """Write an amount as `money` does, without the cents where there are none: for figures in a row of figures."""
    return money(amount, currency).removesuffix(".00")


@register.simple_tag
def bill_pill(bill: Bill) -> SafeString:
    """Draw how a bill stands, as the list of bills says it."""
    look = look_of_bill(bill, is_at_insurer=is_at_insurer(bill))
    return chip(look.word, look.kind, look.icon)


@register.filter
def minus(amount: Decimal) -> Decimal:
    """Turn the sign of an amount."""
    return -amount


@register.simple_tag
def counted_on(moved: LedgerEntry | Payment) -> str:
    """Say the clinic's day something counts on, where the reader's clock shows another: the clinic moved its zone."""
    if timezone.localtime(moved.at).date() == moved.booked_on:
        return ""
    return f" · counted on {moved.booked_on:%-d %b %Y}"


@register.filter
def in_full(on: date | None, words: Words) -> str:
    """Write a date in a patient's language: 2 March 2026, 2. März 2026."""
    return words.day(on) if on else ""


@register.filter
def in_short(on: date | None, words: Words) -> str:
    """Write a date in a patient's language for a narrow column: 2 Mar 2026, 02.03.2026."""
    return words.short_day(on) if on else ""


@register.filter
def label_of(name: str, words: Words) -> str:
    """Write what a method of payment is called in a patient's language."""
    return words.labels[name]
