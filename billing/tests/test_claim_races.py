"""Twenty at once on one claim: prepared once, answered once."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.ledger.checking import find_faults
from billing.models import Bill, Claim, Payment
from billing.services import claim_payments, claims
from billing.tests.claim_factories import make_claim, make_claimable, make_payer, set_up_clinic
from billing.tests.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 20


def load(claim):
    """Read a claim as another request does."""
    return Claim.objects.select_related("bill__patient", "bill__doctor", "payer").get(pk=claim.pk)


def test_a_bill_asked_for_its_claim_twenty_times_at_once_has_one(asha):
    set_up_clinic(asha)
    make_payer()
    bill = make_claimable(asha)

    def prepare():
        claims.prepare_claim(Bill.objects.get(pk=bill.pk), by=asha, at=timezone.now())

    assert at_once([prepare] * MANY) == ["done"] * MANY
    assert [claim.control_number for claim in Claim.objects.all()] == ["CLM-000001"]


@pytest.mark.parametrize("is_same_form", [True, False])
def test_an_insurer_pays_a_claim_once(asha, is_same_form):
    set_up_clinic(asha)
    claim = make_claim(asha, status=Claim.Status.SENT)
    key = uuid4()

    def settle():
        own = key if is_same_form else uuid4()
        claim_payments.mark_paid(load(claim), amount=Decimal(120), by=asha, at=timezone.now(), key=own)

    outcomes = at_once([settle] * MANY)

    assert outcomes.count("done") == (MANY if is_same_form else 1)
    assert Payment.objects.count() == 1
    assert Bill.objects.get(pk=claim.bill_id).outstanding_amount == Decimal(80)
    assert list(find_faults(timezone.now())) == []
