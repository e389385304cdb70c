"""Never twice: sweeps and people at the same moment, and a process that dies at any call of the database."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection

from billing.models import Bill, BillingSettings, BillMessage, ReminderStage
from billing.services import reminders, sending
from billing.tests.test_crashes import Died, at_every_call, dying_at
from billing.tests.test_reminders import NOON, kavya, late_bill
from synapse.notifications import outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def stages(asha):
    ReminderStage.load_all()
    BillingSettings.load()


def at_once(*calls):
    """Let all calls begin at the same moment; return what each returned, or the kind of its refusal."""
    barrier, outcomes = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait()
        try:
            outcomes.append(call())
        except Exception as error:  # noqa: BLE001  each thread's end is looked at
            outcomes.append(type(error))
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_twenty_sweeps_at_once_write_one_letter(asha):
    patient = kavya(asha)
    bills = [late_bill(asha, 12, patient=patient), late_bill(asha, 5, patient=patient)]

    outcomes = at_once(*[lambda: reminders.queue_due(NOON)] * 20)

    assert Counter(outcomes) == {2: 1, 0: 19}
    assert BillMessage.objects.filter(bill__in=bills).count() == 2
    assert BillMessage.objects.filter(leader=None).count() == 1


def test_of_twenty_who_remind_at_once_one_does(asha, rita):
    bill = late_bill(asha)
    calls = [lambda: reminders.remind(Bill.objects.get(pk=bill.pk), by=rita, at=NOON).number] * 10
    calls += [lambda: reminders.queue_due(NOON)] * 10

    outcomes = at_once(*calls)

    assert BillMessage.objects.filter(bill=bill).count() == 1
    assert sum(outcome == 1 for outcome in outcomes) == 1
    assert set(outcomes) <= {1, 0, reminders.CannotRemind}


def test_twenty_senders_send_a_letter_of_two_bills_once(asha, monkeypatch):
    patient, posted = kavya(asha), []
    bills = [late_bill(asha, 12, patient=patient), late_bill(asha, 5, patient=patient)]
    reminders.queue_due(NOON)
    monkeypatch.setattr(outbox, "send", lambda channel, message: posted.append(message) or "ref")

    outcomes = at_once(*[lambda: sending.send_due(NOON)] * 20)

    assert sum(outcomes) == 1
    assert len(posted) == 1
    for bill in bills:
        bill.refresh_from_db()
    assert [bill.reminder_sent_count for bill in bills] == [1, 1]


def test_a_sweep_that_dies_leaves_no_half_letter(asha):
    patient = kavya(asha)
    late_bill(asha, 12, patient=patient)
    late_bill(asha, 5, patient=patient)

    assert at_every_call(lambda: reminders.queue_due(NOON)) > 10
    assert BillMessage.objects.filter(leader=None).count() == 1


def test_a_sender_that_dies_at_any_call_sends_a_letter_at_most_once(asha, monkeypatch):
    patient, posted = kavya(asha), []
    bills = [late_bill(asha, 12, patient=patient), late_bill(asha, 5, patient=patient)]
    reminders.queue_due(NOON)
    rows = BillMessage.objects.filter(document="reminder")
    monkeypatch.setattr(outbox, "send", lambda channel, message: posted.append(message) or "ref")

    ends = Counter()
    for call in range(1, 300):
        rows.update(
            status="due", lease_until=None, attempts=0, sent_at=None, skip_reason="", error_code="", due_at=NOON
        )
        Bill.objects.update(reminder_sent_count=0, collection_status="none")
        posted.clear()
        try:
            with dying_at(call):
                sending.send_due(NOON)
            came_through = True
        except Died:
            came_through = False
        # The next runs: at once, and after the lease of what was interrupted ended.
        sending.send_due(NOON + timedelta(seconds=30))
        sending.send_due(NOON + timedelta(hours=1))

        states = set(rows.values_list("status", flat=True))
        counts = set(
            Bill.objects.filter(pk__in=[bill.pk for bill in bills]).values_list("reminder_sent_count", flat=True)
        )
        assert len(posted) <= 1
        assert (states, counts) in [({"sent"}, {1}), ({"unknown"}, {0})]
        ends[states.pop()] += 1
        if came_through:
            break

    assert came_through
    # Died before it was taken: it went out later. Died while it was sent: nobody knows, and nobody sends it again.
    assert ends["sent"] > 5
    assert ends["unknown"] > 2
