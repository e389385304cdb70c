"""Reminding: who is reminded of what on which day, what is left out and why, what a bill counts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from billing.models import Bill, BillMessage, ReminderStage
from billing.reminders import collection
from billing.services import batches, collecting, corrections, reminders, sending
from billing.tests.factories import make_bill, pay
from patients.tests.factories import make_patient
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)  # noon in Pune
TODAY = date(2026, 3, 2)
Collection = Bill.Collection
Status = BillMessage.Status


def kavya(doctor, **fields):
    return make_patient(doctor=doctor, **{"email": "kavya@example.org", **fields})


def late_bill(doctor, days_late=3, *, patient=None, at=NOON, **fields):
    """Make a bill that is so many days past its due date."""
    bill = make_bill(
        doctor, patient=patient or kavya(doctor), status="sent", at=at - timedelta(days=14 + days_late), **fields
    )
    collecting.mark_overdue(at)
    bill.refresh_from_db()
    return bill


def letters(*bills):
    rows = BillMessage.objects.filter(bill__in=bills, document="reminder").order_by("created_at", "number")
    return [(row.number, row.stage, row.status) for row in rows]


def run(at):
    """Let the day's sweeps run."""
    collecting.mark_overdue(at)
    queued = reminders.queue_due(at)
    sending.send_due(at)
    return queued


def test_a_bill_is_reminded_of_three_times_and_then_never_again(asha, mailoutbox):
    bill = late_bill(asha, days_late=0)

    sent_on = [day for day in range(60) if run(NOON + timedelta(days=day))]

    assert sent_on == [3, 10, 30]
    assert letters(bill) == [(1, 1, "sent"), (2, 2, "sent"), (3, 3, "sent")]
    assert len(mailoutbox) == 3
    bill.refresh_from_db()
    assert (bill.reminder_sent_count, bill.collection_status) == (3, Collection.REMINDED)
    assert bill.last_reminder_sent_at == NOON + timedelta(days=30)


def test_each_letter_carries_its_own_date(asha):
    bill = late_bill(asha, days_late=0)
    for day in range(35):
        run(NOON + timedelta(days=day))

    dates = list(bill.messages.order_by("number").values_list("letter_date", flat=True))
    assert dates == [TODAY + timedelta(days=days) for days in (3, 10, 30)]


def test_the_sweep_twice_a_day_reminds_once(asha, mailoutbox):
    late_bill(asha)

    assert [run(NOON + timedelta(hours=hour)) for hour in range(3)] == [1, 0, 0]
    assert len(mailoutbox) == 1


def test_a_bill_counts_a_reminder_when_it_went_out_not_before(asha):
    bill = late_bill(asha)

    reminders.queue_due(NOON)
    bill.refresh_from_db()
    assert (bill.reminder_sent_count, bill.collection_status) == (0, Collection.NONE)

    sending.send_due(NOON)
    bill.refresh_from_db()
    assert (bill.reminder_sent_count, bill.collection_status) == (1, Collection.REMINDED)


def test_at_night_it_waits_for_the_morning_and_carries_that_date(asha, mailoutbox):
    bill = late_bill(asha, at=NOON)
    night = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 22:30 in Pune

    assert run(night) == 1

    message = bill.messages.get()
    assert mailoutbox == []
    assert (message.due_at, message.letter_date) == (datetime(2026, 3, 3, 2, 30, tzinfo=UTC), date(2026, 3, 3))
    sending.send_due(message.due_at)
    assert len(mailoutbox) == 1


def test_letters_that_are_switched_off_are_not_sent(asha):
    late_bill(asha)
    ReminderStage.load_all()
    ReminderStage.objects.update(is_active=False)

    assert run(NOON) == 0


@pytest.mark.parametrize("state", [Collection.DISPUTED, Collection.IN_COLLECTION])
def test_who_disputes_or_is_collected_from_is_left_alone(asha, state):
    bill = late_bill(asha)
    hold = {Collection.DISPUTED: collecting.dispute, Collection.IN_COLLECTION: collecting.hand_to_collection}[state]
    hold(bill, reason="Says the visit was shorter", by=asha, at=NOON)

    assert run(NOON) == 0


