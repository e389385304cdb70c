"""The pages of drafts: changing one, confirming its codes, beginning one by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Bill, FeeScheduleItem
from billing.services import drafting, editing, issuing
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from synapse.audit.models import AuditEvent

Status = Bill.Status


def page(name, *args):
    return reverse(f"billing:{name}", args=args)


def lines(*rows, initial=1):
    data = {"lines-TOTAL_FORMS": str(len(rows)), "lines-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        for name, value in {"quantity": "1", "cpt_code": "", **row}.items():
            data[f"lines-{number}-{name}"] = value
    return data


REST = {"discount": "0", "tax_rate": "0", "insurance_covered": "", "primary_diagnosis_code": "", "notes": ""}


def test_a_draft_is_edited(signed_in, rita, asha):
    bill = make_bill(asha)
    data = lines(
        {"description": "Psychotherapy", "unit_price": "2,000", "cpt_code": "90834"},
        {"description": "Questionnaire", "unit_price": "100", "quantity": "2", "cpt_code": "96127"},
        {"description": "", "unit_price": "", "quantity": "1"},
    )

    response = signed_in(rita).post(
        page("edit", bill.pk), data | REST | {"discount": "200", "primary_diagnosis_code": "f32.1"}
    )

    bill.refresh_from_db()
    assert response.status_code == 302
    assert (bill.subtotal, bill.total_amount) == (Decimal(2200), Decimal(2000))
    assert [line["cpt_code"] for line in bill.line_items] == ["90834", "96127"]
    assert bill.primary_diagnosis_code == "F32.1"


def test_a_line_can_be_removed_but_not_the_last(signed_in, asha):
    bill = make_bill(asha)
    row = {"description": "Psychotherapy", "unit_price": "1000", "DELETE": "on"}

    response = signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    assert response.status_code == 422
    assert "at least one line" in response.content.decode()


def test_figures_nobody_means_are_refused(signed_in, asha):
    client, address = signed_in(asha), page("edit", make_bill(asha).pk)
    row = {"description": "Psychotherapy", "unit_price": "1000"}

    for figure in ("9" * 5000, "²"):
        sent = lines(row | {"diagnosis_pointers": figure}) | REST
        assert client.post(address, sent).status_code == 422
        assert client.post(address, sent | {"lines-TOTAL_FORMS": figure}).status_code == 422


def test_a_price_typed_by_hand_ends_the_missing_one_and_its_reason(signed_in, asha):
    FeeScheduleItem.objects.update(is_active=False)
    bill = make_bill(asha, total=None)
    stored = bill.line_items[0]
    row = {"description": stored["description"], "unit_price": "1500", "price_missing": "True", "note": stored["note"]}

    signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    bill.refresh_from_db()
    assert (bill.line_items[0]["price_missing"], bill.line_items[0]["note"]) == (False, "")
    assert issuing.can_issue(bill)


def test_leaving_the_price_at_nothing_keeps_it_missing(signed_in, asha):
    FeeScheduleItem.objects.update(is_active=False)
    bill = make_bill(asha, total=None)
    stored = bill.line_items[0]
    row = {"description": stored["description"], "unit_price": "0.00", "price_missing": "True", "note": stored["note"]}

    signed_in(asha).post(page("edit", bill.pk), lines(row) | REST)

    bill.refresh_from_db()
    assert bill.line_items[0]["price_missing"] is True


def test_an_issued_bill_has_no_edit_page(signed_in, asha):
    assert signed_in(asha).get(page("edit", make_bill(asha, status=Status.SENT).pk)).status_code == 409


SENT = {"description": "Psychotherapy", "unit_price": "1000.00", "cpt_code": "90834"}


def press(client, bill, step, data, *, htmx=True):
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(page("edit", bill.pk), data | {"step": step}, headers=headers)


@pytest.mark.parametrize("htmx", [True, False], ids=["in the page", "without scripts"])
def test_a_line_is_added_and_nothing_typed_is_lost_or_saved(signed_in, asha, htmx):
    bill = make_bill(asha)
    data = lines({**SENT, "unit_price": "12x", "modifiers": "95"}) | REST | {"notes": "half a sen"}

    response = press(signed_in(asha), bill, "add", data, htmx=htmx)

    rows = response.context["lines"].forms
    assert response.status_code == 200
    assert [row["unit_price"].value() for row in rows] == ["12x", ""]
    assert (rows[0]["modifiers"].value(), response.context["form"]["notes"].value()) == ("95", "half a sen")
    assert ("<html" in response.content.decode()) is not htmx
    bill.refresh_from_db()
    assert (len(bill.line_items), bill.notes) == (1, "")


def test_totals_follow_what_is_typed_without_saving(signed_in, asha):
    bill = make_bill(asha)
    data = lines({**SENT, "tax_rate": "18"}, {"description": "Test", "unit_price": "500"}) | REST
    data |= {"discount": "10", "discount_kind": "percent", "insurance_covered": "1000", "copay": "100"}

    html = press(signed_in(asha), bill, "totals", data).content.decode()

    for figure in ("₹1,500.00", "Discount 10 %", "−₹150.00", "Tax 18 % of ₹900.00", "₹162.00", "₹1,512.00", "₹512.00"):
        assert figure in html
    assert "<form" not in html
    bill.refresh_from_db()
    assert bill.total_amount == 1000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"discount": "1000.01"}, "between nothing and the sum"),
        ({"insurance_covered": "5000"}, "between nothing and the whole bill"),
        ({"discount": "x"}, "Enter an amount in numbers"),
        ({"copay": "900", "insurance_covered": "200"}, "more than the patient pays"),
    ],
)
def test_figures_that_cannot_be_are_told_before_and_at_saving(signed_in, asha, change, words):
    bill, client = make_bill(asha), signed_in(asha)
    data = lines(SENT) | REST | change

    assert words in press(client, bill, "totals", data).content.decode()
    saved = client.post(page("edit", bill.pk), data)
    assert saved.status_code == 422
    assert words in saved.content.decode()


def test_changing_what_the_patient_pays_changes_the_insurers_part(signed_in, asha):
    bill, client = make_bill(asha), signed_in(asha)
    client.post(page("edit", bill.pk), lines(SENT) | REST | {"insurance_covered": "700"})

    client.post(
        page("edit", bill.pk),
        lines(SENT) | REST | {"insurance_covered": "700.00", "patient_responsibility": "450"},
    )

    bill.refresh_from_db()
    assert (bill.insurance_covered_amount, bill.patient_responsibility) == (Decimal(550), Decimal(450))


def test_a_suggestion_is_put_in_when_it_is_pressed_and_not_before(signed_in, asha):
    bill, client = make_bill(asha), signed_in(asha)
    Bill.objects.update(bill_type="telemedicine")
    data = lines(SENT, {"description": "Test", "unit_price": "5"}) | REST | {"place_of_service": "11"}

    offered = press(client, bill, "add", data).context["suggestions"]
    assert "modifier-95" in [each.key for each in offered]
    taken = press(client, bill, "suggest:modifier-95", data)
    assert [row["modifiers"].value() for row in taken.context["lines"].forms] == ["95", ""]
    taken = press(client, bill, "suggest:place-10", data)
    assert taken.context["form"]["place_of_service"].value() == "10"


def test_an_add_on_takes_the_place_of_its_code_and_asks_for_its_price(signed_in, asha):
    bill = make_bill(asha)
    data = lines(SENT, {"description": "Review", "unit_price": "800", "cpt_code": "99213"}) | REST

    taken = press(signed_in(asha), bill, "suggest:instead-of-90834-code-90836", data)

    row = taken.context["lines"].forms[0]
    assert (row["cpt_code"].value(), row["unit_price"].value()) == ("90836", "")
    assert "45 minutes" in row["description"].value()


def test_name_and_price_of_a_code_come_from_the_fee_schedule_without_scripts(signed_in, asha):
    bill = make_bill(asha)
    data = lines(SENT, {"description": "", "unit_price": "", "cpt_code": "90791"}) | REST

    assert signed_in(asha).post(page("edit", bill.pk), data).status_code == 302

    bill.refresh_from_db()
    assert (bill.line_items[1]["description"], bill.line_items[1]["amount"]) == (
        "First psychiatric assessment",
        "2500.00",
    )


def test_the_page_asks_for_the_price_of_a_code(signed_in, asha):
    bill, client = make_bill(asha), signed_in(asha)

    def ask(code):
        return client.post(page("price_of_code", bill.pk), {"code": code}).json()

    assert ask("90834") == {"description": "Psychotherapy, 45 minutes", "unit_price": "2000.00", "tax_rate": ""}
    assert ask("90853")["unit_price"] == ""
    assert ask("12345") == {}


def test_a_code_the_minutes_do_not_reach_is_saved_with_a_reason_only(signed_in, asha):
    bill, client = make_bill(asha, minutes=46), signed_in(asha)
    data = lines({**SENT, "cpt_code": "90837"}) | REST

    refused = client.post(page("edit", bill.pk), data)
    assert refused.status_code == 422
    assert "46 minutes do not reach 90837, which begins at 53" in refused.content.decode()
    client.post(page("edit", bill.pk), data | {"lines-0-reason": "The recording began late"})

    html = client.get(page("detail", bill.pk)).content.decode()
    assert "Longer than recorded" in html
    assert "90837, because: The recording began late" in html
    kept = client.get(page("edit", bill.pk)).context["lines"].forms[0]
    assert kept["reason"].value() == "The recording began late"


@pytest.mark.parametrize(
    "change",
    [
        {"lines-0-cpt_code": "99201"},
        {"lines-0-modifiers": "95, GT, 25, 59, 76"},
        {"lines-0-diagnosis_pointers": "B"},
        {"lines-0-diagnosis_pointers": "Z"},
        {"lines-0-diagnosis_pointers": "²"},
        {"lines-0-tax_rate": "101"},
        {"primary_diagnosis_code": "depression"},
        {"other_diagnosis_codes": "F41.1"},
        {"place_of_service": "00"},
        {"discount": "101", "discount_kind": "percent"},
    ],
)
def test_what_no_claim_takes_is_refused_and_stays_in_its_field(signed_in, asha, change):
    bill = make_bill(asha)
    data = lines({**SENT, "modifiers": "", "diagnosis_pointers": "", "tax_rate": ""}) | REST
    data |= {"place_of_service": "", "other_diagnosis_codes": ""} | change

    response = signed_in(asha).post(page("edit", bill.pk), data)

    assert response.status_code == 422
    bill.refresh_from_db()
    assert bill.line_items[0]["cpt_code"] == "90834"


def test_two_people_at_one_draft_lose_nothing(signed_in, asha, rita):
    bill = make_bill(asha)
    first, second = signed_in(asha), signed_in(rita)
    seen = second.get(page("edit", bill.pk)).context["form"]["version"].value()
    first.post(page("edit", bill.pk), lines({**SENT, "unit_price": "1200"}) | REST | {"version": seen})

    mine = lines({**SENT, "unit_price": "1500"}) | REST | {"notes": "Mine"}
    told = second.post(page("edit", bill.pk), mine | {"version": seen})

    html = told.content.decode()
    assert told.status_code == 409
    assert "Somebody else changed this draft" in html
    assert "₹1,200.00" in html
    assert told.context["form"]["notes"].value() == "Mine"
    bill.refresh_from_db()
    assert bill.total_amount == 1200
    assert second.post(page("edit", bill.pk), mine | {"version": told.context["version"]}).status_code == 302
    bill.refresh_from_db()
    assert (bill.total_amount, bill.notes) == (1500, "Mine")


def test_the_bill_says_whether_its_codes_are_suggested_or_confirmed(signed_in, asha, rita):
    bill = make_bill(asha)

    assert "Confirm codes" not in signed_in(rita).get(page("detail", bill.pk)).content.decode()
    assert signed_in(rita).post(page("confirm_codes", bill.pk)).status_code == 403
    client = signed_in(asha)
    assert "Confirm codes" in client.get(page("detail", bill.pk)).content.decode()
    assert client.post(page("confirm_codes", bill.pk))["Location"] == page("detail", bill.pk)
    assert "Confirmed by Dr Asha Rao" in client.get(page("detail", bill.pk)).content.decode()


def test_a_draft_is_saved_and_confirmed_in_one_press(signed_in, asha):
    bill = make_bill(asha)

    signed_in(asha).post(page("edit", bill.pk), lines(SENT) | REST | {"confirm": "1"})

    bill.refresh_from_db()
    assert bill.codes_confirmed_by == asha


def test_somebody_elses_draft_can_be_saved_but_not_confirmed(signed_in, asha, rita):
    bill = make_bill(asha)
    data = lines({**SENT, "unit_price": "900"}) | REST | {"confirm": "1"}

    assert signed_in(rita).post(page("edit", bill.pk), data).status_code == 403
    bill.refresh_from_db()
    assert (bill.codes_confirmed_at, bill.total_amount) == (None, 1000)


def test_the_clinician_confirms_from_the_sessions_page(signed_in, asha, ben, rita):
    bill = make_bill(asha, total=None, minutes=46)
    client = signed_in(asha)

    card = client.get(page("for_session", bill.session_id)).content.decode()
    for words in ("Psychotherapy, 45 minutes", "7 minutes short of 90837", "Suggested", "Confirm codes"):
        assert words in card
    assert AuditEvent.objects.filter(action="read", target_id=str(bill.pk)).exists()
    after = client.post(page("confirm_codes", bill.pk), headers={"HX-Request": "true"}).content.decode()
    assert "Codes confirmed" in after
    assert "<html" not in after
    assert signed_in(ben).get(page("for_session", bill.session_id)).status_code == 404
    assert signed_in(rita).get(page("for_session", bill.session_id)).status_code == 404


def test_a_session_without_a_bill_shows_no_card(signed_in, asha, now):
    session = sessions.start_session(make_patient(doctor=asha), by=asha, at=now)

    assert signed_in(asha).get(page("for_session", session.pk)).status_code == 204


def test_a_bill_by_hand_begins_with_the_patient(signed_in, rita, asha):
    patient = make_patient(doctor=asha, first_name="Kavya", last_name="Iyer")
    client = signed_in(rita)

    assert "Find the patient" in client.get(page("new")).content.decode()
    found = client.post(page("new"), {"query": "Kavya"}).content.decode()
    assert f'value="{patient.pk}"' in found
    chosen = client.post(page("new"), {"query": "Kavya", "patient": str(patient.pk)})
    assert chosen.context["patient"] == patient
    sent = {"patient": str(patient.pk), "bill_type": "procedure", "doctor": str(asha.pk), "visit": ""}
    drafted = client.post(page("new"), sent)

    bill = Bill.objects.get()
    assert drafted["Location"] == page("edit", bill.pk)
    assert (bill.patient, bill.bill_type, bill.doctor, bill.generated_by) == (patient, "procedure", asha, rita)


def test_sessions_and_visits_without_a_bill_are_offered(signed_in, rita, asha, now):
    patient = make_patient(doctor=asha)
    make_bill(asha, patient=patient)
    session = sessions.start_session(patient, by=asha, at=now - timedelta(days=1, minutes=46), with_recording=False)
    sessions.complete_session(session, by=asha, at=now - timedelta(days=1))
    visit = make_appointment(asha, patient=patient, scheduled_at=now - timedelta(days=2), status="completed")
    client = signed_in(rita)

    form = client.post(page("new"), {"patient": str(patient.pk)}).context["form"]
    assert [key for key, _ in form.fields["visit"].choices] == [f"session-{session.pk}", f"visit-{visit.pk}", ""]
    client.post(page("new"), {"patient": str(patient.pk), "bill_type": "followup", "visit": f"session-{session.pk}"})
    bill = drafting.draft_bill_for_session(session, by=asha, at=now)
    assert (bill.generated_by, bill.doctor, bill.total_amount) == (rita, asha, 2000)
    assert editing.version_of(bill)


def test_nobody_bills_a_patient_of_somebody_else(signed_in, ben, asha):
    patient = make_patient(doctor=asha)

    response = signed_in(ben).post(page("new"), {"patient": str(patient.pk), "bill_type": "followup"})

    assert "Find the patient" in response.content.decode()
    assert not Bill.objects.exists()
