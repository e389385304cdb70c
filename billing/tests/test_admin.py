"""The fee schedule in set-up: kept by the administrator, audited, never deleted."""

from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse

from billing.models import Bill, FeeScheduleItem, LedgerEntry
from billing.tests.factories import make_bill, make_fee
from synapse.audit.models import AuditEvent

LIST = "admin:billing_feescheduleitem_changelist"


def data_of(item, **changes):
    return {
        "session_type": item.session_type,
        "description": item.description,
        "cpt_code": item.cpt_code,
        "minimum_minutes": item.minimum_minutes,
        "unit_price": item.unit_price,
        "currency": item.currency,
        "valid_from": item.valid_from,
        "valid_until": "",
        "is_active": "on",
        **changes,
    }


def test_the_schedule_a_clinic_starts_with_prices_every_kind_of_visit(db):
    types = set(
        FeeScheduleItem.objects.filter(minimum_minutes=0, is_active=True).values_list("session_type", flat=True)
    )

    assert types == set(Bill.Type.values) - {"procedure"}
    assert not FeeScheduleItem.objects.filter(cpt_code="99201").exists()


def test_the_administrator_changes_a_price_and_it_is_recorded_without_the_amount(signed_in, omar):
    item = make_fee(unit_price="2000")

    response = signed_in(omar).post(
        reverse("admin:billing_feescheduleitem_change", args=[item.pk]), data_of(item, unit_price="2200")
    )

    item.refresh_from_db()
    event = AuditEvent.objects.get(target_id=str(item.pk))
    assert response.status_code == 302
    assert item.unit_price == Decimal(2200)
    assert (event.action, event.detail) == ("administer", {"fields": ["unit_price"]})


def test_a_new_price_changes_no_bill_that_is_drafted(signed_in, omar, asha):
    FeeScheduleItem.objects.all().delete()
    item = make_fee(unit_price="2000")
    bill = make_bill(asha, total=None)

    signed_in(omar).post(
        reverse("admin:billing_feescheduleitem_change", args=[item.pk]), data_of(item, unit_price="2200")
    )

    bill.refresh_from_db()
    assert bill.total_amount == Decimal(2000)


def test_a_price_is_ended_and_not_deleted(signed_in, omar):
    item = make_fee()

    assert signed_in(omar).get(reverse("admin:billing_feescheduleitem_delete", args=[item.pk])).status_code == 403


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_nobody_else_keeps_prices(request, signed_in, person):
    assert signed_in(request.getfixturevalue(person)).get(reverse(LIST), follow=True).status_code == 403


def test_bills_and_the_ledger_are_not_in_set_up():
    assert not {Bill, LedgerEntry} & set(admin.site._registry)
