"""Amounts in templates: {{ bill.total_amount|money:bill.currency }}."""

from decimal import Decimal

from django import template

from billing.money import format_money

register = template.Library()


@register.filter
def money(amount: Decimal | str | None, currency: str) -> str:
    """Write an amount with its currency; nothing for nothing."""
    return "" if amount is None else format_money(Decimal(amount), currency)