def test_what_is_paid_written_off_or_cancelled_is_not_reminded_of(asha):
    paid, given_up, cancelled = late_bill(asha), late_bill(asha), late_bill(asha)
    pay(paid, "1000", by=asha, at=NOON)
    corrections.write_off(given_up, amount=Decimal(1000), reason="Moved away", by=asha, at=NOON)
    corrections.cancel_bill(cancelled, reason="Made twice", by=asha, at=NOON)

    assert run(NOON) == 0


def test_what_the_insurer_still_owes_is_not_asked_of_the_patient(asha):
    all_covered, part_covered = late_bill(asha), late_bill(asha)
    all_covered.insurance_covered_amount, part_covered.insurance_covered_amount = Decimal(1000), Decimal(750)
    for bill in (all_covered, part_covered):
        bill.save(update_fields=["insurance_covered_amount"])

    assert run(NOON) == 1
    assert letters(all_covered) == []
    assert letters(part_covered) == [(1, 1, "sent")]


def test_who_paid_a_part_yesterday_is_not_reminded_today(asha):
    bill = late_bill(asha)
    pay(bill, "100", by=asha, at=NOON - timedelta(days=1))

    assert [day for day in range(10) if run(NOON + timedelta(days=day))] == [6]


def test_who_wants_no_messages_gets_none(asha, mailoutbox):
    patient = kavya(asha)
    patient.messages_stopped_at = NOON
    patient.save(update_fields=["messages_stopped_at"])
    bill = late_bill(asha, patient=patient)

    assert run(NOON) == 0
    assert letters(bill) == []
    assert reminders.unreachable([bill], today=TODAY) == [bill]


def test_after_one_that_did_not_arrive_nothing_goes_by_itself(asha):
    bill = late_bill(asha)
    reminders.queue_due(NOON)
    BillMessage.objects.filter(bill=bill).update(status=Status.FAILED)

    assert [day for day in range(1, 40) if run(NOON + timedelta(days=day))] == []


def test_all_late_bills_of_a_patient_are_in_one_letter(asha, mailoutbox):
    patient = kavya(asha)
    old, new = late_bill(asha, 12, patient=patient), late_bill(asha, 4, patient=patient, total="250.00")
    other = late_bill(asha, 5, patient=make_patient(doctor=asha, email="ben@example.org"))

    assert run(NOON) == 3

    assert len(mailoutbox) == 2
    [mail] = [mail for mail in mailoutbox if mail.to == ["kavya@example.org"]]
    assert old.bill_number in mail.body
    assert new.bill_number in mail.body
    assert "1,250.00" in mail.body
    assert letters(old, new, other) == [(1, 1, "sent")] * 3
    assert {Bill.objects.get(pk=bill.pk).reminder_sent_count for bill in (old, new, other)} == {1}


def test_a_patient_reminded_of_one_bill_is_not_reminded_of_the_next_within_the_gap(asha):
    patient = kavya(asha)
    early, late = late_bill(asha, 3, patient=patient), late_bill(asha, 0, patient=patient)

    sent_on = {day: count for day in range(35) if (count := run(NOON + timedelta(days=day)))}

    # The later bill's first letter, due on day 3, waits for day 7 and goes with the earlier one's second.
    assert sent_on == {0: 1, 7: 2, 14: 1, 27: 1, 34: 1}
    assert letters(early) == letters(late) == [(1, 1, "sent"), (2, 2, "sent"), (3, 3, "sent")]


def test_a_bill_paid_after_the_letter_was_queued_falls_out_of_it(asha, mailoutbox):
    patient = kavya(asha)
    old, new = late_bill(asha, 12, patient=patient), late_bill(asha, 4, patient=patient)
    reminders.queue_due(NOON)
    leading = BillMessage.objects.get(leader=None, document="reminder").bill
    pay(leading, "1000", by=asha, at=NOON)

    sending.send_due(NOON)
    sending.send_due(NOON)

    other = new if leading == old else old
    assert letters(leading) == [(1, 1, "skipped")]
    assert letters(other) == [(1, 1, "sent")]
    assert len(mailoutbox) == 1
    assert leading.bill_number not in mailoutbox[0].body
    assert [Bill.objects.get(pk=bill.pk).reminder_sent_count for bill in (leading, other)] == [0, 1]


