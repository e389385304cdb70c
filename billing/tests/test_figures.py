"""The figures of money: what each means, whose they are, the months they are of, the file."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.figures import queries as figures_queries
from billing.figures import sums as figures
from billing.figures.forms import FiguresForm, in_words
from billing.figures.sums import Figure, Month, Period, Sums
from billing.models import Bill, Payer
from billing.services import payments
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from sessions_app import services as sessions
from synapse.accounts.models import ClinicSettings, User

PATH = reverse("billing:figures")
Status = Bill.Status


def shown(response):
    return {figure.definition.name: figure.value for figure, _ in response.context["figures"]}


def test_periods_are_whole_months_over_the_turn_of_a_year():
    assert Period("202511", "202602").months == ["202511", "202512", "202601", "202602"]
    assert Period("202511", "202602").before == Period("202507", "202510")
    assert Period("202511", "202602").after == Period("202603", "202606")
    assert [in_words(Period(*span)) for span in (("202510", "202510"), ("202501", "202510"), ("202412", "202501"))] == [
        "October 2025",
        "January to October 2025",
        "December 2024 to January 2025",
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ("202605", "202605")),
        ({"period": "last"}, ("202604", "202604")),
        ({"period": "quarter"}, ("202604", "202605")),
        ({"period": "year"}, ("202601", "202605")),
        ({"period": "twelve"}, ("202506", "202605")),
        ({"period": "custom", "first": "202512", "last": "202602"}, ("202512", "202602")),
        ({"period": "custom", "first": "202602", "last": "202512"}, ("202605", "202605")),
        ({"period": "custom"}, ("202605", "202605")),
        ({"period": "decade"}, ("202605", "202605")),
    ],
)
def test_presets_and_own_months(db, asked, expected):
    form = FiguresForm(asked, today=date(2026, 5, 14), offered=User.objects.none())

    assert form.chosen_period() == Period(*expected)


def test_a_figure_says_how_it_changed():
    one = figures.DEFINITIONS[0]

    assert Figure(one, Decimal(150), Decimal(100)).percent == 50
    assert Figure(one, Decimal(-50), Decimal(-100)).percent == 50
    assert (Figure(one, Decimal(5), Decimal(0)).percent, Figure(one, None, Decimal(1)).change) == (None, None)


def test_figures_of_two_months_beside_each_other():
    def month(period, doctor="d", paid_by="", **sums):
        return Month(period, doctor, "followup" if doctor else "", paid_by, Sums(**sums))

    months = [
        month("202601", charged=Decimal(1000), adjusted=Decimal(-100)),
        month("202601", paid_by="patient", received=Decimal(300)),
        month("202601", None, "patient", received=Decimal(200)),
        month("202602", charged=Decimal(500), written_off=Decimal(50)),
        month("202602", paid_by="patient", received=Decimal(400), refunded=Decimal(100), credit_applied=Decimal(150)),
        month("202602", None, "patient", refunded=Decimal(20)),
    ]

    made = figures.figures_of(months, Period("202602", "202602"), Decimal(3), None, has_credit=True)

    assert {one.definition.name: (one.value, one.before) for one in made} == {
        "revenue": (500, 900),
        "collected": (280, 500),
        "written_off": (50, 0),
        "outstanding": (600, 600),
        "credit": (30, 200),
        "days_to_payment": (3, None),
    }


@pytest.fixture
def month(asha, ben, now):
    """One paid and one open bill of Asha's, one open one of Ben's, credit kept by a patient of Asha's."""
    paid = make_bill(asha, status=Status.SENT, total="1000", at=now)
    payments.record_payment(paid, amount=Decimal(1300), method="cash", keep_rest_as_credit=True, by=asha, at=now)
    make_bill(asha, status=Status.SENT, total="400", at=now)
    bens = make_bill(ben, status=Status.SENT, total="70", at=now)
    insurer = Payer.objects.create(name="Star Health")
    payments.record_payment(bens, amount=Decimal(30), method="insurance", insurer=insurer, by=ben, at=now)


def test_the_desk_and_the_admin_see_the_clinic(signed_in, month, rita, omar, asha, ben):
    for user in (rita, omar):
        response = signed_in(user).get(PATH)

        assert shown(response) | {"days_to_payment": 0} == {
            "revenue": 1470,
            "collected": 1330,
            "written_off": 0,
            "outstanding": 440,
            "credit": 300,
            "days_to_payment": 0,
        }
        assert {share.label: share.sums.revenue for share in response.context["clinicians"]} == {
            asha.display_name: 1400,
            ben.display_name: 70,
            "On no bill (credit)": 0,
        }
        assert response.context["insurers"] == [("Star Health", 30)]
        assert {share.label: share.sums.collected for share in response.context["payers"]} == {
            "Patients": 1300,
            "Insurers": 30,
        }
        assert response.context["aging"].total == 440


