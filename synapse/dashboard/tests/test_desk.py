"""What the front desk shows and who may press what there."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.models import Bill
from billing.services import payments
from billing.tests.factories import make_bill, make_fee
from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment, WalkIn
from scheduling.services import desk, stages
from scheduling.tests.factories import make_appointment
from synapse import workflows
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent, AuditSubject
from synapse.dashboard.desk import read_desk
from synapse.dashboard.desk_rows import Next
from synapse.dashboard.tests.factories import let_it_be_noon, make_day, make_visit, tell
from synapse.testing.plugin import make_user

HTMX = {"HX-Request": "true"}
PRESSES = ["check_in", "show_in", "seen", "called", "undo_stage"]


@pytest.fixture(autouse=True)
def noon(asha, ben, rita, omar, now):
    make_fee()
    let_it_be_noon([asha, ben, rita, omar], now)


def zone_of(user):
    return ZoneInfo(user.profile.timezone)


def desk_of(user, now, **options):
    with timezone.override(zone_of(user)):
        return read_desk(user, zone=zone_of(user), now=now, **options)


def rows_of(user, now):
    return {row.visit.patient.first_name: row for row in desk_of(user, now).rows}


def shown_by(event):
    return set(AuditSubject.objects.filter(event_seq=event.seq).values_list("patient_id", flat=True))


def chips_of(row):
    return [chip.text for chip in row.chips]


def test_a_whole_day_as_the_desk_sees_it(asha, ben, rita, now):
    make_day(asha, ben, rita, at=now)

    page = desk_of(rita, now)
    rows = {row.visit.patient.first_name: row for row in page.rows}

    assert (page.expected, page.gone, page.here) == (10, 1, 4)
    assert [row.visit.patient.first_name for row in page.unconfirmed] == ["Tomás", "Joseph"]
    assert (page.taken, page.payments) == (2000, 1)
    waiting = [(entry.minutes, entry.row and entry.row.visit.patient.first_name) for entry in page.waiting]
    assert waiting == [(21, "Ella"), (12, "Kavya"), (3, None)]
    assert {name: (row.look, row.next) for name, row in rows.items()} == {
        "Priya": ("past", None),
        "Henrik": ("", Next.CHECK_OUT),
        "Rohan": ("late", Next.CALL),
        "Kavya": ("here", Next.SHOW_IN),
        "Ella": ("late", Next.SHOW_IN),
        "Tomás": ("", Next.CHECK_IN),
        "Meera": ("", Next.RESEND),
        "Joseph": ("", Next.CALL),
        "Sofia": ("", Next.CHECK_IN),
        "Leila": ("", Next.CHECK_IN),
    }
    assert {name: chips_of(row) for name, row in rows.items()} == {
        "Priya": ["Paid ₹2,000"],
        "Henrik": ["Bill to hand over"],
        "Rohan": ["Did not come, not called"],
        "Kavya": ["Waiting 12 min", "Consent ok"],
        "Ella": ["Waiting 21 min", "Consent ok"],
        "Tomás": ["Not confirmed", "2 consents missing", "Insurance not checked"],
        "Meera": ["Confirmed", "Link sent"],
        "Joseph": ["SMS sent, no answer", "Allergy: yes"],
        "Sofia": ["Confirmed", "₹2,500 overdue"],
        "Leila": ["Confirmed", "2 consents missing"],
    }
    assert [(entry.visit.patient.first_name, entry.what) for entry in page.todo] == [
        ("Tomás", "consents"),
        ("Tomás", "insurance"),
        ("Tomás", f"confirm {rows['Tomás'].visit.scheduled_at.astimezone(zone_of(rita)):%-H:%M}"),
        ("Joseph", f"confirm {rows['Joseph'].visit.scheduled_at.astimezone(zone_of(rita)):%-H:%M}"),
        ("Leila", "consents"),
    ]


def test_a_clinician_narrows_the_sheet_but_not_the_numbers(asha, ben, rita, now):
    make_day(asha, ben, rita, at=now)

    page = desk_of(rita, now, doctor_id=ben.pk)

    assert {row.visit.doctor for row in page.shown} == {ben}
    assert page.expected == 10


def test_what_was_done_about_somebody_late_is_said(asha, rita, now):
    visit = make_visit(asha, -20, at=now, name="Rohan Gill")
    assert rows_of(rita, now)["Rohan"].next == Next.CALL

    desk.note_call(visit, by=rita, at=now)

    row = rows_of(rita, now)["Rohan"]
    assert row.next == Next.CHECK_IN
    assert chips_of(row)[0].startswith("Did not come, called ")


def test_a_session_that_runs_leaves_nothing_to_press(asha, rita, now):
    visit = make_visit(asha, -5, at=now, name="Priya Menon")
    workflows.start_consultation(visit.patient_id, visit.pk, by=asha, at=now, with_recording=False)

    row = rows_of(rita, now)["Priya"]

    assert (row.next, row.said, chips_of(row)[0]) == (None, "In session", "In session")


def test_messages_answers_and_flags_are_chips(asha, rita, now):
    asked = make_visit(asha, 90, at=now, name="Ella Stone", priority="urgent")
    Appointment.objects.filter(pk=asked.pk).update(patient_asked_at=now)
    tell(make_visit(asha, 200, at=now, name="Joseph Tan"), at=now - timedelta(days=1))
    paid_in_part = make_visit(asha, 150, at=now, name="Sofia Khan")
    make_bill(asha, patient=paid_in_part.patient, status="partially_paid", at=now - timedelta(hours=1))
    came = make_patient(asha, first_name="Uma")
    desk.receive_walk_in(came, doctor=asha, appointment_type="consultation", duration_minutes=30, by=rita, at=now)

    chips = {name: chips_of(row) for name, row in rows_of(rita, now).items()}

    assert chips["Ella"][:2] == ["Urgent", "Asked for another time"]
    assert chips["Joseph"][0] == "SMS sent, no answer"
    assert chips["Sofia"][-1] == "₹750 unpaid"
    assert chips["Uma"][:2] == ["Walk-in", "Waiting 0 min"]


def test_a_row_says_what_the_patient_owes_and_their_credit(asha, rita, now):
    visit = make_visit(asha, 150, at=now, name="Sofia Khan")
    bill = make_bill(asha, patient=visit.patient, status="sent", at=now - timedelta(hours=1))
    Bill.objects.filter(pk=bill.pk).update(insurance_covered_amount=Decimal(700))
    payments.take_payment(
        visit.patient, amount=Decimal(50), shares=[], method="cash", by=rita, at=now, keep_rest_as_credit=True
    )

    assert chips_of(rows_of(rita, now)["Sofia"])[-2:] == ["₹300 unpaid", "₹50 credit"]


def test_a_row_adds_no_money_of_two_currencies(asha, rita, now):
    visit = make_visit(asha, 150, at=now, name="Sofia Khan")
    for total in ("300", "40"):
        make_bill(asha, patient=visit.patient, status="sent", total=total, at=now - timedelta(hours=1))
    Bill.objects.filter(pk=Bill.objects.earliest("created_at").pk).update(currency="USD")
    payments.take_payment(
        visit.patient,
        amount=Decimal(5),
        shares=[],
        method="cash",
        currency="USD",
        by=rita,
        at=now,
        keep_rest_as_credit=True,
    )

    assert chips_of(rows_of(rita, now)["Sofia"])[-3:] == ["₹40 unpaid", "$300 unpaid", "$5 credit"]


@pytest.mark.parametrize(("older", "words"), [(1, "Take payment"), (2, "Pay several at once")])
def test_check_out_speaks_of_several_bills_only_where_there_are_several(signed_in, asha, rita, now, older, words):
    visit = make_visit(asha, -30, at=now, name="Sofia Khan")
    for _ in range(older):
        make_bill(asha, patient=visit.patient, status="sent", at=now - timedelta(days=1))

    html = signed_in(rita).get(reverse("dashboard:check_out", args=[visit.pk])).content.decode()

    assert [each for each in ("Take payment", "Pay several at once") if each in html] == [words]


def test_payments_count_when_they_were_taken_in_person_today(asha, rita, now):
    bill = make_bill(asha, total="1000.00", at=now - timedelta(hours=1))
    payments.record_payment(bill, amount=Decimal(400), method="cash", by=rita, at=now)
    payments.record_payment(bill, amount=Decimal(100), method="upi", by=asha, at=now)
    payments.record_payment(bill, amount=Decimal(500), method="bank_transfer", by=rita, at=now)
    make_bill(asha, status="paid", at=now - timedelta(days=2))

    page = desk_of(rita, now)

    assert (page.taken, page.payments) == (500, 2)


def test_a_visit_nobody_recorded_is_billed_where_the_patient_stands(signed_in, asha, ben, rita, now):
    visit = make_visit(asha, -60, at=now, name="Ella Stone", appointment_type="new_patient")
    page, draft = (reverse(name, args=[visit.pk]) for name in ("dashboard:check_out", "billing:draft_of_visit"))
    client = signed_in(rita)
    assert draft in client.get(page).content.decode()

    answer = client.post(draft, {"next": page})

    bill = Bill.objects.get()
    assert (answer.url, bill.appointment, bill.doctor, bill.total_amount) == (page, visit, asha, 2500)
    html = client.get(page).content.decode()
    assert draft not in html
    assert reverse("billing:pay", args=[bill.pk]) in html
    assert client.post(draft, {"next": page}).status_code == 409
    assert signed_in(ben).post(draft).status_code == 404
    assert client.get(draft).status_code == 405


def test_what_was_taken_is_the_clinics_day_however_far_away_its_reader_is(asha, rita, now):
    # A quarter of an hour past midnight at the clinic: still yesterday in Los Angeles.
    midnight = ClinicSettings.load().date_of(now)
    early = datetime.combine(midnight, time(0, 15), tzinfo=ClinicSettings.load().zone)
    bill = make_bill(asha, total="1000.00", at=early - timedelta(hours=2))
    payments.record_payment(bill, amount=Decimal(100), method="cash", by=rita, at=early - timedelta(hours=1))
    payments.record_payment(bill, amount=Decimal(400), method="cash", by=rita, at=early)

    page = read_desk(rita, zone=ZoneInfo("America/Los_Angeles"), now=early + timedelta(minutes=5))

    assert (page.taken, page.payments) == (400, 1)


def test_what_was_taken_is_what_lies_in_the_drawer(asha, rita, now):
    bills = [make_bill(asha, total="1000.00", at=now - timedelta(hours=1)) for _ in range(2)]
    mistyped = payments.record_payment(bills[0], amount=Decimal(800), method="cash", by=rita, at=now)
    payments.reverse_payment(mistyped, reason="Typed 800, was 500", by=rita, at=now)
    payments.record_payment(bills[1], amount=Decimal(1200), method="cash", by=rita, at=now, keep_rest_as_credit=True)

    page = desk_of(rita, now)

    assert (page.taken, page.payments) == (1200, 1)


def test_the_privacy_notice_is_asked_for_where_the_law_asks(asha, rita, now):
    visit = make_visit(asha, 60, at=now, name="Ella Stone")
    ClinicSettings.objects.filter(pk=ClinicSettings.load().pk).update(region="US")

    row = rows_of(rita, now)[visit.patient.first_name]

    assert [state.kind for state in row.facts.missing] == ["recording", "treatment", "hipaa_notice"]


def test_sixty_visits_cost_the_queries_of_ten(asha, ben, rita, now, signed_in):
    client = signed_in(rita)
    make_day(asha, ben, rita, at=now)
    client.get("/desk/")

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/desk/").status_code == 200
        return len(queries)

    before = count()
    doctors = [make_user(f"doctor{number}", "doctor", "Dora", f"N{number}") for number in range(5)]
    for number in range(50):
        make_visit(doctors[number % 5], 40 * (number // 5) - 170, at=now, name=f"Ann N{number}")

    assert len(desk_of(rita, now).rows) == 60
    assert count() == before


def test_the_desk_is_the_receptionists_home_and_no_doctors(signed_in, asha, rita, omar):
    assert signed_in(rita).get("/").url == "/desk/"
    assert signed_in(rita).get("/desk/").status_code == 200
    assert signed_in(omar).get("/desk/").status_code == 200
    for path in ("/desk/", "/desk/walk-in/"):
        assert signed_in(asha).get(path).status_code == 403
    assert signed_in(asha).post("/desk/walk-in/patients/", {"query": "a"}).status_code == 403
    assert signed_in(asha).post("/desk/walk-in/no-name/").status_code == 403


def test_opening_the_desk_is_recorded_with_whom_it_showed_and_polls_are_not(signed_in, asha, rita, now):
    visit = make_visit(asha, 30, at=now, name="Ella Stone")
    client = signed_in(rita)

    client.get("/desk/")
    fragment = client.get("/desk/", headers=HTMX)

    assert fragment.text.startswith('<div id="desk"')
    events = AuditEvent.objects.filter(action="read", target_type="desk")
    assert events.count() == 1
    assert shown_by(events.get()) == {visit.patient_id}


@pytest.mark.parametrize("name", PRESSES)
def test_presses_are_for_the_desk_and_the_visits_own_doctor(signed_in, asha, ben, omar, now, name):
    visit = make_visit(asha, -5, at=now, name="Ella Stone")
    path = reverse(f"dashboard:{name}", args=[visit.pk])

    assert signed_in(ben).post(path, {"stage": "arrive"}).status_code == 404
    assert signed_in(asha).get(path).status_code == 405
    assert signed_in(omar).post(path, {"stage": "arrive"}).status_code in {302, 409}


def test_a_press_by_htmx_answers_with_what_changed(signed_in, asha, rita, now):
    visit = make_visit(asha, 30, at=now, name="Ella Stone")
    client = signed_in(rita)
    revision = client.get("/desk/revision/").text

    answer = client.post(f"/desk/{visit.pk}/check-in/", headers=HTMX)

    assert answer.status_code == 204
    assert answer["HX-Trigger"] == f'{{"calendar-changed": {{"visit": "{visit.pk}", "message": "Checked in."}}}}'
    assert client.get("/desk/revision/").text == str(int(revision) + 1)
    again = client.post(f"/desk/{visit.pk}/check-in/", headers=HTMX)
    assert again.status_code == 409
    assert "somebody was faster" in again["HX-Trigger"]
    assert signed_in(asha).post(f"/desk/{visit.pk}/undo/", {"stage": "arrive", "next": "/"}).url == "/"
    assert client.post(f"/desk/{visit.pk}/undo/", {"stage": "nothing"}).status_code == 409


def test_the_menu_offers_what_is_possible_now(signed_in, asha, ben, rita, now):
    visit = make_visit(asha, -5, at=now, name="Ella Stone")
    client = signed_in(rita)

    coming = client.get(f"/desk/{visit.pk}/menu/", headers=HTMX).text
    stages.check_in(visit, by=rita, at=now)
    here = client.get(f"/desk/{visit.pk}/menu/").text

    assert all(words in coming for words in ("Called, nobody answered", "Check in", "Did not come", "Move", "098200"))
    assert all(words not in here for words in ("Called, nobody answered", "Did not come"))
    assert "Take back: checked in" in here
    assert signed_in(ben).get(f"/desk/{visit.pk}/menu/").status_code == 404


def test_checking_out_shows_the_bill_and_what_is_booked_next(signed_in, asha, ben, rita, now):
    day = make_day(asha, ben, rita, at=now)
    visit = day["Henrik"]
    visit.refresh_from_db()
    make_appointment(ben, patient=visit.patient, scheduled_at=now + timedelta(days=7))

    page = signed_in(rita).get(f"/desk/{visit.pk}/check-out/").text

    assert "₹2,000.00" in page
    assert reverse("billing:pay", args=[visit.session.bills.get().pk]) in page
    assert "Book another" in page
    assert "The visit took place" not in page
    assert signed_in(asha).get(f"/desk/{visit.pk}/check-out/").status_code == 404
    assert signed_in(rita).post(f"/desk/{visit.pk}/check-out/", {"took_place": "on"}).url == "/"
    visit.refresh_from_db()
    assert visit.checked_out_at is not None


@pytest.mark.parametrize(("answer", "status"), [({"took_place": "on"}, "completed"), ({}, "scheduled")])
def test_a_visit_nobody_held_a_session_for_is_asked_about(signed_in, asha, rita, now, answer, status):
    visit = make_visit(asha, -5, at=now, name="Ella Stone")
    stages.check_in(visit, by=rita, at=now)
    client = signed_in(rita)
    assert client.post(f"/desk/{visit.pk}/check-out/", {"took_place": "on"}).status_code == 409
    stages.show_in(visit, by=rita, at=now)

    assert "The visit took place" in client.get(f"/desk/{visit.pk}/check-out/").text
    client.post(f"/desk/{visit.pk}/check-out/", answer)

    visit.refresh_from_db()
    assert (visit.status, visit.checked_out_at is not None) == (status, True)


def newcomer(doctor, **fields):
    values = {
        "who": "new", "doctor": doctor.pk, "appointment_type": "consultation", "duration_minutes": 30,
        "first_name": "Uma", "last_name": "Nair", "phone_primary": "98200 55555",
        "date_of_birth": "1991-05-02",
    }  # fmt: skip
    return values | fields


def test_a_new_patient_is_registered_and_checked_in_at_once(signed_in, asha, rita):
    answer = signed_in(rita).post("/desk/walk-in/", newcomer(asha))

    assert answer.url == "/desk/"
    visit = Appointment.objects.get()
    assert (visit.patient.full_name, visit.is_walk_in, visit.arrived_at is not None) == ("Uma Nair", True, True)
    assert Patient.objects.visible_to(asha).get() == visit.patient


def test_a_likely_double_is_shown_before_anybody_is_registered(signed_in, asha, rita, now):
    known = make_patient(asha, first_name="Uma", last_name="Nair")
    client = signed_in(rita)

    warned = client.post("/desk/walk-in/", newcomer(asha))
    assert warned.status_code == 409
    assert known.patient_id in warned.text
    assert not Appointment.objects.exists()

    chosen = client.post("/desk/walk-in/", newcomer(asha, double=known.pk))
    assert chosen.url == "/desk/"
    assert Appointment.objects.get().patient == known
    assert Patient.objects.count() == 1


def test_a_newcomer_is_not_the_one_found_before_they_said_that_they_are_new(signed_in, asha, rita):
    found = make_patient(asha, first_name="Sana", last_name="Qureshi")

    signed_in(rita).post("/desk/walk-in/", newcomer(asha, patient=found.pk))

    assert Appointment.objects.get().patient.full_name == "Uma Nair"


def test_a_form_with_errors_says_what_is_missing(signed_in, asha, rita, now):
    client = signed_in(rita)

    nobody = client.post("/desk/walk-in/", {"who": "known", "duration_minutes": 30, "appointment_type": "consultation"})
    nameless = client.post("/desk/walk-in/", newcomer(asha, first_name=""))
    booked = make_visit(asha, 60, at=now, name="Ella Stone")
    twice = client.post("/desk/walk-in/", newcomer(asha, who="known", patient=booked.patient_id))

    assert [page.status_code for page in (nobody, nameless, twice)] == [422, 422, 422]
    assert "Choose the clinician they go to" in nobody.text
    assert "Enter the first name" in nameless.text
    assert "has a visit today already" in twice.text
    assert Appointment.objects.count() == 1


def test_the_search_names_who_is_booked_today(signed_in, asha, rita, now):
    booked = make_visit(asha, 60, at=now, name="Ella Stone")
    make_patient(asha, first_name="Elias", last_name="Stone")

    found = signed_in(rita).post("/desk/walk-in/patients/", {"query": "stone"}).text

    assert found.count('name="patient"') == 1
    assert reverse("dashboard:check_in", args=[booked.pk]) in found
    assert len(shown_by(AuditEvent.objects.get(action="search"))) == 2


def test_somebody_without_a_name_is_on_the_sheet_until_the_name_is_taken(signed_in, asha, rita):
    client = signed_in(rita)
    client.post("/desk/walk-in/no-name/", {"note": "Blue coat"})
    client.post("/desk/walk-in/no-name/", {"note": "Leaves again"})
    coat, leaves = WalkIn.objects.order_by("arrived_at")

    page = client.get("/desk/").text
    assert "Blue coat" in page
    assert f"?came={coat.pk}" in page

    assert client.post(f"/desk/walk-in/{leaves.pk}/left/", headers=HTMX).status_code == 204
    client.post(f"/desk/walk-in/?came={coat.pk}", newcomer(asha))

    coat.refresh_from_db()
    assert coat.appointment.arrived_at == coat.arrived_at
    assert "name not taken yet" not in client.get("/desk/").text
    assert signed_in(asha).post(f"/desk/walk-in/{coat.pk}/left/").status_code == 403
