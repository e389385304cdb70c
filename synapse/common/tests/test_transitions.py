import datetime as dt

import pytest

from synapse.common.errors import InvalidTransition
from synapse.common.transitions import advance, can_advance

NOON = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)


def test_a_step_of_the_table_changes_row_and_object_with_its_facts(lights):
    light = lights.objects.create()

    advance(light, "green", at=NOON, changed_at=NOON)

    stored = lights.objects.get()
    for row in (light, stored):
        assert (row.status, row.changed_at, row.updated_at) == ("green", NOON, NOON)


@pytest.mark.parametrize("start", ["red", "green", "broken"])
@pytest.mark.parametrize("to", ["red", "green", "broken"])
def test_exactly_the_steps_of_the_table_are_possible(lights, start, to):
    light = lights.objects.create(status=start)
    is_in_table = to in lights.TRANSITIONS[start]

    assert can_advance(light, to) is is_in_table
    if is_in_table:
        advance(light, to, at=NOON)
    else:
        with pytest.raises(InvalidTransition):
            advance(light, to, at=NOON)

    assert lights.objects.get().status == (to if is_in_table else start)


def test_a_refusal_says_what_is_and_what_cannot_be(lights):
    light = lights.objects.create(status="broken")

    with pytest.raises(InvalidTransition) as refused:
        advance(light, "green", at=NOON)

    assert str(refused.value) == "This traffic light is out of order and cannot become green."
    assert (refused.value.status, refused.value.code) == (409, "invalid_transition")


def test_a_stale_copy_loses(lights):
    winner = lights.objects.create()
    loser = lights.objects.get()

    advance(winner, "broken", at=NOON)

    with pytest.raises(InvalidTransition, match="Reload"):
        advance(loser, "green", at=NOON)
    assert lights.objects.get().status == "broken"
    assert loser.status == "red"
