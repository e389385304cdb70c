"""The list of bills: filters, totals that match the rows, sorting, the search, what it costs."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.desk import listing as desk_listing
from billing.models import Bill, Claim, Payer
from billing.services import collecting
from billing.templatetags.billing import bill_pill
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.audit.models import AuditEvent
from synapse.encryption import crypto

Status = Bill.Status
PATH = reverse("billing:list")


def listed(response):
    return [row.bill for row in response.context["listing"].rows]


def outstanding(response):
    return [total.outstanding for total in response.context["listing"].totals]


def make_claim(bill, name="Star Health", status=Claim.Status.SENT):
    payer, _ = Payer.objects.get_or_create(name=name)
    return Claim.objects.create(
        bill=bill, payer=payer, status=status, control_number=f"CLM-{bill.pk.hex[:8]}", prepared_by=bill.doctor
    )


def watch_decryption(monkeypatch):
    """Return how often each column was decrypted from now on."""
    seen, decrypt = Counter(), crypto.decrypt

    def count(stored, *, label):
        seen[label] += 1
        return decrypt(stored, label=label)

    monkeypatch.setattr(crypto, "decrypt", count)
    return seen


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("open", {Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE}),
        ("draft", {Status.PENDING}),
        ("overdue", {Status.OVERDUE}),
        ("paid", {Status.PAID}),
        ("all", set(Status.values)),
        ("nonsense", {Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE}),
    ],
)
def test_the_list_shows_the_states_asked_for(signed_in, asha, show, expected):
    for status in Status.values:
        make_bill(asha, status=status)

    response = signed_in(asha).get(PATH, {"show": show})

    assert {bill.status for bill in listed(response)} == expected


def test_what_waits_for_an_insurer_or_a_dispute_has_its_own_state(signed_in, asha):
    claimed, disputed, plain = (make_bill(asha, status=Status.SENT) for _ in range(3))
    make_claim(claimed)
    make_claim(plain, status=Claim.Status.DENIED)
    Bill.objects.filter(pk=disputed.pk).update(collection_status=Bill.Collection.DISPUTED)
    client = signed_in(asha)

    assert listed(client.get(PATH, {"show": "insurer"})) == [claimed]
    assert listed(client.get(PATH, {"show": "disputed"})) == [disputed]
    response = client.get(PATH)
    assert {row.bill: row.look.word for row in response.context["listing"].rows} == {
        claimed: "With insurer",
        disputed: "Disputed",
        plain: "Sent",
    }
    for bill, word in ((claimed, "With insurer"), (disputed, "Disputed"), (plain, "Sent")):
        bill.refresh_from_db()
        assert word in bill_pill(bill)
        assert bill_pill(bill).strip() in client.get(reverse("billing:detail", args=[bill.pk])).content.decode()
    assert {key: response.context["listing"].counts[key] for key in ("open", "insurer", "disputed")} == {
        "open": 3,
        "insurer": 1,
        "disputed": 1,
    }


def test_the_list_is_narrowed_by_month_clinician_kind_and_payer(signed_in, asha, ben, rita, now):
    mine = make_bill(asha, status=Status.SENT, total="100", at=now)
    old = make_bill(asha, status=Status.SENT, total="200", at=now - timedelta(days=70))
    bens = make_bill(ben, status=Status.SENT, total="400", at=now)
    make_claim(bens, name="HDFC Ergo")
    Bill.objects.filter(pk=old.pk).update(bill_type=Bill.Type.EMERGENCY)
    insurer = Payer.objects.get().pk
    client = signed_in(rita)

    for query, expected in (
        ({"month": f"{mine.bill_date:%Y%m}"}, {mine, bens}),
        ({"month": f"{old.bill_date:%Y%m}"}, {old}),
        ({"doctor": str(asha.pk)}, {mine, old}),
        ({"type": "emergency"}, {old}),
        ({"payer": "insurers"}, {bens}),
        ({"payer": "patients"}, {mine, old}),
        ({"payer": str(insurer)}, {bens}),
        ({"doctor": str(asha.pk), "month": f"{mine.bill_date:%Y%m}"}, {mine}),
        ({"month": "209913", "doctor": "nobody", "type": "x", "payer": "y", "patient": "z"}, {mine, old, bens}),
    ):
        response = client.get(PATH, query)
        assert set(listed(response)) == expected, query
        assert outstanding(response) == [sum(bill.outstanding_amount for bill in expected)]
        assert response.context["listing"].aging.total == sum(bill.outstanding_amount for bill in expected)


def test_a_doctor_lists_the_bills_of_the_own_patients(signed_in, asha, ben):
    make_bill(asha, status=Status.SENT)

    assert listed(signed_in(ben).get(PATH, {"show": "all"})) == []


def test_open_money_is_added_up_by_age_and_each_age_leads_to_its_bills(signed_in, asha, rita, now):
    for days, total in ((0, "100"), (20, "200"), (50, "400"), (80, "800"), (120, "1600")):
        make_bill(asha, status=Status.SENT, total=total, at=now - timedelta(days=days))
    make_bill(asha, status=Status.PAID)
    collecting.mark_overdue(now)
    client = signed_in(rita)

    response = client.get(PATH)
    aging = response.context["listing"].aging

    assert [bucket.amount for bucket in aging.buckets] == [100, 200, 400, 800, 1600]
    assert (aging.total, aging.count) == (3100, 5)
    assert "₹3,100 is open" in response.content.decode()
    for bucket, address in response.context["buckets"]:
        assert outstanding(client.get(PATH + address)) == [bucket.amount]


def test_totals_are_of_every_page_and_of_each_currency(signed_in, asha, rita, monkeypatch):
    monkeypatch.setattr(desk_listing, "PAGE_SIZE", 2)
    for total in ("100", "200", "400"):
        make_bill(asha, status=Status.PARTIALLY_PAID, total=total)
    Bill.objects.filter(pk=make_bill(asha, status=Status.SENT, total="70").pk).update(currency="USD")

    response = signed_in(rita).get(PATH, {"page": "2"})

    totals = response.context["listing"].totals
    assert len(listed(response)) == 2
    assert [(one.currency, one.count, one.amount, one.outstanding) for one in totals] == [
        ("INR", 3, 700, Decimal(525)),
        ("USD", 1, 70, 70),
    ]
    assert response.context["listing"].aging.total == 525
    assert "and $70 in 1" in response.content.decode()


def test_what_is_too_long_to_add_up_says_so_and_a_month_has_its_total(signed_in, asha, rita, monkeypatch):
    monkeypatch.setattr(desk_listing, "SUMMED_AT_MOST", 2)
    bills = [make_bill(asha, status=Status.PAID, total="100") for _ in range(3)]

    response = signed_in(rita).get(PATH, {"show": "paid", "sort": "amount"})

    assert response.context["listing"].totals is None
    assert listed(response) == [bills[2], bills[1]]
    assert "choose a month for its totals" in response.content.decode()
    assert response.context["columns"]["amount"]["address"] == ""
    monkeypatch.setattr(desk_listing, "SUMMED_AT_MOST", 3)
    assert [one.amount for one in signed_in(rita).get(PATH, {"show": "paid"}).context["listing"].totals] == [300]


def test_only_people_who_see_all_patients_see_the_clinics_month(signed_in, asha, rita):
    make_bill(asha, status=Status.PAID)

    assert "₹1,000 paid in" in signed_in(rita).get(PATH).content.decode()
    assert "paid in" not in signed_in(asha).get(PATH).content.decode()


def test_open_bills_are_sorted_by_what_is_encrypted(signed_in, asha, rita, now):
    zoe = make_bill(asha, patient=make_patient(asha, first_name="Zoé"), status=Status.SENT, total="300", at=now)
    amir = make_bill(
        asha, patient=make_patient(asha, first_name="amir"), status=Status.PARTIALLY_PAID, total="100", at=now
    )
    lena = make_bill(
        asha, patient=make_patient(asha, first_name="Lena"), status=Status.SENT, total="200", at=now - timedelta(days=3)
    )
    client = signed_in(rita)

    for sort, expected in (
        ("", [lena, zoe, amir]),
        ("patient", [amir, lena, zoe]),
        ("-patient", [zoe, lena, amir]),
        ("amount", [amir, lena, zoe]),
        ("-open", [zoe, lena, amir]),
        ("-due", [zoe, amir, lena]),
    ):
        assert listed(client.get(PATH, {"sort": sort})) == expected, sort


def test_a_name_leads_to_the_bills_of_that_patient_and_is_in_no_address(signed_in, asha, rita):
    patient = make_patient(asha, first_name="Leela", last_name="Kulkarni")
    paid, sent = (make_bill(asha, patient=patient, status=status) for status in (Status.PAID, Status.SENT))
    make_bill(asha, status=Status.SENT)
    client = signed_in(rita)

    response = client.post(reverse("billing:find"), {"query": "leela kulk"})

    assert response.status_code == 302
    assert parse_qs(urlsplit(response.url).query) == {"show": ["all"], "patient": [str(patient.pk)]}
    found = client.get(response.url)
    assert set(listed(found)) == {paid, sent}
    assert "Leela Kulkarni" in found.context["people"]
    assert client.get(reverse("billing:find")).status_code == 405
    assert "leela" not in str(list(AuditEvent.objects.values_list("detail", "target_id"))).lower()


def test_a_number_leads_to_its_bill(signed_in, asha, ben, rita):
    bill = make_bill(asha, status=Status.SENT)
    _, month, count = bill.bill_number.split("-")
    detail = reverse("billing:detail", args=[bill.pk])

    for typed in (bill.bill_number, bill.bill_number.lower(), f"{month}-{int(count)}", f" inv {month} {count} "):
        assert signed_in(rita).post(reverse("billing:find"), {"query": typed}).url == detail
    assert signed_in(ben).post(reverse("billing:find"), {"query": bill.bill_number}).status_code == 422


@pytest.mark.parametrize(("typed", "said"), [("x", "at least two letters"), ("Nobody", "No patient fits")])
def test_a_search_without_an_answer_says_what_to_try_and_keeps_what_was_typed(signed_in, rita, typed, said):
    response = signed_in(rita).post(reverse("billing:find"), {"query": typed})

    assert response.status_code == 422
    assert f'value="{typed}"' in response.content.decode()
    assert said in response.content.decode()


@pytest.mark.parametrize("query", [{}, {"show": "all"}, {"sort": "patient"}, {"show": "insurer"}])
def test_a_long_list_takes_as_many_queries_as_a_short_one(signed_in, rita, asha, query):
    client = signed_in(rita)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(PATH, query)
        return len(queries)

    for _ in range(2):
        make_claim(make_bill(asha, status=Status.SENT))
    client.get(PATH, query)
    few = count()
    for _ in range(18):
        make_claim(make_bill(asha, status=Status.SENT))

    assert count() == few


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows how many bills have which status")
@pytest.mark.parametrize("show", ["open", "overdue", "insurer", "all"])
def test_no_list_reads_the_whole_table_of_bills(signed_in, rita, asha, show):
    make_claim(make_bill(asha, status=Status.SENT))
    pretend_many_bills()
    client, asked = signed_in(rita), []
    with connection.execute_wrapper(
        lambda run, sql, params, *rest: asked.append((sql, params)) or run(sql, params, *rest)
    ):
        assert client.get(PATH, {"show": show}).status_code == 200

    plans = [step for sql, params in asked if 'FROM "billing_bill"' in sql for step in plan_of(sql, params)]
    assert any("SEARCH billing_bill USING INDEX" in step for step in plans)
    assert "SCAN billing_bill" not in plans


def pretend_many_bills():
    """Let SQLite plan as for a hundred thousand bills in five states, of which it cannot know how many are paid."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for index, groups in (("bill_status_due", "20000 70"), ("bill_status_created", "20000 1")):
            cursor.execute(
                "INSERT OR REPLACE INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)",
                ["billing_bill", index, f"100000 {groups}"],
            )
        cursor.execute("ANALYZE sqlite_schema")


