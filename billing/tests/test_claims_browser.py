"""The story of a claim in a browser: prepared, completed, sent, denied, resubmitted, paid; clean on every page."""

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Bill, Claim
from billing.services import claims
from billing.tests.claim_factories import make_claim, make_claimable, make_insured, make_payer, set_up_clinic
from billing.tests.x12_validator import complaints
from synapse.testing.browser import DESKTOP, PHONE, assert_page_is_clean

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_claim_is_denied_resubmitted_and_paid(browse, asha):
    set_up_clinic(asha)
    bill = make_claimable(asha, covered="150")
    page = browse(asha, f"/bills/{bill.pk}/")
    assert_page_is_clean(page)

    page.get_by_role("button", name="Insurance verified").click()
    page.get_by_role("link", name="Add this insurer and claim").click()
    page.get_by_label("Electronic payer ID").fill("STAR1")
    page.get_by_label("Kind of coverage").select_option("group")
    page.get_by_role("button", name="Add and prepare the claim").click()
    page.get_by_role("heading", name="Still to fill in").wait_for()
    assert_page_is_clean(page)

    page.locator("a[href$='#id_relationship']").click()
    for label, choice in {
        "6 Patient's relationship to the insured": "self",
        "10a Condition comes from employment": "no",
        "10b Condition comes from a car accident": "no",
        "10c Condition comes from another accident": "no",
        "12 Patient lets the clinic release information": "on_file",
        "13 Insured lets the insurer pay the clinic": "on_file",
        "27 Accept assignment": "yes",
    }.items():
        page.get_by_label(label).select_option(choice)
    page.get_by_role("button", name="Save boxes").click()
    page.get_by_text("Boxes saved").wait_for()
    assert page.get_by_role("heading", name="Still to fill in").count() == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="837P file").click()
    assert complaints(download.value.path().read_text()) == []

    send(page)
    page.get_by_role("link", name="Denied").click()
    page.get_by_label("Reason").fill("CO-4: the modifier is missing")
    page.get_by_label("The insurer's claim number").fill("ICN-77")
    page.get_by_role("button", name="Denied").click()
    page.get_by_role("button", name="Resubmit").click()
    page.get_by_role("link", name="Boxes").click()
    page.get_by_label("Modifiers").fill("95")
    page.get_by_role("button", name="Save boxes").click()
    page.get_by_text("7, replaces one, ICN-77").wait_for()
    send(page)
    page.get_by_role("link", name="Insurer's payment").click()
    page.get_by_label("The insurer pays").fill("120")
    page.get_by_label("Agreed reduction").fill("30")
    page.get_by_role("button", name="Insurer's payment").click()
    page.get_by_text("$50.00 is left to the patient").wait_for()
    assert_page_is_clean(page)

    bill = Bill.objects.get(pk=bill.pk)
    assert [claim.status for claim in bill.claims.order_by("control_number")] == ["denied", "paid"]
    assert (bill.outstanding_amount, bill.patient_responsibility) == (Decimal(50), Decimal(50))


def send(page):
    page.get_by_role("link", name="Mark as sent").click()
    page.get_by_text("837P file").click()
    page.get_by_role("button", name="Mark as sent").click()
    page.get_by_text("Noted that the claim is on its way").wait_for()


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_the_pages_of_claims_are_clean(browse, asha, rita, viewport, dark):
    set_up_clinic(asha)
    make_payer()
    patient = make_insured(asha)
    prepared = claims.prepare_claim(make_claimable(asha, patient=patient), by=asha, at=timezone.now())
    sent = make_claim(asha, status=Claim.Status.SENT, bill=make_claimable(asha, patient=patient, covered="150"))
    denied = make_claim(asha, status=Claim.Status.DENIED, bill=make_claimable(asha, patient=patient))
    make_claimable(asha, patient=patient)

    page = browse(rita, "/bills/claims/", viewport=viewport, dark=dark)

    assert_page_is_clean(page)
    for path in (
        "claims/?show=to_send",
        "claims/?show=unclaimed",
        f"claims/{prepared.pk}/",
        f"claims/{prepared.pk}/edit/",
        f"claims/{sent.pk}/",
        f"claims/{sent.pk}/paid/",
        f"claims/{sent.pk}/deny/",
        f"claims/{denied.pk}/",
        f"{sent.bill_id}/",
        "insurers/",
        f"insurers/{sent.payer_id}/",
        f"superbill/{patient.pk}/",
    ):
        page.goto(f"/bills/{path}")
        assert_page_is_clean(page)