@pytest.mark.parametrize(
    ("language", "subject", "lead"),
    [
        ("English", "Reminder: invoices", "are overdue; the first was due on"),
        ("German", "Erinnerung: Rechnungen", "sind überfällig, die erste seit dem"),
        ("French", "Rappel : factures", "sont en retard, la première depuis le"),
        ("Spanish", "Recordatorio: facturas", "están vencidas, la primera desde el"),
        ("Hindi", "याद दिलाना", "के बिल"),
    ],
)
def test_one_mail_about_several_bills_speaks_of_several(asha, mailoutbox, language, subject, lead):
    patient = kavya(asha)
    patient.preferred_language = language
    patient.save(update_fields=["preferred_language"])
    late_bill(asha, 12, patient=patient), late_bill(asha, 4, patient=patient)
    reminders.queue_due(NOON)

    sending.send_due(NOON)

    [mail] = mailoutbox
    assert subject in mail.subject
    assert lead in mail.body


def test_a_following_bill_disputed_in_the_meantime_is_not_in_the_letter(asha, mailoutbox):
    patient = kavya(asha)
    late_bill(asha, 12, patient=patient), late_bill(asha, 4, patient=patient)
    reminders.queue_due(NOON)
    follower = BillMessage.objects.get(leader__isnull=False).bill
    collecting.dispute(follower, reason="Was not there", by=asha, at=NOON)

    sending.send_due(NOON)

    assert follower.bill_number not in mailoutbox[0].body
    assert letters(follower) == [(1, 1, "skipped")]


def test_by_hand_the_next_letter_goes_as_the_patient_wants_it(rita, asha):
    bill = late_bill(asha, 2)

    message = reminders.remind(bill, by=rita, at=NOON)

    assert (message.number, message.stage, message.channel, message.requested_by) == (1, 1, "email", rita)


def test_a_printed_letter_counts_at_once(rita, asha):
    bill = late_bill(asha)

    message = reminders.remind(bill, by=rita, at=NOON, channel="print")

    bill.refresh_from_db()
    assert message.status == Status.SENT
    assert (bill.reminder_sent_count, bill.last_reminder_sent_at, bill.collection_status) == (
        1,
        NOON,
        Collection.REMINDED,
    )


def test_within_the_gap_a_reason_is_asked_for_and_kept(rita, asha):
    bill = late_bill(asha)
    reminders.remind(bill, by=rita, at=NOON, channel="print")
    bill.refresh_from_db()
    later = NOON + timedelta(days=2)

    with pytest.raises(reminders.TooSoon, match="9 March"):
        reminders.remind(bill, by=rita, at=later)
    message = reminders.remind(bill, by=rita, at=later, early_reason="Asked for it on the phone")

    assert (message.number, message.stage) == (2, 2)
    assert message.early_reason == "Asked for it on the phone"
    assert "Asked" not in str(AuditEvent.objects.values_list("detail", flat=True))


def test_never_two_on_one_day_whatever_the_reason(rita, asha):
    bill = late_bill(asha)
    reminders.remind(bill, by=rita, at=NOON, channel="print")
    bill.refresh_from_db()

    with pytest.raises(reminders.CannotRemind, match="today"):
        reminders.remind(bill, by=rita, at=NOON + timedelta(hours=2), early_reason="Again")


def test_no_stage_is_left_out_by_hand(rita, asha):
    bill = late_bill(asha, 40)

    with pytest.raises(reminders.CannotRemind, match="number 1"):
        reminders.remind(bill, by=rita, at=NOON, stage=3)


def test_what_is_not_due_yet_is_not_reminded_of(rita, asha):
    bill = make_bill(asha, status="sent", at=NOON)

    with pytest.raises(reminders.CannotRemind, match="16 March"):
        reminders.remind(bill, by=rita, at=NOON)


def test_an_administrator_or_desk_reminds_and_strangers_do_not(asha):
    bill = late_bill(asha)
    asha.role = "nobody"

    with pytest.raises(NotAllowed):
        reminders.remind(bill, by=asha, at=NOON)


