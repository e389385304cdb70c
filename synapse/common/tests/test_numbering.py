import threading
from datetime import date

import pytest
from django.db import connection, transaction

from synapse.common import numbering

MARCH = date(2025, 3, 1)


def test_each_series_has_its_form_and_counts_from_one(db):
    assert [numbering.next_patient_number(MARCH) for _ in range(2)] == ["PAT-20250001", "PAT-20250002"]
    assert numbering.next_session_number(MARCH) == "SESS-20250001"
    assert numbering.next_bill_number(MARCH) == "INV-202503-000001"


def test_patients_count_by_year_and_bills_by_month(db):
    numbering.next_patient_number(MARCH)
    numbering.next_bill_number(MARCH)

    assert numbering.next_patient_number(date(2025, 4, 1)) == "PAT-20250002"
    assert numbering.next_patient_number(date(2026, 1, 1)) == "PAT-20260001"
    assert numbering.next_bill_number(date(2025, 4, 1)) == "INV-202504-000001"


def test_the_ten_thousandth_patient_of_a_year_gets_a_longer_number(db):
    numbering.next_patient_number(MARCH)
    numbering.Counter.objects.update(last=9999)

    assert numbering.next_patient_number(MARCH) == "PAT-202510000"


def test_a_number_is_only_taken_inside_a_transaction(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        numbering.next_bill_number(MARCH)


def test_a_roll_back_gives_the_number_back(transactional_db):
    with transaction.atomic():
        numbering.next_bill_number(MARCH)
    with pytest.raises(RuntimeError), transaction.atomic():
        assert numbering.next_bill_number(MARCH) == "INV-202503-000002"
        raise RuntimeError

    with transaction.atomic():
        assert numbering.next_bill_number(MARCH) == "INV-202503-000002"


def test_numbers_taken_at_once_have_no_gap_and_no_double(transactional_db):
    taken, barrier = [], threading.Barrier(8)

    def take_some(worker: int) -> None:
        try:
            barrier.wait()
            for turn in range(5):
                try:
                    with transaction.atomic():
                        number = numbering.next_bill_number(MARCH)
                        if (worker + turn) % 5 == 0:
                            raise RuntimeError
                    taken.append(number)
                except RuntimeError:
                    continue
        finally:
            connection.close()

    threads = [threading.Thread(target=take_some, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [f"INV-202503-{number:06d}" for number in range(1, 33)]
