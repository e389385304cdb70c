"""Which letter comes next and when, in dates alone."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reminders.plan import Chased, Stage, next_stage, plan

DUE = date(2026, 3, 1)
STAGES = (Stage(1, 3), Stage(2, 10), Stage(3, 30))


def days(number):
    return DUE + timedelta(days=number)


@pytest.mark.parametrize(
    ("reached", "heard_on", "expected"),
    [
        (0, None, (1, 3)),
        (1, 3, (2, 10)),
        (2, 10, (3, 30)),
        (1, 8, (2, 15)),  # the first went out late: the gap counts from then
        (0, 2, (1, 9)),  # the patient was reminded of another bill, or paid a part
        (0, -20, (1, 3)),
    ],
)
def test_the_next_letter_waits_for_its_stage_and_for_the_gap(reached, heard_on, expected):
    heard = None if heard_on is None else days(heard_on)

    planned = plan(Chased(DUE, reached, heard), STAGES, gap_days=7)

    assert (planned.stage.number, (planned.on - DUE).days) == expected


def test_nothing_comes_after_the_last_letter():
    assert plan(Chased(DUE, 3, days(30)), STAGES, gap_days=7) is None


def test_a_stage_that_is_switched_off_is_passed_over():
    assert next_stage(1, [Stage(1, 3), Stage(3, 30)]) == Stage(3, 30)
    assert next_stage(0, []) is None


def test_a_bill_found_late_still_begins_with_the_friendly_letter():
    planned = plan(Chased(DUE), STAGES, gap_days=7)

    assert planned.stage.number == 1
    assert planned.is_due(days(90))
    assert not planned.is_due(days(2))


@given(
    lates=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    gap=st.integers(0, 30),
    visits=st.lists(st.integers(0, 200), max_size=60),
)
def test_however_often_the_sweep_runs_letters_keep_order_and_distance(lates, gap, visits):
    stages = [Stage(number, late) for number, late in enumerate(sorted(lates), start=1)]
    reached, heard, sent = 0, None, []
    for day in sorted(visits):
        planned = plan(Chased(DUE, reached, heard), stages, gap_days=gap)
        if planned and planned.is_due(days(day)):
            reached, heard = planned.stage.number, days(day)
            sent.append((planned.stage, day))

    assert [stage.number for stage, _ in sent] == list(range(1, len(sent) + 1))
    assert all(day >= max(1, stage.days_late) for stage, day in sent)
    assert all(later - earlier >= max(1, gap) for (_, earlier), (_, later) in pairwise(sent))