def test_a_doctor_sees_the_own_visits_and_nothing_of_the_clinic(signed_in, month, ben, asha):
    response = signed_in(ben).get(PATH)
    html = response.content.decode()

    assert shown(response)["revenue"] == 70
    assert "credit" not in shown(response)
    assert response.context["aging"].total == 40
    assert response.context["clinicians"] == []
    assert asha.display_name not in html
    assert signed_in(ben).get(PATH, {"doctor": str(asha.pk)}).status_code == 404


def test_one_clinician_is_chosen(signed_in, month, rita, asha):
    response = signed_in(rita).get(PATH, {"doctor": str(asha.pk)})

    assert (shown(response)["revenue"], shown(response)["outstanding"]) == (1400, 400)
    assert response.context["insurers"] == []
    assert signed_in(rita).get(PATH, {"doctor": str(rita.pk)}).status_code == 404


def test_months_before_are_compared_and_drawn(signed_in, asha, rita, now):
    clinic = ClinicSettings.load()
    before = clinic.date_of(now).replace(day=1) - timedelta(days=1)
    make_bill(asha, status=Status.PAID, total="600", at=datetime(before.year, before.month, 10, 6, tzinfo=UTC))
    make_bill(asha, status=Status.PAID, total="900", at=now)

    response = signed_in(rita).get(PATH, {"period": "twelve"})
    html = response.content.decode()

    assert shown(response)["collected"] == 1500
    assert [row["sums"].revenue for row in response.context["by_month"]] == [900, 600]
    assert f"{before:%b %Y}" in html
    assert "₹600.00 charged, ₹600.00 collected" in html
    change = signed_in(rita).get(PATH).content.decode()
    assert "₹300.00 more than before (+50.0%)" in change


def test_days_to_payment_are_of_bills_settled_in_the_period(asha, now):
    for days in (2, 4, 10):
        bill = make_bill(asha, status=Status.SENT, at=now - timedelta(days=days))
        payments.record_payment(bill, amount=bill.total_amount, method="upi", by=asha, at=now)
    make_bill(asha, status=Status.PARTIALLY_PAID, at=now)
    this = f"{ClinicSettings.load().date_of(now):%Y%m}"

    assert figures_queries.days_to_payment(Period(this, this), "INR", asha.pk) == 4
    assert figures_queries.days_to_payment(Period("200001", "200012"), "INR", None) is None


def test_the_file_has_the_same_figures(signed_in, month, rita, asha):
    response = signed_in(rita).get(reverse("billing:figures_export"))
    rows = list(csv.DictReader(StringIO(response.content.decode())))
    found = {(row["section"], row["name"], row["figure"]): row["value"] for row in rows}

    assert found["all", "Clinic", "Charged"] == "1470.00"
    assert found["clinician", asha.display_name, "Collected"] == "1000.00"
    assert found["insurer", "Star Health", "Received"] == "30.00"
    assert rows[0]["from"] == rows[0]["to"] != ""


def test_more_bills_take_no_more_queries(signed_in, asha, rita):
    client = signed_in(rita)
    make_bill(asha, status=Status.PAID)
    make_bill(asha, status=Status.SENT)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(PATH)
        return len(queries)

    count()
    few = count()
    for _ in range(5):
        make_bill(asha, status=Status.PARTIALLY_PAID)

    assert count() == few


def unbilled_session(doctor, now):
    session = sessions.start_session(
        make_patient(doctor), by=doctor, at=now - timedelta(minutes=50), with_recording=False
    )
    sessions.complete_session(session, by=doctor, at=now)
    return session


def test_sessions_without_a_bill_are_listed_and_drafted_by_one_press(signed_in, asha, ben, rita, now):
    mine, bens = unbilled_session(asha, now), unbilled_session(ben, now)
    billed = make_bill(asha)
    path = reverse("billing:unbilled")
    client = signed_in(asha)

    page = client.get(path)
    assert [one.pk for one in page.context["page"]] == [mine.pk]
    assert "1 completed session without a bill" in signed_in(asha).get(PATH).content.decode()
    assert client.post(path, {"session": str(bens.pk)}).status_code == 404
    assert client.post(path, {"session": str(billed.session_id)}).status_code == 404
    assert client.post(path, {"session": "x"}).status_code == 404

    done = client.post(path, {"session": str(mine.pk)})

    assert done.url == reverse("billing:detail", args=[Bill.objects.get(session=mine).pk])
    assert [one.pk for one in signed_in(rita).get(path).context["page"]] == [bens.pk]


def test_all_sessions_of_the_page_are_drafted_at_once(signed_in, asha, rita, now):
    for _ in range(3):
        unbilled_session(asha, now)

    signed_in(rita).post(reverse("billing:unbilled"), {"session": "page"})

    assert Bill.objects.filter(status=Status.PENDING).count() == 3
