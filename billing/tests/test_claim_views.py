"""The doors of claims, insurers and superbills: who may open them, and what they do."""

import re
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from billing.claims.boxes import load_form
from billing.models import Bill, BillingSettings, Claim, Payer, Payment
from billing.money import Line
from billing.services import claims, insurance
from billing.tests.claim_factories import (
    ANSWERS,
    DOCTOR_NPI,
    make_claim,
    make_claimable,
    make_insured,
    make_payer,
    set_up_clinic,
)
from billing.tests.x12_validator import complaints
from synapse.audit.models import Action, AuditEvent

pytestmark = pytest.mark.django_db
Status = Claim.Status


@pytest.fixture(autouse=True)
def clinic(asha):
    set_up_clinic(asha)


@pytest.fixture
def as_user(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def pdf_text(content):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


PAGES = [
    "claim",
    "claim_edit",
    "claim_send",
    "claim_accept",
    "claim_deny",
    "claim_paid",
    "claim_take_back",
    "claim_sheet",
]
POSTS = ["claim_fill", "claim_resubmit", "claim_withdraw"]


@pytest.mark.parametrize("name", PAGES + POSTS)
def test_a_stranger_does_not_find_a_claim(as_user, asha, ben, name):
    claim = make_claim(asha)
    client = as_user(ben)
    address = reverse(f"billing:{name}", args=[claim.pk])

    assert (client.post(address) if name in POSTS else client.get(address)).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_reception_opens_every_page_of_a_claim(as_user, asha, rita, name):
    claim = make_claim(asha)

    assert as_user(rita).get(reverse(f"billing:{name}", args=[claim.pk])).status_code == 200


@pytest.mark.parametrize("name", ["claims", "payers", "payer_new"])
def test_the_lists_open_for_all_who_work_with_bills(as_user, asha, rita, omar, name):
    make_claim(asha)
    for user in (asha, rita, omar):
        assert as_user(user).get(reverse(f"billing:{name}")).status_code == 200


@pytest.mark.parametrize("name", [*POSTS, "claim_batch"])
def test_verbs_are_posts(as_user, asha, name):
    args = [] if name == "claim_batch" else [make_claim(asha).pk]

    assert as_user(asha).get(reverse(f"billing:{name}", args=args)).status_code == 405


def test_the_bill_shows_who_pays_and_offers_the_claim(as_user, asha, rita):
    make_payer()
    bill = make_claimable(asha, covered="150")
    client = as_user(rita)

    page = client.get(reverse("billing:detail", args=[bill.pk])).content.decode()

    assert "Who pays" in page
    assert "policy" in page
    assert "W123456789" not in page
    assert "75% of the bill" in page
    response = client.post(reverse("billing:claim_prepare", args=[bill.pk]))
    claim = Claim.objects.get()
    assert response.url == reverse("billing:claim", args=[claim.pk])
    assert claim.control_number in client.get(reverse("billing:detail", args=[bill.pk])).content.decode()


def test_an_unknown_insurer_is_offered_by_the_bills_name_and_claimed_from(as_user, asha, rita):
    bill = make_claimable(asha)
    client = as_user(rita)

    response = client.post(reverse("billing:claim_prepare", args=[bill.pk]))
    assert response.url == reverse("billing:payer_of_bill", args=[bill.pk])
    assert "star" not in response.url
    assert b"star  health" in client.get(response.url).content
    client.post(response.url, {"name": "Star  Health", "electronic_id": "star 1", "is_active": "on"})

    payer = Payer.objects.get()
    assert (payer.name, payer.electronic_id) == ("Star Health", "STAR1")
    assert Claim.objects.get().payer == payer


def test_an_insurer_stands_once(as_user, rita):
    make_payer("Star Health")

    response = as_user(rita).post(reverse("billing:payer_new"), {"name": " star   HEALTH"})

    assert response.status_code == 422
    assert b"insurer of this name already" in response.content
    assert Payer.objects.count() == 1


def form_data(claim, **changes):
    form = load_form(claim.form)
    data = dict(form.boxes)
    data |= {"seen": claim.updated_at.isoformat(), "diagnoses": ", ".join(form.diagnoses)}
    for place, line in enumerate(form.lines):
        for name in ("start", "end", "place", "pointers", "emergency", "npi"):
            data[f"lines-{place}-{name}"] = getattr(line, name)
        data[f"lines-{place}-modifiers"] = ", ".join(line.modifiers)
    return {**data, **changes}


def test_boxes_are_filled_in_on_the_page(as_user, asha, rita):
    make_payer()
    claim = claims.prepare_claim(make_claimable(asha), by=asha, at=timezone.now())
    client = as_user(rita)
    page = client.get(reverse("billing:claim", args=[claim.pk])).content.decode()
    assert "Still to fill in" in page
    assert "#id_relationship" in page

    data = form_data(claim, **ANSWERS, **{"lines-0-modifiers": "95 gt", "lines-0-place": "10", "diagnoses": "F99"})
    response = client.post(reverse("billing:claim_edit", args=[claim.pk]), data)

    assert response.status_code == 302, response.content.decode()
    claim.refresh_from_db()
    form = load_form(claim.form)
    assert (form.get("relationship"), form.lines[0].modifiers, form.lines[0].place) == ("self", ["95", "GT"], "10")
    assert form.diagnoses == ["F32.1"], "reception does not change diagnoses"


def test_a_bad_box_is_said_and_nothing_typed_is_lost(as_user, asha):
    claim = make_claim(asha)
    data = form_data(claim, patient_city="New Town", billing_npi="1234567890", **{"lines-0-pointers": "AZ"})

    response = as_user(asha).post(reverse("billing:claim_edit", args=[claim.pk]), data)

    page = response.content.decode()
    assert response.status_code == 422
    assert "New Town" in page
    assert "ten digits" in page
    assert "letters of box 21" in page


def test_a_form_opened_before_somebody_elses_change_is_refused(as_user, asha):
    claim = make_claim(asha)
    old = form_data(claim, patient_city="Mine")
    claims.edit_claim(claim, load_form(claim.form), by=asha, at=timezone.now())

    response = as_user(asha).post(reverse("billing:claim_edit", args=[claim.pk]), old)

    assert response.status_code == 422
    assert b"in the meantime" in response.content
    assert b"Mine" in response.content


def test_the_file_is_valid_named_without_words_and_audited(as_user, asha, rita):
    claim = make_claim(asha)

    response = as_user(rita).post(reverse("billing:claim_batch"), {"claim": str(claim.pk), "act": "file"})

    content = response.content.decode("ascii")
    assert complaints(content) == []
    assert response["Content-Disposition"] == 'attachment; filename="claims-000000001.x12"'
    event = AuditEvent.objects.filter(action=Action.EXPORT, target_label=claim.control_number).get()
    assert event.detail == {"verb": "file", "format": "837p", "interchange": "000000001"}
    assert "CLM*CLM-000001*200*" in content
    assert "NM1*82*1*RAO*ASHA" in content


def test_several_claims_go_into_one_file_under_a_new_number_each_time(as_user, asha):
    several = [make_claim(asha) for _ in range(3)]
    data = {"claim": [str(claim.pk) for claim in several], "act": "file"}
    client = as_user(asha)

    first = client.post(reverse("billing:claim_batch"), data)
    second = client.post(reverse("billing:claim_batch"), data)

    assert first.content.count(b"CLM*") == 3
    assert complaints(first.content.decode()) == []
    assert first["Content-Disposition"] != second["Content-Disposition"]


def test_an_incomplete_claim_gives_no_file(as_user, asha):
    make_payer()
    claim = claims.prepare_claim(make_claimable(asha), by=asha, at=timezone.now())

    response = as_user(asha).post(reverse("billing:claim_batch"), {"claim": str(claim.pk), "act": "file"}, follow=True)

    assert "attachment" not in response.headers.get("Content-Disposition", "")
    assert not AuditEvent.objects.filter(action=Action.EXPORT).exists()


def test_without_a_clearing_house_a_file_is_to_one_insurer(as_user, asha):
    settings = BillingSettings.load()
    settings.clearing_house_id = settings.clearing_house_name = ""
    settings.save()
    first = make_claim(asha)
    make_payer("Moon Health", electronic_id="MOON1")
    patient = make_insured(asha, insurance_provider="Moon Health")
    second = make_claim(asha, bill=make_claimable(asha, patient=patient))
    client = as_user(asha)

    alone = client.post(reverse("billing:claim_batch"), {"claim": str(first.pk), "act": "file"})
    both = client.post(reverse("billing:claim_batch"), {"claim": [str(first.pk), str(second.pk)], "act": "file"})

    assert b"NM1*40*2*STAR HEALTH*****46*STAR1" in alone.content
    assert complaints(alone.content.decode()) == []
    assert "Content-Disposition" not in both.headers


def test_chosen_claims_are_marked_as_sent_and_what_was_left_out_is_said(as_user, asha):
    make_payer()
    ready = make_claim(asha)
    incomplete = claims.prepare_claim(
        make_claimable(asha, patient=make_insured(asha, insurance_policy_number="")), by=asha, at=timezone.now()
    )

    response = as_user(asha).post(
        reverse("billing:claim_batch"), {"claim": [str(ready.pk), str(incomplete.pk)], "act": "sent"}, follow=True
    )

    page = response.content.decode()
    assert "1 claim marked as sent" in page
    assert incomplete.control_number in page
    ready.refresh_from_db()
    assert ready.status == Status.SENT


def test_a_claim_is_sent_denied_resubmitted_and_paid_at_the_doors(as_user, asha):
    claim = make_claim(asha)
    client = as_user(asha)
    today = timezone.now().astimezone().date()

    client.post(reverse("billing:claim_send", args=[claim.pk]), {"via": "file", "on": today - timedelta(days=1)})
    client.post(reverse("billing:claim_deny", args=[claim.pk]), {"reason": "CO-16", "claim_number": "ICN-1"})
    client.post(reverse("billing:claim_resubmit", args=[claim.pk]))
    second = Claim.objects.get(replaces=claim)
    client.post(reverse("billing:claim_send", args=[second.pk]), {"via": "portal", "on": today - timedelta(days=1)})
    client.post(reverse("billing:claim_accept", args=[second.pk]), {"claim_number": "ICN-2"})
    key = str(uuid4())
    for _ in range(2):
        response = client.post(
            reverse("billing:claim_paid", args=[second.pk]), {"amount": "120", "contractual": "30", "key": key}
        )

    claim.refresh_from_db()
    second.refresh_from_db()
    assert (claim.status, second.status) == (Status.DENIED, Status.PAID)
    assert response.status_code == 302
    assert Payment.objects.get().amount == Decimal(120)
    assert second.bill.outstanding_amount == Decimal(50)
    assert second.bill.insurance_claim_number == "ICN-2"


def test_a_broken_rule_stays_on_the_page_of_the_step(as_user, asha):
    claim = make_claim(asha, status=Status.SENT)
    client = as_user(asha)

    response = client.post(
        reverse("billing:claim_paid", args=[claim.pk]), {"amount": "150", "contractual": "60", "key": str(uuid4())}
    )

    assert response.status_code == 422
    assert b"agreed reduction is more" in response.content
    assert b'value="150"' in response.content


def test_reception_takes_the_payment_and_cannot_take_off_the_reduction(as_user, asha, rita):
    claim = make_claim(asha, status=Status.SENT)

    page = as_user(rita).get(reverse("billing:claim_paid", args=[claim.pk])).content.decode()

    assert "Agreed reduction" not in page


def test_the_list_filters_and_its_total_is_that_of_the_rows(as_user, asha, rita):
    old = make_claim(asha, status=Status.SENT)
    Claim.objects.filter(pk=old.pk).update(sent_at=timezone.now() - timedelta(days=70))
    make_claim(asha, status=Status.SENT, bill=make_claimable(asha, lines=[Line("A", Decimal(33), cpt_code="90834")]))
    make_claim(asha, status=Status.DENIED)
    waiting = make_claimable(asha)
    client = as_user(rita)

    page = client.get(reverse("billing:claims")).context
    assert (page["page"].paginator.count, page["sums"]) == (2, {"USD": Decimal(233)})
    assert page["counts"]["denied"] == 1
    assert [(each.key, each.count) for each in page["ages"]] == [("30", 1), ("60", 0), ("90", 1), ("older", 0)]
    aged = client.get(reverse("billing:claims"), {"age": "90"}).context
    assert [claim.pk for claim in aged["page"]] == [old.pk]
    unclaimed = client.get(reverse("billing:claims"), {"show": "unclaimed"}).context
    assert [bill.pk for bill in unclaimed["page"]] == [waiting.pk]
    other = make_payer("Moon Health")
    assert not client.get(reverse("billing:claims"), {"payer": str(other.pk)}).context["page"].object_list
    assert client.get(reverse("billing:claims"), {"payer": "x", "show": "?", "age": "7"}).status_code == 200


def test_a_doctor_sees_claims_of_own_patients_only(as_user, asha, ben):
    make_claim(asha, status=Status.SENT)

    assert not as_user(ben).get(reverse("billing:claims")).context["page"].object_list


def test_the_data_sheet_holds_every_box_on_a_form_for_each_six_lines(as_user, asha):
    lines = [Line(f"Service {place}", Decimal(10 + place), cpt_code="96127") for place in range(8)]
    claim = make_claim(asha, bill=make_claimable(asha, lines=lines))

    response = as_user(asha).get(reverse("billing:claim_sheet", args=[claim.pk]))

    text = pdf_text(response.content)
    assert response["Content-Disposition"] == f'attachment; filename="{claim.control_number}.pdf"'
    assert len(PdfReader(BytesIO(response.content)).pages) == 2
    assert "form 1 of 2" in text
    assert "form 2 of 2" in text
    lettered = ["1a", "9a", "9b", "9c", "9d", "10a", "10b", "10c", "10d", "11a", "11b", "11c", "11d", "17a", "17b"]
    for number in [*map(str, {*range(1, 34)} - {10, 24}), *lettered, "32a", "32b", "33a", "33b"]:
        assert re.search(rf"^{number} [A-Z]", text, re.MULTILINE), number
    assert "Continued" in text
    assert "108.00" in text
    assert "W123456789" in text
    assert DOCTOR_NPI in text


def test_a_superbill_shows_confirmed_codes_only(as_user, asha, rita):
    patient = make_insured(asha)
    good = make_claimable(
        asha, patient=patient, lines=[Line("Talk", Decimal(180), cpt_code="90834", modifiers=("95",))]
    )
    make_claimable(asha, patient=patient, purpose="no_show")
    make_claimable(asha, patient=patient, codes_confirmed_at=None)
    client = as_user(rita)
    page = client.get(reverse("billing:superbill_of_patient", args=[patient.pk]))
    assert [bill.pk for bill in page.context["taken"]] == [good.pk]
    assert len(page.context["left_out"]) == 2

    response = client.get(reverse("billing:superbill_of_patient", args=[patient.pk]), {"file": "1"})

    text = pdf_text(response.content)
    assert response["Content-Disposition"] == 'attachment; filename="superbill.pdf"'
    assert good.bill_number in text
    assert text.count("INV-") == 1
    for words in ("Kavya Iyer", "W123456789", DOCTOR_NPI, "12-3456789", "90834", "95", "F32.1", "$180.00"):
        assert words in text, words
    assert AuditEvent.objects.filter(action=Action.EXPORT, detail__verb="superbill").count() == 1


def test_the_superbill_of_a_bill_that_belongs_on_none_says_why(as_user, asha):
    bill = make_claimable(asha, purpose="late_cancel")

    response = as_user(asha).get(reverse("billing:superbill", args=[bill.pk]), follow=True)

    assert "did not take place" in response.content.decode()


def test_days_in_the_wrong_order_are_said(as_user, asha):
    patient = make_insured(asha)

    response = as_user(asha).get(
        reverse("billing:superbill_of_patient", args=[patient.pk]), {"first": "2026-02-01", "last": "2026-01-01"}
    )

    assert response.status_code == 422
    assert b"before the first" in response.content


def test_verifying_marks_bill_and_visit_and_a_new_policy_shows(as_user, asha, rita):
    bill = make_claimable(asha)
    client = as_user(rita)
    assert insurance.verification_of(bill).state == insurance.Verified.NO

    client.post(reverse("billing:verify_insurance", args=[bill.pk]))

    bill = Bill.objects.get(pk=bill.pk)
    found = insurance.verification_of(bill)
    assert (found.state, found.by) == (insurance.Verified.YES, rita)
    patient = bill.patient
    patient.insurance_policy_number = "NEW-1"
    patient.save()
    bill = Bill.objects.get(pk=bill.pk)
    assert insurance.verification_of(bill).state == insurance.Verified.OTHER_POLICY
    page = client.get(reverse("billing:detail", args=[bill.pk])).content.decode()
    assert "Verified for another policy" in page
    client.post(reverse("billing:verify_insurance", args=[bill.pk]))
    bill = Bill.objects.get(pk=bill.pk)
    assert (bill.insurance_policy_number, insurance.verification_of(bill).state) == ("NEW-1", insurance.Verified.YES)