def test_a_batch_says_what_was_left_out_and_why(rita, asha):
    patient = kavya(asha)
    first, second = late_bill(asha, 12, patient=patient), late_bill(asha, 5, patient=patient)
    without_address = late_bill(asha, patient=make_patient(doctor=asha))
    disputed, paid, not_due = late_bill(asha), late_bill(asha), make_bill(asha, status="sent", at=NOON)
    collecting.dispute(disputed, reason="Was not there", by=rita, at=NOON)
    pay(paid, "1000", by=rita, at=NOON)

    report = reminders.remind_many([first, second, without_address, disputed, paid, not_due, first], by=rita, at=NOON)

    assert {row.bill for row in report.queued} == {first, second}
    assert len([row for row in report.queued if row.leader is None]) == 1
    why = {left.bill: left.why for left in report.left_out}
    assert set(why) == {without_address, disputed, paid, not_due}
    assert "Print the letter" in why[without_address]
    assert "disputed" in why[disputed]
    assert reminders.remind_many([first, second], by=rita, at=NOON).queued == []


def test_a_settled_dispute_goes_back_to_where_it_was(rita, asha):
    fresh, reminded = late_bill(asha), late_bill(asha)
    reminders.remind(reminded, by=rita, at=NOON, channel="print")
    for bill in (fresh, reminded):
        collecting.dispute(bill, reason="Was not there", by=rita, at=NOON)
        assert bill.collection_note == "Was not there"
        collecting.settle_dispute(bill, by=rita, at=NOON)

    assert (fresh.collection_status, reminded.collection_status) == (Collection.NONE, Collection.REMINDED)
    assert fresh.collection_note == ""


def test_payment_in_full_ends_a_dispute_and_a_collection(rita, asha):
    disputed, collected = late_bill(asha), late_bill(asha)
    collecting.dispute(disputed, reason="x", by=rita, at=NOON)
    collecting.hand_to_collection(collected, reason="x", by=asha, at=NOON)
    for bill in (disputed, collected):
        pay(bill, "1000", by=rita, at=NOON)
        bill.refresh_from_db()

    assert {disputed.collection_status, collected.collection_status} == {Collection.NONE}


def test_a_part_paid_leaves_it_in_collection(asha):
    bill = late_bill(asha)
    collecting.hand_to_collection(bill, reason="x", by=asha, at=NOON)
    pay(bill, "100", by=asha, at=NOON)

    bill.refresh_from_db()
    assert bill.collection_status == Collection.IN_COLLECTION


def test_collection_is_the_doctors_or_the_administrators_decision(rita, asha, omar):
    bill = late_bill(asha)

    with pytest.raises(NotAllowed):
        collecting.hand_to_collection(bill, reason="x", by=rita, at=NOON)
    collecting.hand_to_collection(bill, reason="Given to Sahay & Co", by=omar, at=NOON)
    with pytest.raises(NotAllowed):
        collecting.take_back(bill, by=rita, at=NOON)
    collecting.take_back(bill, by=asha, at=NOON)

    assert bill.collection_status == Collection.NONE


def test_only_an_overdue_bill_is_collected_and_only_an_open_one_disputed(asha, now):
    with pytest.raises(Conflict):
        collecting.hand_to_collection(make_bill(asha, status="sent", at=now), reason="x", by=asha, at=now)
    with pytest.raises(Conflict):
        collecting.dispute(make_bill(asha, status="paid", at=now), reason="x", by=asha, at=now)


def test_a_disputed_bill_is_settled_before_it_is_collected(asha):
    bill = late_bill(asha)
    collecting.dispute(bill, reason="x", by=asha, at=NOON)

    with pytest.raises(InvalidTransition, match="disputed"):
        collecting.hand_to_collection(bill, reason="x", by=asha, at=NOON)


def test_every_step_is_on_the_trail(asha):
    bill = late_bill(asha)
    collecting.dispute(bill, reason="Was not there", by=asha, at=NOON)
    collecting.settle_dispute(bill, by=asha, at=NOON)
    collecting.hand_to_collection(bill, reason="x", by=asha, at=NOON)
    collecting.take_back(bill, by=asha, at=NOON)

    verbs = [event.detail["verb"] for event in AuditEvent.objects.filter(target_id=str(bill.pk)).order_by("seq")]
    assert verbs[-4:] == ["dispute", "settle_dispute", "hand_to_collection", "take_back"]
    assert "Was not there" not in str(AuditEvent.objects.values_list("detail", flat=True))


