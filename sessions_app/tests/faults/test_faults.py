"""The short form of the fault loop: after each fault the stored sum is that of what was captured, or the gap is named."""

import pytest

from sessions_app.tests.faults import loop
from sessions_app.tests.faults.cases import FAULTS
from sessions_app.tests.live_site import LiveSite

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    site = LiveSite(tmp_path_factory.mktemp("site"), runner=loop.RUNNER)
    site.start()
    try:
        return {outcome.fault: outcome for outcome in loop.run(site, FAULTS, loop.SHORT)}
    finally:
        site.kill()


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_nothing_is_lost_without_a_name(outcomes, fault):
    assert outcomes[fault].problems == []


def test_the_server_was_killed_while_it_recorded(outcomes):
    assert outcomes["killed_server"].measured["kills"] == loop.SHORT.kills


def test_a_device_that_vanished_frees_its_place_within_45_s(outcomes):
    assert outcomes["vanished_device"].measured["admitted_after_s"] < 45


def test_hostile_neighbours_do_not_hold_up_a_recording(outcomes):
    measured = outcomes["hostile_neighbours"].measured

    assert measured["attacks"] >= 4
    assert measured["ack_p95_s"] < 10  # of a busy test machine; `python -m bench.capture` says how much it is
