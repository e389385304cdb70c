"""Set-up tables of billing: to look at, with single codes to correct, and nothing deleted."""

import pytest
from django.contrib import admin
from django.urls import reverse

from billing.codes import lookup as codes
from billing.models import Bill, BillingSettings, Code, FeeScheduleItem, LedgerEntry, Payer, ReminderStage
from billing.tests.factories import make_fee
from synapse.audit.models import AuditEvent

LIST = "admin:billing_feescheduleitem_changelist"
SHOWN = [FeeScheduleItem, Code, Payer, ReminderStage, BillingSettings]


def address(model, page, *args):
    return reverse(f"admin:billing_{model._meta.model_name}_{page}", args=args)


def test_the_schedule_a_clinic_starts_with_prices_every_kind_of_visit(db):
    types = set(
        FeeScheduleItem.objects.filter(minimum_minutes=0, is_active=True).values_list("session_type", flat=True)
    )

    assert types == set(Bill.Type.values) - {"procedure"}
    assert not FeeScheduleItem.objects.filter(cpt_code="99201").exists()


@pytest.mark.parametrize("model", SHOWN)
def test_the_administrator_looks_and_nobody_adds_or_deletes(signed_in, omar, model):
    make_fee()
    BillingSettings.load()
    client = signed_in(omar)

    assert client.get(address(model, "changelist")).status_code == 200
    assert client.get(address(model, "add")).status_code == 403
    row = model.objects.first()
    if row is not None:
        assert client.get(address(model, "change", row.pk)).status_code == 200
        assert client.get(address(model, "delete", row.pk)).status_code == 403


def test_a_price_is_not_rewritten_here(signed_in, omar):
    item = make_fee(unit_price="2000")

    answer = signed_in(omar).post(address(FeeScheduleItem, "change", item.pk), {"unit_price": "1"})

    item.refresh_from_db()
    assert (answer.status_code, item.unit_price) == (403, 2000)


def test_a_code_is_corrected_found_by_its_new_words_and_recorded(signed_in, omar):
    code = Code.objects.get(system="cpt", code="90834")
    data = {"words": "Ourwords here", "minimum_minutes": 38, "maximum_minutes": 52, "retired_in": "", "replaced_by": ""}

    answer = signed_in(omar).post(address(Code, "change", code.pk), data)

    assert answer.status_code == 302
    assert [row.code for row in codes.search("cpt", "ourwords")] == ["90834"]
    event = AuditEvent.objects.get(target_id=str(code.pk))
    assert event.detail == {"verb": "change_code", "fields": ["words"]}


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_nobody_else_sees_set_up(request, signed_in, person):
    assert signed_in(request.getfixturevalue(person)).get(reverse(LIST), follow=True).status_code == 403


def test_bills_and_the_ledger_are_not_in_set_up():
    assert not {Bill, LedgerEntry} & set(admin.site._registry)