@pytest.mark.parametrize(
    ("zone", "last_moment", "first_moment"),
    [
        ("Asia/Kolkata", datetime(2026, 3, 15, 18, 29, tzinfo=UTC), datetime(2026, 3, 15, 18, 30, tzinfo=UTC)),
        # The clocks go forward on 29 March in Berlin and on 8 March in New York.
        ("Europe/Berlin", datetime(2026, 3, 29, 21, 59, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), datetime(2026, 3, 9, 4, 0, tzinfo=UTC)),
    ],
)
def test_overdue_begins_at_the_clinics_midnight(asha, zone, last_moment, first_moment):
    ClinicSettings.load()
    ClinicSettings.objects.update(timezone=zone)
    bill = make_bill(asha, status="sent", at=last_moment - timedelta(days=14, hours=3))

    assert bill.due_date == ClinicSettings.load().date_of(last_moment)
    assert collecting.mark_overdue(last_moment) == 0
    assert collecting.mark_overdue(first_moment) == 1


def test_a_clinic_that_moves_west_takes_overdue_back_until_its_own_midnight(asha):
    bill = make_bill(asha, status="sent", at=datetime(2026, 3, 1, 6, tzinfo=UTC))
    midnight_in_pune = datetime(2026, 3, 15, 18, 31, tzinfo=UTC)
    assert collecting.mark_overdue(midnight_in_pune) == 1
    ClinicSettings.objects.update(timezone="Europe/Berlin")

    assert collecting.mark_overdue(midnight_in_pune) == 0
    bill.refresh_from_db()
    assert bill.status == "sent"
    assert collecting.mark_overdue(datetime(2026, 3, 15, 23, 1, tzinfo=UTC)) == 1


def test_a_batch_of_the_desk_reminds_and_tells_what_became_of_each(rita, asha):
    patient = kavya(asha)
    first, second = late_bill(asha, 12, patient=patient), late_bill(asha, 5, patient=patient)
    paid = late_bill(asha)
    pay(paid, "1000", by=rita, at=NOON)
    key = uuid4()

    for _ in range(2):
        batch = batches.start_batch("remind", [first.pk, second.pk, paid.pk], by=rita, at=NOON, key=key)

    outcomes = {one.bill_id: one for one in batches.outcomes_of(batch)}
    assert {pk for pk, one in outcomes.items() if one.is_done} == {first.pk, second.pk}
    assert "nothing to remind of" in outcomes[paid.pk].words
    assert letters(first, second) == [(1, 1, "due"), (1, 1, "due")]


def test_a_write_off_that_is_taken_back_leaves_the_bill_where_it_was(asha):
    reminded, fresh = late_bill(asha), late_bill(asha)
    reminders.remind(reminded, by=asha, at=NOON, channel="print")
    for bill in (reminded, fresh):
        entry = corrections.write_off(bill, amount=Decimal(1000), reason="Moved away", by=asha, at=NOON)
        bill.refresh_from_db()
        assert bill.collection_status == Collection.WRITTEN_OFF
        corrections.reverse_entry(entry, reason="Came back", by=asha, at=NOON)
        bill.refresh_from_db()

    assert (reminded.collection_status, fresh.collection_status) == (Collection.REMINDED, Collection.NONE)


def test_no_step_beside_the_table_is_taken(asha):
    bill = late_bill(asha)
    collecting.dispute(bill, reason="x", by=asha, at=NOON)

    with pytest.raises(InvalidTransition):
        collection.move(bill, Collection.IN_COLLECTION, at=NOON)
    stale = Bill.objects.get(pk=bill.pk)
    collecting.settle_dispute(bill, by=asha, at=NOON)
    with pytest.raises(InvalidTransition, match="Somebody else"):
        collection.move(stale, Collection.REMINDED, at=NOON)
    assert set(Bill.COLLECTION_TRANSITIONS) == set(Collection)
