"""The close of a day: what is expected, what is asked for, what stays, and who may."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from billing.errors import BadAmount
from billing.models import Bill, DayClose, LedgerEntry
from billing.services import corrections, day_close, payments
from billing.tests.factories import make_bill
from synapse.accounts.models import ClinicSettings
from synapse.common.errors import Conflict, NotAllowed

NOON = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)  # 12:00 at the clinic
DAY = date(2026, 3, 10)
SHEET = reverse("billing:day_close")


def pay(doctor, amount, method, at, **more):
    bill = make_bill(doctor, status=Bill.Status.SENT, total="1000", at=at - timedelta(hours=1))
    return payments.record_payment(bill, amount=Decimal(amount), method=method, by=doctor, at=at, **more)


def close(by, at=NOON, day=DAY, fingerprint=None, **more):
    shown = day_close.read_day(day, "INR")
    counted = more.pop("counted", shown.expected)
    return day_close.close_day(day, counted=counted, by=by, at=at, fingerprint=fingerprint or shown.fingerprint, **more)


def test_expected_is_what_came_less_what_went_back_by_method(asha, omar):
    cash = pay(asha, "700", "cash", NOON)
    pay(asha, "200", "cash", NOON, keep_rest_as_credit=True)
    pay(asha, "300", "upi", NOON)
    pay(asha, "500", "insurance", NOON)
    bill = cash.entries.get().bill
    corrections.refund_payment(bill, amount=Decimal(50), reason="Half an hour less", by=asha, at=NOON, method="cash")

    assert day_close.read_day(DAY, "INR").expected == {"cash": 850, "upi": 300, "insurance": 500}


def test_what_is_more_than_a_bill_is_money_in_the_drawer_as_well(asha, omar):
    pay(asha, "1200", "cash", NOON, keep_rest_as_credit=True)

    assert day_close.read_day(DAY, "INR").expected == {"cash": 1200}


def test_what_was_taken_back_the_same_day_counts_for_nothing(asha):
    payment = pay(asha, "800", "cash", NOON)
    payments.reverse_payment(payment, reason="Typed 800, was 500", by=asha, at=NOON + timedelta(minutes=2))
    pay(asha, "500", "cash", NOON + timedelta(minutes=3))

    day = day_close.read_day(DAY, "INR")

    assert (day.expected, day.corrections) == ({"cash": 500}, [])


def test_a_correction_of_an_earlier_day_moves_no_money_today(asha):
    payment = pay(asha, "800", "cash", NOON - timedelta(days=1))
    payments.reverse_payment(payment, reason="Typed twice", by=asha, at=NOON)

    today, yesterday = (day_close.read_day(day, "INR") for day in (DAY, DAY - timedelta(days=1)))

    assert today.expected == {}
    assert [(one.amount, one.word) for one in today.corrections] == [(-800, "Taken back")]
    assert yesterday.expected == {"cash": 800}


def test_paying_from_credit_moves_no_money(asha):
    payment = pay(asha, "1500", "card", NOON - timedelta(days=1), keep_rest_as_credit=True)
    bill = make_bill(asha, patient=payment.patient, status=Bill.Status.SENT, total="400", at=NOON)
    payments.apply_credit(bill, amount=Decimal(400), by=asha, at=NOON)

    assert day_close.read_day(DAY, "INR").expected == {}


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_a_day_is_the_clinics_also_when_the_clocks_change(asha, day, start, end):
    ClinicSettings.load()
    ClinicSettings.objects.update(timezone="Europe/Berlin")
    a_second = timedelta(seconds=1)

    for amount, at in (("100", start - a_second), ("200", start), ("400", end - a_second), ("800", end)):
        pay(asha, amount, "cash", at)

    assert day_close.read_day(day, "INR").expected == {"cash": 600}


def test_money_around_midnight_falls_on_the_clinics_day(asha):
    pay(asha, "100", "cash", datetime(2026, 3, 9, 18, 29, tzinfo=UTC))  # 23:59 the day before
    pay(asha, "200", "cash", datetime(2026, 3, 9, 18, 30, tzinfo=UTC))  # midnight
    pay(asha, "400", "cash", datetime(2026, 3, 10, 18, 29, tzinfo=UTC))  # 23:59

    assert day_close.read_day(DAY, "INR").expected == {"cash": 600}


def test_a_close_keeps_what_was_counted_with_the_float_and_the_pieces(asha, rita):
    pay(asha, "700", "cash", NOON)

    made = close(
        rita, counted={"cash": Decimal(1200)}, opening_float=Decimal(500), denominations={"500": 2, "100": 2, "10": 0}
    )

    made.refresh_from_db()
    assert (made.expected, made.counted) == ({"cash": "700.00"}, {"cash": "1200"})
    assert (made.opening_float, made.denominations, made.version) == (500, {"500": 2, "100": 2}, 1)
    assert day_close.add_up_cash(made.denominations) == 1200


def test_each_difference_is_explained(asha, rita):
    pay(asha, "700", "cash", NOON)
    pay(asha, "300", "card", NOON)
    counted = {"cash": Decimal(690), "card": Decimal(300)}

    with pytest.raises(day_close.ReasonMissing, match="Cash"):
        close(rita, counted=counted, reasons={"card": "no need", "cash": "  "})
    assert not DayClose.objects.exists()
    made = close(rita, counted=counted, reasons={"cash": "Ten rupees given as change"})

    assert made.reasons == {"cash": "Ten rupees given as change"}
    assert day_close.differences_of({"cash": Decimal(700)}, counted, Decimal(0)) == {"cash": -10, "card": 300}


def test_a_recount_of_today_is_a_new_version_and_the_first_stays(asha, rita, omar):
    pay(asha, "700", "cash", NOON)
    first = close(rita)
    pay(asha, "100", "cash", NOON + timedelta(hours=1))

    assert [one.amount for one in day_close.moved_after(first, day_close.read_day(DAY, "INR"))] == [100]
    second = close(omar, at=NOON + timedelta(hours=2))

    assert (first.version, second.version) == (1, 2)
    assert second.expected == {"cash": "800.00"}
    assert day_close.moved_after(second, day_close.read_day(DAY, "INR")) == []
    assert day_close.latest_close(DAY, "INR") == second


def test_a_past_day_is_closed_once_and_then_stays(asha, rita):
    pay(asha, "700", "cash", NOON)
    tomorrow = NOON + timedelta(days=1)
    assert day_close.missing_days(tomorrow) == [(DAY, "INR")]

    close(rita, at=tomorrow)

    assert day_close.missing_days(tomorrow) == []
    with pytest.raises(Conflict, match="closed"):
        close(rita, at=tomorrow)
    with pytest.raises(Conflict, match="not begun"):
        close(rita, day=DAY + timedelta(days=2), at=tomorrow)


def test_days_without_money_are_not_missing(asha, rita):
    make_bill(asha, status=Bill.Status.SENT, at=NOON)

    assert day_close.missing_days(NOON + timedelta(days=1)) == []


def test_the_same_press_closes_once(asha, rita):
    pay(asha, "700", "cash", NOON)
    key = uuid4()

    assert close(rita, key=key) == close(rita, key=key)
    assert DayClose.objects.count() == 1


def test_money_that_moved_meanwhile_is_looked_at_first(asha, rita):
    pay(asha, "700", "cash", NOON)
    seen = day_close.read_day(DAY, "INR").fingerprint
    pay(asha, "100", "cash", NOON)

    with pytest.raises(day_close.Moved):
        close(rita, fingerprint=seen)


@pytest.mark.parametrize("counted", [Decimal(-1), Decimal("0.005")])
def test_amounts_that_cannot_be_are_refused(asha, rita, counted):
    with pytest.raises(BadAmount):
        close(rita, counted={"cash": counted}, reasons={"cash": "x"})


def test_a_doctor_does_not_close_the_clinics_day(asha):
    with pytest.raises(NotAllowed):
        close(asha)


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])
def test_a_day_that_was_closed_stays_closed_when_the_clinic_moves_its_time_zone(asha, rita, zone):
    late = datetime(2026, 3, 10, 18, 20, tzinfo=UTC)  # 23:50 at the clinic
    pay(asha, "700", "cash", datetime(2026, 3, 9, 18, 40, tzinfo=UTC))  # 0:10
    payments.reverse_payment(pay(asha, "300", "cash", late), reason="Typed twice", by=asha, at=late)
    made = close(rita, at=late)

    ClinicSettings.objects.update(timezone=zone)

    day = day_close.read_day(DAY, "INR")
    assert {method: f"{amount:.2f}" for method, amount in day.expected.items()} == made.expected
    assert (day.corrections, day_close.moved_after(made, day)) == ([], [])
    assert day_close.missing_days(NOON + timedelta(days=4)) == []


def test_money_of_the_former_currency_is_counted_by_itself(signed_in, asha, rita, now):
    pay(asha, "700", "cash", now - timedelta(days=1))
    pay(asha, "300", "cash", now)
    ClinicSettings.objects.update(currency="EUR")
    pay(asha, "20", "cash", now)
    yesterday = ClinicSettings.load().date_of(now) - timedelta(days=1)
    client = signed_in(rita)

    page = client.get(SHEET)
    former = client.get(SHEET, {"currency": "INR"})

    assert page.context["currencies"] == [("EUR", "EUR"), ("INR", "INR")]
    assert (page.context["day"].expected, former.context["day"].expected) == ({"cash": 20}, {"cash": 300})
    assert page.context["missing"] == [(yesterday, "INR")]
    assert f"day={yesterday.isoformat()}&amp;currency=INR" in page.content.decode()
    done = client.post(f"{SHEET}?currency=INR", fields(former, counted_cash="300"), follow=True)
    assert "is closed in INR" in done.content.decode()
    assert DayClose.objects.get().currency == "INR"
    assert client.get(SHEET, {"currency": "XXX"}).context["currency"] == "EUR"


def fields(response, **typed):
    form = response.context["form"]
    return {"key": form["key"].value(), "fingerprint": form["fingerprint"].value(), **typed}


def test_the_sheet_asks_and_keeps_what_was_typed(signed_in, asha, rita, now):
    pay(asha, "700", "cash", now)
    pay(asha, "300", "card", now)
    client = signed_in(rita)
    page = client.get(SHEET)

    again = client.post(SHEET, fields(page, counted_cash="690", note="Quiet day"))

    assert again.status_code == 422
    html = again.content.decode()
    assert "Enter what was counted in Card, or 0." in html
    assert 'value="690"' in html
    assert "Quiet day" in html
    again = client.post(SHEET, fields(page, counted_cash="690", counted_card="300"))
    assert "₹10.00 missing: say why." in again.content.decode()
    done = client.post(
        SHEET, fields(page, counted_cash="690", counted_card="300", reason_cash="Change for the taxi"), follow=True
    )
    html = done.content.decode()
    assert "Change for the taxi" in html
    assert "−₹10.00" in html
    assert DayClose.objects.get().closed_by == rita


def test_a_refused_sheet_keeps_its_day_and_what_was_typed(signed_in, asha, rita, now):
    yesterday = ClinicSettings.load().date_of(now - timedelta(days=1))
    pay(asha, "700", "cash", now - timedelta(days=1))
    client = signed_in(rita)
    page = client.get(SHEET, {"day": yesterday.isoformat()})
    address = f"{SHEET}?day={yesterday.isoformat()}&currency=INR"
    assert address.replace("&", "&amp;") in page.content.decode()

    again = client.post(address, fields(page, counted_cash="7oo", pieces_500="1", opening_float="200"))

    html = again.content.decode()
    assert (again.status_code, again.context["day"].date) == (422, yesterday)
    assert address.replace("&", "&amp;") in html
    assert all(f'value="{typed}"' in html for typed in ("7oo", "1", "200"))
    assert "<details open>" in html


def test_a_sheet_that_a_colleague_closed_meanwhile_says_so(signed_in, asha, rita, omar, now):
    yesterday = ClinicSettings.load().date_of(now - timedelta(days=1))
    pay(asha, "700", "cash", now - timedelta(days=1))
    client = signed_in(rita)
    typed = fields(client.get(SHEET, {"day": yesterday.isoformat()}), counted_cash="690")
    made = close(omar, at=now, day=yesterday)

    answer = client.post(f"{SHEET}?day={yesterday.isoformat()}", typed, follow=True)

    assert answer.redirect_chain[-1][0] == reverse("billing:day_close_detail", args=[made.pk])
    assert "closed this day meanwhile" in answer.content.decode()


def test_the_sum_of_a_close_leaves_the_float_out(signed_in, asha, rita, now):
    pay(asha, "700", "cash", now)
    day = ClinicSettings.load().date_of(now)
    made = close(rita, at=now, day=day, counted={"cash": Decimal(1700)}, opening_float=Decimal(1000))

    page = signed_in(rita).get(reverse("billing:day_close_detail", args=[made.pk]))

    assert page.context["total"] == {"expected": 700, "counted": 700, "difference": 0}
    assert "without the opening float" in page.content.decode()


def test_notes_and_coins_make_the_cash(signed_in, asha, rita, now):
    pay(asha, "700", "cash", now)
    client = signed_in(rita)
    page = client.get(SHEET)

    wrong = client.post(SHEET, fields(page, counted_cash="650", pieces_500="1", pieces_100="2"))
    assert "Notes and coins make 700" in wrong.content.decode()
    client.post(SHEET, fields(page, pieces_500="1", pieces_100="2"))

    assert DayClose.objects.get().counted["cash"] == "700"


def test_money_that_comes_while_the_sheet_is_open_is_shown_before_it_is_closed(signed_in, asha, rita, now):
    pay(asha, "700", "cash", now)
    client = signed_in(rita)
    typed = fields(client.get(SHEET), counted_cash="800")
    pay(asha, "100", "cash", now)

    again = client.post(SHEET, typed)

    assert again.status_code == 422
    assert "Money moved since this sheet was opened" in again.content.decode()
    assert client.post(SHEET, fields(again, counted_cash="800")).status_code == 302


def test_a_close_shows_what_came_after_it_and_names_no_patient(signed_in, asha, rita, now):
    payment = pay(asha, "700", "cash", now)
    made = close(rita, at=now, day=ClinicSettings.load().date_of(now))
    later = pay(asha, "40", "upi", now + timedelta(seconds=1))

    html = signed_in(rita).get(reverse("billing:day_close_detail", args=[made.pk])).content.decode()

    assert "After the close" in html
    assert later.receipt_number in html
    assert payment.patient.last_name not in html


def test_a_closed_past_day_opens_as_it_was_counted(signed_in, asha, rita, now):
    yesterday = now - timedelta(days=1)
    day = ClinicSettings.load().date_of(yesterday)
    pay(asha, "700", "cash", yesterday)
    client = signed_in(rita)
    assert (day, "INR") in client.get(SHEET).context["missing"]

    made = close(rita, at=now, day=day)

    assert client.get(SHEET, {"day": day.isoformat()}).url == reverse("billing:day_close_detail", args=[made.pk])
    assert client.get(SHEET, {"day": "2999-01-01"}).status_code == 404
    assert client.get(SHEET, {"day": "31 March"}).status_code == 404


def test_the_sheet_is_for_people_who_take_payments_of_everybody(signed_in, client, asha, rita):
    assert client.get(SHEET).status_code == 302
    assert signed_in(asha).get(SHEET).status_code == 403
    assert signed_in(rita).get(SHEET).status_code == 200


def test_the_ledger_of_a_day_is_read_with_one_query(asha, django_assert_num_queries):
    for _ in range(3):
        payments.reverse_payment(pay(asha, "700", "cash", NOON), reason="Again", by=asha, at=NOON)
    ClinicSettings.load()

    with django_assert_num_queries(1):
        day = day_close.read_day(DAY, "INR")

    assert len(day.movements) == LedgerEntry.objects.exclude(kind="charge").count()