def plan_of(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return [row[-1] for row in cursor.fetchall()]


def test_the_list_decrypts_no_more_of_a_bill_than_it_shows(signed_in, rita, asha):
    make_bill(asha, status=Status.SENT)
    with CaptureQueriesContext(connection) as queries:
        signed_in(rita).get(PATH)

    asked = " ".join(query["sql"] for query in queries if "billing_bill" in query["sql"])
    for column in ("line_items", "notes", "primary_diagnosis_code", "subtotal", "insurance_provider"):
        assert f'"{column}"' not in asked


@pytest.mark.parametrize(
    ("show", "totals", "outstanding"),
    # The one page of rows, and of the bills the sums need no amount twice.
    [("open", 3 + 3, 3 + 3), ("overdue", 1 + 3, 1 + 3), ("draft", 2 + 2, 2 + 2 + 3), ("all", 5 + 5, 5 + 5 + 3)],
)
def test_the_sums_decrypt_each_amount_once(signed_in, rita, asha, monkeypatch, show, totals, outstanding):
    for status in (Status.SENT, Status.PARTIALLY_PAID, Status.OVERDUE, Status.PENDING, Status.PENDING):
        make_bill(asha, status=status)
    client, seen = signed_in(rita), watch_decryption(monkeypatch)

    response = client.get(PATH, {"show": show})

    assert response.status_code == 200
    assert seen["billing.Bill.total_amount"] == totals
    assert seen["billing.Bill.outstanding_amount"] == outstanding


def test_a_list_too_long_to_add_up_decrypts_the_amounts_of_its_page_only(signed_in, rita, asha, monkeypatch):
    monkeypatch.setattr(desk_listing, "SUMMED_AT_MOST", 2)
    for _ in range(3):
        make_bill(asha, status=Status.PAID)
    client, seen = signed_in(rita), watch_decryption(monkeypatch)

    client.get(PATH, {"show": "all"})

    assert seen["billing.Bill.total_amount"] == 2
