"""Work on many bills at once: what is done, what is left out and why, and that nothing is done twice."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from pypdf import PdfReader

from billing import batch_tasks
from billing.models import Bill, BillBatch, BillMessage
from billing.money import Line
from billing.services import batches, editing
from billing.tests.factories import make_bill
from patients.tests.factories import make_patient
from synapse.common.errors import DomainError
from synapse.common.models import Job

Status = Bill.Status
SEND, MAIL, PRINT = BillBatch.Action.SEND, BillBatch.Action.MAIL_STATEMENTS, BillBatch.Action.PRINT_STATEMENTS
REMIND = BillBatch.Action.REMIND


def start(action, bills, by, now, key=None):
    return batches.start_batch(action, [bill.pk for bill in bills], by=by, at=now, key=key or uuid4())


def words_of(batch):
    return {one.bill_id: (one.is_done, one.words) for one in batches.outcomes_of(batch)}


def test_drafts_are_sent_and_what_cannot_go_out_says_why(asha, rita, now):
    good = make_bill(asha, patient=make_patient(asha, email="a@example.in"))
    no_address = make_bill(asha)
    no_price = make_bill(asha, patient=make_patient(asha, email="b@example.in"))
    unpriced = [Line("Visit", Decimal(0), price_missing=True)]
    editing.edit_lines(no_price, lines=unpriced, discount=Decimal(0), tax_rate=Decimal(0), by=asha, at=now)
    issued = make_bill(asha, patient=make_patient(asha, email="c@example.in"), status=Status.SENT)

    outcomes = words_of(start(SEND, [good, no_address, no_price, issued], rita, now))

    assert {pk: is_done for pk, (is_done, _) in outcomes.items()} == {
        good.pk: True,
        no_address.pk: False,
        no_price.pk: False,
        issued.pk: False,
    }
    assert "no e-mail address" in outcomes[no_address.pk][1]
    assert "price is missing" in outcomes[no_price.pk][1]
    for bill in (good, no_address, no_price):
        bill.refresh_from_db()
    # What could not be mailed took no number either.
    assert (good.status, no_address.bill_number, no_price.bill_number) == (Status.SENT, None, None)
    assert BillMessage.objects.get().bill == good


def test_the_same_press_works_once(asha, rita, now):
    bill = make_bill(asha, patient=make_patient(asha, email="a@example.in"))
    key = uuid4()

    first, second = (start(SEND, [bill], rita, now, key) for _ in range(2))

    assert first == second
    assert BillMessage.objects.count() == 1


def test_a_batch_that_was_cut_short_goes_on_and_does_nothing_twice(asha, rita, now, monkeypatch):
    bills = [make_bill(asha, patient=make_patient(asha, email=f"{n}@example.in")) for n in range(4)]
    key, work, calls = uuid4(), batches.WORKS[SEND], []

    def breaks(group, by, at):
        calls.append(group)
        if len(calls) == 3:
            raise ConnectionError
        yield from work(group, by, at)

    monkeypatch.setitem(batches.WORKS, SEND, breaks)
    with pytest.raises(ConnectionError):
        start(SEND, bills, rita, now, key)
    batch = BillBatch.objects.get(pk=key)
    assert len(batch.outcomes) == 2

    batches.continue_batch(batch, by=rita, at=now)

    assert len(words_of(batch)) == 4
    assert BillMessage.objects.count() == 4
    assert sorted(BillMessage.objects.values_list("bill", flat=True)) == sorted(bill.pk for bill in bills)


def test_many_are_a_job_that_says_how_far_it_is(asha, rita, now, monkeypatch, signed_in):
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    bills = [make_bill(asha) for _ in range(3)]

    batch = start(SEND, bills, rita, now)

    job = Job.objects.get(kind=batches.RUN)
    assert (batch.outcomes, job.object_id) == ({}, batch.pk)
    page = signed_in(rita).get(reverse("billing:batch_report", args=[batch.pk])).content.decode()
    assert "0 of 3 bills" in page
    assert "every 1s" in page
    told = []
    monkeypatch.setattr(batch_tasks.jobs, "set_progress", lambda job, done, total: told.append((done, total)))
    batch_tasks.run.run(job)
    assert told == [(1, 3), (2, 3), (3, 3)]
    Job.objects.update(state=Job.State.DONE)
    done = signed_in(rita).get(reverse("billing:batch_report", args=[batch.pk]))
    assert (len(done.context["left_out"]), done.context["is_running"]) == (3, False)


def test_one_statement_is_mailed_for_all_bills_of_a_person(asha, rita, now):
    patient = make_patient(asha, email="a@example.in")
    bills = [make_bill(asha, patient=patient, status=Status.SENT) for _ in range(2)]
    paid = make_bill(asha, patient=make_patient(asha, email="b@example.in"), status=Status.PAID)

    outcomes = words_of(start(MAIL, [*bills, paid], rita, now))

    assert [outcomes[bill.pk][0] for bill in (*bills, paid)] == [True, True, False]
    assert "Nothing is open" in outcomes[paid.pk][1]
    message = BillMessage.objects.get()
    assert (message.document, message.patient) == ("statement", patient)


def test_one_letter_reminds_of_all_late_bills_of_a_person_and_the_others_say_why_not(asha, rita, now):
    patient, long_ago = make_patient(asha, email="a@example.in"), now - timedelta(days=40)
    late = [make_bill(asha, patient=patient, status=Status.SENT, at=long_ago) for _ in range(2)]
    not_due = make_bill(asha, patient=patient, status=Status.SENT, at=now)
    unreachable = make_bill(asha, status=Status.SENT, at=long_ago)

    outcomes = words_of(start(REMIND, [*late, not_due, unreachable], rita, now))

    assert {pk for pk, (is_done, _) in outcomes.items() if is_done} == {bill.pk for bill in late}
    assert "due on" in outcomes[not_due.pk][1]
    assert "Print the letter" in outcomes[unreachable.pk][1]
    assert BillMessage.objects.filter(document="reminder", leader=None).count() == 1


@pytest.mark.parametrize("action", BillBatch.Action.values)
def test_every_kind_of_batch_has_its_work(action, asha, rita, now):
    bill = make_bill(asha)

    assert list(words_of(start(action, [bill], rita, now))) == [bill.pk]


def test_statements_of_several_people_are_one_file(asha, rita, now, signed_in, monkeypatch):
    people = [make_patient(asha, first_name=name) for name in ("Leela", "Rohan", "Sana")]
    bills = [make_bill(asha, patient=one, status=Status.SENT, total="120") for one in people]
    batch = start(PRINT, bills, rita, now)
    client = signed_in(rita)

    response = client.get(reverse("billing:batch_statements", args=[batch.pk, 1]))

    pages = PdfReader(BytesIO(response.content)).pages
    text = "".join(page.extract_text() for page in pages)
    assert all(one.full_name in text for one in people)
    assert response["Content-Disposition"].startswith('attachment; filename="statements-')
    assert client.get(reverse("billing:batch_statements", args=[batch.pk, 2])).status_code == 404
    monkeypatch.setattr(batches, "PRINTED_AT_ONCE", 2)
    assert [len(part) for part in batches.parts_of(batch)] == [2, 1]


def test_a_batch_is_of_bills_one_may_see_and_its_report_is_ones_own(asha, ben, rita, now, signed_in):
    mine, bens = make_bill(asha), make_bill(ben)

    batch = start(SEND, [mine, bens], asha, now)

    assert batch.bill_ids == [str(mine.pk)]
    with pytest.raises(DomainError, match="at least one"):
        start(SEND, [bens], asha, now)
    path = reverse("billing:batch_report", args=[batch.pk])
    assert signed_in(asha).get(path).status_code == 200
    assert signed_in(rita).get(path).status_code == 404


def test_too_many_bills_are_refused(asha, rita, now, monkeypatch):
    monkeypatch.setattr(batches, "MOST_BILLS", 1)

    with pytest.raises(DomainError, match="1 bills at most"):
        start(SEND, [make_bill(asha), make_bill(asha)], rita, now)


def test_the_chosen_bills_or_all_of_the_list_are_worked_on(signed_in, asha, rita):
    drafts = [make_bill(asha) for _ in range(3)]
    make_bill(asha, status=Status.SENT)
    client = signed_in(rita)
    path = reverse("billing:batch")

    one = client.post(path, {"do": "send", "bill": [str(drafts[0].pk)], "key": str(uuid4())}, follow=True)
    everything = client.post(path, {"do": "send", "everything": "1", "filter": "?show=draft", "key": str(uuid4())})

    assert "no e-mail address" in one.content.decode()
    batch = BillBatch.objects.get(pk=everything.url.rstrip("/").split("/")[-1])
    assert set(batch.bill_ids) == {str(bill.pk) for bill in drafts}
    assert client.post(path, {"do": "nothing"}).status_code == 404
    assert client.post(path, {"do": "send", "bill": ["x"]}).status_code == 404
    assert client.get(path).status_code == 405


def test_all_of_an_age_are_those_of_that_age(signed_in, asha, rita, now):
    make_bill(asha, status=Status.SENT, at=now)
    late = make_bill(asha, status=Status.OVERDUE, at=now)

    response = signed_in(rita).post(
        reverse("billing:batch"), {"do": "export", "everything": "1", "filter": "?show=open&age=30"}
    )

    rows = b"".join(response.streaming_content).decode().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [late.bill_number]


def test_a_stored_outcome_is_ciphertext(asha, rita, now):
    batch = start(SEND, [make_bill(asha)], rita, now)

    with connection.cursor() as cursor:
        cursor.execute("SELECT outcomes FROM billing_billbatch")
        assert "mail" not in cursor.fetchone()[0]
    assert batch.outcomes
